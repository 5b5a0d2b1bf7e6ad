import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  type ObjectAddress,
  ObjectError,
  type ObjectStorage,
  type WriteCondition,
} from '../src/object-storage.js';
import { connectS3 } from '../src/s3.js';
import { type FaultProxy, startFaultProxy } from './support/fault-proxy.js';
import { missingOfRadosgw, startRadosgw } from './support/radosgw.js';
import { type S3ServerOptions, startS3 } from './support/s3-server.js';

const MIB = 1024 * 1024;
const NOWHERE = { region: undefined, profile: undefined };

interface Place {
  /** Where the storage under test sends its requests. */
  readonly url: string;
  /** Where a test looks behind it. */
  readonly directUrl: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Nothing is left to be tested where this does not hold. */
  check(): void;
  close(): Promise<void>;
}

/** What the SDK finds in its surroundings, and nothing of this machine's own. */
function stubSurroundings(url: string, credentials: Place['credentials'] | undefined): void {
  for (const name of ['AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_PROFILE', 'AWS_SESSION_TOKEN']) {
    vi.stubEnv(name, undefined);
  }
  vi.stubEnv('AWS_CONFIG_FILE', '/nowhere/config');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere/credentials');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  vi.stubEnv('AWS_ENDPOINT_URL', undefined);
  vi.stubEnv('AWS_ENDPOINT_URL_S3', url);
  vi.stubEnv('AWS_ACCESS_KEY_ID', credentials?.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials?.secretAccessKey);
}

const clientOf = (url: string, credentials: Place['credentials'], more: { maxAttempts?: number } = {}) =>
  new S3Client({ endpoint: url, credentials, region: 'us-east-1', forcePathStyle: true, ...more });

async function inMemory(): Promise<Place> {
  const server = await startS3({ keysPerPage: 3 });
  const { close, credentials, url } = server;
  return { url, directUrl: url, credentials, close, check: () => {} };
}

async function behindFaults(): Promise<Place> {
  const server = await startS3({ keysPerPage: 3 });
  const shares = {
    'slow-down': 0.03,
    'reset-before': 0.08,
    'reset-after': 0.08,
    truncated: 0.08,
    slow: 0.08,
  };
  const proxy = await startFaultProxy(server.url, { seed: 1, shares });
  return {
    url: proxy.url,
    directUrl: server.url,
    credentials: server.credentials,
    check() {
      for (const fault of ['slow-down', 'reset-before', 'reset-after', 'truncated', 'slow'] as const) {
        expect(proxy.counts()[fault], fault).toBeGreaterThan(0);
      }
    },
    async close() {
      await proxy.close();
      await server.close();
    },
  };
}

async function ofCeph(): Promise<Place> {
  const gateway = await startRadosgw();
  const { close, credentials, url } = gateway;
  return { url, directUrl: url, credentials, close, check: () => {} };
}

const missing = missingOfRadosgw();
const places = [
  { title: 'the S3 in memory', start: inMemory, lacking: [] },
  { title: 'the S3 in memory, behind faults', start: behindFaults, lacking: [] },
  {
    title: `radosgw${missing.length === 0 ? '' : ` (not installed: ${missing.join(', ')})`}`,
    start: ofCeph,
    lacking: missing,
  },
];

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function* chunked(...chunks: (string | Uint8Array)[]): AsyncIterable<string | Uint8Array> {
  yield* chunks;
}

/** The error that comes; a failure of the test where none does. */
async function failureOf(work: Promise<unknown>): Promise<ObjectError> {
  const error: unknown = await work.then(
    () => 'no error',
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ObjectError);
  return error as ObjectError;
}

/** Writes as the contract wants it of a writer: who is told that he lost looks whether it was to himself. */
async function won(
  storage: ObjectStorage,
  at: ObjectAddress,
  body: string,
  condition: WriteCondition,
): Promise<boolean> {
  const written = await storage.put(at, body, { condition });
  if (written !== 'condition-failed') return true;
  return (await storage.get(at))?.body.toString() === body;
}

describe.each(places)('an object store: $title', ({ lacking, start }) => {
  describe.skipIf(lacking.length > 0)('keeps the contract', () => {
    let place: Place;
    let storage: ObjectStorage;
    let direct: S3Client;
    let bucket: string;
    let buckets = 0;

    beforeAll(async () => {
      place = await start();
      stubSurroundings(place.url, place.credentials);
      direct = clientOf(place.directUrl, place.credentials);
      storage = await connectS3(NOWHERE, undefined);
    }, 180_000);
    afterAll(async () => {
      storage.close();
      direct.destroy();
      vi.unstubAllEnvs();
      await place.close();
    });
    beforeEach(async () => {
      buckets += 1;
      bucket = `bucket-${buckets}`;
      await direct.send(new CreateBucketCommand({ Bucket: bucket }));
    });

    const at = (key: string): ObjectAddress => ({ bucket, key });
    const textAt = async (key: string) => (await storage.get(at(key)))?.body.toString();

    it('gives back what was written, and says when', async () => {
      const key = "folder/a b+ü&<'(1)>%25.csv";
      const written = await storage.put(at(key), 'hello', {
        contentType: 'text/csv',
        metadata: { Owner: 'us', 'holder-id': '7' },
      });
      expect(written).toEqual({ etag: '"5d41402abc4b2a76b9719d911017c592"' });
      const facts = await storage.head(at(key));
      expect(facts).toMatchObject({
        etag: '"5d41402abc4b2a76b9719d911017c592"',
        bytes: 5,
        versionId: undefined,
        metadata: { owner: 'us', 'holder-id': '7' },
      });
      expect(facts?.modifiedAtMs).toBeGreaterThan(0);
      expect((facts?.modifiedAtMs ?? 1) % 1000).toBe(0);
      expect((facts?.storeNowMs ?? 1) % 1000).toBe(0);
      expect(facts?.storeNowMs).toBeGreaterThanOrEqual(facts?.modifiedAtMs ?? Number.NaN);
      const stored = await storage.get(at(key));
      expect(stored).toMatchObject({ etag: facts?.etag, bytes: 5, metadata: facts?.metadata });
      expect(stored?.body.toString()).toBe('hello');
      expect(stored?.modifiedAtMs).toBe(facts?.modifiedAtMs);
    });

    it('knows nothing of what is not there', async () => {
      expect(await storage.head(at('nothing'))).toBeUndefined();
      expect(await storage.get(at('nothing'))).toBeUndefined();
      expect(await all(storage.list(at('')))).toEqual([]);
      await storage.remove(at('nothing'));
      const range = { start: 0, end: 4, etag: '"5d41402abc4b2a76b9719d911017c592"' };
      expect(await failureOf(storage.getRange(at('nothing'), range))).toMatchObject({ kind: 'missing' });
    });

    it('says so where there is no bucket', async () => {
      const nowhere = { bucket: 'no-such-bucket', key: 'k' };
      for (const ask of [
        () => storage.head(nowhere),
        () => storage.get(nowhere),
        () => storage.getRange(nowhere, { start: 0, end: 1, etag: '"0"' }),
        () => storage.put(nowhere, 'x'),
        () => storage.put(nowhere, 'x', { condition: { ifMatch: '"0"' } }),
        () => storage.upload(nowhere, chunked('x')),
        () => storage.upload(nowhere, chunked('x'), { condition: { ifMatch: '"0"' } }),
        () => all(storage.list(nowhere)),
        () => storage.remove(nowhere),
      ]) {
        const failure = await failureOf(ask());
        expect(failure.kind).toBe('no-bucket');
        expect(failure.message).toMatch(/^s3:\/\/no-such-bucket\/k: there is no bucket .*NoSuchBucket/);
      }
    });

    it('reads ranges of one and the same object', async () => {
      const text = '0123456789'.repeat(30_000);
      const { etag } = (await storage.put(at('k'), text)) as { etag: string };
      const read = async (start: number, end: number) =>
        (await storage.getRange(at('k'), { start, end, etag })).toString();
      const pieces: string[] = [];
      for (let start = 0; start < text.length; start += 70_000)
        pieces.push(await read(start, start + 70_000));
      expect(pieces.join('') === text).toBe(true);
      expect(await read(3, 5)).toBe('34');
      expect(await read(5, 5)).toBe('');
      expect(await read(text.length, text.length + 5)).toBe('');
      await storage.put(at('k'), 'another');
      const range = { start: 0, end: 4, etag };
      const failure = await failureOf(storage.getRange(at('k'), range));
      expect(failure).toMatchObject({ kind: 'changed', permission: 's3:GetObject' });
    });

    it('creates only what is not there', async () => {
      const condition = { ifNone: true } as const;
      expect(await won(storage, at('k'), 'one', condition)).toBe(true);
      expect(await storage.put(at('k'), 'two', { condition })).toBe('condition-failed');
      expect(await textAt('k')).toBe('one');
    });

    it('replaces only what it was', async () => {
      const wrong = { ifMatch: '"5d41402abc4b2a76b9719d911017c592"' };
      expect(await storage.put(at('k'), 'early', { condition: wrong })).toBe('condition-failed');
      const { etag } = (await storage.put(at('k'), 'one')) as { etag: string };
      expect(await storage.put(at('k'), 'two', { condition: wrong })).toBe('condition-failed');
      expect(await textAt('k')).toBe('one');
      expect(await won(storage, at('k'), 'two', { ifMatch: etag })).toBe(true);
      expect(await storage.put(at('k'), 'three', { condition: { ifMatch: etag } })).toBe('condition-failed');
      expect(await textAt('k')).toBe('two');
    });

    it('lets one of many racers win', async () => {
      const racers = Array.from({ length: 12 }, (_, racer) => `racer ${racer}`);
      const results = await Promise.all(racers.map((body) => won(storage, at('k'), body, { ifNone: true })));
      expect(results.filter((result) => result)).toHaveLength(1);
      expect(await textAt('k')).toBe(racers[results.indexOf(true)]);
    });

    it('uploads what comes, of any size', async () => {
      for (const [key, chunks] of Object.entries({
        empty: [],
        small: ['a', Buffer.from('b'), '', 'ü'],
        exact: [Buffer.alloc(5 * MIB, 'x')],
        large: Array.from({ length: 70 }, (_, part) => Buffer.alloc(MIB / 6, String(part))),
      })) {
        const content = Buffer.concat(chunks.map((chunk) => Buffer.from(chunk)));
        const written = await storage.upload(at(key), chunked(...chunks), { metadata: { owner: 'us' } });
        const stored = await storage.get(at(key));
        expect(stored?.body.equals(content), key).toBe(true);
        expect(written, key).toEqual({ etag: stored?.etag });
        expect(stored?.metadata.owner).toBe('us');
      }
    });

    it('uploads under a condition', async () => {
      const upload = (body: Buffer, condition: WriteCondition) =>
        storage.upload(at('k'), chunked(body), { condition });
      const first = await upload(Buffer.alloc(6 * MIB, 'a'), { ifNone: true });
      expect(first).toHaveProperty('etag');
      expect(await upload(Buffer.alloc(6 * MIB, 'b'), { ifNone: true })).toBe('condition-failed');
      expect(await upload(Buffer.from('c'), { ifNone: true })).toBe('condition-failed');
      const wrong = { ifMatch: '"5d41402abc4b2a76b9719d911017c592"' };
      expect(await upload(Buffer.from('d'), wrong)).toBe('condition-failed');
      expect(await storage.upload(at('other'), chunked('e'), { condition: wrong })).toBe('condition-failed');
      expect(await storage.head(at('other'))).toBeUndefined();
      const { etag } = first as { etag: string };
      expect((await storage.head(at('k')))?.etag).toBe(etag);
      expect(await upload(Buffer.alloc(6 * MIB, 'f'), { ifMatch: etag })).toHaveProperty('etag');
      expect((await storage.get(at('k')))?.body.equals(Buffer.alloc(6 * MIB, 'f'))).toBe(true);
    });

    it('leaves nothing behind of an upload whose chunks end in an error', async () => {
      const broken = new Error('the disk is full');
      async function* failing(...chunks: Buffer[]) {
        yield* chunks;
        throw broken;
      }
      for (const chunks of [[], [Buffer.from('a')], [Buffer.alloc(11 * MIB), Buffer.alloc(MIB)]]) {
        await expect(storage.upload(at('k'), failing(...chunks))).rejects.toBe(broken);
      }
      expect(await storage.head(at('k'))).toBeUndefined();
    });

    it('lists by prefix, in order', async () => {
      const keys = ['p/3', 'p/1', 'q', 'p/2/deep', 'p/10', 'p/é', 'p/&', 'o/z'];
      for (const key of keys) await storage.put(at(key), key);
      const listed = await all(storage.list(at('p/')));
      expect(listed.map(({ key }) => key)).toEqual(['p/&', 'p/1', 'p/10', 'p/2/deep', 'p/3', 'p/é']);
      expect(listed[1]).toEqual({ key: 'p/1', bytes: 3, etag: (await storage.head(at('p/1')))?.etag });
      expect(listed[1]?.etag).toMatch(/^"[0-9a-f]{32}"$/);
      expect((await all(storage.list(at('')))).map(({ key }) => key)).toHaveLength(keys.length);
    });

    it('removes', async () => {
      await storage.put(at('k'), 'x');
      await storage.remove(at('k'));
      expect(await storage.head(at('k'))).toBeUndefined();
      await storage.remove(at('k'));
    });

    it('ends with the reason of a signal', async () => {
      await storage.put(at('k'), 'x');
      const reason = new Error('told to stop');
      const signal = AbortSignal.abort(reason);
      const range = { start: 0, end: 1, etag: '"0"' };
      await expect(storage.head(at('k'), signal)).rejects.toBe(reason);
      await expect(storage.get(at('k'), signal)).rejects.toBe(reason);
      await expect(storage.getRange(at('k'), range, signal)).rejects.toBe(reason);
      await expect(all(storage.list(at(''), signal))).rejects.toBe(reason);
    });

    it('was tested under what it says', () => place.check());
  });
});

describe('a request to S3', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  async function start(options: S3ServerOptions = {}) {
    const server = await startS3(options);
    onTestFinished(() => server.close());
    server.createBucket('bucket');
    return server;
  }

  async function connect(settings: Parameters<typeof connectS3>[0], own?: S3Client): Promise<ObjectStorage> {
    const storage = await connectS3(settings, own);
    onTestFinished(() => storage.close());
    return storage;
  }

  const at = (key: string) => ({ bucket: 'bucket', key });

  it('is encrypted by the key of KMS that was named', async () => {
    const server = await start();
    stubSurroundings(server.url, server.credentials);
    const storage = await connect({ ...NOWHERE, sseKmsKeyId: 'alias/jobs' });
    await storage.put(at('put'), 'x');
    await storage.upload(at('small'), chunked('x'));
    await storage.upload(at('large'), chunked(Buffer.alloc(6 * MIB)));
    for (const key of ['put', 'small', 'large']) {
      expect(server.object('bucket', key)?.headers, key).toMatchObject({
        'x-amz-server-side-encryption': 'aws:kms',
        'x-amz-server-side-encryption-aws-kms-key-id': 'alias/jobs',
      });
    }
    const plain = await connect(NOWHERE);
    await plain.put(at('plain'), 'x');
    expect(Object.keys(server.object('bucket', 'plain')?.headers ?? {}).join()).not.toContain('encryption');
  });

  it('finds the bucket in its Region, and remembers it', async () => {
    const server = await start({ region: 'ap-south-1' });
    stubSurroundings(server.url, server.credentials);
    const storage = await connect({ ...NOWHERE, region: 'eu-west-1' });
    await storage.put(at('k'), 'hello');
    expect((await storage.get(at('k')))?.body.toString()).toBe('hello');
    expect(server.requests().map(({ status }) => status)).toEqual([301, 200, 200]);

    const another = await connect(NOWHERE);
    await another.upload(at('uploaded'), chunked('hello'));
    expect(server.object('bucket', 'uploaded')?.body.toString()).toBe('hello');
  });

  it('names the Region to the owner of a client that asks in another', async () => {
    const server = await start({ region: 'ap-south-1' });
    const own = clientOf(server.url, server.credentials);
    onTestFinished(() => own.destroy());
    const storage = await connect(NOWHERE, own);
    for (const ask of [
      () => storage.get(at('k')),
      () => storage.head(at('k')),
      () => storage.put(at('k'), 'x'),
    ]) {
      expect((await failureOf(ask())).message).toMatch(/s3:\/\/bucket\/k: the bucket lies in ap-south-1 /);
    }
  });

  it('leaves a client of the caller’s own as it is', async () => {
    const server = await start();
    const own = clientOf(server.url, server.credentials);
    const destroyed = vi.spyOn(own, 'destroy');
    const storage = await connect(NOWHERE, own);
    await storage.put(at('k'), 'x');
    storage.close();
    expect(destroyed).not.toHaveBeenCalled();
    expect((await storage.get(at('k')))?.body.toString()).toBe('x');
    own.destroy();
  });

  it('pins a version', async () => {
    const server = await start();
    server.createBucket('versioned', 'versioned');
    stubSurroundings(server.url, server.credentials);
    const storage = await connect(NOWHERE);
    const address = { bucket: 'versioned', key: 'k' };
    await storage.put(address, 'one');
    const facts = await storage.head(address);
    if (facts?.versionId === undefined) throw new Error('there is no version');
    await storage.put(address, 'another');
    const { etag, versionId } = facts;
    const bytes = await storage.getRange(address, { start: 1, end: 9, etag, versionId });
    expect(bytes.toString()).toBe('ne');
    const gone = storage.getRange(address, { start: 1, end: 9, etag, versionId: 'version-0' });
    expect(await failureOf(gone)).toMatchObject({ kind: 'missing', permission: 's3:GetObjectVersion' });
  });

  it('says which permission is missing, in one line', async () => {
    const server = await start({ deny: () => 'AccessDenied' });
    stubSurroundings(server.url, server.credentials);
    const storage = await connect(NOWHERE);
    for (const [permission, ask] of [
      ['s3:GetObject', () => storage.head(at('k'))],
      ['s3:GetObject', () => storage.get(at('k'))],
      ['s3:GetObject', () => storage.getRange(at('k'), { start: 0, end: 1, etag: '"0"' })],
      ['s3:PutObject', () => storage.put(at('k'), 'x', { condition: { ifNone: true } })],
      ['s3:PutObject', () => storage.upload(at('k'), chunked('x'))],
      ['s3:PutObject', () => storage.upload(at('k'), chunked(Buffer.alloc(6 * MIB)))],
      ['s3:ListBucket', () => all(storage.list(at('k')))],
      ['s3:DeleteObject', () => storage.remove(at('k'))],
    ] as const) {
      const failure = await failureOf(ask());
      expect(failure).toMatchObject({ kind: 'denied', permission });
      expect(failure.message).toMatch(/^s3:\/\/bucket\/k: not allowed \(403 AccessDenied: .*[^\n]*$/);
      expect(failure.message).toContain(`need ${permission}`);
      expect(failure.message.includes('s3:ListBucket')).toBe(/GetObject|ListBucket/.test(permission));
    }
  });

  it('says that the credentials are wrong, or that there are none', async () => {
    const server = await start();
    stubSurroundings(server.url, { accessKeyId: 'AKIASOMEBODYELSE0000', secretAccessKey: 'guessed' });
    const unknown = await connect(NOWHERE);
    expect((await failureOf(unknown.head(at('k')))).kind).toBe('credentials');
    expect((await failureOf(unknown.put(at('k'), 'x'))).message).toContain('InvalidAccessKeyId');

    stubSurroundings(server.url, undefined);
    const none = await connect(NOWHERE);
    expect((await failureOf(none.head(at('k')))).kind).toBe('credentials');
    expect((await failureOf(none.put(at('k'), 'x'))).kind).toBe('credentials');
  });

  it('has lost the race where others write at the same time', async () => {
    const server = await start({ deny: () => 'ConditionalRequestConflict' });
    stubSurroundings(server.url, server.credentials);
    const storage = await connect(NOWHERE);
    expect(await storage.put(at('k'), 'x', { condition: { ifNone: true } })).toBe('condition-failed');
    expect(await storage.put(at('k'), 'x', { condition: { ifMatch: '"0"' } })).toBe('condition-failed');
    expect((await failureOf(storage.put(at('k'), 'x'))).kind).toBe('unreachable');
  });

  describe('that goes wrong on its way', () => {
    async function startBehind(shares: Parameters<FaultProxy['set']>[0]) {
      const server = await start();
      const proxy = await startFaultProxy(server.url, { seed: 5, shares });
      onTestFinished(() => proxy.close());
      stubSurroundings(proxy.url, server.credentials);
      // No attempt waits for the one before it.
      vi.spyOn(Math, 'random').mockReturnValue(0);
      return { server, proxy };
    }

    it.each([
      ['slow-down', '503 SlowDown'],
      ['reset-before', 'ECONNRESET|socket hang up'],
      ['truncated', 'aborted'],
    ] as const)('is tried again and again, and not for ever: %s', async (fault, words) => {
      const { proxy, server } = await startBehind({ [fault]: 1 });
      const { etag } = server.put('bucket', 'k', '0123456789');
      const storage = await connect(NOWHERE);
      const work = storage.getRange(at('k'), { start: 0, end: 10, etag });
      const failure = await failureOf(work);
      expect(failure.kind).toBe('unreachable');
      expect(failure.message).toMatch(/^s3:\/\/bucket\/k: no answer of use from S3 in 8 attempts \(/);
      expect(failure.message).toMatch(new RegExp(words));
      expect(proxy.counts()[fault]).toBe(8);
      proxy.set({});
      expect((await storage.getRange(at('k'), { start: 0, end: 10, etag })).toString()).toBe('0123456789');
    });

    it('is tried again where an answer stays away in its middle', async () => {
      const { proxy, server } = await startBehind({ stalled: 1 });
      const { etag } = server.put('bucket', 'k', '0123456789');
      const own = new S3Client({
        endpoint: proxy.url,
        region: 'us-east-1',
        credentials: server.credentials,
        requestHandler: { socketTimeout: 100 },
      });
      onTestFinished(() => own.destroy());
      const storage = await connect(NOWHERE, own);
      const work = storage.getRange(at('k'), { start: 0, end: 10, etag });
      await vi.waitFor(() => expect(proxy.counts().stalled).toBeGreaterThan(0), 30_000);
      proxy.set({});
      expect((await work).toString()).toBe('0123456789');
    });

    it('ends with the reason of a signal, in the middle of an answer too', async () => {
      const { proxy, server } = await startBehind({ stalled: 1 });
      const { etag } = server.put('bucket', 'k', '0123456789');
      const storage = await connect(NOWHERE);
      const controller = new AbortController();
      const reason = new Error('told to stop');
      const work = storage.getRange(at('k'), { start: 0, end: 10, etag }, controller.signal);
      const settled = expect(work).rejects.toBe(reason);
      await vi.waitFor(() => expect(proxy.counts().stalled).toBe(1), 30_000);
      controller.abort(reason);
      await settled;
      expect(proxy.counts().stalled).toBe(1);
    });

    it('is known for its own where the last reply of an upload was lost', async () => {
      const { server } = await startBehind({ 'reset-after': 0.4 });
      const storage = await connect(NOWHERE);
      for (let round = 1; round <= 6; round += 1) {
        const content = Buffer.alloc(6 * MIB, String(round));
        const condition = round % 2 === 0 ? ({ ifNone: true } as const) : undefined;
        const written = await storage.upload(at(`${round}`), chunked(content), { condition });
        const stored = server.object('bucket', `${round}`);
        expect(written).toEqual({ etag: stored?.etag });
        expect(stored?.body.equals(content)).toBe(true);
      }
      const refused = server.requests().filter(({ code }) => code === 'NoSuchUpload');
      expect(refused.map(({ operation }) => operation)).toContain('CompleteMultipartUpload');
      expect(server.unfinishedUploads('bucket')).toBeLessThanOrEqual(
        server.requests().filter(({ operation }) => operation === 'CreateMultipartUpload').length - 6,
      );
    });
  });

  it('leaves no parts behind', async () => {
    const server = await start();
    stubSurroundings(server.url, server.credentials);
    const storage = await connect(NOWHERE);
    await storage.upload(at('k'), chunked(Buffer.alloc(6 * MIB)));
    const lost = storage.upload(at('k'), chunked(Buffer.alloc(6 * MIB)), { condition: { ifNone: true } });
    expect(await lost).toBe('condition-failed');
    async function* failing() {
      yield Buffer.alloc(11 * MIB);
      throw new Error('the disk is full');
    }
    await expect(storage.upload(at('k'), failing())).rejects.toThrow('the disk is full');
    expect(server.unfinishedUploads('bucket')).toBe(0);
  });
});
