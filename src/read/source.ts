import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { messageOf, StopError, systemCode } from '../errors.js';
import { type FileSystem, type OpenFile, readChunks, systemFiles } from '../file-system.js';
import type { SourceIdentity } from '../layout.js';
import { type Encoding, encodingOf } from './encoding.js';

/** A file of rows, open for reading at any place. */
export interface Source {
  /** As the user named it: for messages and the checkpoint. */
  readonly name: string;
  /** On the disk; what is read from here is UTF-8 always. */
  readonly encoding: Encoding;
  readonly bytes: number;
  /** Reads the whole file once, as it lies on disk: about a second per gigabyte. */
  identity(signal?: AbortSignal): Promise<SourceIdentity>;
  /**
   * The text in UTF-8 from byte `offset` of it on, unpacked where the file is gzipped. Throws where the file is
   * changed meanwhile.
   */
  read(offset: number): AsyncIterable<Buffer>;
  close(): Promise<void>;
}

/** True for what can be read only once, and from its start: a pipe, a terminal, a process substitution. */
export async function isOneWay(path: string, files: FileSystem = systemFiles): Promise<boolean> {
  const found = await files.stat(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  return !found.isFile() && !found.isDirectory();
}

/** Opens a file and looks at its beginning. `name` is what messages call it, where that is not its path. */
export async function openSource(
  path: string,
  name: string = path,
  files: FileSystem = systemFiles,
): Promise<Source> {
  const file = await files.open(path, 'r').catch((error: unknown) => {
    throw unreadable(name, error);
  });
  try {
    return await opened(file, name);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function opened(file: OpenFile, name: string): Promise<Source> {
  const atFirst = await file.stat();
  if (atFirst.isDirectory()) {
    throw new StopError('SOURCE_UNREADABLE', `${name} is a folder: name the CSV file in it`);
  }
  if (atFirst.size === 0)
    throw new StopError('SOURCE_EMPTY', `${name} is empty: there is nothing to confirm`);

  const gzipped = await startsWithGzipMagic(file);

  async function refuseChange(): Promise<void> {
    const now = await file.stat();
    if (now.size === atFirst.size && now.mtimeMs === atFirst.mtimeMs) return;
    throw new StopError(
      'SOURCE_CHANGED',
      `${name} was changed while it was being read: put the first version back to resume, or start over with --fresh`,
    );
  }

  async function* onDisk(start: number): AsyncIterable<Buffer> {
    for await (const chunk of readChunks(file, start)) {
      await refuseChange();
      yield chunk;
    }
    // The end may be one that has moved.
    await refuseChange();
  }

  const fromStart = (): AsyncIterable<Buffer> => (gzipped ? unpacked(onDisk(0)) : onDisk(0));

  async function* told(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
    try {
      yield* chunks;
    } catch (error) {
      throw error instanceof StopError ? error : unreadable(name, error);
    }
  }

  const encoding = encodingOf(await firstChunk(told(fromStart())), name);
  const hasPlaces = !gzipped && encoding === 'utf8';

  return {
    name,
    encoding,
    bytes: atFirst.size,
    async identity(signal) {
      const hash = createHash('sha256');
      for await (const chunk of onDisk(0)) {
        signal?.throwIfAborted();
        hash.update(chunk);
      }
      return { bytes: atFirst.size, sha256: hash.digest('hex') };
    },
    read: (offset) => told(hasPlaces ? onDisk(offset) : without(offset, inUtf8(fromStart(), encoding))),
    close: () => file.close(),
  };
}

async function startsWithGzipMagic(file: OpenFile): Promise<boolean> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
  return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
}

async function firstChunk(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  for await (const chunk of chunks) return chunk;
  return Buffer.alloc(0);
}

// The reader of what comes out is told of every error; the callback is there because pipeline wants one.
const unpacked = (packed: AsyncIterable<Buffer>): AsyncIterable<Buffer> =>
  pipeline(packed, createGunzip(), () => {});

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

function unreadable(name: string, error: unknown): StopError {
  const code = systemCode(error);
  switch (code) {
    case 'ENOENT':
      return new StopError('SOURCE_NOT_FOUND', `${name}: there is no such file`);
    case 'EACCES':
    case 'EPERM':
      return new StopError('SOURCE_UNREADABLE', `${name} cannot be read: you have no permission to`);
    case 'EISDIR':
      return new StopError('SOURCE_UNREADABLE', `${name} is a folder: name the CSV file in it`);
    case 'Z_BUF_ERROR':
    case 'Z_DATA_ERROR':
      return new StopError(
        'SOURCE_UNREADABLE',
        `${name} cannot be unpacked (${messageOf(error)}): is the gzip file complete?`,
      );
    default:
      return new StopError('SOURCE_UNREADABLE', `${name} cannot be read: ${messageOf(error)}`, {
        cause: error,
      });
  }
}
