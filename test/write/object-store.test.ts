import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/clock.js';
import type { Hold, Processes } from '../../src/write/hold.js';
import { objectStore } from '../../src/write/object-store.js';
import type { JobStore, Journal } from '../../src/write/store.js';
import { allOf } from '../support/chunks.js';
import { type MemoryObjects, memoryObjects } from '../support/memory-objects.js';

const JOB = 's3://jobs/users/';
const HELD = { code: 'JOB_HELD' };
/** Longer than any lease. */
const LONG_MS = 60_000;

const SETTINGS = { flush: { rows: 1, ms: 1_000 }, leaseMs: 30_000 };

const processes: Processes = { pid: 1, exists: () => true, bornAt: async () => undefined };

interface Run {
  readonly store: JobStore;
  readonly hold: Hold;
  readonly journal: Journal;
}

/** Takes the job, and goes on with its report. */
async function newRun(objects: MemoryObjects, seen = objects.seenByAnother()): Promise<Run> {
  const store = objectStore(seen, { bucket: 'jobs', key: 'users' }, SETTINGS);
  const hold = await store.take(systemClock, processes);
  onTestFinished(() => hold.release());
  return { store, hold, journal: await store.openJournal('report.csv', await store.size('report.csv')) };
}

async function addLine({ journal }: Run, line: string): Promise<void> {
  await journal.append(line);
  await journal.sync();
}

async function reportOf({ store }: Run): Promise<string> {
  return Buffer.concat(
    await allOf(store.readFrom('report.csv', 0, await store.size('report.csv'))),
  ).toString();
}

/** A run that has written a line and stands still, and the one that has taken the job over from it. */
async function takenOver() {
  const objects = memoryObjects();
  const old = await newRun(objects);
  await old.store.replace('checkpoint.json', '{"of": "old"}');
  await addLine(old, 'a\n');
  objects.nowMs += LONG_MS;
  const next = await newRun(objects);
  return { objects, old, next };
}

describe('a run whose job was taken over', () => {
  it('adds no line to the report any more', async () => {
    const { next, objects, old } = await takenOver();
    await expect(addLine(old, 'late\n')).rejects.toMatchObject(HELD);
    expect(old.hold.lost.reason).toMatchObject(HELD);
    await addLine(next, 'b\n');
    expect(await reportOf(next)).toBe('a\nb\n');
    objects.nowMs += LONG_MS;
    expect(await reportOf(await newRun(objects))).toBe('a\nb\n');
  });

  it('puts no other text in the place of the report', async () => {
    const { next, old } = await takenOver();
    await expect(
      old.store.replace('report.csv', async function* () {
        yield 'late\n';
      }),
    ).rejects.toMatchObject(HELD);
    expect(await reportOf(next)).toBe('a\n');
  });

  it.each(['checkpoint.json', 'summary.json'])('does not replace %s', async (file) => {
    const { next, objects, old } = await takenOver();
    await next.store.replace(file, '{"of": "next"}');
    await expect(old.store.replace(file, '{"of": "late"}')).rejects.toMatchObject(HELD);
    expect(objects.text(JOB + file)).toBe('{"of": "next"}');
  });

  it('is written over where its last request came in after all', async () => {
    const { next, objects, old } = await takenOver();
    // What was on its way from before: nobody asks for the lease.
    await old.store.replace('checkpoint.json', '{"of": "late"}');
    await next.store.replace('checkpoint.json', '{"of": "next"}');
    expect(objects.text(`${JOB}checkpoint.json`)).toBe('{"of": "next"}');
    expect(next.hold.lost.aborted).toBe(false);
  });

  it('leaves at most a part behind that does not count, and that the next run takes away', async () => {
    const { next, objects, old } = await takenOver();
    await addLine(next, 'b\n');
    await next.journal.finish();
    await next.hold.release();
    // The numbers of the parts are free again: they are deleted.
    await addLine(old, 'late\n');
    expect(await reportOf(next)).toBe('a\nb\n');
    expect(objects.text(`${JOB}report/00000002.csv`)).toBe('late\n');
    const third = await newRun(objects);
    expect(await reportOf(third)).toBe('a\nb\n');
    expect(objects.text(`${JOB}report/00000002.csv`)).toBeUndefined();
    await addLine(third, 'c\n');
    expect(objects.text(`${JOB}report/00000004.csv`)).toBe('c\n');
  });

  it('does not get in though the job was put aside meanwhile', async () => {
    const { next, objects, old } = await takenOver();
    await next.hold.startOver();
    const journal = await next.store.openJournal('report.csv', 0);
    await addLine(old, 'late\n').catch(() => {});
    await journal.append('new\n');
    await journal.sync();
    expect(await reportOf(next)).toBe('new\n');
    expect(objects.text('s3://jobs/users.1/report.csv')).toBe('a\n');
  });
});

describe('a report in parts', () => {
  it('is read by one who began before it was put together', async () => {
    const objects = memoryObjects();
    const run = await newRun(objects);
    for (let line = 0; line < 20; line++) await addLine(run, `line ${line}\n`);
    const reader = objectStore(objects.seenByAnother(), { bucket: 'jobs', key: 'users/' }, SETTINGS);
    let text = '';
    for await (const chunk of reader.readFrom('report.csv', 0, await reader.size('report.csv'))) {
      if (text === '') await run.journal.finish();
      text += chunk.toString();
    }
    expect(text).toBe(Array.from({ length: 20 }, (_, line) => `line ${line}\n`).join(''));
  });

  it('is damaged where a part is missing', async () => {
    const objects = memoryObjects();
    const run = await newRun(objects);
    for (const line of ['a\n', 'b\n', 'c\n']) await addLine(run, line);
    await run.hold.release();
    objects.objects.delete(`${JOB}report/00000002.csv`);
    await expect(newRun(objects)).rejects.toMatchObject({
      code: 'JOB_DAMAGED',
      message: expect.stringContaining('report/00000002.csv is missing'),
    });
  });

  it('believes no later part after one that failed', async () => {
    const objects = memoryObjects();
    const run = await newRun(objects);
    const other = objects.seenByAnother();
    await other.put({ bucket: 'jobs', key: 'users/report/00000001.csv' }, 'of somebody else');
    await expect(addLine(run, 'a\n')).rejects.toMatchObject(HELD);
    await expect(addLine(run, 'b\n')).rejects.toMatchObject(HELD);
    expect(objects.text(`${JOB}report/00000002.csv`)).toBeUndefined();
  });
});

describe('a run that was killed', () => {
  it('in the middle of putting another text in the place of the report leaves the one there was', async () => {
    const objects = memoryObjects();
    const killed = await newRun(objects);
    await killed.store.replace('checkpoint.json', '{}');
    await addLine(killed, 'a\n');
    const broken = killed.store.replace('report.csv', () => {
      throw new Error('killed');
    });
    await expect(broken).rejects.toThrow('killed');
    objects.nowMs += LONG_MS;
    // The part that was to be the whole text has the number of the fence now.
    const next = await newRun(objects);
    await addLine(next, 'b\n');
    objects.nowMs += LONG_MS;
    expect(await reportOf(await newRun(objects))).toBe('a\nb\n');
  });

  it('in the middle of taking away the job that it has put aside leaves an empty job', async () => {
    const objects = memoryObjects();
    const seen = objects.seenByAnother();
    const killed = await newRun(objects, seen);
    await killed.store.replace('checkpoint.json', '{}');
    await addLine(killed, 'a\n');
    seen.before = (operation, address) => {
      const clears = operation === 'put' && address === `${JOB}report.csv`;
      return clears ? new Promise(() => {}) : undefined;
    };
    void killed.hold.startOver();
    while (!objects.text(`${JOB}hold.json`)?.includes('"clearing": true')) await turnOfTheLoop();
    expect(objects.text(`${JOB}checkpoint.json`)).toBe('{}');
    objects.nowMs += LONG_MS;
    const next = await newRun(objects);
    expect(await next.store.list()).toEqual([]);
    expect(await reportOf(next)).toBe('');
    expect(await next.store.read('checkpoint.json')).toBeUndefined();
    expect(objects.text('s3://jobs/users.1/report.csv')).toBe('a\n');
  });
});

it('what else lies below the prefix is neither counted nor touched', async () => {
  const objects = memoryObjects();
  const others = ['s3://jobs/users/sub/checkpoint.json', 's3://jobs/users/users.csv', 's3://jobs/users2/a'];
  for (const address of others) {
    await objects.put({ bucket: 'jobs', key: address.slice('s3://jobs/'.length) }, 'theirs');
  }
  const run = await newRun(objects);
  expect(await run.store.list()).toEqual(['users.csv']);
  await run.store.replace('checkpoint.json', '{}');
  await addLine(run, 'a\n');
  await run.hold.startOver();
  for (const address of others) expect(objects.text(address)).toBe('theirs');
  expect(objects.text('s3://jobs/users.1/users.csv')).toBeUndefined();
});
