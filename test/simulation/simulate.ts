import { parse } from 'csv-parse/sync';
import { StopError } from '../../src/errors.js';
import type { FileSystem } from '../../src/file-system.js';
import { loadRows } from '../../src/job-rows.js';
import type { RunOptions } from '../../src/options.js';
import { endedWell, type Outcome, type Status } from '../../src/outcome.js';
import { run } from '../../src/run.js';
import { createRandom } from '../../src/simulator/random.js';
import type { World } from '../../src/world.js';
import { parseCheckpoint } from '../../src/write/checkpoint.js';
import type { Processes } from '../../src/write/hold.js';
import type { Summary } from '../../src/write/summary.js';
import { SimulatedDisk } from './disk.js';
import { drawPlan, type Mishap, type Plan } from './plan.js';
import { type Call, NO_FAULTS, SimulatedService } from './service.js';
import { type SimulatedTime, takeOverTime } from './time.js';

/** What one seed has gone through. */
export interface Story {
  readonly seed: number;
  readonly runs: number;
  readonly rows: number;
  readonly calls: number;
  /** How often each thing went wrong. */
  readonly met: ReadonlyMap<string, number>;
  readonly statuses: ReadonlyMap<Status, number>;
}

const SOURCE = '/work/users.csv';
const REPORT = '/work/users.job/report.csv';
const CHECKPOINT = '/work/users.job/checkpoint.json';
/** A job that is not done by then never will be. */
const MOST_RUNS = 100;
/** From this run on nothing goes wrong any more, so that every job comes to its end. */
const CALM_FROM_RUN = 12;
const MOST_STEPS = 2_000_000;

class Violation extends Error {
  override readonly name = 'Violation';
}

function ensure(holds: boolean, what: () => string): void {
  if (!holds) throw new Violation(what());
}

/** Runs one job to its end, through everything the seed has in store, and checks what must always hold. */
export async function simulate(seed: number): Promise<Story> {
  const time = takeOverTime();
  try {
    return await new Simulation(seed, time).play();
  } finally {
    time.restore();
  }
}

class Simulation {
  readonly #seed: number;
  readonly #time: SimulatedTime;
  readonly #random: () => number;
  readonly #plan: Plan;
  readonly #disk = new SimulatedDisk();
  readonly #service: SimulatedService;
  readonly #met = new Map<string, number>();
  #pid = 100;
  #runs = 0;

  constructor(seed: number, time: SimulatedTime) {
    this.#seed = seed;
    this.#time = time;
    this.#random = createRandom(seed, 'mishaps');
    this.#plan = drawPlan(createRandom(seed, 'plan'));
    this.#service = new SimulatedService(
      createRandom(seed, 'service'),
      () => time.now(),
      (ms) => new Promise((resolve) => time.after(ms, resolve)),
    );
    for (const [username, state] of this.#plan.users) {
      this.#service.users.set(username, { state, confirmedBy: undefined });
    }
    this.#disk.put(SOURCE, this.#plan.csv);
  }

  async play(): Promise<Story> {
    let finished = false;
    while (!finished) {
      this.#runs++;
      ensure(this.#runs <= MOST_RUNS, () => `the job is not done after ${MOST_RUNS} runs`);
      const calm = this.#runs >= CALM_FROM_RUN;
      this.#service.faults = calm ? NO_FAULTS : this.#plan.serviceFaults;
      this.#service.everyRequest = undefined;
      const mishap = calm ? { kind: 'none' as const } : this.#plan.mishap(this.#random);
      finished = await this.#oneRun(mishap);
      this.#checkReport();
    }
    this.#checkEnd();
    const statuses = new Map<Status, number>();
    for (const { status } of this.#report()) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    for (const [fault, count] of this.#service.met) this.#met.set(fault, count);
    return {
      seed: this.#seed,
      runs: this.#runs,
      rows: this.#plan.rows.length,
      calls: this.#service.calls.length,
      met: this.#met,
      statuses,
    };
  }

  /** Runs the program once, with one mishap. Returns whether the job is finished. */
  async #oneRun(mishap: Mishap): Promise<boolean> {
    const life = new Life(++this.#pid, this.#time, this.#disk, mishap, this.#random, (what) =>
      this.#note(what),
    );
    const drain = new AbortController();
    const abort = new AbortController();
    this.#schedule(mishap, life, drain, abort);

    const reported = new Set(this.#report().map(({ row }) => row));
    const starts: number[] = [];
    const { concurrency, ratePerSecond } = this.#plan;
    const world: World = {
      clock: {
        now: () => this.#time.now(),
        date: () => new Date(Date.now()),
        sleep: (ms, signal) => sleep(ms, signal),
      },
      random: createRandom(this.#seed, `run ${this.#runs}`),
      files: life.files,
      processes: life.processes,
      objects: () => Promise.reject(new Error('there is no object store')),
      connect: async () => ({
        endpoint: 'the simulation',
        close: async () => {},
        confirm: async (row, signal) => {
          await life.operation('send', 'before');
          ensure(!drain.signal.aborted, () => `row ${row.row} is sent after the drain`);
          ensure(!reported.has(row.row), () => `row ${row.row} is sent though its line stands in the report`);
          ensure(
            this.#coveredByCheckpoint(row.row),
            () => `row ${row.row} is sent, and no checkpoint says so`,
          );
          ensure(
            this.#service.inFlight < concurrency || life.others > 0,
            () => 'more in flight than allowed',
          );
          ensure(
            open(row.row, reported) <= concurrency * 10,
            () => `row ${row.row} is read ahead of the window`,
          );
          starts.push(this.#time.now());
          checkRate(starts, ratePerSecond);
          const call = this.#service.calls.length;
          const reply = await this.#service.confirm(row, signal);
          if (life.dead) {
            const mine = this.#service.calls[call];
            if (mine !== undefined) mine.saidYes = false;
          }
          await life.operation('send', 'after');
          return reply;
        },
      }),
    };
    life.others = this.#service.inFlight;
    // The program takes what the disk throws for an error of the disk, so a violation met there is kept.
    let violation: unknown;
    life.onCheckpoint = () => {
      try {
        this.#checkBookmark();
      } catch (error) {
        violation ??= error;
      }
    };

    const options: RunOptions = {
      ...this.#plan.options,
      source: SOURCE,
      job: '/work/users.job',
      userPoolId: 'us-east-1_Simulation',
      signal: drain.signal,
      abortSignal: abort.signal,
    };
    const onOutcome = ({ row }: Outcome): void => {
      ensure(!reported.has(row), () => `row ${row} is reported twice in one run`);
      reported.add(row);
    };
    let ended: { summary?: Summary; error?: unknown } | undefined;
    run(options, { onOutcome }, world).then(
      (summary) => {
        ended = { summary };
      },
      (error: unknown) => {
        ended = { error };
      },
    );
    for (let steps = 0; ended === undefined && !life.dead; steps++) {
      ensure(steps < MOST_STEPS, () => 'the run does not come to its end');
      if (!(await this.#time.step())) {
        await this.#time.settle();
        ensure(ended !== undefined || life.dead, () => 'the run waits for nothing: a deadlock');
      }
    }
    this.#time.forgetTimers();
    await this.#time.settle();
    life.die();
    if (violation !== undefined) throw violation;
    if (life.powerLost) this.#disk.losePower(this.#random);
    return this.#understand(ended);
  }

  #understand(ended: { summary?: Summary; error?: unknown } | undefined): boolean {
    if (ended === undefined) return false;
    const { error, summary } = ended;
    if (error !== undefined) {
      // A Violation, or a bug: anything the program does not say in its own words.
      if (!(error instanceof StopError)) throw error;
      this.#note(`stopped: ${error.code}`);
      const expected = ['CREDENTIALS', 'JOB_UNWRITABLE', 'JOB_UNUSABLE', 'NO_CONNECTION'];
      ensure(expected.includes(error.code), () => `unexpected end: ${error.code} ${error.message}`);
      return false;
    }
    this.#note(`ended: ${summary?.ending}`);
    return summary?.ending === 'finished';
  }

  #schedule(mishap: Mishap, life: Life, drain: AbortController, abort: AbortController): void {
    switch (mishap.kind) {
      case 'kill-at-time':
        this.#time.after(mishap.afterMs, () => life.kill(mishap.power));
        return;
      case 'interrupt':
        this.#time.after(mishap.afterMs, () => {
          if (!life.dead) this.#note('Ctrl-C');
          drain.abort();
        });
        if (mishap.twiceAfterMs === undefined) return;
        this.#time.after(mishap.afterMs + mishap.twiceAfterMs, () => {
          if (!life.dead) this.#note('Ctrl-C twice');
          abort.abort();
        });
        return;
      case 'credentials':
        this.#time.after(mishap.afterMs, () => {
          if (life.dead) return;
          this.#note('credentials lost');
          this.#service.everyRequest = {
            name: 'ExpiredTokenException',
            message: 'The security token is expired',
          };
        });
        return;
      case 'stalls':
        for (let n = 1; n <= mishap.times; n++) {
          this.#time.after(n * mishap.everyMs, () => {
            if (life.dead) return;
            this.#note('stall');
            this.#time.stall(mishap.stallMs);
          });
        }
        return;
      case 'clock-step':
        this.#time.after(mishap.afterMs, () => {
          if (life.dead) return;
          this.#note('clock step');
          this.#time.shiftDate(mishap.stepMs);
        });
        return;
      case 'none':
      case 'kill-at-operation':
      case 'disk-full':
      case 'sync-fails':
    }
  }

  #note(what: string): void {
    this.#met.set(what, (this.#met.get(what) ?? 0) + 1);
  }

  /** The whole lines of the report as the system has it, read by a reading of its own. */
  #report(): { row: number; username: string; status: Status }[] {
    const text = wholeLines(this.#disk.content(REPORT)?.toString() ?? '');
    const records = parse(text, { columns: true }) as Record<string, string>[];
    return records.map(({ row, username = '', status }) => ({
      row: Number(row),
      username,
      status: status as Status,
    }));
  }

  #checkReport(): void {
    const rows = this.#report().map(({ row }) => row);
    ensure(
      new Set(rows).size === rows.length,
      () => `the report has a row twice: ${rows.sort((a, b) => a - b)}`,
    );
  }

  /** A row may be sent only when a checkpoint that survives a loss of power says that it may have been. */
  #coveredByCheckpoint(row: number): boolean {
    const text = this.#disk.durable(CHECKPOINT)?.toString();
    if (text === undefined) return false;
    const { rows, sentUpTo } = parseCheckpoint(text, CHECKPOINT);
    return row <= sentUpTo || loadRows(rows).inDoubt.has(row);
  }

  /** The checkpoint counts no line that a loss of power could take. */
  #checkBookmark(): void {
    const text = this.#disk.content(CHECKPOINT)?.toString();
    if (text === undefined) return;
    const { reportBytes } = parseCheckpoint(text, CHECKPOINT);
    const durable = this.#disk.durable(REPORT)?.length ?? 0;
    // The name of a new report is durable with the folder's next sync, which is this checkpoint's own.
    const named = this.#disk.durable(REPORT) !== undefined;
    ensure(
      !named || reportBytes <= durable,
      () => `the checkpoint is at ${reportBytes}, the report at ${durable}`,
    );
  }

  /** Exactly one line for each row, and each says what the service did. */
  #checkEnd(): void {
    const { rows } = this.#plan;
    const lines = this.#report();
    ensure(lines.length === rows.length, () => `${rows.length} rows, ${lines.length} lines`);
    const calls = new Map<number, Call[]>();
    for (const call of this.#service.calls) calls.set(call.row, [...(calls.get(call.row) ?? []), call]);
    for (const { row, status, username } of lines) {
      const expected = rows[row - 1];
      ensure(expected?.username === username, () => `row ${row} is told with another username`);
      const mine = calls.get(row) ?? [];
      const user = this.#service.users.get(username);
      const byUs = mine.some(({ confirmed }) => confirmed);
      const told = (what: string) => () => `row ${row} is ${status}, but ${what}`;
      switch (status) {
        case 'confirmed':
          ensure(
            mine.some(({ saidYes }) => saidYes),
            told('the service never said yes'),
          );
          ensure(byUs, told('no call of it confirmed the user'));
          break;
        case 'already-confirmed':
          ensure(user?.state === 'CONFIRMED', told(`the user is ${user?.state}`));
          ensure(!byUs, told('it was this row that confirmed the user'));
          break;
        case 'presumed-confirmed':
          ensure(user?.state === 'CONFIRMED', told(`the user is ${user?.state}`));
          break;
        case 'trigger-failed':
          ensure(byUs, told('no call of it confirmed the user'));
          break;
        case 'not-found':
          ensure(user === undefined, told('there is such a user'));
          break;
        case 'not-confirmable':
          ensure(user?.state === 'FORCE_CHANGE_PASSWORD', told(`the user is ${user?.state}`));
          break;
        case 'invalid':
          ensure(expected?.usable === false, told('the row can be used'));
          ensure(mine.length === 0, told('it was sent'));
          break;
        case 'failed':
          ensure(mine.length > 0, told('it was never sent'));
          break;
      }
      ensure(expected?.usable !== false || status === 'invalid', told('the row cannot be used'));
      ensure(
        !byUs || endedWell(status) || status === 'trigger-failed' || status === 'failed',
        told('we confirmed'),
      );
    }
    const summary = JSON.parse(
      this.#disk.content('/work/users.job/summary.json')?.toString() ?? '{}',
    ) as Summary;
    ensure(summary.done === rows.length, () => `the summary counts ${summary.done} of ${rows.length} rows`);
  }
}

/** One process: what it sees of the disk, and when it dies. */
class Life {
  readonly files: FileSystem;
  readonly processes: Processes;
  dead = false;
  powerLost = false;
  /** Requests of an earlier process that are still with the service. */
  others = 0;
  onCheckpoint: () => void = () => {};
  readonly #mishap: Mishap;
  readonly #note: (what: string) => void;
  #operations = 0;
  #written = 0;
  #failedWrites = 0;
  #syncs = 0;

  constructor(
    pid: number,
    time: SimulatedTime,
    disk: SimulatedDisk,
    mishap: Mishap,
    random: () => number,
    note: (what: string) => void,
  ) {
    this.#mishap = mishap;
    this.#note = note;
    this.files = disk.seenBy(
      {
        before: (operation) => this.operation(operation, 'before'),
        after: async (operation, path) => {
          if (operation === 'rename' && path.includes('checkpoint')) this.onCheckpoint();
          await this.operation(operation, 'after');
        },
        accepts: (bytes) => this.#accepts(bytes, random),
        sync: () => this.#sync(),
        random,
      },
      () => time.now(),
    );
    this.processes = {
      pid,
      // One process at a time: any other is dead.
      exists: (other) => other === pid,
      bornAt: async () => `${pid}`,
    };
  }

  /** A moment at which the process can die. Whoever is dead waits for ever. */
  async operation(_name: string, when: 'before' | 'after'): Promise<void> {
    const mishap = this.#mishap;
    this.#operations++;
    if (mishap.kind === 'kill-at-operation' && this.#operations === mishap.operation) {
      this.kill(mishap.power);
      if (when === 'before') this.#note('killed before an operation');
    }
    if (this.dead) await new Promise(() => {});
  }

  kill(power: 'stays' | 'goes'): void {
    if (this.dead) return;
    this.#note(power === 'goes' ? 'power lost' : 'kill -9');
    this.powerLost = power === 'goes';
    this.die();
  }

  die(): void {
    this.dead = true;
  }

  #accepts(bytes: number, random: () => number): number {
    const mishap = this.#mishap;
    if (mishap.kind === 'disk-full') {
      const room = mishap.afterBytes - this.#written;
      if (room <= 0 && this.#failedWrites < mishap.writes) {
        this.#failedWrites++;
        this.#note('disk full');
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      }
      const taken = room <= 0 ? bytes : Math.min(bytes, room);
      this.#written += taken;
      return taken;
    }
    if (bytes > 1 && random() < 0.05) {
      this.#note('short write');
      return 1 + Math.floor(random() * (bytes - 1));
    }
    return bytes;
  }

  #sync(): void {
    this.#syncs++;
    if (this.#mishap.kind !== 'sync-fails' || this.#syncs !== this.#mishap.sync) return;
    this.#note('sync failed');
    throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' });
  }
}

/** How many rows up to this one are read and not reported. */
function open(row: number, reported: ReadonlySet<number>): number {
  let done = 0;
  for (const each of reported) if (each <= row) done++;
  return row - done;
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const leave = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', leave);
      resolve();
    }, ms);
    signal.addEventListener('abort', leave, { once: true });
  });
}

function checkRate(starts: number[], ratePerSecond: number): void {
  const now = starts.at(-1) ?? 0;
  while ((starts[0] ?? now) <= now - 1_000) starts.shift();
  const most = ratePerSecond * 1.02 + Math.max(1, Math.ceil(ratePerSecond / 200));
  ensure(starts.length <= most, () => `${starts.length} starts in a second at a rate of ${ratePerSecond}`);
}

/** The text up to its last line end outside of quotes. */
function wholeLines(text: string): string {
  let end = 0;
  let inQuotes = false;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"') inQuotes = !inQuotes;
    else if (text[at] === '\n' && !inQuotes) end = at + 1;
  }
  return text.slice(0, end);
}
