import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/clock.js';
import { ObjectError } from '../../src/object-storage.js';
import type { Place, Processes } from '../../src/write/hold.js';
import { type LeaseOptions, leaseHolder, takeLease } from '../../src/write/lease.js';
import { type MemoryObjects, memoryObjects } from '../support/memory-objects.js';

const AT = { bucket: 'jobs', key: 'users/hold.json' };
const ADDRESS = 's3://jobs/users/hold.json';
const LEASE_MS = 30_000;
/** What a holder may count on, and what others wait for. */
const SURE_MS = 25_000;
const OVER_MS = 35_000;

/** Time that stands still until it is told to go on; sleepers wake when they are due. */
function standingClock() {
  let nowMs = 0;
  let aheadMs = 0;
  let sleepers: { readonly dueMs: number; readonly wake: () => void }[] = [];
  const clock: Clock = {
    now: () => nowMs,
    date: () => new Date(Date.UTC(2026, 10, 5) + nowMs + aheadMs),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        sleepers.push({ dueMs: nowMs + ms, wake: resolve });
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      }),
  };
  return {
    clock,
    /** The process goes on and hears its timers. */
    async run(ms: number) {
      nowMs += ms;
      const due = sleepers.filter(({ dueMs }) => dueMs <= nowMs);
      sleepers = sleepers.filter(({ dueMs }) => dueMs > nowMs);
      for (const { wake } of due) wake();
      await settle();
    },
    /** The process is stopped: it hears nothing. */
    stand(ms: number) {
      nowMs += ms;
    },
    /** The machine sleeps: its clock stands still, the time of day does not. */
    suspend(ms: number) {
      aheadMs += ms;
    },
  };
}

async function settle(): Promise<void> {
  for (let hop = 0; hop < 50; hop++) await undefined;
}

const HERE: Place = { machine: 'm', boot: 'b', namespace: 'pid:[1]' };

/** One process among those that live, all in the same place unless told. */
const processes = (
  pid: number,
  alive: readonly number[] = [pid],
  place: Place | 'unknown' = HERE,
): Processes => ({
  pid,
  exists: (each) => alive.includes(each),
  bornAt: async (each) => `born ${each}`,
  place: async () => (place === 'unknown' ? undefined : place),
});

const ELSEWHERE: Place = { machine: 'n', boot: 'c', namespace: 'pid:[1]' };

function taker(objects: MemoryObjects, options: Partial<LeaseOptions> = {}) {
  const time = standingClock();
  const storage = objects.seenByAnother();
  const all = { at: AT, name: 's3://jobs/users/', leaseMs: LEASE_MS, processes: processes(1) };
  return { time, storage, take: () => takeLease({ storage, clock: time.clock, ...all, ...options }) };
}

const HELD = { code: 'JOB_HELD' };

describe('a job that nobody holds', () => {
  it('is taken, told by whom, kept, and given back', async () => {
    const objects = memoryObjects();
    const { storage, take, time } = taker(objects);
    expect(await leaseHolder(objects, AT, processes(2))).toBeUndefined();
    const lease = await take();
    expect(lease.former).toBe('none');
    expect(await leaseHolder(objects, AT, processes(2, [1, 2]))).toMatchObject({ pid: 1, host: hostname() });
    const puts = (): number => storage.calls.filter((call) => call.startsWith('put')).length;
    const before = puts();
    for (let renewals = 1; renewals <= 5; renewals++) {
      await time.run(LEASE_MS / 3);
      expect(puts()).toBe(before + renewals);
    }
    await lease.sure();
    expect(puts()).toBe(before + 5);
    await lease.release();
    expect(await leaseHolder(objects, AT, processes(2, [1, 2]))).toBeUndefined();
    expect((await taker(objects).take()).former).toBe('released');
  });

  it('is taken by one of many who come at once', async () => {
    for (const before of ['nothing', 'released', 'lapsed']) {
      const objects = memoryObjects();
      if (before !== 'nothing') {
        const lease = await taker(objects).take();
        if (before === 'released') await lease.release();
        else objects.nowMs += OVER_MS + 2_000;
      }
      const all = Array.from({ length: 10 }, (_, n) =>
        taker(objects, { processes: processes(n + 10, [], ELSEWHERE) }),
      );
      const taken = await Promise.allSettled(all.map(({ take }) => take()));
      expect(taken.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const refused = taken.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
      expect(refused).toEqual(refused.map(() => expect.objectContaining(HELD)));
    }
  });

  it.each(['', 'null', '{"pid": 1}', 'not json'])(
    'is taken where the object is no lease of ours: %j',
    async (text) => {
      const objects = memoryObjects();
      await objects.put(AT, text);
      expect(await leaseHolder(objects, AT, processes(2))).toBeUndefined();
      expect((await taker(objects).take()).former).toBe('lapsed');
    },
  );

  it('is not taken where the store does not heed conditions', async () => {
    for (const deaf of ['ifNone', 'ifMatch']) {
      const objects = memoryObjects();
      const storage = {
        ...objects,
        put: (at: typeof AT, body: string | Uint8Array, options: object = {}) => {
          const { condition = {} } = options as { condition?: object };
          return objects.put(at, body, deaf in condition ? {} : options);
        },
      };
      await expect(taker(objects, { storage }).take()).rejects.toMatchObject({
        code: 'JOB_UNUSABLE',
        message: expect.stringContaining(deaf === 'ifNone' ? 'If-None-Match' : 'If-Match'),
      });
    }
  });
});

describe('a job that is held', () => {
  it.each([
    ['by a process that lives here', processes(2, [1, 2]), 0, 'held'],
    ['by a process that is dead here', processes(2), 0, 'free'],
    ['by a process elsewhere', processes(2, [2], ELSEWHERE), 0, 'held'],
    [
      'in another container of the same machine',
      processes(1, [1], { ...HERE, namespace: 'pid:[2]' }),
      0,
      'held',
    ],
    ['where the system tells no place', processes(2, [2], 'unknown'), 0, 'held'],
    ['by a process elsewhere, nearly for as long as the lease', processes(2, [2], ELSEWHERE), 35_000, 'held'],
    ['by a process elsewhere, longer than the lease', processes(2, [2], ELSEWHERE), 36_000, 'free'],
    ['by a process that lives here, longer than the lease', processes(2, [1, 2]), 36_000, 'free'],
  ] as const)('%s', async (_what, others, laterMs, expected) => {
    const objects = memoryObjects();
    await taker(objects, { processes: processes(1, [1]) }).take();
    objects.nowMs += laterMs;
    const next = taker(objects, { processes: others });
    const isFree = expected === 'free';
    expect((await leaseHolder(objects, AT, others)) === undefined).toBe(isFree);
    if (isFree) expect((await next.take()).former).toBe('lapsed');
    else {
      await expect(next.take()).rejects.toMatchObject({
        code: 'JOB_HELD',
        message: expect.stringMatching(
          /^s3:\/\/jobs\/users\/ is held by another run \(process 1 of .+\): wait for it to end; where it is dead, the job is free in \d+ s$/,
        ),
      });
    }
  });

  it('is told to be free in as many seconds as it takes', async () => {
    const objects = memoryObjects();
    await taker(objects).take();
    objects.nowMs += 20_000;
    await expect(taker(objects, { processes: processes(2, [1, 2]) }).take()).rejects.toThrow('free in 15 s');
  });
});

describe('a holder', () => {
  it.each([
    ['was stopped', 'stand'],
    ['slept with its machine', 'suspend'],
  ] as const)(
    'who %s asks for a renewal before it sends, and goes on where nobody took the job',
    async (_what, stop) => {
      const objects = memoryObjects();
      const { storage, take, time } = taker(objects);
      const lease = await take();
      storage.calls.length = 0;
      time[stop](SURE_MS - 1);
      await lease.sure();
      expect(storage.calls).toEqual([]);
      time[stop](1);
      await lease.sure();
      expect(storage.calls).toEqual([`put ${ADDRESS}`]);
      expect(lease.lost.aborted).toBe(false);
    },
  );

  it.each(['stand', 'suspend'] as const)('who finds the job taken sends nothing more: %s', async (stop) => {
    const objects = memoryObjects();
    const { storage, take, time } = taker(objects);
    const lease = await take();
    time[stop](OVER_MS + 2_000);
    objects.nowMs += OVER_MS + 2_000;
    await taker(objects, { processes: processes(2, [1, 2]) }).take();
    await expect(lease.sure()).rejects.toMatchObject({
      code: 'JOB_HELD',
      message: expect.stringMatching(/^s3:\/\/jobs\/users\/ was lost to another run \(process 2 of .+\): /),
    });
    expect(lease.lost.reason).toMatchObject(HELD);
    const theirs = objects.text(ADDRESS);
    storage.calls.length = 0;
    await expect(lease.sure()).rejects.toMatchObject(HELD);
    await lease.release();
    expect(storage.calls).toEqual([]);
    expect(objects.text(ADDRESS)).toBe(theirs);
  });

  it('who finds its lease deleted has lost the job', async () => {
    const objects = memoryObjects();
    const { take, time } = taker(objects);
    const lease = await take();
    objects.objects.delete(ADDRESS);
    await time.run(LEASE_MS / 3);
    expect(lease.lost.reason).toMatchObject(HELD);
  });

  it('goes on while the store is away, until the lease has run out', async () => {
    const objects = memoryObjects();
    const { storage, take, time } = taker(objects);
    const lease = await take();
    storage.before = () => {
      throw new ObjectError('unreachable', 's3:PutObject', 'no answer');
    };
    await time.run(10_000);
    for (let second = 11; second < 25; second++) await time.run(1_000);
    expect(lease.lost.aborted).toBe(false);
    await lease.sure();
    await time.run(1_000);
    expect(lease.lost.reason).toMatchObject({ code: 'JOB_UNWRITABLE' });
    await expect(lease.sure()).rejects.toMatchObject({ code: 'JOB_UNWRITABLE' });
  });

  it('goes on where the store is back in time', async () => {
    const objects = memoryObjects();
    const { storage, take, time } = taker(objects);
    const lease = await take();
    storage.before = () => {
      throw new ObjectError('unreachable', 's3:PutObject', 'no answer');
    };
    await time.run(10_000);
    storage.before = () => {};
    await time.run(1_000);
    time.stand(SURE_MS - 1);
    storage.calls.length = 0;
    await lease.sure();
    expect(storage.calls).toEqual([]);
  });

  it('knows its own renewal whose reply was lost', async () => {
    const objects = memoryObjects();
    const { storage, take, time } = taker(objects);
    const lease = await take();
    let lost = false;
    // The answer is lost, and the SDK's second try is refused.
    const put = storage.put;
    storage.put = async (at, body, options) => {
      if (!lost) {
        lost = true;
        await put(at, body, options);
      }
      return put(at, body, options);
    };
    await time.run(LEASE_MS / 3);
    expect(lost).toBe(true);
    await lease.verify();
    expect(lease.lost.aborted).toBe(false);
  });

  it('tries again where others wrote at the same moment and nothing came of it', async () => {
    const objects = memoryObjects();
    const { storage, take, time } = taker(objects);
    const lease = await take();
    const put = storage.put;
    let conflicts = 0;
    storage.put = async (at, body, options) =>
      conflicts++ < 2 ? 'condition-failed' : put(at, body, options);
    const verified = lease.verify();
    for (let tries = 0; tries < 3; tries++) await time.run(200);
    await verified;
    expect(conflicts).toBe(3);
  });

  it('counts from before it asked, not from when the answer came', async () => {
    const objects = memoryObjects();
    const { storage, take, time } = taker(objects);
    const lease = await take();
    storage.after = () => time.stand(20_000);
    await lease.verify();
    storage.after = () => {};
    storage.calls.length = 0;
    time.stand(SURE_MS - 20_000);
    await lease.sure();
    expect(storage.calls).toEqual([`put ${ADDRESS}`]);
  });
});

it('what was to be cleared away stays written down until it is', async () => {
  const objects = memoryObjects();
  const lease = await taker(objects).take();
  await lease.noteClearing(true);
  await lease.release();
  const next = await taker(objects).take();
  expect(next.clearing).toBe(true);
  await next.noteClearing(false);
  await next.release();
  expect((await taker(objects).take()).clearing).toBe(false);
});
