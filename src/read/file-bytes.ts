import { createHash } from 'node:crypto';
import { messageOf, StopError, systemCode } from '../errors.js';
import { type FileSystem, type OpenFile, readChunks } from '../file-system.js';
import type { Bytes } from './bytes.js';
import { MAX_RECORD_BYTES } from './csv.js';

/** Opens a file. `name` is what messages call it, where that is not its path. */
export async function openFile(path: string, name: string, files: FileSystem): Promise<Bytes> {
  const file = await files.open(path, 'r').catch((error: unknown) => {
    throw unreadableFile(name, error);
  });
  try {
    return await opened(file, name);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function opened(file: OpenFile, name: string): Promise<Bytes> {
  const atFirst = await file.stat();
  if (atFirst.isDirectory()) {
    throw new StopError('SOURCE_UNREADABLE', `${name} is a folder: name the CSV file in it`);
  }
  /** Of the whole file, once it has been read from its start to its end. */
  let sha256: string | undefined;

  async function refuseChange(): Promise<void> {
    const now = await file.stat();
    if (now.size === atFirst.size && now.mtimeMs === atFirst.mtimeMs) return;
    throw new StopError(
      'SOURCE_CHANGED',
      `${name} was changed while it was being read: put the first version back to resume, or start over with --fresh`,
    );
  }

  async function* chunksFrom(start: number, end?: number): AsyncIterable<Buffer> {
    try {
      for await (const chunk of readChunks(file, start, end)) {
        await refuseChange();
        yield chunk;
      }
      // The end may be one that has moved.
      await refuseChange();
    } catch (error) {
      throw error instanceof StopError ? error : unreadableFile(name, error);
    }
  }

  /** Whoever reads from the first row to the end gets the hash on the way: the file need not be read again for it. */
  async function* read(start: number): AsyncIterable<Buffer> {
    if (sha256 !== undefined || start > MAX_RECORD_BYTES) return yield* chunksFrom(start);
    const hash = createHash('sha256');
    for await (const chunk of chunksFrom(0, start)) hash.update(chunk);
    for await (const chunk of chunksFrom(start)) {
      hash.update(chunk);
      yield chunk;
    }
    sha256 = hash.digest('hex');
  }

  return {
    name,
    size: atFirst.size,
    async identity(signal) {
      if (sha256 === undefined) {
        for await (const _ of read(0)) signal?.throwIfAborted();
      } else await refuseChange();
      return { bytes: atFirst.size, sha256: sha256 ?? '' };
    },
    read,
    close: () => file.close(),
  };
}

/** True for a pipe, a terminal, a process substitution. */
export async function isOneWayFile(path: string, files: FileSystem): Promise<boolean> {
  const found = await files.stat(path).catch((error: unknown) => {
    throw unreadableFile(path, error);
  });
  return !found.isFile() && !found.isDirectory();
}

function unreadableFile(name: string, error: unknown): StopError {
  switch (systemCode(error)) {
    case 'ENOENT':
      return new StopError('SOURCE_NOT_FOUND', `${name}: there is no such file`);
    case 'EACCES':
    case 'EPERM':
      return new StopError('SOURCE_UNREADABLE', `${name} cannot be read: you have no permission to`);
    case 'EISDIR':
      return new StopError('SOURCE_UNREADABLE', `${name} is a folder: name the CSV file in it`);
    default:
      return new StopError('SOURCE_UNREADABLE', `${name} cannot be read: ${messageOf(error)}`, {
        cause: error,
      });
  }
}
