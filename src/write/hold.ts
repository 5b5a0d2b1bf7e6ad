import { randomUUID } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { systemCode } from '../errors.js';

/** The right to write to a job: one run at a time. */
export interface Hold {
  /** Aborts when the job is ours no more; its reason is the StopError to end with. */
  readonly lost: AbortSignal;
  /**
   * Awaited right before each request to the service: resolves only while the job is surely ours. Throws a
   * StopError where it is not.
   */
  sure(): Promise<void>;
  /** Whether that still holds, without a wait. */
  isSure(): boolean;
  /** Puts what the job has aside; a new one in its place is ours. Gives the place of the old one. */
  startOver(): Promise<string>;
  /** Gives the job back. */
  release(): Promise<void>;
}

/** Who holds a job. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly user: string;
  readonly since: string;
  /** Tells this process from an earlier one of the same number; empty where the system does not say. */
  readonly bornAt: string;
  /** Missing where the system does not say. */
  readonly place?: Place | undefined;
  readonly released: boolean;
  readonly id: string;
}

/** Where a process has its number: two containers may well have the same host name, and both a process 1. */
export interface Place {
  /** Stays over a boot; empty where the system has none. */
  readonly machine: string;
  /** Another one with each boot. */
  readonly boot: string;
  /** Another one in each container. */
  readonly namespace: string;
}

/** What is asked of the system about processes. */
export interface Processes {
  readonly pid: number;
  exists(pid: number): boolean;
  /** When a process was started, in the system's own count; undefined where it does not say. */
  bornAt(pid: number): Promise<string | undefined>;
  /** Where this process is; missing or undefined where the system does not say. */
  place?(): Promise<Place | undefined>;
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
  async place() {
    try {
      const [boot, namespace] = await Promise.all([
        readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
        readlink('/proc/self/ns/pid'),
      ]);
      const machine = await readFile('/etc/machine-id', 'utf8').catch(() => '');
      return { machine: machine.trim(), boot: boot.trim(), namespace };
    } catch {
      return undefined;
    }
  },
};

/** Who runs us. A process in a container may have a number that no user has. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? '?'}`;
  }
}

/** This process, as the holder of a job from now on. */
export async function newHolder(processes: Processes, now: Date): Promise<Holder> {
  return {
    pid: processes.pid,
    host: hostname(),
    user: userName(),
    since: now.toISOString(),
    bornAt: (await processes.bornAt(processes.pid)) ?? '',
    place: await processes.place?.(),
    released: false,
    id: randomUUID(),
  };
}

/** The name that Linux gives to the processes outside of all containers. */
const OUTSIDE = 'pid:[4026531836]';

/**
 * Where a holder is, seen from here: only `here` does the number of its process mean anything. `before-boot` is
 * this machine before it was started anew. Where a system tells no place, `unplaced` decides what the name of
 * the host is worth: two hosts that share a disk seldom have the same one, two that share a bucket may.
 */
export async function whereIs(
  { host, place }: Pick<Holder, 'host' | 'place'>,
  processes: Processes,
  unplaced: 'by-host' | 'elsewhere',
): Promise<'here' | 'before-boot' | 'elsewhere'> {
  const mine = await processes.place?.();
  if (place === undefined || mine === undefined) {
    return unplaced === 'by-host' && host === hostname() ? 'here' : 'elsewhere';
  }
  if (place.boot === mine.boot) return place.namespace === mine.namespace ? 'here' : 'elsewhere';
  const sameMachine = place.machine !== '' && place.machine === mine.machine && host === hostname();
  const bothOutside = place.namespace === OUTSIDE && mine.namespace === OUTSIDE;
  return sameMachine && bothOutside ? 'before-boot' : 'elsewhere';
}

/** Whether the holder's process is surely no more: what is elsewhere, nobody here can tell. */
export async function isSurelyDead(
  holder: Holder,
  processes: Processes,
  unplaced: 'by-host' | 'elsewhere',
): Promise<boolean> {
  switch (await whereIs(holder, processes, unplaced)) {
    case 'elsewhere':
      return false;
    case 'before-boot':
      return true;
    case 'here': {
      if (!processes.exists(holder.pid)) return true;
      // A number is used again sooner or later, and in a container every run may have the number 1.
      const born = await processes.bornAt(holder.pid);
      return born !== undefined && holder.bornAt !== '' && born !== holder.bornAt;
    }
  }
}

export const holderInWords = ({ host, pid, since, user }: Holder): string =>
  `process ${pid} of ${user} on ${host}, since ${since}`;
