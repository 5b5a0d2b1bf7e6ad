import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { StopError, systemCode } from '../errors.js';
import type { JobStore } from './store.js';

/** Who holds a job. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly user: string;
  readonly since: string;
  /** Tells this process from an earlier one of the same number; empty where the system does not say. */
  readonly bornAt: string;
  readonly released: boolean;
  readonly id: string;
}

/** What is asked of the system about processes. */
export interface Processes {
  readonly pid: number;
  exists(pid: number): boolean;
  /** When a process was started, in the system's own count; undefined where it does not say. */
  bornAt(pid: number): Promise<string | undefined>;
}

export const systemProcesses: Processes = {
  pid: process.pid,
  exists(pid) {
    try {
      process.kill(pid, 0);
      return true;
    } catch (error) {
      return systemCode(error) === 'EPERM';
    }
  },
  async bornAt(pid) {
    try {
      const status = await readFile(`/proc/${pid}/stat`, 'utf8');
      // The name of the program, in brackets, may hold anything; the 22nd field is the time of the start.
      return status.slice(status.lastIndexOf(')') + 2).split(' ')[19];
    } catch {
      return undefined;
    }
  },
};

/** The right to write to a job: one run at a time. */
export interface Hold {
  /** The file of the hold that comes after this one, ours as well: a job that starts over begins with it. */
  readonly next: { readonly file: string; readonly text: string };
  /** Gives the job back; `where` is its store, where it has been put aside meanwhile. */
  release(where?: JobStore): Promise<void>;
}

/** Who runs us. A process in a container may have a number that no user has. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? '?'}`;
  }
}

const NAME = /^hold-(\d+)\.json$/;
const nameOf = (number: number): string => `hold-${String(number).padStart(6, '0')}.json`;

/**
 * Takes the job, or throws JOB_HELD where another run has it.
 *
 * Holds are files with rising numbers, each made whole and only where there is none of its name, and the
 * highest tells who has the job. To take it over from a dead process is to make the next number, which only one
 * can. The highest file is never
 * deleted, only marked as released: a number that came back would let a slow process in beside the holder.
 */
export async function takeHold(
  store: JobStore,
  now: Date,
  processes: Processes = systemProcesses,
): Promise<Hold> {
  const me: Holder = {
    pid: processes.pid,
    host: hostname(),
    user: userName(),
    since: now.toISOString(),
    bornAt: (await processes.bornAt(processes.pid)) ?? '',
    released: false,
    id: randomUUID(),
  };
  const highest = await highestNumber(store);
  if (highest > 0) {
    const holder = await readHolder(store, highest);
    if (holder !== undefined && (await isAlive(holder, processes))) throw held(store, holder);
  }
  const mine = nameOf(highest + 1);
  if (!(await store.createFile(mine, json(me)))) throw beingTaken(store);
  // Who was slow since the look at the highest number may have made one that others have left behind by now.
  if ((await highestNumber(store)) > highest + 1) {
    await store.remove(mine);
    throw beingTaken(store);
  }
  for (let older = highest; older > 0 && older > highest - 2; older--) await store.remove(nameOf(older));
  return {
    next: { file: nameOf(highest + 2), text: json(me) },
    release: (where = store) => where.replace(mine, json({ ...me, released: true })),
  };
}

/** Who holds the job now, if anybody alive does. */
export async function currentHolder(
  store: JobStore,
  processes: Processes = systemProcesses,
): Promise<Holder | undefined> {
  const highest = await highestNumber(store);
  if (highest === 0) return undefined;
  const holder = await readHolder(store, highest);
  return holder !== undefined && (await isAlive(holder, processes)) ? holder : undefined;
}

/** The right to a job that began with the `next` of a hold. */
export function holdOfNext(store: JobStore, { next }: Hold): Hold {
  const number = Number(NAME.exec(next.file)?.[1]);
  const me = JSON.parse(next.text) as Holder;
  return {
    next: { file: nameOf(number + 1), text: next.text },
    release: (where = store) => where.replace(next.file, json({ ...me, released: true })),
  };
}

async function highestNumber(store: JobStore): Promise<number> {
  const numbers = (await store.list()).map((file) => Number(NAME.exec(file)?.[1] ?? 0));
  return Math.max(0, ...numbers);
}

/** Undefined where the file is gone meanwhile, or no hold of ours: a hold is whole from its first moment on. */
async function readHolder(store: JobStore, number: number): Promise<Holder | undefined> {
  try {
    return JSON.parse((await store.read(nameOf(number))) ?? '') as Holder;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function isAlive(holder: Holder, processes: Processes): Promise<boolean> {
  if (holder.released) return false;
  // Whether a process lives on another host, nobody here can tell: its run may well go on.
  if (holder.host !== hostname()) return true;
  if (!processes.exists(holder.pid)) return false;
  // A number is used again sooner or later, and in a container every run may have the number 1.
  const born = await processes.bornAt(holder.pid);
  return born === undefined || holder.bornAt === '' || born === holder.bornAt;
}

const json = (holder: Holder): string => `${JSON.stringify(holder, null, 2)}\n`;

const beingTaken = ({ name }: JobStore): StopError =>
  new StopError('JOB_HELD', `${name} is just being taken by another run: wait for it to end`);

const held = (store: JobStore, { host, pid, since, user }: Holder): StopError =>
  new StopError(
    'JOB_HELD',
    `${store.name} is held by another run (process ${pid} of ${user} on ${host}, since ${since}): ` +
      (host === hostname()
        ? 'wait for it to end, or stop it'
        : `wait for it to end; where it is surely dead, delete the job's hold-*.json`),
  );
