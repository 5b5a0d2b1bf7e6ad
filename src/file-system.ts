import {
  access,
  constants,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rmdir,
  stat,
  unlink,
} from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from './errors.js';

/** What the program asks of an open file: a part of Node's FileHandle. */
export interface OpenFile {
  read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesRead: number; buffer: Buffer }>;
  /** May write less than it is given. */
  write(buffer: Uint8Array, offset: number): Promise<{ bytesWritten: number }>;
  writeFile(data: string | Uint8Array): Promise<void>;
  truncate(length: number): Promise<void>;
  chmod(mode: number): Promise<void>;
  stat(): Promise<FileFacts>;
  datasync(): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface FileFacts {
  readonly size: number;
  readonly mtimeMs: number;
  isFile(): boolean;
  isDirectory(): boolean;
}

/** What the program asks of a disk: a part of node:fs/promises, so that a simulation can stand in for it. */
export interface FileSystem {
  open(path: string, flags: 'r' | 'w' | 'wx' | 'a', mode?: number): Promise<OpenFile>;
  readFile(path: string): Promise<string>;
  readdir(path: string): Promise<string[]>;
  stat(path: string): Promise<FileFacts>;
  rename(from: string, to: string): Promise<void>;
  /** A second name for a file. Rejects with EEXIST where there is one of that name. */
  link(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Rejects where there is anything in the folder. */
  rmdir(path: string): Promise<void>;
  /** Makes the folders above it too; no error where it is there. */
  mkdir(path: string, mode: number): Promise<void>;
  /** Rejects where we may not make files in the folder. */
  checkWritable(path: string): Promise<void>;
}

export const systemFiles: FileSystem = {
  open,
  readFile: (path) => readFile(path, 'utf8'),
  readdir,
  stat,
  rename,
  link,
  unlink,
  rmdir,
  mkdir: makeFolder,
  checkWritable: (path) => access(path, constants.W_OK | constants.X_OK),
};

/**
 * Like `mkdir -p`. Node's own `recursive` never comes back where the system says ENOENT for a folder whose
 * parent is there, as it does below /proc (seen with Node 20.20).
 */
async function makeFolder(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    const parent = dirname(path);
    if (systemCode(error) === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (systemCode(error) !== 'ENOENT' || parent === path || (await isThere(parent))) throw error;
    await makeFolder(parent, mode);
    await makeFolder(path, mode);
  }
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

const CHUNK_BYTES = 64 * 1024;

/** The bytes of an open file from `start` up to `end`, read as they are asked for. */
export async function* readChunks(
  file: OpenFile,
  start: number,
  end: number = Number.POSITIVE_INFINITY,
): AsyncIterable<Buffer> {
  for (let at = start; at < end; ) {
    const length = Math.min(CHUNK_BYTES, end - at);
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
