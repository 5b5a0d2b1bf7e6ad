import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { messageOf, StopError, systemCode } from '../errors.js';
import { type FileSystem, systemFiles } from '../file-system.js';
import type { SourceIdentity } from '../layout.js';
import type { ObjectAddress, ObjectStorage } from '../object-storage.js';
import type { Bytes } from './bytes.js';
import { type Encoding, encodingOf, SAMPLE_BYTES } from './encoding.js';
import { openFile } from './file-bytes.js';
import { openObject, type Parts } from './object-bytes.js';

/** A file of rows, on a disk or in an object store, open for reading at any place. */
export interface Source {
  /** As the user named it: for messages and the checkpoint. */
  readonly name: string;
  /** Where it lies; what is read from here is UTF-8 always. */
  readonly encoding: Encoding;
  readonly bytes: number;
  /** Reads a file as it lies on the disk, about a second per gigabyte, where it has not been read to its end yet. */
  identity(signal?: AbortSignal): Promise<SourceIdentity>;
  /**
   * The text in UTF-8 from byte `offset` of it on, unpacked where the file is gzipped. Throws where the file is
   * changed meanwhile. When the signal aborts, what comes is cut off, or an error.
   */
  read(offset: number, signal?: AbortSignal): AsyncIterable<Buffer>;
  close(): Promise<void>;
}

/** Opens a file and looks at its beginning. `name` is what messages call it, where that is not its path. */
export async function openSource(
  path: string,
  name: string = path,
  files: FileSystem = systemFiles,
): Promise<Source> {
  return decoded(await openFile(path, name, files));
}

/** The same for an object. Throws the signal's reason when it aborts. */
export async function openObjectSource(
  at: ObjectAddress,
  name: string,
  storage: ObjectStorage,
  signal: AbortSignal,
  parts?: Parts,
): Promise<Source> {
  return decoded(await openObject(at, name, storage, signal, parts));
}

async function decoded(bytes: Bytes): Promise<Source> {
  try {
    return await lookedAt(bytes);
  } catch (error) {
    await bytes.close();
    throw error;
  }
}

async function lookedAt(bytes: Bytes): Promise<Source> {
  const { name, size } = bytes;
  if (size === 0) throw new StopError('SOURCE_EMPTY', `${name} is empty: there is nothing to confirm`);

  const beginning = await beginningOf(bytes.read(0));
  const gzipped = beginning[0] === 0x1f && beginning[1] === 0x8b;
  const fromStart = (signal?: AbortSignal): AsyncIterable<Buffer> =>
    gzipped ? unpacked(bytes.read(0, signal), name) : bytes.read(0, signal);
  const encoding = encodingOf(gzipped ? await beginningOf(fromStart()) : beginning, name);
  const hasPlaces = !gzipped && encoding === 'utf8';

  return {
    name,
    encoding,
    bytes: size,
    identity: bytes.identity,
    read: (offset, signal) =>
      hasPlaces ? bytes.read(offset, signal) : without(offset, inUtf8(fromStart(signal), encoding)),
    close: bytes.close,
  };
}

/** As much as tells what it is, however small the chunks are. */
async function beginningOf(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const first: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    first.push(chunk);
    length += chunk.length;
    if (length >= SAMPLE_BYTES) break;
  }
  return Buffer.concat(first);
}

async function* unpacked(packed: AsyncIterable<Buffer>, name: string): AsyncIterable<Buffer> {
  try {
    // The reader of what comes out is told of every error; the callback is there because pipeline wants one.
    yield* pipeline(packed, createGunzip(), () => {});
  } catch (error) {
    switch (systemCode(error)) {
      case 'Z_BUF_ERROR':
      case 'Z_DATA_ERROR':
        throw new StopError(
          'SOURCE_UNREADABLE',
          `${name} cannot be unpacked (${messageOf(error)}): is the gzip file complete?`,
        );
      default:
        throw error;
    }
  }
}

/**
 * The text in UTF-8. csv-parse 7.0.3 can be told of UTF-16, but looks for quotes and delimiters at odd bytes
 * too: the bytes of \u2200 and \ud800 next to each other hold a quote for it.
 */
async function* inUtf8(chunks: AsyncIterable<Buffer>, encoding: Encoding): AsyncIterable<Buffer> {
  if (encoding === 'utf8') return yield* chunks;
  const decoder = new TextDecoder('utf-16le');
  for await (const chunk of chunks) yield Buffer.from(decoder.decode(chunk, { stream: true }));
  yield Buffer.from(decoder.decode());
}

/** Where there are no places to jump to, what lies before the offset is read and thrown away. */
async function* without(offset: number, chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  let toSkip = offset;
  for await (const chunk of chunks) {
    const skipped = Math.min(toSkip, chunk.length);
    toSkip -= skipped;
    if (skipped < chunk.length) yield chunk.subarray(skipped);
  }
}
