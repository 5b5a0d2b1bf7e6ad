import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { systemFiles } from '../../src/file-system.js';
import type { Processes } from '../../src/write/hold.js';
import { type JobStore, openStore } from '../../src/write/store.js';
import { allOf } from '../support/chunks.js';
import { type MemoryObjects, memoryObjects } from '../support/memory-objects.js';
import { tempFolder } from '../support/temp-folder.js';

/** What every store of a job must keep, wherever it lies. */

const processes: Processes = {
  pid: 1,
  exists: () => true,
  bornAt: async () => undefined,
};

/** A place for jobs; each call opens the same job as another process would. */
type Place = () => Promise<JobStore>;

const PLACES: readonly { readonly name: string; readonly newPlace: () => Promise<Place> }[] = [
  {
    name: 'a folder',
    async newPlace() {
      const folder = join(await tempFolder(), 'users.csv.job');
      return () => openStore(folder, { files: systemFiles, objects: noObjects });
    },
  },
  {
    name: 'an object store',
    async newPlace() {
      const objects = memoryObjects();
      return () =>
        openStore('s3://jobs/users/', { files: systemFiles, objects: async () => objects.seenByAnother() });
    },
  },
];

const noObjects = async (): Promise<MemoryObjects> => {
  throw new Error('a folder needs no object store');
};

/** A job that is taken. */
async function newJob(newPlace: () => Promise<Place>) {
  const place = await newPlace();
  const store = await place();
  await store.create();
  const hold = await store.take(systemClock, processes);
  return { hold, place, store };
}

const textOf = async (chunks: AsyncIterable<Buffer>): Promise<string> =>
  Buffer.concat(await allOf(chunks)).toString();

const wholeOf = async (store: JobStore, file: string): Promise<string> =>
  textOf(store.readFrom(file, 0, await store.size(file)));

async function* inParts(...parts: readonly (string | Buffer)[]) {
  yield* parts;
}

describe.each(PLACES)('$name', ({ newPlace }) => {
  it('has no job before there is one', async () => {
    const store = await (await newPlace())();
    expect(await store.list()).toEqual([]);
    expect(await store.read('checkpoint.json')).toBeUndefined();
    expect(await store.size('report.csv')).toBe(0);
    expect(await store.holder(processes)).toBeUndefined();
  });

  it('lists, reads and measures files; where they are not, there is nothing', async () => {
    const { place, store } = await newJob(newPlace);
    await store.replace('a.txt', 'ümläut');
    const other = await place();
    expect(await other.list()).toContain('a.txt');
    expect(await other.read('a.txt')).toBe('ümläut');
    expect(await other.size('a.txt')).toBe(8);
    expect(await other.read('b.txt')).toBeUndefined();
    expect(await other.size('b.txt')).toBe(0);
  });

  it('takes files away, and it does no harm to do it twice', async () => {
    const { store } = await newJob(newPlace);
    await store.replace('a.txt', 'a');
    await store.remove('a.txt');
    await store.remove('a.txt');
    expect(await store.list()).not.toContain('a.txt');
    expect(await store.read('a.txt')).toBeUndefined();
  });

  it.each([
    ['the whole', 0, 9, 'abcdefghi'],
    ['a part', 2, 5, 'cde'],
    ['nothing', 5, 5, ''],
    ['nothing before its start', 5, 2, ''],
    ['what there is', 7, 100, 'hi'],
  ])('reads files in part: %s', async (_what, start, end, text) => {
    const { store } = await newJob(newPlace);
    await store.replace('a.txt', 'abcdefghi');
    expect(await textOf(store.readFrom('a.txt', start, end))).toBe(text);
  });

  it('reads long files in part', async () => {
    const { store } = await newJob(newPlace);
    const long = Array.from({ length: 1_500_000 }, (_, n) => `${n}\n`).join('');
    await store.replace('a.txt', long);
    expect(await textOf(store.readFrom('a.txt', 1_000, 9_000_000))).toBe(long.slice(1_000, 9_000_000));
  });

  describe('replaces a file', () => {
    it('as a whole, and leaves nothing aside', async () => {
      const { store } = await newJob(newPlace);
      const before = await store.list();
      await store.replace('a.txt', 'a longer text');
      await store.replace('a.txt', 'text');
      expect(await store.read('a.txt')).toBe('text');
      expect((await store.list()).sort()).toEqual([...before, 'a.txt'].sort());
    });

    it('by text and bytes as they come', async () => {
      const { store } = await newJob(newPlace);
      await store.replace('a.txt', inParts('ab', Buffer.from('cd'), 'ef'));
      expect(await store.read('a.txt')).toBe('abcdef');
      await store.replace('a.txt', () => inParts('g', 'h'));
      expect(await store.read('a.txt')).toBe('gh');
    });

    it('not where the new content breaks off', async () => {
      const { store } = await newJob(newPlace);
      await store.replace('a.txt', 'sound');
      async function* parts() {
        yield 'half';
        throw new Error('the source is gone');
      }
      await expect(store.replace('a.txt', parts())).rejects.toThrow('the source is gone');
      expect(await store.read('a.txt')).toBe('sound');
    });
  });

  describe('has a journal', () => {
    it('that grows, and knows how long it is in bytes', async () => {
      const { place, store } = await newJob(newPlace);
      const journal = await store.openJournal('report.csv', 0);
      await journal.append('ümläut\n');
      await journal.append('');
      await journal.sync();
      await journal.append('b\n');
      expect(journal.length).toBe(11);
      await journal.sync();
      await journal.sync();
      expect(await wholeOf(await place(), 'report.csv')).toBe('ümläut\nb\n');
      expect(await store.list()).toContain('report.csv');
      await journal.close();
    });

    it('that goes on after the length that is given; what lies behind is cut off', async () => {
      const { hold, place, store } = await newJob(newPlace);
      await store.replace('checkpoint.json', '{}');
      const journal = await store.openJournal('report.csv', 0);
      for (const text of ['a\n', 'b\n', 'tor']) {
        await journal.append(text);
        await journal.sync();
      }
      await journal.close();
      await hold.release();
      const again = await place();
      await again.take(systemClock, processes);
      const next = await again.openJournal('report.csv', 4);
      expect(next.length).toBe(4);
      await next.append('c\n');
      await next.sync();
      expect(await wholeOf(await place(), 'report.csv')).toBe('a\nb\nc\n');
    });

    it('that is read in part, across what was synced at once', async () => {
      const { place, store } = await newJob(newPlace);
      const journal = await store.openJournal('report.csv', 0);
      for (const text of ['abc', 'def', 'ghi']) {
        await journal.append(text);
        await journal.sync();
      }
      const other = await place();
      expect(await textOf(other.readFrom('report.csv', 2, 7))).toBe('cdefg');
      await journal.finish();
      expect(await textOf(other.readFrom('report.csv', 2, 7))).toBe('cdefg');
      expect(await other.list()).toContain('report.csv');
    });

    it('that goes on after it was finished', async () => {
      const { hold, place, store } = await newJob(newPlace);
      const journal = await store.openJournal('report.csv', 0);
      await journal.append('a\n');
      await journal.finish();
      await journal.close();
      await hold.release();
      const again = await place();
      await again.take(systemClock, processes);
      const next = await again.openJournal('report.csv', 2);
      await next.append('b\n');
      await next.finish();
      expect(await wholeOf(await place(), 'report.csv')).toBe('a\nb\n');
    });

    it('whose text can be replaced by another', async () => {
      const { place, store } = await newJob(newPlace);
      await store.replace('checkpoint.json', '{}');
      const journal = await store.openJournal('report.csv', 0);
      await journal.append('a\nb\n');
      await journal.finish();
      await store.replace('report.csv', () => inParts('b\n'));
      expect(await wholeOf(store, 'report.csv')).toBe('b\n');
      expect(await wholeOf(await place(), 'report.csv')).toBe('b\n');
      const next = await store.openJournal('report.csv', 2);
      await next.append('c\n');
      await next.finish();
      expect(await wholeOf(await place(), 'report.csv')).toBe('b\nc\n');
    });
  });

  describe('is held', () => {
    it('by one at a time', async () => {
      const { hold, place } = await newJob(newPlace);
      const other = await place();
      expect(await other.holder(processes)).toMatchObject({ pid: 1 });
      await expect(other.take(systemClock, processes)).rejects.toMatchObject({ code: 'JOB_HELD' });
      await hold.sure();
      expect(hold.lost.aborted).toBe(false);
      await hold.release();
      expect(await other.holder(processes)).toBeUndefined();
      await (await other.take(systemClock, processes)).release();
    });

    it('until it is discarded, and then there is nothing', async () => {
      const { place, store } = await newJob(newPlace);
      await store.replace('source.csv', inParts('username\n'));
      await store.discard();
      const other = await place();
      expect(await other.list()).toEqual([]);
      expect(await other.holder(processes)).toBeUndefined();
    });
  });

  describe('starts over', () => {
    it('with an empty job; the old one is whole, and can be taken', async () => {
      const { hold, place, store } = await newJob(newPlace);
      await store.replace('checkpoint.json', '{"old": true}');
      await store.replace('source.csv', inParts('username\n'));
      const journal = await store.openJournal('report.csv', 0);
      for (const text of ['a\n', 'b\n']) {
        await journal.append(text);
        await journal.sync();
      }
      const aside = await hold.startOver();
      expect((await store.list()).filter((file) => !file.startsWith('hold'))).toEqual([]);
      expect(await store.size('report.csv')).toBe(0);
      expect(await store.read('checkpoint.json')).toBeUndefined();
      await expect((await place()).take(systemClock, processes)).rejects.toMatchObject({ code: 'JOB_HELD' });

      const fresh = await store.openJournal('report.csv', 0);
      await fresh.append('c\n');
      await fresh.finish();
      expect(await wholeOf(await place(), 'report.csv')).toBe('c\n');
      expect(aside).toBe(`${store.name.replace(/\/$/, '')}.1${store.name.endsWith('/') ? '/' : ''}`);
      await hold.release();
    });
  });
});

it.each(['s3://jobs', 's3://jobs/', 's3:/jobs/x', 's3:'])('%s cannot be a job', async (address) => {
  await expect(openStore(address, { files: systemFiles, objects: noObjects })).rejects.toMatchObject({
    code: 'JOB_UNUSABLE',
    message: expect.stringContaining('s3://bucket/prefix/'),
  });
});
