import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.js';
import { type FileSystem, systemFiles } from '../../src/file-system.js';
import { type FolderStore, folderStore } from '../../src/write/folder-store.js';
import type { Holder, Place, Processes } from '../../src/write/hold.js';
import { currentHolder, takeHold } from '../../src/write/numbered-hold.js';
import { tempFolder } from '../support/temp-folder.js';

const NOW = new Date('2026-11-05T10:00:00.000Z');

/** Processes that live, each with the time of its birth; `me` is the one who asks. */
const processes = (alive: Readonly<Record<number, string | undefined>>, me = 1): Processes => ({
  pid: me,
  exists: (pid) => pid in alive,
  bornAt: async (pid) => alive[pid],
});

async function newStore(): Promise<FolderStore> {
  const store = folderStore(join(await tempFolder(), 'users.csv.job'));
  await store.create();
  return store;
}

const HOLDER: Holder = {
  pid: 4711,
  host: hostname(),
  user: 'anna',
  since: '2026-11-05T09:00:00.000Z',
  bornAt: '100',
  released: false,
  id: 'an id',
};

const storeHeldBy = async (holder: Partial<Holder>): Promise<FolderStore> => {
  const store = await newStore();
  await store.createFile('hold-000003.json', JSON.stringify({ ...HOLDER, ...holder }));
  return store;
};

const me = processes({ 1: '500' });

describe('a job that nobody holds', () => {
  it('is taken, and told by whom', async () => {
    const store = await newStore();
    expect(await currentHolder(store, me)).toBeUndefined();
    await takeHold(store, NOW, me);
    expect(await currentHolder(store, me)).toMatchObject({
      pid: 1,
      host: hostname(),
      since: '2026-11-05T10:00:00.000Z',
      bornAt: '500',
      released: false,
    });
  });

  it('is free again when it is released, and can be taken again and again', async () => {
    const store = await newStore();
    for (let time = 0; time < 5; time++) {
      const hold = await takeHold(store, NOW, me);
      await expect(takeHold(store, NOW, me)).rejects.toMatchObject({ code: 'JOB_HELD' });
      await hold.release();
      expect(await currentHolder(store, me)).toBeUndefined();
    }
    expect(await store.list()).toEqual(['hold-000005.json']);
  });

  it('is taken by this very process, as the system knows it', async () => {
    const store = await newStore();
    const hold = await takeHold(store, NOW);
    expect(await currentHolder(store)).toMatchObject({ pid: process.pid });
    await expect(takeHold(store, NOW)).rejects.toMatchObject({ code: 'JOB_HELD' });
    await hold.release();
  });
});

describe('a job that was held', () => {
  it.each([
    ['by a process that is dead', {}, {}],
    ['by one that has released it and lives on', { released: true }, { 4711: '100' }],
    ['by a process whose number another one has now', {}, { 4711: '999' }],
    ['by a process of the same number in another life', { pid: 1 }, {}],
  ] as const)('%s is taken over', async (_what, holder, alive) => {
    const store = await storeHeldBy(holder);
    const world = processes({ ...alive, 1: '500' });
    expect(await currentHolder(store, world)).toBeUndefined();
    await takeHold(store, NOW, world);
    expect(await currentHolder(store, world)).toMatchObject({ pid: 1, bornAt: '500' });
    expect(await store.list()).toEqual(['hold-000004.json']);
  });

  it.each([
    ['', 'that is empty'],
    ['{"pid": 47', 'that is cut off'],
  ])('by one who died while writing it down is taken over: %j', async (text) => {
    const store = await newStore();
    await store.createFile('hold-000003.json', text);
    await takeHold(store, NOW, me);
    expect(await currentHolder(store, me)).toMatchObject({ pid: 1 });
  });
});

describe('a job that is held', () => {
  it.each([
    ['by a process that lives', {}, { 4711: '100' }],
    ['by a process that lives, where the system tells no birth', {}, { 4711: undefined }],
    ['by a process that lives, whose birth was not known', { bornAt: '' }, { 4711: '100' }],
  ] as const)('%s is refused', async (_what, holder, alive) => {
    const store = await storeHeldBy(holder);
    const world = processes({ ...alive, 1: '500' });
    await expect(takeHold(store, NOW, world)).rejects.toMatchObject({
      code: 'JOB_HELD',
      message: `${store.name} is held by another run (process 4711 of anna on ${hostname()}, since 2026-11-05T09:00:00.000Z): wait for it to end, or stop it`,
    });
    expect(await store.list()).toEqual(['hold-000003.json']);
    expect(await currentHolder(store, world)).toEqual({ ...HOLDER, ...holder });
  });

  it('on another host is refused, for nobody here can tell whether it lives', async () => {
    const store = await storeHeldBy({ host: 'elsewhere' });
    await expect(takeHold(store, NOW, me)).rejects.toMatchObject({
      code: 'JOB_HELD',
      message: expect.stringContaining('where it is surely dead, delete'),
    });
  });
});

describe('many who come at once', () => {
  /** Takes the job for processes of different numbers, all alive; gives those who have it in the end. */
  async function race(store: FolderStore, takers: number, startWith: (taker: number) => Promise<void>) {
    const alive = Object.fromEntries(Array.from({ length: takers }, (_, n) => [n + 10, `${n}`]));
    const all = await Promise.allSettled(
      Object.keys(alive).map(async (pid, n) => {
        await startWith(n);
        await takeHold(store, NOW, processes(alive, Number(pid)));
        return Number(pid);
      }),
    );
    const winners = all.flatMap((taken) => (taken.status === 'fulfilled' ? [taken.value] : []));
    const others = all.flatMap((taken) => (taken.status === 'rejected' ? [taken.reason] : []));
    return { winners, others, holder: await currentHolder(store, processes(alive)) };
  }

  it.each([
    ['a new job', newStore],
    ['a dead hold', () => storeHeldBy({})],
    ['a released hold', () => storeHeldBy({ released: true })],
  ])('over %s: one has it, and the others are told', async (_what, makeStore) => {
    for (let round = 0; round < 10; round++) {
      const store = await makeStore();
      const { holder, others, winners } = await race(store, 20, async (taker) => {
        // They come one turn of the event loop after the other, so that each is met at another step.
        for (let turn = 0; turn < taker; turn++) await new Promise((resolve) => setImmediate(resolve));
      });
      expect(winners).toHaveLength(1);
      expect(holder?.pid).toBe(winners[0]);
      expect(others).toEqual(others.map(() => expect.objectContaining({ code: 'JOB_HELD' })));
    }
  });
});

it('one who was slow does not get in beside those who came and went meanwhile', async () => {
  const store = await storeHeldBy({});
  const others = processes({ 20: '2', 30: '3' }, 20);
  const slow: FolderStore = {
    ...store,
    async createFile(file, text) {
      // Between his look at the holds and his own, one run begins and ends and the next one begins.
      await (await takeHold(store, NOW, others)).release();
      await takeHold(store, NOW, { ...others, pid: 30 });
      return store.createFile(file, text);
    },
  };
  const alive = processes({ 1: '500', 20: '2', 30: '3' });
  await expect(takeHold(slow, NOW, alive)).rejects.toMatchObject({ code: 'JOB_HELD' });
  expect(await currentHolder(store, alive)).toMatchObject({ pid: 30 });
});

it('one who is met while he writes his hold down gives way to the one who thought him dead', async () => {
  const folder = join(await tempFolder(), 'users.csv.job');
  const alive = processes({ 1: '500', 20: '2' });
  const store = folderStore(folder);
  await store.create();
  const slowDisk: FileSystem = {
    ...systemFiles,
    async open(path, flags, mode) {
      const file = await systemFiles.open(path, flags, mode);
      if (flags === 'wx') await takeHold(store, NOW, { ...alive, pid: 20 });
      return file;
    },
  };
  await expect(takeHold(folderStore(folder, slowDisk), NOW, alive)).rejects.toMatchObject({
    code: 'JOB_HELD',
  });
  expect(await currentHolder(store, alive)).toMatchObject({ pid: 20 });
});

describe('where a holder is', () => {
  const OUTSIDE = 'pid:[4026531836]';
  const PLACE: Place = { machine: 'm1', boot: 'b1', namespace: OUTSIDE };
  const CONTAINER: Place = { ...PLACE, namespace: 'pid:[4026532201]' };

  it.each([
    ['another container of the same name', CONTAINER, { ...CONTAINER, namespace: 'pid:[9]' }, 'held'],
    ['another machine of the same name', PLACE, { ...PLACE, machine: 'm2', boot: 'b2' }, 'held'],
    ['a container of the same name on another machine', CONTAINER, { ...CONTAINER, boot: 'b2' }, 'held'],
    ['the same place, where the process is dead', PLACE, PLACE, 'free'],
    ['the same container, where the process is dead', CONTAINER, CONTAINER, 'free'],
    ['this machine before its last boot', PLACE, { ...PLACE, boot: 'b2' }, 'free'],
    [
      'a machine without a number before its last boot',
      { ...PLACE, machine: '' },
      { ...PLACE, machine: '', boot: 'b2' },
      'held',
    ],
    ['a place that was not known', undefined, PLACE, 'free'],
  ] as const)('decides what its number means: %s', async (_what, place, mine, expected) => {
    const store = await storeHeldBy({ place });
    const here = { ...me, place: async () => mine };
    if (expected === 'free') await takeHold(store, NOW, here);
    else {
      await expect(takeHold(store, NOW, here)).rejects.toMatchObject({
        code: 'JOB_HELD',
        message: expect.stringContaining('where it is surely dead, delete'),
      });
    }
  });
});

describe('a hold that somebody takes away', () => {
  const held = async () => {
    const store = await newStore();
    let tick: () => void = () => {};
    let nowMs = 0;
    const clock: Clock = {
      ...systemClock,
      now: () => nowMs,
      sleep: (_ms, signal) =>
        new Promise((resolve, reject) => {
          tick = resolve;
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        }),
    };
    const hold = await store.take(clock, me);
    return { store, hold, stand: (ms: number) => (nowMs += ms), tick: () => tick() };
  };

  it('is noticed within a second, and nothing is written any more', async () => {
    const { hold, store, tick } = await held();
    await store.replace('a.txt', 'before');
    await store.remove('hold-000001.json');
    const lost = new Promise((resolve) => hold.lost.addEventListener('abort', resolve));
    tick();
    await lost;
    await expect(hold.sure()).rejects.toMatchObject({ code: 'JOB_HELD' });
    await expect(store.replace('a.txt', 'after')).rejects.toMatchObject({ code: 'JOB_HELD' });
    expect(await store.read('a.txt')).toBe('before');
    await hold.release();
    expect(await store.list()).toEqual(['a.txt']);
  });

  it('is noticed before a request by one who was stopped meanwhile', async () => {
    const { hold, stand, store } = await held();
    await store.remove('hold-000001.json');
    await hold.sure();
    stand(5_000);
    await expect(hold.sure()).rejects.toMatchObject({ code: 'JOB_HELD' });
  });

  it('is not the one that was put aside by the run itself', async () => {
    const { hold, stand, store } = await held();
    await store.replace('report.csv', '');
    await hold.startOver();
    stand(5_000);
    await hold.sure();
    await hold.release();
    expect(await currentHolder(store, me)).toBeUndefined();
  });
});
