import { Readable } from 'node:stream';
import { parse } from 'csv-parse/sync';
import { type StopCode, StopError } from '../../src/errors.js';
import { loadRows } from '../../src/job-rows.js';
import type { RunOptions } from '../../src/options.js';
import { endedWell, type Outcome, type Status } from '../../src/outcome.js';
import { run as runJob } from '../../src/run.js';
import { createRandom } from '../../src/simulator/random.js';
import type { World } from '../../src/world.js';
import { parseCheckpoint } from '../../src/write/checkpoint.js';
import type { Holder } from '../../src/write/hold.js';
import type { Summary } from '../../src/write/summary.js';
import { SimulatedDisk } from './disk.js';
import { unpackInTurn } from './gunzip.js';
import { type Host, Life, type Witness } from './life.js';
import {
  CALM,
  drawPlan,
  type Episode,
  HOME,
  type Input,
  type Plan,
  type Scope,
  type Start,
  type Theft,
} from './plan.js';
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
const JOB = '/work/users.job';
const REPORT = `${JOB}/report.csv`;
const CHECKPOINT = `${JOB}/checkpoint.json`;
const SPOOL = `${JOB}/source.csv`;
const FOLDER_GONE = /hold-\d+\.json cannot be written: ENOENT/;
const HOLD = /^hold-\d+\.json$/;
/** A job that is not done by then never will be. */
const MOST_EPISODES = 100;
/** From this one on nothing goes wrong any more, so that every job comes to its end. */
const CALM_FROM_EPISODE = 12;
/** A run whose hold is taken from it looks after it once a second. */
const NOTICED_AFTER_MS = 1_500;
const MOST_STEPS = 2_000_000;
/** Without a timer to wait for. */
const MOST_IDLE_STEPS = 5;

class Violation extends Error {
  override readonly name = 'Violation';
}

function ensure(holds: boolean, what: () => string): void {
  if (!holds) throw new Violation(what());
}

/** Runs one job to its end, through everything the seed has in store, and checks what must always hold. */
export async function simulate(seed: number, scope: Scope = { thefts: 'never' }): Promise<Story> {
  const time = takeOverTime();
  const giveBackGunzip = unpackInTurn();
  const simulation = new Simulation(seed, time, scope);
  try {
    return await simulation.play();
  } finally {
    simulation.stop();
    giveBackGunzip();
    time.restore();
  }
}

/** A process, and what is to be checked of it. */
interface Run {
  readonly life: Life;
  readonly start: Start;
  readonly drain: AbortController;
  readonly abort: AbortController;
  /** Who changed the job when this one started. */
  readonly changerAtStart: Life | undefined;
  readonly spooledAtStart: boolean;
  /** Another process lived meanwhile. */
  hadCompany: boolean;
  readonly result: { summary?: Summary; error?: unknown };
}

class Simulation {
  readonly #seed: number;
  readonly #time: SimulatedTime;
  readonly #random: () => number;
  readonly #plan: Plan;
  readonly #disk = new SimulatedDisk();
  readonly #service: SimulatedService;
  readonly #met = new Map<string, number>();
  readonly #hosts = new Map<string, Host>();
  readonly #dead: Life[] = [];
  /** The runs of this episode. */
  #runs: Run[] = [];
  #runsBegun = 0;
  /** Processes that are still to come in. */
  #toCome = 0;
  /** A job that starts over is the next one. */
  #job = 1;
  #finished = false;
  /** The reports of the jobs that were put aside, as they were then. */
  readonly #putAside: Buffer[] = [];
  /** Who has changed the job and has not given it back. */
  #changer: Life | undefined;
  #robbed: { readonly life: Life; readonly atMs: number } | undefined;
  /** The program takes what the disk throws for an error of the disk, so it is kept here. */
  #violation: unknown;
  readonly #witness: Witness = {
    note: (what) => this.#note(what),
    performs: (life, operation, path) => this.#performs(life, operation, path),
    onCheckpoint: () => this.#checkBookmark(),
    powerGoes: () => this.#losePower(),
    over: (life) => this.#over(life),
  };

  constructor(seed: number, time: SimulatedTime, scope: Scope) {
    this.#seed = seed;
    this.#time = time;
    this.#random = createRandom(seed, 'mishaps');
    this.#plan = drawPlan(createRandom(seed, 'plan'), scope);
    this.#service = new SimulatedService(
      createRandom(seed, 'service'),
      () => time.now(),
      (ms) => new Promise((resolve) => time.after(ms, resolve)),
    );
    for (const [username, state] of this.#plan.users) {
      this.#service.users.set(username, { state, confirmedBy: undefined });
    }
    const { bytes, comes, form } = this.#plan.source;
    if (comes === 'as-file') this.#disk.put(SOURCE, bytes);
    this.#note(`source: ${form}${comes === 'as-file' ? '' : ' on standard input'}`);
  }

  async play(): Promise<Story> {
    for (let episode = 1; !this.#finished; episode++) {
      ensure(episode <= MOST_EPISODES, () => `the job is not done after ${MOST_EPISODES} episodes`);
      const calm = episode >= CALM_FROM_EPISODE;
      this.#service.faults = calm ? NO_FAULTS : this.#plan.serviceFaults;
      this.#service.everyRequest = undefined;
      await this.#live(calm ? CALM : this.#plan.episode(this.#random));
      this.#checkReport();
      this.#deleteHoldOfTheDead();
    }
    this.#checkEnd();
    this.#checkPutAside();
    const statuses = new Map<Status, number>();
    for (const { status } of this.#report()) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    for (const [fault, count] of this.#service.met) this.#met.set(fault, count);
    return {
      seed: this.#seed,
      runs: this.#runsBegun,
      rows: this.#plan.rows.length,
      calls: this.#service.calls.length,
      met: this.#met,
      statuses,
    };
  }

  /** Where a check has failed, nobody goes on beyond the simulated time. */
  stop(): void {
    for (const { life } of this.#runs) life.end();
  }

  /** Until the first process and those that come in meanwhile are over. */
  async #live({ first, others, theft }: Episode): Promise<void> {
    this.#runs = [];
    this.#robbed = undefined;
    this.#toCome = others.length;
    const alone = others.length === 0;
    const begin = (start: Start): void => {
      this.#toCome--;
      this.#begin(start, alone);
    };
    if (theft !== undefined) this.#time.after(theft.afterMs, () => this.#steal(theft));
    const followers: (() => void)[] = [];
    this.#begin(first, alone);
    for (const [index, other] of others.entries()) {
      this.#note(`a ${['second', 'third'][index] ?? 'further one'} ${other.entrance.kind}`);
      switch (other.entrance.kind) {
        case 'together':
          begin(other);
          break;
        case 'meanwhile':
          this.#time.after(other.entrance.afterMs, () => begin(other));
          break;
        case 'follows': {
          const { afterMs } = other.entrance;
          followers.push(() =>
            afterMs === 0 ? begin(other) : this.#time.after(afterMs, () => begin(other)),
          );
        }
      }
    }
    const [{ life: firstLife }] = this.#runs as [Run];
    let idle = 0;
    for (let steps = 0; this.#toCome > 0 || this.#runs.some(({ life }) => !life.dead); steps++) {
      if (firstLife.dead) for (const follow of followers.splice(0)) follow();
      ensure(steps < MOST_STEPS, () => 'the run does not come to its end');
      idle = (await this.#time.step()) ? 0 : idle + 1;
      ensure(idle < MOST_IDLE_STEPS, () => 'the run waits for nothing: a deadlock');
      if (this.#violation !== undefined) throw this.#violation;
    }
    this.#time.forgetTimers();
    await this.#time.settle();
    if (this.#violation !== undefined) throw this.#violation;
  }

  /** Starts the program. */
  #begin(start: Start, alone: boolean): void {
    this.#runsBegun++;
    const host = this.#host(start.host);
    const life = new Life(
      this.#pid(host, start),
      start,
      {
        host,
        time: this.#time,
        disk: this.#disk,
        random: this.#random,
        birthsKnown: this.#plan.birthsKnown,
      },
      this.#witness,
    );
    host.births.set(life.pid, `${this.#runsBegun}`);
    if (start.host !== HOME) this.#note('on another host');
    const input = this.#input(start, alone);
    const others = this.#runs.filter((each) => !each.life.dead);
    for (const other of others) other.hadCompany = true;
    const run: Run = {
      life,
      start: { ...start, input },
      drain: new AbortController(),
      abort: new AbortController(),
      changerAtStart: this.#changer,
      spooledAtStart: this.#isSpooled(),
      hadCompany: others.length > 0,
      result: {},
    };
    this.#runs.push(run);
    this.#schedule(run);
    const options: RunOptions = {
      ...this.#plan.options,
      source: this.#plan.source.comes === 'as-file' ? SOURCE : '-',
      job: JOB,
      fresh: start.fresh,
      userPoolId: 'us-east-1_Simulation',
      signal: run.drain.signal,
      abortSignal: run.abort.signal,
      input: input === 'none' ? undefined : this.#pipe(input),
    };
    const reported = new Set<number>();
    const onOutcome = ({ row }: Outcome): void => {
      this.#must(!reported.has(row), () => `row ${row} is reported twice in one run`);
      reported.add(row);
    };
    runJob(options, { onOutcome }, this.#worldOf(run, reported)).then(
      (summary) => this.#end(run, { summary }),
      (error: unknown) => this.#end(run, { error }),
    );
  }

  /** `reported` is filled with the rows that are done when the run begins to send. */
  #worldOf({ drain, life, start }: Run, reported: Set<number>): World {
    const { concurrency, ratePerSecond } = this.#plan;
    const starts: number[] = [];
    let inFlight = 0;
    return {
      clock: {
        now: () => this.#time.now(),
        date: () => new Date(Date.now()),
        sleep: async (ms, signal) => {
          await sleep(ms, signal);
          await life.ifAlive();
        },
      },
      random: createRandom(this.#seed, `run ${this.#runsBegun}`),
      files: life.files,
      processes: life.processes,
      objects: () => Promise.reject(new Error('there is no object store')),
      connect: async () => {
        const job = this.#job;
        this.#must(start.input !== 'other', () => 'another input is taken for that of the job');
        for (const { row } of this.#report()) reported.add(row);
        return {
          endpoint: 'the simulation',
          quota: async () => ({ perSecond: 50, known: 'in-force', problem: undefined }),
          close: async () => {},
          confirm: async ({ row, ...rest }, signal) => {
            await life.operation('send', 'before');
            if (life.dead) return new Promise(() => {});
            this.#performs(life, 'send', '');
            this.#must(!drain.signal.aborted, () => `row ${row} is sent after the drain`);
            this.#must(!reported.has(row), () => `row ${row} is sent though its line stands in the report`);
            this.#must(
              job !== this.#job || this.#coveredByCheckpoint(row),
              () => `row ${row} is sent, and no checkpoint says so`,
            );
            this.#must(inFlight < concurrency, () => 'more in flight than allowed');
            this.#must(
              open(row, reported) <= concurrency * 10,
              () => `row ${row} is read ahead of the window`,
            );
            starts.push(this.#time.now());
            this.#must(isWithinRate(starts, ratePerSecond), () => `more starts than ${ratePerSecond}/s`);
            inFlight++;
            const reply = await this.#service.confirm({ row, ...rest }, job, signal, () => !life.dead);
            inFlight--;
            await life.operation('send', 'after');
            return reply;
          },
        };
      },
    };
  }

  #host(name: string): Host {
    const host = this.#hosts.get(name) ?? { name, births: new Map() };
    this.#hosts.set(name, host);
    return host;
  }

  #pid({ births, name }: Host, start: Start): number {
    const free = this.#dead.filter(({ host, pid }) => host === name && !births.has(pid));
    const last = free.at(-1);
    if (start.pid === 'of-the-dead' && last !== undefined) {
      this.#note('pid of a dead process');
      return last.pid;
    }
    return 100 + this.#runsBegun;
  }

  /** Another file comes only where the job has its own for sure. */
  #input({ fresh, input }: Start, alone: boolean): Input {
    if (this.#plan.source.comes === 'as-file') return 'same';
    const begun = this.#isSpooled();
    if (input === 'other' && (fresh || !alone || !begun)) return 'same';
    if (input !== 'same' || begun) this.#note(`standard input again: ${input}`);
    return input;
  }

  /** The job has begun, and keeps its input. */
  #isSpooled(): boolean {
    return this.#disk.content(CHECKPOINT) !== undefined && this.#disk.content(SPOOL) !== undefined;
  }

  /** What is piped into the program, which comes as it likes. */
  #pipe(input: 'same' | 'other'): Readable {
    const random = createRandom(this.#seed, `input ${this.#runsBegun}`);
    const bytes =
      input === 'same' ? this.#plan.source.bytes : Buffer.from('username\nsomebody.else@example.com\n');
    const time = this.#time;
    async function* chunks(): AsyncIterable<Buffer> {
      const most = 1 + Math.floor(random() * 64 * 1024);
      for (let at = 0; at < bytes.length; at += most) {
        if (random() < 0.1) await new Promise<void>((resolve) => time.after(random() * 500, resolve));
        yield bytes.subarray(at, at + most);
      }
    }
    return Readable.from(chunks());
  }

  /** The process has come to its end by itself. */
  #end(run: Run, result: { summary?: Summary; error?: unknown }): void {
    if (run.life.dead) return;
    Object.assign(run.result, result);
    const wasChanger = this.#changer;
    run.life.end();
    try {
      this.#understand(run, wasChanger);
    } catch (error) {
      this.#violation ??= error;
    }
  }

  #understand(run: Run, changer: Life | undefined): void {
    const { changerAtStart, life, result, start } = run;
    const { error, summary } = result;
    const interrupted = start.mishap.kind === 'interrupt' && summary?.ending === 'interrupted';
    const diskFails = start.mishap.kind === 'disk-full' || start.mishap.kind === 'sync-fails';
    if (changerAtStart !== undefined && changerAtStart === changer) {
      const held = error instanceof StopError && error.code === 'JOB_HELD';
      ensure(
        held || interrupted || diskFails,
        () => `a run ends with ${summary?.ending ?? String(error)} though another has the job all the time`,
      );
    }
    if (this.#robbed?.life === life && this.#time.now() > this.#robbed.atMs + NOTICED_AFTER_MS) {
      // JOB_HELD, or what stopped it before it looked.
      ensure(
        error instanceof StopError,
        () => `the run that lost its hold ends with ${summary?.ending ?? String(error)}`,
      );
    }
    if (error === undefined) {
      this.#note(`ended: ${summary?.ending}`);
      if (summary?.ending === 'finished' && this.#robbed?.life !== life) this.#finished = true;
      return;
    }
    // A bug: anything the program does not say in its own words.
    if (!(error instanceof StopError)) throw error;
    this.#note(`stopped: ${error.code}`);
    const expected: StopCode[] = ['CREDENTIALS', 'NO_CONNECTION'];
    if (diskFails) expected.push('JOB_UNWRITABLE', 'JOB_UNUSABLE');
    if (run.hadCompany || this.#robbed?.life === life || this.#holderElsewhere(life.host)) {
      expected.push('JOB_HELD');
    }
    // Where the folder is put elsewhere while the job is being opened, half of it is seen.
    if (this.#robbed?.life === life) expected.push('JOB_UNWRITABLE', 'JOB_DAMAGED');
    // The folder was put aside, or taken back, while the hold was being written: JOB_HELD would say more.
    if (run.hadCompany && FOLDER_GONE.test(error.message)) expected.push('JOB_UNWRITABLE');
    const needsInput = start.fresh || run.hadCompany || !run.spooledAtStart;
    if (start.input === 'none' && needsInput) expected.push('SOURCE_EMPTY');
    if (start.input === 'other') expected.push('JOB_MISMATCH');
    ensure(expected.includes(error.code), () => `unexpected end: ${error.code} ${error.message}`);
  }

  /** Killed, or at its end. */
  #over(life: Life): void {
    if (this.#changer === life) this.#changer = undefined;
    const { births } = this.#host(life.host);
    births.delete(life.pid);
    this.#dead.push(life);
    if (this.#plan.birthsKnown && this.#random() < 0.1) {
      this.#note('pid taken by a stranger');
      births.set(life.pid, `stranger ${this.#dead.length}`);
    }
  }

  #losePower(): void {
    for (const { life } of this.#runs) life.end();
    for (const { births } of this.#hosts.values()) births.clear();
    this.#disk.losePower(this.#random);
  }

  /** One process only changes the job or sends at any time, until it gives the job back or is dead. */
  #performs(life: Life, operation: string, path: string): void {
    if (operation === 'rename' && path === JOB) {
      this.#startsOver(life);
      return;
    }
    const inJob = path.startsWith(`${JOB}/`);
    const changes = ['write', 'truncate', 'rename', 'unlink', 'link'].includes(operation) && inJob;
    if (!changes && operation !== 'send') return;
    const file = path.slice(JOB.length + 1);
    if (file.startsWith('hold-')) {
      // Released, or the job is taken back as a whole.
      const given = operation === 'rename' || (operation === 'unlink' && file.endsWith('.json'));
      if (given && this.#changer === life) this.#changer = undefined;
      return;
    }
    this.#change(life, operation === 'send' ? 'sends' : `does ${operation} ${file}`);
    if (operation === 'unlink' && path === REPORT) {
      const lines = this.#report().length;
      this.#must(lines === 0, () => `a report of ${lines} lines is deleted`);
    }
  }

  #change(life: Life, what: string): void {
    const other = this.#changer;
    this.#must(
      other === undefined || other === life,
      () => `process ${life.pid} on ${life.host} ${what} while process ${other?.pid} has the job`,
    );
    if (this.#robbed?.life !== life) this.#changer = life;
    else {
      const sinceMs = this.#time.now() - this.#robbed.atMs;
      this.#must(sinceMs <= NOTICED_AFTER_MS, () => `a run ${what} ${sinceMs} ms after its hold was lost`);
    }
  }

  #startsOver(life: Life): void {
    this.#change(life, 'puts the job aside');
    this.#note('started over');
    this.#changer = undefined;
    this.#putAside.push(this.#disk.content(REPORT) ?? Buffer.alloc(0));
    this.#job++;
    this.#finished = false;
  }

  /** Somebody believes a process dead that lives. */
  #steal({ kind }: Theft): void {
    const life = this.#changer;
    if (life === undefined) return;
    this.#note(`robbed: ${kind}`);
    this.#robbed = { life, atMs: this.#time.now() };
    this.#changer = undefined;
    switch (kind) {
      case 'hold-deleted':
        this.#deleteHolds();
        return;
      case 'folder-moved':
        this.#disk.moveFolder(JOB, `/work/moved-${this.#job}`);
        this.#job++;
        this.#finished = false;
    }
  }

  #deleteHolds(): void {
    for (const name of this.#disk.names(JOB)) {
      if (HOLD.test(name)) this.#disk.remove(`${JOB}/${name}`);
    }
  }

  /** Whether the one who has the job, dead or alive, is on another host: nobody can tell from here. */
  #holderElsewhere(host: string): boolean {
    const highest = this.#disk
      .names(JOB)
      .filter((name) => HOLD.test(name))
      .sort()
      .at(-1);
    const holder = JSON.parse(this.#disk.content(`${JOB}/${highest}`)?.toString() ?? 'null') as Holder | null;
    return holder !== null && !holder.released && holder.host !== host;
  }

  /** As the message of JOB_HELD says: where the holder on another host is surely dead. */
  #deleteHoldOfTheDead(): void {
    const refused = this.#runs.some(
      ({ result }) => (result.error as StopError | undefined)?.code === 'JOB_HELD',
    );
    if (!refused || !this.#holderElsewhere(HOME)) return;
    this.#note('hold of a dead process deleted');
    this.#deleteHolds();
  }

  #schedule({ abort, drain, life, start: { mishap } }: Run): void {
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

  #must(holds: boolean, what: () => string): void {
    if (!holds) this.#violation ??= new Violation(what());
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
    this.#must(
      !named || reportBytes <= durable,
      () => `the checkpoint is at ${reportBytes}, the report at ${durable}`,
    );
  }

  /** Nobody writes into a report that was put aside; a loss of power may have cut it. */
  #checkPutAside(): void {
    for (const [index, then] of this.#putAside.entries()) {
      const now = this.#disk.content(`${JOB}.${index + 1}/report.csv`) ?? Buffer.alloc(0);
      ensure(
        then.subarray(0, now.length).equals(now),
        () => `the report put aside as ${JOB}.${index + 1} was changed afterwards`,
      );
    }
  }

  /** Exactly one line for each row, and each says what the service did. */
  #checkEnd(): void {
    const { rows } = this.#plan;
    const lines = this.#report();
    ensure(lines.length === rows.length, () => `${rows.length} rows, ${lines.length} lines`);
    const calls = new Map<number, Call[]>();
    const ours = this.#service.calls.filter(({ job }) => job === this.#job);
    for (const call of ours) calls.set(call.row, [...(calls.get(call.row) ?? []), call]);
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
    const summary = JSON.parse(this.#disk.content(`${JOB}/summary.json`)?.toString() ?? '{}') as Summary;
    ensure(summary.done === rows.length, () => `the summary counts ${summary.done} of ${rows.length} rows`);
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

function isWithinRate(starts: number[], ratePerSecond: number): boolean {
  const now = starts.at(-1) ?? 0;
  while ((starts[0] ?? now) <= now - 1_000) starts.shift();
  return starts.length <= ratePerSecond * 1.02 + Math.max(1, Math.ceil(ratePerSecond / 200));
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
