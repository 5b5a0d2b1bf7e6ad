import { randomUUID } from 'node:crypto';
import { StopError } from '../errors.js';
import {
  formatObjectAddress,
  type ListedObject,
  type ObjectAddress,
  type ObjectFacts,
  type ObjectStorage,
  type StoredObject,
  type WriteCondition,
} from '../object-storage.js';

/** The objects below a prefix, written so that a run which has lost the job changes none of them any more. */
export interface OwnedObjects {
  readonly prefix: ObjectAddress;
  addressOf(name: string): ObjectAddress;
  /** For messages. */
  nameOf(name: string): string;
  /** All there are; `key` is without the prefix. */
  list(): AsyncIterable<ListedObject>;
  head(name: string): Promise<ObjectFacts | undefined>;
  get(name: string): Promise<StoredObject | undefined>;
  /** Takes note of what is there: by these ETags it is replaced. */
  note(there: Iterable<ListedObject>): void;
  /** Makes an object for good; undefined where there is one that is not ours. */
  create(name: string, content: Content, metadata?: Metadata): Promise<{ readonly etag: string } | undefined>;
  /** Makes or replaces an object. Throws JOB_HELD where the job is another's now. */
  write(name: string, content: Content, metadata?: Metadata): Promise<{ readonly etag: string }>;
  remove(name: string): Promise<void>;
}

/** What is too long to be in hand is made as it is sent, and once more where it must be sent again. */
export type Content = string | Uint8Array | (() => AsyncIterable<string | Uint8Array>);
export type Metadata = Readonly<Record<string, string>>;

/** Whether the job is ours. */
export interface Ownership {
  /** Resolves at once while the lease runs; else it is renewed first. Throws where the job is lost. */
  check(): Promise<void>;
  /** Asks the store, and throws where the job is another's. */
  verify(): Promise<void>;
}

/** The metadata that says which writing of which run an object comes from. */
export const MARK = 'written-by';

/** Of one writing: each time somebody else's came in between. */
const MOST_TRIES = 5;

export function ownedObjects(storage: ObjectStorage, prefix: ObjectAddress, own: Ownership): OwnedObjects {
  const run = randomUUID();
  let writes = 0;
  /** By which ETag an object is replaced next; an object without one is made new. */
  const known = new Map<string, string>();

  const addressOf = (name: string): ObjectAddress => ({ ...prefix, key: prefix.key + name });
  const nameOf = (name: string): string => formatObjectAddress(addressOf(name));
  const nextMark = (): string => `${run}/${++writes}`;

  async function put(name: string, content: Content, condition: WriteCondition, metadata: Metadata) {
    await own.check();
    const options = { condition, contentType: contentTypeOf(name), metadata };
    return typeof content === 'function'
      ? storage.upload(addressOf(name), content(), options)
      : storage.put(addressOf(name), content, options);
  }

  /** Looks what is there instead of what we would have replaced. */
  async function look(name: string): Promise<ObjectFacts | undefined> {
    const there = await storage.head(addressOf(name));
    if (there === undefined) known.delete(name);
    else known.set(name, there.etag);
    return there;
  }

  return {
    prefix,
    addressOf,
    nameOf,
    async *list() {
      for await (const object of storage.list(prefix)) {
        yield { ...object, key: object.key.slice(prefix.key.length) };
      }
    },
    head: (name) => storage.head(addressOf(name)),
    get: (name) => storage.get(addressOf(name)),
    note(there) {
      for (const { etag, key } of there) known.set(key, etag);
    },

    async create(name, content, metadata) {
      const mark = nextMark();
      for (let tries = 1; tries <= MOST_TRIES; tries++) {
        const written = await put(name, content, { ifNone: true }, { ...metadata, [MARK]: mark });
        if (written !== 'condition-failed') return written;
        const there = await storage.head(addressOf(name));
        // The reply to the first try was lost, and the second one was refused.
        if (there?.metadata[MARK] === mark) return there;
        if (there !== undefined) return undefined;
      }
      return undefined;
    },

    /**
     * An object is replaced only where it still is the one this run has seen or written last. Where it is not,
     * it bears our mark (the reply to this very writing was lost); or it comes from a run that had the job
     * before us and was slow, and the lease says that the job is ours: then we write over it; or it comes from
     * one that has the job now: then the lease is gone, and nothing is written. The look comes before the
     * question about the lease, so what is written over cannot be the work of somebody who came after us.
     */
    async write(name, content, metadata) {
      const mark = nextMark();
      for (let tries = 1; tries <= MOST_TRIES; tries++) {
        // What is long takes its time: better to look at first than to do it twice.
        if (tries > 1 || typeof content === 'function') {
          const there = await look(name);
          if (there?.metadata[MARK] === mark) return there;
          await own.verify();
        }
        const etag = known.get(name);
        const condition = etag === undefined ? ({ ifNone: true } as const) : { ifMatch: etag };
        const written = await put(name, content, condition, { ...metadata, [MARK]: mark });
        if (written === 'condition-failed') continue;
        known.set(name, written.etag);
        return written;
      }
      throw contended(nameOf(name));
    },

    async remove(name) {
      await own.check();
      await storage.remove(addressOf(name));
      known.delete(name);
    },
  };
}

const contentTypeOf = (name: string): string =>
  name.endsWith('.json') ? 'application/json' : 'text/csv; charset=utf-8';

/** Somebody writes there all the time who does not ask for the lease. */
export const contended = (name: string): StopError =>
  new StopError('JOB_HELD', `${name} is written by somebody else all the time: see who does, then resume`);
