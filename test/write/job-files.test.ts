import { createHash } from 'node:crypto';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/clock.js';
import { noRows } from '../../src/job-rows.js';
import type { Checkpoint } from '../../src/write/checkpoint.js';
import { type CheckpointFacts, type JobFilesOptions, openJobFiles } from '../../src/write/job-files.js';
import { REPORT_HEADER, reportLine } from '../../src/write/report.js';
import { fakeClock } from '../support/fake-clock.js';
import { type MemoryStore, memoryStore } from '../support/memory-store.js';
import { outcomeOf } from '../support/outcomes.js';

const FACTS = { version: 1, state: 'running' } as CheckpointFacts;

const reportOf = (text: string) => ({
  bytes: Buffer.byteLength(text),
  hash: createHash('sha256').update(text),
});

async function opened(options: Partial<JobFilesOptions> & { store?: MemoryStore } = {}) {
  const { store = memoryStore() } = options;
  const rows = noRows();
  const files = await openJobFiles({
    store,
    report: reportOf(''),
    rows,
    sendAhead: 10,
    facts: () => FACTS,
    ...options,
  });
  store.calls.length = 0;
  return { files, rows, store };
}

const checkpointIn = (store: MemoryStore): Checkpoint =>
  JSON.parse(store.files.get('checkpoint.json') ?? '{}');

describe('the report', () => {
  it('begins with its header', async () => {
    const { store } = await opened();
    expect(store.files.get('report.csv')).toBe(REPORT_HEADER);
  });

  it('that was begun gets no second header, and loses what was torn', async () => {
    const store = memoryStore();
    const sound = REPORT_HEADER + reportLine(outcomeOf());
    store.files.set('report.csv', `${sound}2,bo`);
    await opened({ store, report: reportOf(sound) });
    expect(store.files.get('report.csv')).toBe(sound);
  });

  it('has a line before its row counts as done', async () => {
    const { files, rows, store } = await opened();
    let doneAtAppend: boolean | undefined;
    store.before = () => {
      doneAtAppend = rows.done.has(1);
    };
    await files.append([outcomeOf({ row: 1 })]);
    expect(doneAtAppend).toBe(false);
    expect(rows.done.has(1)).toBe(true);
    expect(rows.counts.confirmed).toBe(1);
  });

  it('waits for a save where lines come twice as fast as the store wants them', async () => {
    const { files, store } = await opened();
    for (let row = 1; row < 2 * store.flush.rows; row++) await files.append([outcomeOf({ row })]);
    expect(store.calls.filter((call) => call.startsWith('replace'))).toEqual([]);
    let go: () => void = () => {};
    const taken = new Promise<void>((resolve) => {
      go = resolve;
    });
    store.before = (call) => (call.startsWith('replace') ? taken : undefined);
    let appended = false;
    const last = files.append([outcomeOf({ row: 2 * store.flush.rows })]).then(() => {
      appended = true;
    });
    for (let turn = 0; turn < 10; turn++) await turnOfTheLoop();
    expect(appended).toBe(false);
    go();
    await last;
    expect(store.calls).toContain('replace checkpoint.json');
  });

  it('that cannot be written leaves its rows undone', async () => {
    const { files, rows, store } = await opened();
    store.before = () => {
      throw new Error('the disk is full');
    };
    await expect(files.append([outcomeOf({ row: 1 })])).rejects.toThrow('the disk is full');
    expect(rows.done.size).toBe(0);
  });

  it('takes the lines of one moment in one go', async () => {
    const { files, store } = await opened();
    await files.append([outcomeOf({ row: 1 }), outcomeOf({ row: 2 })]);
    expect(store.calls).toEqual(['append 2']);
  });
});

describe('the checkpoint', () => {
  it('comes after the report is synced', async () => {
    const { files, store } = await opened();
    await files.append([outcomeOf({ row: 1 })]);
    await files.save();
    expect(store.calls).toEqual(['append 1', 'sync', 'replace checkpoint.json']);
  });

  it('counts the lines before the sync, and no other', async () => {
    const { files, store } = await opened();
    await files.append([outcomeOf({ row: 1 })]);
    const bytes = Buffer.byteLength(store.files.get('report.csv') ?? '');
    store.before = async (call) => {
      if (call !== 'sync') return;
      store.before = () => {};
      await files.append([outcomeOf({ row: 2 })]);
    };
    await files.save();
    expect(checkpointIn(store)).toMatchObject({ reportBytes: bytes, rows: { done: '1' } });
    await files.save();
    expect(checkpointIn(store)).toMatchObject({ rows: { done: '1-2' } });
  });

  it('is not replaced where the sync fails', async () => {
    const { files, store } = await opened();
    store.before = (call) => {
      if (call === 'sync') throw new Error('the disk is gone');
    };
    await expect(files.save()).rejects.toThrow('the disk is gone');
    expect(store.calls).toEqual([]);
  });

  it('is not believed after a sync that failed, though the next one would succeed', async () => {
    const { files, store } = await opened();
    store.before = (call) => {
      if (call === 'sync') throw new Error('the disk is gone');
    };
    await expect(files.save()).rejects.toThrow();
    store.before = () => {};
    await expect(files.save()).rejects.toThrow('the disk is gone');
    expect(store.files.has('checkpoint.json')).toBe(false);
  });

  it('is written one at a time; those who ask meanwhile share the next', async () => {
    const { files, store } = await opened();
    let letGo = () => {};
    let writing = 0;
    store.before = async (call) => {
      if (call !== 'replace checkpoint.json') return;
      writing++;
      expect(writing).toBe(1);
      await new Promise<void>((resolve) => {
        letGo = resolve;
      });
      writing--;
    };
    const first = files.save();
    await turnOfTheLoop();
    const others = [files.save(), files.save(), files.save()];
    letGo();
    await first;
    await turnOfTheLoop();
    letGo();
    await Promise.all(others);
    expect(store.calls.filter((call) => call.startsWith('replace'))).toHaveLength(2);
  });
});

describe('before a row is sent', () => {
  it('a checkpoint on the disk covers it, and those of the next two seconds', async () => {
    const { files, store } = await opened();
    await files.beforeSend(1);
    expect(checkpointIn(store).sentUpTo).toBe(11);
    expect(store.calls).toEqual(['sync', 'replace checkpoint.json']);
    for (let row = 2; row <= 11; row++) await files.beforeSend(row);
    expect(store.calls).toHaveLength(2);
    await files.beforeSend(12);
    expect(checkpointIn(store).sentUpTo).toBe(22);
    expect(store.calls).toHaveLength(4);
  });

  it('it waits for that checkpoint', async () => {
    const { files, store } = await opened();
    let letGo = () => {};
    store.before = (call) =>
      call === 'replace checkpoint.json'
        ? new Promise<void>((resolve) => {
            letGo = resolve;
          })
        : undefined;
    let maySend = false;
    const before = files.beforeSend(1).then(() => {
      maySend = true;
    });
    await turnOfTheLoop();
    await turnOfTheLoop();
    expect(maySend).toBe(false);
    letGo();
    await before;
    expect(maySend).toBe(true);
  });

  it('a checkpoint that was begun before it was asked for is not enough', async () => {
    const { files, store } = await opened();
    let letGo = () => {};
    let written = 0;
    store.before = async (call) => {
      if (call !== 'replace checkpoint.json') return;
      written++;
      await new Promise<void>((resolve) => {
        letGo = resolve;
      });
    };
    const save = files.save();
    await turnOfTheLoop();
    const before = files.beforeSend(5);
    letGo();
    await save;
    await turnOfTheLoop();
    expect(written).toBe(2);
    letGo();
    await before;
    expect(checkpointIn(store).sentUpTo).toBe(15);
  });

  it('many rows at once wait for one checkpoint', async () => {
    const { files, store } = await opened();
    await Promise.all([1, 2, 3, 4, 5].map((row) => files.beforeSend(row)));
    expect(store.calls.filter((call) => call.startsWith('replace'))).toHaveLength(1);
  });

  it('the number never goes back, though rows are sent again and out of order', async () => {
    const { files, store } = await opened();
    await files.beforeSend(30);
    await files.beforeSend(2);
    await files.save();
    expect(checkpointIn(store).sentUpTo).toBe(40);
  });

  it('a checkpoint that cannot be written holds the row back', async () => {
    const { files, store } = await opened();
    store.before = () => {
      throw new Error('the disk is full');
    };
    await expect(files.beforeSend(1)).rejects.toThrow('the disk is full');
  });
});

describe('the end of a run', () => {
  it('leaves a checkpoint by whose word nothing is on its way, and closes the report', async () => {
    const { files, store } = await opened();
    await files.beforeSend(1);
    await files.append([outcomeOf({ row: 1 })]);
    store.calls.length = 0;
    await files.close();
    expect(store.calls).toEqual(['sync', 'replace checkpoint.json', 'close']);
    expect(checkpointIn(store)).toMatchObject({ sentUpTo: 0, rows: { done: '1' } });
  });

  it('finishes the report of a job that is finished, before the checkpoint says so', async () => {
    const { files, store } = await opened({ facts: () => ({ ...FACTS, state: 'finished' }) });
    await files.close();
    expect(store.calls).toEqual(['finish', 'sync', 'replace checkpoint.json', 'close']);
  });

  it('waits for a save that is under way, and has the last word', async () => {
    const { files, store } = await opened();
    await files.beforeSend(1);
    const save = files.save();
    await files.close();
    await save;
    expect(checkpointIn(store).sentUpTo).toBe(0);
  });

  it('closes the report also where the last save fails', async () => {
    const { files, store } = await opened();
    store.before = (call) => {
      if (call === 'sync') throw new Error('the disk is gone');
    };
    await expect(files.close()).rejects.toThrow('the disk is gone');
    expect(store.calls).toEqual(['close']);
  });
});

describe('while a run goes on', () => {
  it('saves once a second where something has changed', async () => {
    const { files, store } = await opened();
    const end = new AbortController();
    let seconds = 0;
    let replaced: number[] = [];
    const clock = fakeClock((ms) => {
      expect(ms).toBe(1_000);
      replaced = [...replaced, store.calls.filter((call) => call.startsWith('replace')).length];
      if (++seconds === 3) void files.append([outcomeOf({ row: 1 })]);
      if (seconds === 6) end.abort();
    });
    await files.saveRegularly(clock, end.signal);
    // Once at first, and once more for the line.
    expect(replaced.slice(0, 3)).toEqual([0, 1, 1]);
    expect(replaced.slice(4)).toEqual([2, 2]);
  });

  it('leaves the last save to the end of the run', async () => {
    const { files, store } = await opened();
    await files.append([outcomeOf({ row: 1 })]);
    store.calls.length = 0;
    const end = new AbortController();
    await files.saveRegularly(
      fakeClock(() => end.abort()),
      end.signal,
    );
    expect(store.calls).toEqual([]);
  });

  it('saves sooner where many rows are done, as the store would have it', async () => {
    const { files, store } = await opened();
    const end = new AbortController();
    const saves: number[] = [];
    const clock: Clock = {
      ...fakeClock(),
      async sleep(_ms, signal) {
        saves.push(store.calls.filter((call) => call.startsWith('replace')).length);
        if (saves.length === 3) return end.abort();
        const row = saves.length * 10;
        await files.append([1, 2].map((n) => outcomeOf({ row: row + n })));
        expect(signal.aborted).toBe(false);
        await files.append([outcomeOf({ row: row + 3 })]);
        expect(signal.aborted).toBe(true);
      },
    };
    await files.saveRegularly(clock, end.signal);
    expect(saves).toEqual([0, 1, 2]);
  });

  it('tells where a save fails', async () => {
    const { files, store } = await opened();
    store.before = () => {
      throw new Error('the disk is full');
    };
    await expect(files.saveRegularly(fakeClock(), new AbortController().signal)).rejects.toThrow(
      'the disk is full',
    );
  });
});
