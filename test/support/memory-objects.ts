import { createHash } from 'node:crypto';
import {
  formatObjectAddress,
  type ObjectAddress,
  ObjectError,
  type ObjectFacts,
  type ObjectStorage,
  type StoredObject,
  type WriteCondition,
  type WriteOptions,
  type Written,
} from '../../src/object-storage.js';

export type ObjectOperation = 'head' | 'get' | 'getRange' | 'put' | 'upload' | 'list' | 'remove';

/** Objects in memory, that keep S3's word on conditions. */
export interface MemoryObjects extends ObjectStorage {
  /** By `s3://bucket/key`. */
  readonly objects: Map<string, StoredObject>;
  /** Each request that came through, such as `put s3://bucket/key`. */
  readonly calls: string[];
  /** The store's own clock, in milliseconds; what it tells has whole seconds. */
  nowMs: number;
  /** Called before each request takes effect: may wait, or throw as a network does. */
  before: (operation: ObjectOperation, address: string) => Promise<void> | void;
  /** Called after each request took effect, before its answer: may wait, or throw as a network does. */
  after: (operation: ObjectOperation, address: string) => Promise<void> | void;
  text(address: string): string | undefined;
  /** The same objects as another process sees them, with faults of its own. */
  seenByAnother(): MemoryObjects;
}

const KEYS_PER_PAGE = 7;

export function memoryObjects(
  objects: Map<string, StoredObject> = new Map(),
  clock: { nowMs: number } = { nowMs: Date.UTC(2026, 10, 5, 10) },
): MemoryObjects {
  const wholeSeconds = (): number => Math.floor(clock.nowMs / 1_000) * 1_000;

  async function request<T>(operation: ObjectOperation, at: ObjectAddress, work: () => T): Promise<T> {
    const address = formatObjectAddress(at);
    await storage.before(operation, address);
    storage.calls.push(`${operation} ${address}`);
    const result = work();
    await storage.after(operation, address);
    return result;
  }

  function factsOf(at: ObjectAddress): StoredObject | undefined {
    const found = objects.get(formatObjectAddress(at));
    return found && { ...found, storeNowMs: wholeSeconds() };
  }

  function holds(condition: WriteCondition, found: ObjectFacts | undefined): boolean {
    if (condition === undefined) return true;
    return 'ifNone' in condition ? found === undefined : found?.etag === condition.ifMatch;
  }

  function write(at: ObjectAddress, body: Buffer, { condition, metadata = {} }: WriteOptions): Written {
    if (!holds(condition, factsOf(at))) return 'condition-failed';
    const etag = `"${createHash('md5').update(body).digest('hex')}"`;
    const nowMs = wholeSeconds();
    const facts = { etag, bytes: body.length, versionId: undefined, modifiedAtMs: nowMs, storeNowMs: nowMs };
    objects.set(formatObjectAddress(at), { ...facts, metadata, body });
    return { etag };
  }

  const storage: MemoryObjects = {
    objects,
    calls: [],
    get nowMs() {
      return clock.nowMs;
    },
    set nowMs(ms) {
      clock.nowMs = ms;
    },
    before: () => {},
    after: () => {},
    text: (address) => objects.get(address)?.body.toString(),
    seenByAnother: () => memoryObjects(objects, clock),

    head: (at) => request('head', at, () => factsOf(at)),
    get: (at) => request('get', at, () => factsOf(at)),
    getRange: (at, { end, etag, start }) =>
      request('getRange', at, () => {
        const found = factsOf(at);
        if (found === undefined) throw new ObjectError('missing', 's3:GetObject', 'there is no such object');
        if (found.etag !== etag) throw new ObjectError('changed', 's3:GetObject', 'it is another');
        return found.body.subarray(start, end);
      }),
    put: (at, body, options = {}) => request('put', at, () => write(at, Buffer.from(body), options)),
    async upload(at, chunks, options = {}) {
      const all: Buffer[] = [];
      for await (const chunk of chunks) all.push(Buffer.from(chunk as string));
      return request('upload', at, () => write(at, Buffer.concat(all), options));
    },
    async *list(prefix) {
      // In pages, between which others may come.
      let after = '';
      while (true) {
        const page = await request('list', prefix, () =>
          [...objects]
            .map(([address, { bytes, etag }]) => ({ address, key: keyOf(address), bytes, etag }))
            .filter(({ address, key }) => address.startsWith(formatObjectAddress(prefix)) && key > after)
            .sort((a, b) => (a.key < b.key ? -1 : 1))
            .slice(0, KEYS_PER_PAGE),
        );
        for (const { bytes, etag, key } of page) yield { key, bytes, etag };
        if (page.length < KEYS_PER_PAGE) return;
        after = page.at(-1)?.key ?? '';
      }
    },
    remove: (at) =>
      request('remove', at, () => {
        objects.delete(formatObjectAddress(at));
      }),
    close() {},
  };
  return storage;
}

const keyOf = (address: string): string => address.replace(/^s3:\/\/[^/]+\//, '');
