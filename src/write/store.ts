import type { Clock } from '../clock.js';
import { StopError } from '../errors.js';
import type { FileSystem } from '../file-system.js';
import { isObjectAddress, type ObjectStorage, parseObjectAddress } from '../object-storage.js';
import { DEFAULT_FLUSH, DEFAULT_LEASE_MS, type Flush } from '../options.js';
import { folderStore } from './folder-store.js';
import type { Hold, Holder, Processes } from './hold.js';
import { objectStore } from './object-store.js';

export { folderStore } from './folder-store.js';

/** The files of a job, in a folder or in an object store; nothing outside this stage knows which. */
export interface JobStore {
  /** For messages. */
  readonly name: string;
  /** For messages, and to read a file of the job as a source: where it lies. */
  nameOf(file: string): string;
  /** How often what goes on is to be saved. */
  readonly flush: Flush;
  /** The names of the files there are; empty where there is no job yet. */
  list(): Promise<string[]>;
  /** The whole of a small file, or undefined where there is none. */
  read(file: string): Promise<string | undefined>;
  /** Makes the job where there is none. */
  create(): Promise<void>;
  /** Takes the job for this run. Throws JOB_HELD where another run has it. */
  take(clock: Clock, processes: Processes): Promise<Hold>;
  /** Who has the job now, if anybody alive does. */
  holder(processes: Processes): Promise<Holder | undefined>;
  /** Replaces a file in one step, so that a kill at any moment leaves the old one or the new one. */
  replace(file: string, content: FileContent): Promise<void>;
  remove(file: string): Promise<void>;
  /** Takes back a job that nothing has come of, and gives it back. */
  discard(): Promise<void>;
  size(file: string): Promise<number>;
  readFrom(file: string, start: number, end: number): AsyncIterable<Buffer>;
  /** Opens an append-only file and cuts off what lies behind `length`. */
  openJournal(file: string, length: number): Promise<Journal>;
}

/** A text, or what comes piece by piece; a function can be asked for it once more, where others write too. */
export type FileContent =
  | string
  | AsyncIterable<string | Uint8Array>
  | (() => AsyncIterable<string | Uint8Array>);

/** An append-only file. */
export interface Journal {
  /**
   * Takes text over. In a folder it is in the system's hands when this resolves, and outlives a kill of the
   * process; in an object store it waits for the next sync.
   */
  append(text: string): Promise<void>;
  /** Waits until what was taken over is where it outlives everything. */
  sync(): Promise<void>;
  /** The same, and brings the file into the form in which it is to stay: nothing more will come. */
  finish(): Promise<void>;
  close(): Promise<void>;
  /** Bytes taken over so far, those before it was opened among them. */
  readonly length: number;
}

/** What stores are made of. */
export interface StoreWorld {
  readonly files: FileSystem;
  /** Connects to the object store, once for all who ask. */
  objects(): Promise<ObjectStorage>;
}

/** Of a job in an object store. */
export interface StoreSettings {
  readonly flush: Flush;
  /** How long a run that is dead, or cannot be reached, keeps the job. */
  readonly leaseMs: number;
}

/** Opens the job at a path or an address; nothing is written yet. */
export async function openStore(
  path: string,
  { files, objects }: StoreWorld,
  { flush, leaseMs }: StoreSettings = { flush: DEFAULT_FLUSH, leaseMs: DEFAULT_LEASE_MS },
): Promise<JobStore> {
  if (!isObjectAddress(path)) return folderStore(path, files);
  const address = parseObjectAddress(path);
  if (address === undefined || address.key === '' || address.key === '/') {
    throw new StopError(
      'JOB_UNUSABLE',
      `${path} cannot be a job: name it with --job as s3://bucket/prefix/, with a prefix of its own`,
    );
  }
  return objectStore(await objects(), address, { flush, leaseMs });
}
