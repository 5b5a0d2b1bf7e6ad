import { setImmediate as turn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { DeleteObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ObjectError, type ObjectStorage } from '../../src/object-storage.js';
import type { Parts } from '../../src/read/object-bytes.js';
import { readRows } from '../../src/read/rows.js';
import { openObjectSource, type Source } from '../../src/read/source.js';
import { findLayout, survey } from '../../src/read/survey.js';
import { connectS3 } from '../../src/s3.js';
import { allOf } from '../support/chunks.js';
import { startFaultProxy } from '../support/fault-proxy.js';
import { type MemoryObjects, memoryObjects } from '../support/memory-objects.js';
import { type S3Server, type S3ServerOptions, startS3 } from '../support/s3-server.js';

const AT = { bucket: 'bucket', key: 'users.csv' };
const NAME = 's3://bucket/users.csv';
const NEVER = new AbortController().signal;
const NOTHING_GIVEN = { delimiter: undefined, usernameColumn: undefined, noHeader: false };
const SETTINGS = { region: 'us-east-1', profile: undefined };

const LONG = `username\n${Array.from({ length: 20_000 }, (_, n) => `user-${n}@example.com\n`).join('')}`;

const textFrom = async (source: Source, offset: number): Promise<string> =>
  Buffer.concat(await allOf(source.read(offset))).toString('utf8');

/** Over the real client. */
async function storageOf(server: S3Server, url: string = server.url): Promise<ObjectStorage> {
  const { credentials } = server;
  const client = new S3Client({
    endpoint: url,
    credentials,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 8,
  });
  onTestFinished(() => client.destroy());
  return connectS3(SETTINGS, client);
}

async function open(storage: ObjectStorage, parts?: Parts): Promise<Source> {
  const source = await openObjectSource(AT, NAME, storage, NEVER, parts);
  onTestFinished(() => source.close());
  return source;
}

async function inMemory(content: string | Buffer): Promise<MemoryObjects> {
  const objects = memoryObjects();
  await objects.put(AT, content);
  objects.calls.length = 0;
  return objects;
}

/** The ranges that were asked for, each as its first and last byte. */
const rangesOf = (server: S3Server): string[] =>
  server
    .requests()
    .filter(({ operation }) => operation === 'GetObject')
    .map(({ conditions }) => (conditions.range ?? '').replace('bytes=', ''));

describe('an object is refused', () => {
  async function refusalOf(options: S3ServerOptions, at = AT): Promise<unknown> {
    const server = await startS3(options);
    onTestFinished(() => server.close());
    server.createBucket('bucket');
    server.put('bucket', 'empty.csv', '');
    const name = `s3://${at.bucket}/${at.key}`;
    return openObjectSource(at, name, await storageOf(server), NEVER).then(
      () => 'opened',
      (error: unknown) => error,
    );
  }

  it.each([
    [
      'that is missing',
      { ...AT, key: 'no.csv' },
      'SOURCE_NOT_FOUND',
      /^s3:\/\/bucket\/no.csv: there is no such object/,
    ],
    [
      'whose bucket is missing',
      { ...AT, bucket: 'none' },
      'SOURCE_NOT_FOUND',
      /there is no bucket named none/,
    ],
    ['that is empty', { ...AT, key: 'empty.csv' }, 'SOURCE_EMPTY', /^s3:\/\/bucket\/empty.csv is empty/],
    ['that is a prefix', { ...AT, key: 'in/' }, 'SOURCE_UNREADABLE', /^s3:\/\/bucket\/in\/ is a prefix/],
    ['that is all of a bucket', { ...AT, key: '' }, 'SOURCE_UNREADABLE', /^s3:\/\/bucket\/ is a prefix/],
  ])('%s', async (_what, at, code, message) => {
    expect(await refusalOf({}, at)).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('that may not be read, with the permissions to look at', async () => {
    const refusal = await refusalOf({ deny: () => 'AccessDenied' });
    expect(refusal).toMatchObject({
      code: 'ACCESS_DENIED',
      message: expect.stringMatching(/^s3:\/\/bucket\/users.csv: .*s3:GetObject.*s3:ListBucket/),
    });
  });

  it('by credentials that are not good', async () => {
    expect(await refusalOf({ deny: () => 'ExpiredToken' })).toMatchObject({ code: 'CREDENTIALS' });
  });

  it('by a store that is out of reach', async () => {
    const objects = await inMemory(LONG);
    objects.before = () => {
      throw new ObjectError('unreachable', 's3:GetObject', `${NAME}: no answer`);
    };
    await expect(open(objects)).rejects.toMatchObject({
      code: 'NO_CONNECTION',
      message: `${NAME}: no answer`,
    });
  });

  it('by a store that gives other bytes than it was asked for', async () => {
    const objects = await inMemory(LONG);
    const whole: ObjectStorage = {
      ...objects,
      getRange: async () => Buffer.from(LONG),
    };
    await expect(open(whole, { firstBytes: 10, nextBytes: 10, ahead: 1 })).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: `${NAME} cannot be read: the store gave ${LONG.length} bytes for the 10 from byte 0 on; does it know ranges?`,
    });
  });

  it('with the reason of the signal that aborts meanwhile', async () => {
    const reason = { ending: 'interrupted' };
    const stop = new AbortController();
    const objects = await inMemory(LONG);
    const silent: ObjectStorage = { ...objects, getRange: (_at, _range, signal) => whenAborted(signal) };
    const opening = openObjectSource(AT, NAME, silent, stop.signal);
    stop.abort(reason);
    await expect(opening).rejects.toBe(reason);
  });
});

/** As a store that never answers. */
const whenAborted = (signal: AbortSignal | undefined): Promise<never> =>
  new Promise((_resolve, reject) => {
    if (signal?.aborted) reject(signal.reason);
    signal?.addEventListener('abort', () => reject(signal.reason));
  });

describe('an object', () => {
  const text = 'username;name\nanna;Änne\nbob;"∀𐀀\r\n日本"\ncarl;x\n';
  const contents = [
    ['in UTF-8', Buffer.from(text), text],
    ['in UTF-8 with a BOM', Buffer.from(`\uFEFF${text}`), `\uFEFF${text}`],
    ['in UTF-16LE', Buffer.from(text, 'utf16le'), text],
    ['in UTF-16LE with a BOM', Buffer.from(`\uFEFF${text}`, 'utf16le'), text],
    ['gzipped', gzipSync(text), text],
    ['gzipped, in UTF-16LE', gzipSync(Buffer.from(`\uFEFF${text}`, 'utf16le')), text],
    ['gzipped twice over, one after the other', Buffer.concat([gzipSync(text), gzipSync(text)]), text + text],
  ] as const;
  const partSizes: readonly Parts[] = [
    { firstBytes: 1, nextBytes: 1, ahead: 1 },
    { firstBytes: 1, nextBytes: 2, ahead: 2 },
    { firstBytes: 3, nextBytes: 7, ahead: 3 },
    { firstBytes: 20, nextBytes: 1_000, ahead: 2 },
    { firstBytes: 1_000, nextBytes: 1_000, ahead: 2 },
  ];

  it.each(contents)('%s is read from any place, wherever its parts end', async (_how, content, expected) => {
    for (const parts of partSizes) {
      const source = await open(await inMemory(content), parts);
      const bytes = Buffer.from(expected);
      for (const offset of [0, 1, 2, 3, 14, 21, 60, bytes.length]) {
        expect(await textFrom(source, offset), `${parts.nextBytes} from ${offset}`).toBe(
          bytes.subarray(offset).toString(),
        );
      }
    }
  });

  it('is told from others by what the store says of it', async () => {
    const objects = await inMemory('username\n');
    const source = await open(objects);
    const { etag } = (await objects.head(AT)) ?? {};
    expect(await source.identity()).toEqual({ bytes: 9, etag });
  });
});

describe('an object over the real client', () => {
  let server: S3Server;

  beforeAll(async () => {
    server = await startS3();
    server.createBucket('bucket');
  });
  afterAll(() => server.close());

  const PARTS: Parts = { firstBytes: 2_000, nextBytes: 50_000, ahead: 2 };

  it('is asked for in parts, the first of them small, each of the same ETag', async () => {
    const { etag } = server.put('bucket', 'users.csv', LONG);
    const source = await open(await storageOf(server), PARTS);
    const before = server.requests().length;
    expect(await textFrom(source, 0)).toBe(LONG);
    const later = server.requests().slice(before);
    expect(later).toHaveLength(Math.ceil((LONG.length - 2_000) / 50_000));
    expect(rangesOf(server)[0]).toBe('0-1999');
    for (const { conditions, status } of later) {
      expect(status).toBe(206);
      expect(conditions['if-match']?.replaceAll('"', '')).toBe(etag.replaceAll('"', ''));
    }
  });

  it('is asked for its header once, whoever looks at it', async () => {
    server.put('bucket', 'users.csv', LONG);
    const before = server.requests().length;
    const source = await open(await storageOf(server));
    const { firstRow } = await findLayout(source, NOTHING_GIVEN);
    for await (const _row of source.read(0)) break;
    expect(firstRow.offset).toBe(9);
    const asked = server.requests().slice(before);
    expect(asked.map(({ operation }) => operation)).toEqual(['HeadObject', 'GetObject']);
  });

  it('is asked from there on only, by a job that goes on late in it', async () => {
    server.put('bucket', 'users.csv', LONG);
    const parts: Parts = { firstBytes: 100_000, nextBytes: 20_000, ahead: 1 };
    const source = await open(await storageOf(server), parts);
    const layout = await findLayout(source, NOTHING_GIVEN);
    const before = rangesOf(server).length;
    const offset = LONG.indexOf('user-15000@');
    const rows = await allOf(readRows(source, layout, { row: 15_001, line: 15_002, offset }));
    expect(rows[0]?.row).toMatchObject({ row: 15_001, username: 'user-15000@example.com' });
    expect(rows).toHaveLength(5_000);
    const last = LONG.length - 1;
    expect(rangesOf(server).slice(before)).toEqual([
      `${offset}-${offset + 99_999}`,
      `${offset + 100_000}-${last}`,
    ]);
  });

  it('that is replaced while it is read ends the reading, and both ETags are told', async () => {
    const { etag: was } = server.put('bucket', 'users.csv', LONG);
    const source = await open(await storageOf(server), PARTS);
    const { etag: is } = server.put('bucket', 'users.csv', LONG.replaceAll('user', 'abcd'));
    await expect(textFrom(source, 0)).rejects.toMatchObject({
      code: 'SOURCE_CHANGED',
      message: `${NAME} was changed while it was being read (its ETag was ${was}, it is ${is} now): put the first version back to resume, or start over with --fresh`,
    });
  });

  it('that is deleted while it is read ends the reading', async () => {
    const { etag } = server.put('bucket', 'users.csv', LONG);
    const storage = await storageOf(server);
    const source = await open(storage, PARTS);
    await storage.remove(AT);
    await expect(textFrom(source, 0)).rejects.toMatchObject({
      code: 'SOURCE_CHANGED',
      message: expect.stringContaining(`(its ETag was ${etag}, it is gone now)`),
    });
  });

  describe('in a bucket that keeps versions', () => {
    const VERSIONED = { bucket: 'versioned', key: 'users.csv' };
    const name = 's3://versioned/users.csv';
    const openVersioned = async (storage: ObjectStorage): Promise<Source> => {
      const source = await openObjectSource(VERSIONED, name, storage, NEVER, PARTS);
      onTestFinished(() => source.close());
      return source;
    };

    beforeAll(() => server.createBucket('versioned', 'versioned'));

    it('is read to its end, replaced or deleted meanwhile', async () => {
      const { etag, versionId } = server.put('versioned', 'users.csv', LONG);
      const storage = await storageOf(server);
      const source = await openVersioned(storage);
      server.put('versioned', 'users.csv', 'username\nbob\n');
      expect(await textFrom(source, 0)).toBe(LONG);
      await storage.remove(VERSIONED);
      expect(await textFrom(source, 0)).toBe(LONG);
      expect(await source.identity()).toEqual({ bytes: LONG.length, etag, versionId });
    });

    it('is gone when its version is', async () => {
      const { etag, versionId } = server.put('versioned', 'users.csv', LONG);
      const source = await openVersioned(await storageOf(server));
      const { etag: is } = server.put('versioned', 'users.csv', 'username\nbob\n');
      const { credentials, url } = server;
      const client = new S3Client({ endpoint: url, credentials, region: 'us-east-1', forcePathStyle: true });
      onTestFinished(() => client.destroy());
      await client.send(
        new DeleteObjectCommand({ Bucket: 'versioned', Key: 'users.csv', VersionId: versionId }),
      );
      await expect(textFrom(source, 0)).rejects.toMatchObject({
        code: 'SOURCE_CHANGED',
        message: expect.stringContaining(`(its ETag was ${etag}, it is ${is} now)`),
      });
    });

    it('is read by its ETag alone where versions may not be named', async () => {
      const { etag } = server.put('versioned', 'users.csv', LONG);
      const storage = await storageOf(server);
      let refused = 0;
      const source = await openVersioned({
        ...storage,
        getRange: async (at, range, signal) => {
          if (range.versionId === undefined) return storage.getRange(at, range, signal);
          refused++;
          throw new ObjectError('denied', 's3:GetObjectVersion', 'not allowed');
        },
      });
      expect(await textFrom(source, 0)).toBe(LONG);
      expect(refused).toBe(1);
      server.put('versioned', 'users.csv', 'username\nbob\n');
      await expect(textFrom(source, 0)).rejects.toMatchObject({
        code: 'SOURCE_CHANGED',
        message: expect.stringContaining(`its ETag was ${etag}`),
      });
    });
  });

  it('is read whole over a network that fails time and again', async () => {
    server.put('bucket', 'users.csv', LONG);
    const proxy = await startFaultProxy(server.url, {
      seed: 3,
      shares: { 'reset-before': 0.1, 'reset-after': 0.1, truncated: 0.1, 'slow-down': 0.1 },
    });
    onTestFinished(() => proxy.close());
    const source = await open(await storageOf(server, proxy.url), { ...PARTS, nextBytes: 20_000 });
    expect(await textFrom(source, 0)).toBe(LONG);
    for (const fault of ['reset-before', 'reset-after', 'truncated', 'slow-down'] as const) {
      expect(proxy.counts()[fault], fault).toBeGreaterThan(0);
    }
  }, 60_000);
});

describe('the reading of an object', () => {
  const PARTS: Parts = { firstBytes: 2_000, nextBytes: 1_000, ahead: 2 };
  const fetchedOf = ({ calls }: MemoryObjects): number =>
    calls.filter((call) => call.startsWith('getRange')).length;

  it('fetches no more ahead than it may, however long its reader takes', async () => {
    const objects = await inMemory(LONG.slice(0, 12_000));
    const source = await open(objects, PARTS);
    let taken = 0;
    const ahead: number[] = [];
    for await (const _part of source.read(0)) {
      taken++;
      for (let turns = 0; turns < 50; turns++) await turn();
      ahead.push(fetchedOf(objects) - taken);
    }
    // Nothing beyond the beginning, which may be all that is wanted. Two parts are fetched when the reader comes
    // back, and no other before it comes back for the third.
    expect(ahead).toEqual([0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
  });

  it('holds what it has fetched while its reader works on a part', async () => {
    const objects = await inMemory(LONG.slice(0, 202_000));
    const source = await open(objects, { firstBytes: 2_000, nextBytes: 100_000, ahead: 1 });
    const seen: number[] = [];
    for await (const chunk of source.read(0)) {
      for (let turns = 0; turns < 50; turns++) await turn();
      seen.push(chunk.length, fetchedOf(objects));
    }
    expect(seen).toEqual([2_000, 1, 65_536, 2, 34_464, 3, 65_536, 3, 34_464, 3]);
  });

  it('asks once more for a part that failed before it was needed', async () => {
    const objects = await inMemory(LONG.slice(0, 10_000));
    const failed: number[] = [];
    let failsFor = (_start: number): boolean => false;
    const flaky: ObjectStorage = {
      ...objects,
      async getRange(at, range, signal) {
        if (!failsFor(range.start)) return objects.getRange(at, range, signal);
        failed.push(range.start);
        throw new ObjectError('unreachable', 's3:GetObject', `${NAME}: no answer`);
      },
    };
    const source = await open(flaky, PARTS);
    failsFor = (start) => !failed.includes(start);
    expect(await textFrom(source, 0)).toBe(LONG.slice(0, 10_000));
    expect(failed).toEqual([2_000, 3_000, 4_000, 5_000, 6_000, 7_000, 8_000, 9_000]);
    failsFor = () => true;
    await expect(textFrom(source, 0)).rejects.toMatchObject({
      code: 'NO_CONNECTION',
      message: `${NAME}: no answer`,
    });
  });

  /** A store that has the beginning of an object, and never answers for the rest. */
  async function stuck() {
    const objects = await inMemory(LONG);
    const signals: AbortSignal[] = [];
    const storage: ObjectStorage = {
      ...objects,
      getRange(at, range, signal) {
        if (range.start < 3_000 || signal === undefined) return objects.getRange(at, range);
        signals.push(signal);
        return whenAborted(signal);
      },
    };
    const source = await open(storage, PARTS);
    return { source, signals, waiting: () => signals.filter(({ aborted }) => !aborted).length };
  }

  it('ends what is being fetched when it is left early', async () => {
    const { source, signals, waiting } = await stuck();
    let chunks = 0;
    for await (const _chunk of source.read(0)) if (++chunks === 2) break;
    expect(signals).toHaveLength(1);
    expect(waiting()).toBe(0);
  });

  it('ends what is being fetched when the rows are left early', async () => {
    const { source, signals, waiting } = await stuck();
    // Its records come from what is there, while the parser waits for more.
    const layout = await findLayout(source, NOTHING_GIVEN);
    for await (const _row of readRows(source, layout, layout.firstRow)) {
      while (waiting() === 0) await turn();
      break;
    }
    expect(signals.length).toBeGreaterThan(0);
    expect(waiting()).toBe(0);
  });

  it('ends with the source', async () => {
    const { source, signals, waiting } = await stuck();
    const reading = textFrom(source, 0);
    while (signals.length < 2) await turn();
    await source.close();
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
    expect(waiting()).toBe(0);
  });

  it('ends for rows that nobody waits for any more', async () => {
    const { source, signals, waiting } = await stuck();
    const layout = await findLayout(source, NOTHING_GIVEN);
    const stop = new AbortController();
    const reading = allOf(readRows(source, layout, layout.firstRow, stop.signal));
    while (signals.length < 2) await turn();
    stop.abort({ ending: 'interrupted' });
    const usernames = (await reading).map(({ row }) => row.username);
    // The one that was cut off is not among them.
    expect(usernames).toEqual(usernames.map((_, index) => `user-${index}@example.com`));
    expect(waiting()).toBe(0);
  });

  it('ends without an error when its signal aborts', async () => {
    const { source, signals, waiting } = await stuck();
    const stop = new AbortController();
    const reading = allOf(source.read(0, stop.signal));
    while (signals.length < 2) await turn();
    stop.abort({ ending: 'interrupted' });
    expect(Buffer.concat(await reading).toString()).toBe(LONG.slice(0, 3_000));
    expect(waiting()).toBe(0);
  });

  it.each([
    ['plain', (text: string) => Buffer.from(text)],
    ['in UTF-16LE', (text: string) => Buffer.from(text, 'utf16le')],
    ['gzipped', (text: string) => gzipSync(text, { level: 0 })],
  ])('ends a survey with the reason of its signal, %s', async (_how, pack) => {
    const reason = { ending: 'interrupted' };
    const objects = await inMemory(pack(LONG));
    const waiting: unknown[] = [];
    const silent: ObjectStorage = {
      ...objects,
      getRange(at, range, signal) {
        if (range.start < 100_000) return objects.getRange(at, range);
        waiting.push(range);
        return whenAborted(signal);
      },
    };
    const source = await open(silent, { firstBytes: 5_000, nextBytes: 5_000, ahead: 2 });
    const stop = new AbortController();
    const surveyed = survey(source, await findLayout(source, NOTHING_GIVEN), stop.signal);
    while (waiting.length < 2) await turn();
    stop.abort(reason);
    await expect(surveyed).rejects.toBe(reason);
  });
});
