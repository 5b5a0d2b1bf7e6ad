import { StopError } from '../errors.js';
import { type ObjectAddress, ObjectError, type ObjectFacts, type ObjectStorage } from '../object-storage.js';
import type { Bytes } from './bytes.js';

/** How an object is read: in parts, so that no connection is held while rows wait for their turn. */
export interface Parts {
  /** The first part is small, so that the first row comes soon. */
  readonly firstBytes: number;
  readonly nextBytes: number;
  /** How many are fetched, or on their way, beyond the one whose rows are being read. */
  readonly ahead: number;
}

/** 24 MiB in memory at most; an hour and more of rows at 40 a second. */
const PARTS: Parts = {
  firstBytes: 256 * 1024,
  nextBytes: 8 * 1024 * 1024,
  ahead: 2,
};

/** What is handed on at once: the rows of a whole part would take seconds to be parsed, and much memory. */
const CHUNK_BYTES = 64 * 1024;

interface Part {
  readonly start: number;
  readonly end: number;
}

/**
 * Looks an object up and fetches its beginning. Every later part must come from the object that was found here.
 * Throws the signal's reason when it aborts.
 */
export async function openObject(
  at: ObjectAddress,
  name: string,
  storage: ObjectStorage,
  signal: AbortSignal,
  { ahead, firstBytes, nextBytes }: Parts = PARTS,
): Promise<Bytes> {
  const { bytes: size, etag, versionId } = await factsOf(at, name, storage, signal);
  const firstPart: Part = { start: 0, end: Math.min(firstBytes, size) };
  const closing = new AbortController();
  let pinned = versionId;

  async function fetched(part: Part, leaving: AbortSignal): Promise<Buffer> {
    const { end, start } = part;
    const asked = pinned;
    const bytes = await storage
      .getRange(at, { start, end, etag, versionId: asked }, leaving)
      .catch((error: unknown) => {
        if (asked === undefined || !(error instanceof ObjectError) || error.kind !== 'denied') throw error;
        // To name a version takes s3:GetObjectVersion, which who may read the object need not have. The ETag pins
        // it as well; only that a newer version then ends the reading.
        pinned = undefined;
        return fetched(part, leaving);
      });
    if (bytes.length === end - start) return bytes;
    throw new StopError(
      'SOURCE_UNREADABLE',
      `${name} cannot be read: the store gave ${bytes.length} bytes for the ${end - start} from byte ${start} on; does it know ranges?`,
    );
  }

  /** A part that is needed now: what goes wrong ends the reading. */
  async function needed(part: Part, leaving: AbortSignal): Promise<Buffer> {
    try {
      return await fetched(part, leaving);
    } catch (error) {
      if (!(error instanceof ObjectError)) throw error;
      // Whoever took the object away has changed it too.
      if (error.kind === 'changed' || error.kind === 'missing') throw await changed(error, leaving);
      throw unreadableObject(error);
    }
  }

  async function changed(error: ObjectError, leaving: AbortSignal): Promise<StopError> {
    const now = await storage.head(at, leaving).catch((failure: unknown) => {
      throw failure instanceof ObjectError ? unreadableObject(failure) : failure;
    });
    const is =
      now === undefined
        ? 'it is gone now'
        : now.etag === etag
          ? 'it had another since'
          : `it is ${now.etag} now`;
    return new StopError(
      'SOURCE_CHANGED',
      `${name} was changed while it was being read (its ETag was ${etag}, ${is}): put the first version back to resume, or start over with --fresh`,
      { cause: error },
    );
  }

  // It is kept: whoever looks at the header, time and again, asks for nothing.
  const beginning = await needed(firstPart, signal);

  function* partsFrom(start: number): Generator<Part, undefined> {
    let end = start;
    for (let bytes = start === firstPart.end ? nextBytes : firstBytes; end < size; bytes = nextBytes) {
      const from = end;
      end = Math.min(from + bytes, size);
      yield { start: from, end };
    }
  }

  async function* read(start: number, signal: AbortSignal = NEVER): AsyncIterable<Buffer> {
    const left = new AbortController();
    const leaving = AbortSignal.any([closing.signal, left.signal, signal]);
    const parts = partsFrom(Math.max(start, firstPart.end));
    const underWay: { part: Part; bytes: Promise<Buffer | undefined> }[] = [];

    function fetchAhead(): void {
      while (underWay.length < ahead) {
        const { value: part } = parts.next();
        if (part === undefined) return;
        // What fails hours before it is needed may not fail then: it is asked for once more.
        underWay.push({ part, bytes: fetched(part, leaving).catch(() => undefined) });
      }
    }

    async function next(): Promise<Buffer | undefined> {
      const early = underWay.shift();
      if (early !== undefined) return (await early.bytes) ?? needed(early.part, leaving);
      const { value: part } = parts.next();
      return part && needed(part, leaving);
    }

    try {
      let bytes = start < firstPart.end ? beginning.subarray(start) : await next();
      for (; bytes !== undefined; bytes = await next()) {
        for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
          leaving.throwIfAborted();
          yield bytes.subarray(from, from + CHUNK_BYTES);
          // Only now: whoever wanted the header alone does not come back for more.
          fetchAhead();
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      left.abort();
    }
  }

  return {
    name,
    size,
    identity: async () => ({ bytes: size, etag, ...(versionId === undefined ? {} : { versionId }) }),
    read,
    async close() {
      closing.abort();
    },
  };
}

const NEVER = new AbortController().signal;

async function factsOf(
  at: ObjectAddress,
  name: string,
  storage: ObjectStorage,
  signal: AbortSignal,
): Promise<ObjectFacts> {
  if (at.key === '' || at.key.endsWith('/')) {
    throw new StopError('SOURCE_UNREADABLE', `${name} is a prefix: name an object below it`);
  }
  const facts = await storage.head(at, signal).catch((error: unknown) => {
    throw error instanceof ObjectError ? unreadableObject(error) : error;
  });
  if (facts === undefined) {
    throw new StopError('SOURCE_NOT_FOUND', `${name}: there is no such object: check its bucket and key`);
  }
  return facts;
}

/** The message of an ObjectError names the object, has the store's own words, and says what to look at. */
function unreadableObject(error: ObjectError): StopError {
  const { kind, message } = error;
  const options = { cause: error };
  switch (kind) {
    case 'missing':
    case 'no-bucket':
      return new StopError('SOURCE_NOT_FOUND', message, options);
    case 'denied':
      return new StopError('ACCESS_DENIED', message, options);
    case 'credentials':
      return new StopError('CREDENTIALS', message, options);
    case 'changed':
      return new StopError('SOURCE_CHANGED', message, options);
    case 'unreachable':
      return new StopError('NO_CONNECTION', message, options);
  }
}
