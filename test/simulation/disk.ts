import { dirname } from 'node:path';
import type { FileFacts, FileSystem, OpenFile } from '../../src/file-system.js';

/** What a disk does wrong, decided for each call. */
export interface DiskFaults {
  /** Called before each operation: may take its time, and never comes back where the process is dead. */
  before(operation: string, path: string): Promise<void>;
  /** True once the process is dead: what it was about to do is not done any more. */
  gone(): boolean;
  /** Called at the very moment of an operation, nothing comes between. */
  performs(operation: string, path: string): void;
  /** Called after each operation that changed something. */
  after(operation: string, path: string): Promise<void>;
  /** How many of these bytes a write takes. Throws where the disk is full or fails. */
  accepts(bytes: number): number;
  /** Throws where a sync fails. */
  sync(): void;
}

/** A file's content: what the system has, and what would be there after a loss of power. */
interface Inode {
  content: Buffer;
  durable: Buffer;
  mtimeMs: number;
  /** The process whose sync has failed: later syncs of its own succeed without the pages. */
  forgottenBy?: object;
}

type Entries = Map<string, Inode>;

/**
 * A disk that keeps its word and no more: data is durable after a sync of the file, names after a sync of the
 * folder. A kill of the process loses nothing; a loss of power loses what was not synced, or a part of it.
 */
export class SimulatedDisk {
  #entries: Entries = new Map();
  #durableEntries: Entries = new Map();
  /** What was done to names since the last sync of a folder, in order. */
  #pending: (() => void)[] = [];
  readonly #folders = new Set<string>(['/']);

  /** The disk as a process sees it. */
  seenBy(faults: DiskFaults, now: () => number): FileSystem {
    const change = (apply: (entries: Entries) => void): void => {
      apply(this.#entries);
      this.#pending.push(() => apply(this.#durableEntries));
    };
    const operation = <T>(name: string, path: string, work: () => T): Promise<T> =>
      perform(faults, name, path, work);

    return {
      open: (path, flags) =>
        operation('open', path, () => {
          const there = this.#entries.get(path);
          if (flags === 'r' && this.#folders.has(path)) return this.#openFolder(path, faults);
          if (flags === 'r' && there === undefined) throw failure('ENOENT', `open '${path}'`);
          if (flags === 'wx' && there !== undefined) throw failure('EEXIST', `open '${path}'`);
          if (!this.#folders.has(dirname(path))) throw failure('ENOENT', `open '${path}'`);
          const inode = there ?? { content: Buffer.alloc(0), durable: Buffer.alloc(0), mtimeMs: now() };
          if (there === undefined) change((entries) => entries.set(path, inode));
          if (flags === 'w') {
            inode.content = Buffer.alloc(0);
            delete inode.forgottenBy;
          }
          return this.#openFile(path, inode, faults, now);
        }),
      readFile: (path) => operation('readFile', path, () => this.#inode(path).content.toString()),
      readdir: (path) =>
        operation('readdir', path, () => {
          if (this.#entries.has(path)) throw failure('ENOTDIR', `scandir '${path}'`);
          if (!this.#folders.has(path)) throw failure('ENOENT', `scandir '${path}'`);
          return this.#within(path);
        }),
      stat: (path) =>
        operation('stat', path, () => (this.#folders.has(path) ? folderFacts : factsOf(this.#inode(path)))),
      rename: (from, to) =>
        operation('rename', from, () => {
          if (this.#folders.has(from)) return this.moveFolder(from, to);
          const inode = this.#inode(from);
          change((entries) => {
            entries.delete(from);
            entries.set(to, inode);
          });
        }),
      link: (from, to) =>
        operation('link', from, () => {
          const inode = this.#inode(from);
          if (this.#entries.has(to)) throw failure('EEXIST', `link '${to}'`);
          change((entries) => entries.set(to, inode));
        }),
      unlink: (path) =>
        operation('unlink', path, () => {
          this.#inode(path);
          change((entries) => entries.delete(path));
        }),
      rmdir: (path) =>
        operation('rmdir', path, () => {
          if (!this.#folders.has(path)) throw failure('ENOENT', `rmdir '${path}'`);
          if (this.#within(path).length > 0) throw failure('ENOTEMPTY', `rmdir '${path}'`);
          this.#folders.delete(path);
        }),
      mkdir: (path) =>
        operation('mkdir', path, () => {
          // Folders are taken to be durable at once: the program makes one before it has anything to lose.
          for (let each = path; each !== '/'; each = dirname(each)) this.#folders.add(each);
        }),
      checkWritable: (path) => operation('access', path, () => {}),
    };
  }

  /** Puts a file there, durable. */
  put(path: string, content: string | Buffer): void {
    for (let each = dirname(path); each !== '/'; each = dirname(each)) this.#folders.add(each);
    const bytes = Buffer.from(content as string);
    const inode = { content: bytes, durable: bytes, mtimeMs: 1 };
    this.#entries.set(path, inode);
    this.#durableEntries.set(path, inode);
  }

  /** Somebody deletes a file by hand. */
  remove(path: string): void {
    this.#entries.delete(path);
    this.#pending.push(() => this.#durableEntries.delete(path));
  }

  /**
   * What was done to the names in a folder goes with it, and is as durable as its new name. Taken to be durable at
   * once: a journal keeps the order of names, so what is synced in the new place makes the move durable too.
   */
  moveFolder(from: string, to: string): void {
    if (this.#folders.has(to) && this.#within(to).length > 0) throw failure('ENOTEMPTY', `rename '${from}'`);
    for (const apply of this.#pending) apply();
    this.#pending = [];
    for (const entries of [this.#entries, this.#durableEntries]) {
      for (const [path, inode] of [...entries]) {
        if (!path.startsWith(`${from}/`)) continue;
        entries.delete(path);
        entries.set(to + path.slice(from.length), inode);
      }
    }
    this.#folders.delete(from);
    this.#folders.add(to);
  }

  /** The names of what lies in a folder. */
  names(folder: string): string[] {
    return this.#within(folder);
  }

  /** What the system has; undefined where there is no such file. */
  content(path: string): Buffer | undefined {
    return this.#entries.get(path)?.content;
  }

  /** What would be there after a loss of power at this moment, at the least. */
  durable(path: string): Buffer | undefined {
    return this.#durableEntries.get(path)?.durable;
  }

  /** The power goes: what was not synced is gone, or some of it, in the order in which it was done. */
  losePower(random: () => number): void {
    const kept = Math.floor(random() * (this.#pending.length + 1));
    for (const apply of this.#pending.slice(0, kept)) apply();
    this.#pending = [];
    for (const inode of this.#durableEntries.values()) inode.content = this.#survivor(inode, random);
    this.#entries = new Map(this.#durableEntries);
    for (const inode of this.#entries.values()) inode.durable = inode.content;
    // A file that is back has its folder back.
    for (const path of this.#entries.keys()) this.#folders.add(dirname(path));
  }

  /** Appended data may be there in part; anything else is as it was synced. */
  #survivor({ content, durable }: Inode, random: () => number): Buffer {
    const appended = content.length > durable.length && content.subarray(0, durable.length).equals(durable);
    if (!appended) return durable;
    return content.subarray(0, durable.length + Math.floor(random() * (content.length - durable.length + 1)));
  }

  #inode(path: string): Inode {
    const inode = this.#entries.get(path);
    if (inode === undefined) throw failure('ENOENT', `open '${path}'`);
    return inode;
  }

  #within(folder: string): string[] {
    return [...this.#entries.keys()]
      .filter((path) => dirname(path) === folder)
      .map((path) => path.slice(folder.length + 1));
  }

  #openFolder(path: string, faults: DiskFaults): OpenFile {
    const unsupported = async (): Promise<never> => {
      throw failure('EISDIR', `read '${path}'`);
    };
    return {
      read: unsupported,
      write: unsupported,
      writeFile: unsupported,
      truncate: unsupported,
      datasync: unsupported,
      chmod: async () => {},
      stat: async () => folderFacts,
      sync: () =>
        perform(faults, 'sync folder', path, () => {
          faults.sync();
          for (const apply of this.#pending) apply();
          this.#pending = [];
        }),
      close: async () => {},
    };
  }

  #openFile(path: string, inode: Inode, faults: DiskFaults, now: () => number): OpenFile {
    const append = (bytes: Uint8Array): number => {
      const taken = faults.accepts(bytes.length);
      inode.content = Buffer.concat([inode.content, bytes.subarray(0, taken)]);
      inode.mtimeMs = now();
      return taken;
    };
    const operation = <T>(name: string, work: () => T): Promise<T> => perform(faults, name, path, work);
    const sync = (): Promise<void> =>
      operation('sync', () => {
        try {
          faults.sync();
        } catch (error) {
          inode.forgottenBy = faults;
          throw error;
        }
        if (inode.forgottenBy !== faults) inode.durable = inode.content;
      });
    return {
      read: (buffer, offset, length, position) =>
        operation('read', () => {
          const bytes = inode.content.subarray(position, position + length);
          bytes.copy(buffer, offset);
          return { bytesRead: bytes.length, buffer };
        }),
      write: (buffer, offset) =>
        operation('write', () => ({ bytesWritten: append(buffer.subarray(offset)) })),
      writeFile: (data) =>
        operation('write', () => {
          let bytes: Uint8Array = Buffer.from(data as string);
          while (bytes.length > 0) bytes = bytes.subarray(append(bytes));
        }),
      truncate: (length) =>
        operation('truncate', () => {
          inode.content = inode.content.subarray(0, length);
        }),
      chmod: async () => {},
      stat: async () => factsOf(inode),
      datasync: sync,
      sync,
      close: async () => {},
    };
  }
}

async function perform<T>(faults: DiskFaults, name: string, path: string, work: () => T): Promise<T> {
  await faults.before(name, path);
  if (faults.gone()) return new Promise(() => {});
  faults.performs(name, path);
  const result = work();
  await faults.after(name, path);
  return result;
}

const factsOf = ({ content, mtimeMs }: Inode): FileFacts => ({
  size: content.length,
  mtimeMs,
  isFile: () => true,
  isDirectory: () => false,
});

const folderFacts: FileFacts = { size: 0, mtimeMs: 0, isFile: () => false, isDirectory: () => true };

const failure = (code: string, what: string): Error => Object.assign(new Error(`${code}: ${what}`), { code });
