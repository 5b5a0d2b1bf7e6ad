import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import { messageOf, StopError, systemCode } from '../errors.js';
import { type FileSystem, readChunks, systemFiles } from '../file-system.js';
import type { Flush } from '../options.js';
import { currentHolder, holdOfNext, takeHold } from './numbered-hold.js';
import type { FileContent, JobStore, Journal } from './store.js';

// Usernames are personal data: folder and files are for their owner alone.
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** A job that lives in a folder on a disk. */
export interface FolderStore extends JobStore {
  /** Writes a new file and nothing else: false where there is one of that name, or no folder any more. */
  createFile(file: string, text: string): Promise<boolean>;
  /**
   * Renames the job and puts a new one in its place that has this one file from its first moment on: nobody can
   * come in between. Returns where the old one is. Throws JOB_HELD where somebody was quicker.
   */
  startOver(first: { readonly file: string; readonly text: string }): Promise<string>;
}

/** How often a run looks after its hold. */
const LOOK_MS = 1_000;

/** A disk costs nothing. */
const FLUSH: Flush = { rows: Number.POSITIVE_INFINITY, ms: 1_000 };

export function folderStore(path: string, files: FileSystem = systemFiles): FolderStore {
  const folder = resolve(path);
  const nameOf = (file: string): string => join(path, file);
  const at = (file: string): string => join(folder, file);

  /** Aborts where the hold of this run is gone: then nothing is written any more. */
  const lost = new AbortController();

  async function attempt<T>(file: string, work: () => Promise<T>): Promise<T> {
    lost.signal.throwIfAborted();
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

  async function writeWhole(aside: string, flags: 'w' | 'wx', content: FileContent): Promise<void> {
    const handle = await files.open(aside, flags, FILE_MODE);
    try {
      if (typeof content === 'string') await handle.writeFile(content);
      else {
        const chunks = typeof content === 'function' ? content() : content;
        for await (const chunk of chunks) await handle.writeFile(chunk);
      }
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

  const store: FolderStore = {
    name: path,
    nameOf,
    flush: FLUSH,

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

    async take(clock, processes) {
      let hold = await takeHold(store, clock.date(), processes);
      const ending = new AbortController();
      let lookedMs = clock.now();
      let startsOver = false;

      /** No run takes a job from a process that lives, but somebody who believes it dead may delete its hold. */
      async function look(): Promise<void> {
        const looksMs = clock.now();
        // A disk that does not answer says nothing of the hold.
        const isOurs = await hold.isOurs().catch(() => true);
        if (!isOurs && !startsOver && !ending.signal.aborted) lost.abort(lostHold(path));
        lookedMs = looksMs;
      }

      async function keepLooking(): Promise<void> {
        while (!ending.signal.aborted && !lost.signal.aborted) {
          await clock.sleep(LOOK_MS, ending.signal).catch(() => {});
          if (!ending.signal.aborted) await look();
        }
      }

      void keepLooking();
      return {
        lost: lost.signal,
        isSure: () => !lost.signal.aborted && clock.now() - lookedMs <= 2 * LOOK_MS,
        async sure() {
          if (clock.now() - lookedMs > 2 * LOOK_MS) await look();
          lost.signal.throwIfAborted();
        },
        async startOver() {
          // Between two renames there is no hold at all.
          startsOver = true;
          const before = hold;
          const aside = await store.startOver(before.next);
          hold = holdOfNext(store, before);
          await before.release(folderStore(aside, files));
          startsOver = false;
          return aside;
        },
        async release() {
          ending.abort();
          await hold.release();
        },
      };
    },

    holder: (processes) => currentHolder(store, processes),

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
          // Where the folder itself is gone, another run has put it aside, or taken it back.
          if (systemCode(error) === 'EEXIST' || systemCode(error) === 'ENOENT') return false;
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
  return store;
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
    finish: () => attempt(() => handle.datasync()),
    close: () => handle.close(),
  };
}

const exists = (files: FileSystem, path: string): Promise<boolean> =>
  files.stat(path).then(
    () => true,
    () => false,
  );

const lostHold = (path: string): StopError =>
  new StopError(
    'JOB_HELD',
    `${path} is not held by this run any more (its hold-*.json was deleted, or the folder moved): where no other run goes on there, run again`,
  );

function unwritable(name: string, error: unknown): StopError {
  const full = systemCode(error) === 'ENOSPC' || systemCode(error) === 'EDQUOT';
  const what = full ? 'the disk is full' : messageOf(error);
  const advice = full ? 'make room, then resume' : 'see to that, then resume';
  return new StopError('JOB_UNWRITABLE', `${name} cannot be written: ${what}; ${advice}`, { cause: error });
}
