import { hostname } from 'node:os';
import type { FileSystem } from '../../src/file-system.js';
import type { Processes } from '../../src/write/hold.js';
import type { SimulatedDisk } from './disk.js';
import type { Mishap, Start } from './plan.js';
import type { SimulatedTime } from './time.js';

/** A machine: its name, and the numbers of the processes that live on it with the times of their starts. */
export interface Host {
  readonly name: string;
  readonly births: Map<number, string>;
}

/** Who looks on while processes live. */
export interface Witness {
  note(what: string): void;
  /** At the very moment of an operation. */
  performs(life: Life, operation: string, path: string): void;
  /** The checkpoint has just been replaced. */
  onCheckpoint(): void;
  /** The lights go out: for every process. */
  powerGoes(): void;
  /** Killed, or at its end. */
  over(life: Life): void;
}

interface Surroundings {
  readonly host: Host;
  readonly time: SimulatedTime;
  readonly disk: SimulatedDisk;
  readonly random: () => number;
  readonly birthsKnown: boolean;
}

/** One process: what it sees of its machine, and when it dies. */
export class Life {
  readonly pid: number;
  readonly host: string;
  readonly files: FileSystem;
  readonly processes: Processes;
  /** Killed, or at its end: it does nothing any more. */
  dead = false;
  readonly #start: Start;
  readonly #around: Surroundings;
  readonly #witness: Witness;
  #operations = 0;
  #written = 0;
  #failedWrites = 0;
  #syncs = 0;

  constructor(pid: number, start: Start, around: Surroundings, witness: Witness) {
    const { birthsKnown, disk, host, random, time } = around;
    this.pid = pid;
    this.host = host.name;
    this.#start = start;
    this.#around = around;
    this.#witness = witness;
    const seen = disk.seenBy(
      {
        before: (operation) => this.operation(operation, 'before'),
        after: async (operation, path) => {
          if (operation === 'rename' && path.includes('checkpoint')) witness.onCheckpoint();
          await this.operation(operation, 'after');
        },
        gone: () => this.dead,
        performs: (operation, path) => witness.performs(this, operation, path),
        accepts: (bytes) => this.#accepts(bytes, random),
        sync: () => this.#sync(),
      },
      () => time.now(),
    );
    this.files = onHost(seen, host.name);
    this.processes = {
      pid,
      exists: (other) => host.births.has(other),
      bornAt: async (other) => (birthsKnown ? host.births.get(other) : undefined),
    };
  }

  get mishap(): Mishap {
    return this.#start.mishap;
  }

  /** A moment at which the process can die. Whoever is dead waits for ever. */
  async operation(name: string, when: 'before' | 'after'): Promise<void> {
    if (when === 'before' && name !== 'send') await this.#waitForDisk();
    const { mishap } = this.#start;
    this.#operations++;
    if (mishap.kind === 'kill-at-operation' && this.#operations === mishap.operation && !this.dead) {
      this.kill(mishap.power);
      if (when === 'before') this.#witness.note('killed before an operation');
    }
    await this.ifAlive();
  }

  /** Goes on only where the process lives. */
  async ifAlive(): Promise<void> {
    if (this.dead) await new Promise(() => {});
  }

  kill(power: 'stays' | 'goes'): void {
    if (this.dead) return;
    this.#witness.note(power === 'goes' ? 'power lost' : 'kill -9');
    this.end();
    if (power === 'goes') this.#witness.powerGoes();
  }

  end(): void {
    if (this.dead) return;
    this.dead = true;
    this.#witness.over(this);
  }

  async #waitForDisk(): Promise<void> {
    const { mostMs, share, slowOperations } = this.#start.disk;
    if (slowOperations === 0) return;
    const { random, time } = this.#around;
    if (random() >= (this.#operations < 2 * slowOperations ? share : 0.02)) return;
    const ms = random() * mostMs;
    await new Promise<void>((resolve) => time.after(ms, resolve));
  }

  #accepts(bytes: number, random: () => number): number {
    const { mishap } = this.#start;
    if (mishap.kind === 'disk-full') {
      const room = mishap.afterBytes - this.#written;
      if (room <= 0 && this.#failedWrites < mishap.writes) {
        this.#failedWrites++;
        this.#witness.note('disk full');
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      }
      const taken = room <= 0 ? bytes : Math.min(bytes, room);
      this.#written += taken;
      return taken;
    }
    if (bytes > 1 && random() < 0.05) {
      this.#witness.note('short write');
      return 1 + Math.floor(random() * (bytes - 1));
    }
    return bytes;
  }

  #sync(): void {
    const { mishap } = this.#start;
    this.#syncs++;
    if (mishap.kind !== 'sync-fails' || this.#syncs !== mishap.sync) return;
    this.#witness.note('sync failed');
    throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' });
  }
}

const isHold = (path: string): boolean => path.includes('/hold-');

/**
 * The program asks the system for the name of its host, and all of the simulation runs on one. So whoever lives on
 * `host` reads its own name as this one's in the files of holds, and what it writes there is put right.
 */
function onHost(files: FileSystem, host: string): FileSystem {
  const named = (name: string): string => `"host": ${JSON.stringify(name)}`;
  return {
    ...files,
    async readFile(path) {
      const text = await files.readFile(path);
      return isHold(path) ? text.replace(named(host), named(hostname())) : text;
    },
    async open(path, flags, mode) {
      const file = await files.open(path, flags, mode);
      if (!isHold(path)) return file;
      return {
        ...file,
        writeFile: (data) => file.writeFile(String(data).replace(named(hostname()), named(host))),
      };
    },
  };
}
