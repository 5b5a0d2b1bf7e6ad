import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import { messageOf, StopError, systemCode } from '../errors.js';
import { type FileSystem, readChunks, systemFiles } from '../file-system.js';

/** The files of a job. A folder today; nothing outside this stage knows that. */
export interface JobStore {
  /** For messages. */
  readonly name: string;
  /** For messages: where a file of the job lies. */
  nameOf(file: string): string;
  /** The names of the files there are; empty where there is no job yet. */
  list(): Promise<string[]>;
  /** The whole of a small file, or undefined where there is none. */
  read(file: string): Promise<string | undefined>;
  /** Makes the job where there is none. */
  create(): Promise<void>;
  /** Writes a new file and nothing else: false where there is one of that name. */
  createFile(file: string, text: string): Promise<boolean>;
  /** Replaces a file in one step, so that a kill at any moment leaves the old one or the new one. */
  replace(file: string, content: string | AsyncIterable<string | Uint8Array>): Promise<void>;
  remove(file: string): Promise<void>;
  /** Takes back a job that nothing has come of. */
  discard(): Promise<void>;
  size(file: string): Promise<number>;
  readFrom(file: string, start: number, end: number): AsyncIterable<Buffer>;
  /** Opens an append-only file and cuts off what lies behind `length`. */
  openJournal(file: string, length: number): Promise<Journal>;
  /**
   * Renames the job and puts a new one in its place that has this one file from its first moment on: nobody can
   * come in between. Returns where the old one is. Throws JOB_HELD where somebody was quicker.
   */
  startOver(first: { readonly file: string; readonly text: string }): Promise<string>;
}

/** An append-only file. */
export interface Journal {
  /** Hands text to the system: when it resolves, a kill of the process cannot take it back. */
  append(text: string): Promise<void>;
  /** Waits until what was handed over is on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
  /** Bytes handed over so far, those before it was opened among them. */
  readonly length: number;
}

// Usernames are personal data: folder and files are for their owner alone.
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** A job that lives in a folder on a disk. */
export function folderStore(path: string, files: FileSystem = systemFiles): JobStore {
  const folder = resolve(path);
  const nameOf = (file: string): string => join(path, file);
  const at = (file: string): string => join(folder, file);

  async function attempt<T>(file: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      // What is not the system's own error is for somebody else: an interruption, or a bug.
      const isSystems = !(error instanceof StopError) && systemCode(error) !== undefined;
      throw isSystems ? unwritable(nameOf(file), error) : error;
    }
  }

  async function syncFolder(): Promise<void> {
    // Windows cannot open a folder; there the rename itself is what there is.
    const handle = await files.open(folder, 'r').catch(() => undefined);
    if (handle === undefined) return;
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  async function writeWhole(
    aside: string,
    flags: 'w' | 'wx',
    content: string | AsyncIterable<string | Uint8Array>,
  ): Promise<void> {
    const handle = await files.open(aside, flags, FILE_MODE);
    try {
      if (typeof content === 'string') await handle.writeFile(content);
      else for await (const chunk of content) await handle.writeFile(chunk);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** Some disks (exFAT, some shares) have no second names: there the file is not whole from its first moment. */
  async function linkOrWrite(aside: string, target: string, text: string): Promise<void> {
    try {
      await files.link(aside, target);
    } catch (error) {
      const code = systemCode(error);
      if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error;
      await writeWhole(target, 'wx', text);
    }
  }

  return {
    name: path,
    nameOf,

    async list() {
      try {
        return await files.readdir(folder);
      } catch (error) {
        switch (systemCode(error)) {
          case 'ENOENT':
            return [];
          case 'ENOTDIR':
            throw new StopError(
              'JOB_UNUSABLE',
              `${path} is a file, and a job is a folder: name another with --job`,
            );
          default:
            throw new StopError('JOB_UNUSABLE', `the job ${path} cannot be read: ${messageOf(error)}`);
        }
      }
    },

    async read(file) {
      try {
        return await files.readFile(at(file));
      } catch (error) {
        if (systemCode(error) === 'ENOENT') return undefined;
        throw new StopError('JOB_UNUSABLE', `${nameOf(file)} cannot be read: ${messageOf(error)}`);
      }
    },

    async create() {
      try {
        await files.mkdir(folder, FOLDER_MODE);
        await files.checkWritable(folder);
      } catch (error) {
        throw new StopError(
          'JOB_UNUSABLE',
          systemCode(error) === 'EEXIST' || systemCode(error) === 'ENOTDIR'
            ? `${path} cannot be a job folder, there is a file in its place: name another with --job`
            : `the job folder ${path} cannot be written to (${messageOf(error)}): name another with --job`,
        );
      }
    },

    createFile: (file, text) =>
      attempt(file, async () => {
        // Written under a name of its own first: under this name it is whole from the first moment on.
        const aside = at(`${file}.${randomUUID()}`);
        try {
          await writeWhole(aside, 'wx', text);
          await linkOrWrite(aside, at(file), text);
          await syncFolder();
          return true;
        } catch (error) {
          if (systemCode(error) === 'EEXIST') return false;
          throw error;
        } finally {
          await files.unlink(aside).catch(() => {});
        }
      }),

    replace: (file, content) =>
      attempt(file, async () => {
        const aside = at(`${file}.new`);
        await writeWhole(aside, 'w', content);
        await files.rename(aside, at(file));
        await syncFolder();
      }),

    remove: (file) =>
      attempt(file, async () => {
        await files.unlink(at(file)).catch((error: unknown) => {
          if (systemCode(error) !== 'ENOENT') throw error;
        });
      }),

    async discard() {
      // Where it cannot be taken back, an empty job stays: no reason to hide why it came to nothing.
      const names = await files.readdir(folder).catch(() => []);
      // The hold goes last: with it, another run may come in.
      const isHold = (name: string): number => (name.startsWith('hold-') ? 1 : 0);
      for (const name of names.sort((a, b) => isHold(a) - isHold(b)))
        await files.unlink(at(name)).catch(() => {});
      await files.rmdir(folder).catch(() => {});
    },

    async size(file) {
      try {
        return (await files.stat(at(file))).size;
      } catch (error) {
        if (systemCode(error) === 'ENOENT') return 0;
        throw new StopError('JOB_UNUSABLE', `${nameOf(file)} cannot be read: ${messageOf(error)}`);
      }
    },

    async *readFrom(file, start, end) {
      if (end <= start) return;
      try {
        const handle = await files.open(at(file), 'r');
        try {
          yield* readChunks(handle, start, end);
        } finally {
          await handle.close();
        }
      } catch (error) {
        if (systemCode(error) === undefined) throw error;
        throw new StopError('JOB_UNUSABLE', `${nameOf(file)} cannot be read: ${messageOf(error)}`);
      }
    },

    openJournal: (file, length) =>
      attempt(file, () => openJournal(files, at(file), length, (work) => attempt(file, work))),

    async startOver({ file, text }) {
      const fresh = `${folder}.${randomUUID()}`;
      await attempt(file, async () => {
        await files.mkdir(fresh, FOLDER_MODE);
        await writeWhole(join(fresh, file), 'wx', text);
      });
      let number = 1;
      while (await exists(files, `${folder}.${number}`)) number++;
      await attempt('', () => files.rename(folder, `${folder}.${number}`));
      try {
        await files.rename(fresh, folder);
      } catch {
        await files.unlink(join(fresh, file));
        await files.rmdir(fresh);
        throw new StopError('JOB_HELD', `${path} is just being taken by another run: wait for it to end`);
      }
      return `${path.replace(/[/\\]+$/, '')}.${number}`;
    },
  };
}

async function openJournal(
  files: FileSystem,
  path: string,
  start: number,
  attempt: <T>(work: () => Promise<T>) => Promise<T>,
): Promise<Journal> {
  const handle = await files.open(path, 'a', FILE_MODE);
  await handle.chmod(FILE_MODE);
  await handle.truncate(start);
  let length = start;
  return {
    get length() {
      return length;
    },
    append: (text) =>
      attempt(async () => {
        const bytes = Buffer.from(text);
        let written = 0;
        try {
          while (written < bytes.length) written += (await handle.write(bytes, written)).bytesWritten;
        } catch (error) {
          // A full disk may have taken a part: no half line stays, so far as the system lets us.
          await handle.truncate(length).catch(() => {});
          throw error;
        }
        length += bytes.length;
      }),
    sync: () => attempt(() => handle.datasync()),
    close: () => handle.close(),
  };
}

const exists = (files: FileSystem, path: string): Promise<boolean> =>
  files.stat(path).then(
    () => true,
    () => false,
  );

function unwritable(name: string, error: unknown): StopError {
  const full = systemCode(error) === 'ENOSPC' || systemCode(error) === 'EDQUOT';
  const what = full ? 'the disk is full' : messageOf(error);
  const advice = full ? 'make room, then resume' : 'see to that, then resume';
  return new StopError('JOB_UNWRITABLE', `${name} cannot be written: ${what}; ${advice}`, { cause: error });
}
