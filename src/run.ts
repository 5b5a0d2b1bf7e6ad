import { hostname, userInfo } from 'node:os';
import type { Clock } from './clock.js';
import { duration } from './duration.js';
import { StopError } from './errors.js';
import type { Ending } from './exit-code.js';
import { defaultJob, type Job, openJob, surveyed, type Tell } from './job.js';
import type { Notice } from './notice.js';
import { type RunOptions, type Settings, toSettings } from './options.js';
import { countBad, noCounts, type Outcome } from './outcome.js';
import { readRows } from './read/rows.js';
import { countFailure, createReasons, noFailures, tooManyFailures } from './select/breaker.js';
import { decide } from './select/decide.js';
import type { Sent } from './send/attempts.js';
import { createSender, type Sender, type ToSend } from './send/send.js';
import { withSource } from './spool.js';
import { type Brake, createBrake, stopOfError } from './stop.js';
import { VERSION } from './version.js';
import { theWorld, type World } from './world.js';
import { CHECKPOINT_VERSION, MOST_RUNS_KEPT, type RunRecord } from './write/checkpoint.js';
import { writeFailedRows } from './write/failed.js';
import { type CheckpointFacts, type JobFiles, openJobFiles } from './write/job-files.js';
import { createPositions, type Positions } from './write/positions.js';
import { createSpeedMeter, eta, type Progress } from './write/progress.js';
import { SUMMARY_FILE, type Summary } from './write/summary.js';

/** What a caller may want to hear of while a run goes on. */
export interface RunCallbacks {
  /** Four times a second. */
  onProgress?(progress: Progress): void;
  onNotice?(notice: Notice): void;
  /** After the row's line is in the report. */
  onOutcome?(outcome: Outcome): void;
}

/**
 * Confirms every row of a source, as the command does: opens or resumes the job, sends what is to be sent,
 * writes report, checkpoint, failed.csv and summary.json.
 *
 * Throws a TypeError for a wrong option, before any I/O; a StopError where the run could not begin or had to
 * stop (its `summary` tells how far it came). A run that was stopped by a limit, by too many failures or by
 * a signal is no error: `summary.ending` says so.
 */
export async function run(
  options: RunOptions,
  callbacks: RunCallbacks = {},
  world: World = theWorld,
): Promise<Summary> {
  const settings = toSettings(options);
  const tell: Tell = (notice) => callbacks.onNotice?.(notice);
  if (settings.dryRun) return dryRun(settings, options, tell, world.clock);

  const job = await openJob(settings, options.input, tell, world);
  try {
    if (job.finished) return nothingToDo(job, settings, tell);
    return await confirmJob(job, settings, options, callbacks, tell, world);
  } finally {
    await job.close();
  }
}

/** One run of a job that is not finished: rows -> select -> send -> write. */
async function confirmJob(
  job: Job,
  settings: Settings,
  options: RunOptions,
  callbacks: RunCallbacks,
  tell: Tell,
  world: World,
): Promise<Summary> {
  const { rows, store } = job;
  const { clock, random } = world;
  const brake = createBrake(options.signal, options.abortSignal, ({ ending, error, message }) => {
    // Whoever interrupts a run knows it; an error is told once, when the run has come to its end.
    if (ending !== 'interrupted' && error === undefined)
      tell({ level: 'warning', code: 'stopping', message: `stopping: ${message}` });
  });
  const service = await world.connect(settings, options.cognito);
  const positions = createPositions(job.position);
  const record = createRecord(job, settings, positions, clock);
  const files = await openJobFiles({
    store,
    report: job.report,
    rows,
    sendAhead: settings.concurrency + Math.ceil(2 * settings.ratePerSecond),
    facts: () => record.facts(sender),
  });
  const sender: Sender = createSender({
    ...settings,
    confirm: service.confirm,
    endpoint: service.endpoint,
    draining: brake.draining,
    aborting: brake.aborting,
    stop: (error) => brake.pull(stopOfError(error)),
    clock,
    random,
    beforeSend: files.beforeSend,
  });
  tell(startNotice(job, settings, service.endpoint));

  const running = new AbortController();
  const meanwhile = Promise.all([
    files.saveEverySecond(clock, running.signal).catch((error) => brake.pull(stopOfError(error))),
    tellProgress(job, settings, sender, callbacks, clock, running.signal),
    tellWhenFull(settings, sender, tell, clock, running.signal),
    stopAfter(settings.maxDurationMs, brake, clock, running.signal),
  ]);
  let limitReached = false;
  const toSend = rowsToSend(job, settings, positions, brake, clock, () => {
    limitReached = true;
  });
  try {
    await writeOutcomes(sender.send(toSend), {
      job,
      settings,
      files,
      brake,
      onOutcome: (outcome) => callbacks.onOutcome?.(outcome),
    });
    // Not before: the rows within the limit are to be answered.
    if (limitReached) brake.pull({ ending: 'limit', message: `${settings.limit} rows are done (--limit)` });
  } catch (error) {
    brake.pull(stopOfError(error));
  } finally {
    running.abort();
    await meanwhile;
    brake.release();
    await service.close();
  }
  return endRun(job, files, record, sender, brake);
}

/** Reads the source, skips what is done, and hands on the rest until the limit is reached or the brake is pulled. */
async function* rowsToSend(
  { facts, position, rows, source }: Job,
  { limit }: Settings,
  positions: Positions,
  brake: Brake,
  clock: Clock,
  onLimit: () => void,
): AsyncIterable<ToSend> {
  let taken = 0;
  for await (const { row, start } of readRows(source, facts.layout, position)) {
    if (brake.draining.aborted) return;
    const decision = decide(row, rows, clock.date());
    if (decision.do === 'skip') continue;
    if (taken === limit) return onLimit();
    taken++;
    positions.add(start);
    yield decision;
  }
}

/** Writes the lines as the rows are done, and pulls the brake when too many of them are bad. */
async function writeOutcomes(
  batches: AsyncIterable<readonly Sent[]>,
  context: {
    job: Job;
    settings: Settings;
    files: JobFiles;
    brake: Brake;
    onOutcome: (outcome: Outcome) => void;
  },
): Promise<void> {
  const { brake, files, job, onOutcome, settings } = context;
  const { inDoubt } = job.rows;
  const reasons = createReasons();
  let failures = noFailures;
  let writable = true;
  for await (const batch of batches) {
    const outcomes: Outcome[] = [];
    for (const sent of batch) {
      if (sent.status !== 'unanswered') outcomes.push(sent);
      else if (sent.inDoubt) inDoubt.add(sent.row);
    }
    try {
      if (writable) await files.append(outcomes);
    } catch (error) {
      brake.pull(stopOfError(error));
      writable = false;
    }
    if (!writable) {
      // What cannot be written is not done: on resume the service will say what became of it.
      for (const { attempts, row } of outcomes) if (attempts > 0) inDoubt.add(row);
      continue;
    }
    for (const outcome of outcomes) {
      failures = countFailure(failures, outcome);
      reasons.note(outcome);
      onOutcome(outcome);
    }
    const tooMany = tooManyFailures(failures, settings);
    if (tooMany !== undefined) {
      brake.pull({ ending: 'too-many-failures', message: `${tooMany}; most often: ${reasons.inWords()}` });
    }
  }
}

/** Writes what belongs to the end of a run, and says how it ended. */
async function endRun(
  job: Job,
  files: JobFiles,
  record: RunRecorder,
  sender: Sender,
  brake: Brake,
): Promise<Summary> {
  const { facts, rows, source, store } = job;
  const allDone = rows.done.size === facts.total;
  const ending: Ending = allDone ? 'finished' : (brake.reason?.ending ?? 'cannot-go-on');
  let error = allDone ? undefined : brake.reason?.error;
  if (!allDone && brake.reason === undefined) {
    error = new StopError(
      'SOURCE_CHANGED',
      `${source.name} ended before its ${facts.total} rows: was it changed? Put it back, or start over with --fresh`,
    );
  }
  try {
    if (allDone) {
      const { firstRow, delimiter, mapping } = facts.layout;
      const header = firstRow.offset === 0 ? undefined : mapping.columns;
      await writeFailedRows(store, rows.failed, header, delimiter, () =>
        readRows(source, facts.layout, firstRow),
      );
    }
    record.end(ending);
    // Before the checkpoint says that the job is finished: a run that finds it so does nothing.
    const summary = record.summary(ending, sender, error);
    await store.replace(SUMMARY_FILE, `${JSON.stringify(summary, null, 2)}\n`);
    await files.close();
  } catch (writeError) {
    error ??= stopOfError(writeError).error;
  }
  const summary = record.summary(error === undefined ? ending : 'cannot-go-on', sender, error);
  if (error === undefined) return summary;
  error.summary = summary;
  throw error;
}

/** What the checkpoint and the summary say of this run beside its rows. */
interface RunRecorder {
  facts(sender: Sender): CheckpointFacts;
  end(ending: Ending): void;
  summary(ending: Ending, sender: Sender, error?: StopError): Summary;
}

function createRecord(job: Job, settings: Settings, positions: Positions, clock: Clock): RunRecorder {
  const { before, facts, rows, store } = job;
  const doneBefore = rows.done.size;
  const startedMs = clock.now();
  let state: CheckpointFacts['state'] = 'running';
  let thisRun: RunRecord = {
    startedAt: clock.date().toISOString(),
    endedAt: '',
    ending: 'running',
    user: userInfo().username,
    host: hostname(),
    version: VERSION,
  };
  const runs = (): RunRecord[] => [...before.runs, thisRun].slice(-MOST_RUNS_KEPT);
  const elapsedMs = (): number => clock.now() - startedMs;

  return {
    facts: (sender) => ({
      version: CHECKPOINT_VERSION,
      state,
      job: facts,
      position: positions.first((row) => rows.done.has(row)),
      throttled: before.throttled + sender.stats().throttled,
      activeMs: Math.round(before.activeMs + elapsedMs()),
      pacePerSecond: sender.stats().pacePerSecond,
      updatedAt: clock.date().toISOString(),
      runs: runs(),
    }),
    end(ending) {
      state = ending === 'finished' ? 'finished' : 'stopped';
      thisRun = { ...thisRun, ending, endedAt: clock.date().toISOString() };
    },
    summary(ending, sender, error) {
      const { requests, throttled } = sender.stats();
      const seconds = Math.max(elapsedMs(), 1) / 1_000;
      return {
        ...summaryOf(job, settings, ending),
        ...(error === undefined ? {} : { stop: { code: error.code, message: error.message } }),
        job: store.name,
        throttled: before.throttled + throttled,
        startedAt: thisRun.startedAt,
        endedAt: thisRun.endedAt || clock.date().toISOString(),
        activeMs: Math.round(before.activeMs + elapsedMs()),
        rowsPerSecond: round((rows.done.size - doneBefore) / seconds),
        requestsPerSecond: round(requests / seconds),
        runs: runs(),
      };
    },
  };
}

/** The part of a summary that the job alone tells. */
function summaryOf({ before, facts, rows, store }: Job, settings: Settings, ending: Ending): Summary {
  const { job: _job, rehearse: _rehearse, source: _source, userPoolId: _pool, ...rest } = settings;
  const last = before.runs.at(-1);
  return {
    ending,
    nothingToDo: false,
    job: store.name,
    source: facts.source.name,
    userPoolId: facts.userPoolId,
    rehearsal: facts.rehearsal,
    total: facts.total,
    done: rows.done.size,
    counts: { ...rows.counts },
    badRows: countBad(rows.counts),
    attempts: rows.attempts,
    throttled: before.throttled,
    startedAt: last?.startedAt ?? '',
    endedAt: last?.endedAt ?? '',
    activeMs: before.activeMs,
    rowsPerSecond: 0,
    requestsPerSecond: 0,
    version: VERSION,
    settings: rest,
    runs: before.runs,
  };
}

function nothingToDo(job: Job, settings: Settings, tell: Tell): Summary {
  const { failed } = job.rows;
  const hint = failed.size === 0 ? '' : `; --retry-failed sends the ${failed.size} failed rows again`;
  tell({
    level: 'info',
    code: 'nothing-to-do',
    message: `${job.store.name} is finished, there is nothing to do${hint}; --fresh starts over`,
  });
  return { ...summaryOf(job, settings, 'finished'), nothingToDo: true };
}

/** Reads and validates the source; sends nothing and leaves nothing behind. */
async function dryRun(settings: Settings, options: RunOptions, tell: Tell, clock: Clock): Promise<Summary> {
  const startedAt = clock.date().toISOString();
  return withSource(settings, options.input, async (source) => {
    const { facts, found } = await surveyed(source, settings, tell);
    const { job: _job, rehearse: _rehearse, source: _source, userPoolId, ...rest } = settings;
    return {
      ending: 'dry-run',
      nothingToDo: false,
      problems: found.problems,
      job: settings.job ?? defaultJob(settings),
      source: source.name,
      userPoolId,
      rehearsal: settings.rehearse,
      total: facts.total,
      done: 0,
      counts: { ...noCounts(), invalid: found.invalid },
      badRows: found.invalid,
      attempts: 0,
      throttled: 0,
      startedAt,
      endedAt: clock.date().toISOString(),
      activeMs: 0,
      rowsPerSecond: 0,
      requestsPerSecond: 0,
      version: VERSION,
      settings: rest,
      runs: [],
    };
  });
}

const PROGRESS_EVERY_MS = 250;

async function tellProgress(
  { before, facts, rows }: Job,
  { ratePerSecond }: Settings,
  sender: Sender,
  { onProgress }: RunCallbacks,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const meter = createSpeedMeter();
  while (!signal.aborted) {
    const done = rows.done.size;
    const rowsPerSecond = meter.measure(done, clock.now());
    const { inFlight, pacePerSecond, throttled } = sender.stats();
    onProgress?.({
      total: facts.total,
      done,
      counts: { ...rows.counts },
      rowsPerSecond,
      ratePerSecond,
      pacePerSecond,
      throttled: before.throttled + throttled,
      inFlight,
      leftMs: eta(facts.total - done, rowsPerSecond),
    });
    await clock.sleep(PROGRESS_EVERY_MS, signal).catch(() => {});
  }
}

const FULL_FOR_MS = 5_000;

/** Says once why the rate is not reached, where it is the concurrency that holds it back. */
async function tellWhenFull(
  { concurrency, ratePerSecond }: Settings,
  sender: Sender,
  tell: Tell,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let fullSinceMs: number | undefined;
  while (!signal.aborted) {
    const { inFlight, latencyMs, pacePerSecond } = sender.stats();
    const wouldDo = Math.ceil((ratePerSecond * latencyMs) / 1_000);
    const holdsBack = inFlight >= concurrency && pacePerSecond >= ratePerSecond && wouldDo > concurrency;
    fullSinceMs = holdsBack ? (fullSinceMs ?? clock.now()) : undefined;
    if (fullSinceMs !== undefined && clock.now() - fullSinceMs >= FULL_FOR_MS) {
      const message = `the rate of ${ratePerSecond}/s is not reached: ${concurrency} requests are in flight, and an answer takes ${duration(latencyMs)}; --concurrency ${wouldDo} would do`;
      return tell({ level: 'warning', code: 'concurrency-full', message });
    }
    await clock.sleep(PROGRESS_EVERY_MS, signal).catch(() => {});
  }
}

async function stopAfter(
  ms: number | undefined,
  brake: Brake,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  if (ms === undefined) return;
  await clock.sleep(ms, signal).catch(() => {});
  if (!signal.aborted)
    brake.pull({
      ending: 'max-duration',
      message: 'the time is up (--max-duration)',
    });
}

function startNotice({ facts, rows }: Job, settings: Settings, endpoint: string): Notice {
  const { limit = Number.POSITIVE_INFINITY, ratePerSecond, rehearse } = settings;
  const left = Math.min(facts.total - rows.done.size, limit);
  const about = duration((left / ratePerSecond) * 1_000);
  const where = rehearse ? 'the built-in simulator' : endpoint;
  return {
    level: 'info',
    code: 'started',
    message: `sending ${left} rows to ${where}, pool ${facts.userPoolId}, at ${ratePerSecond}/s at most: about ${about}`,
  };
}

const round = (number: number): number => Math.round(number * 100) / 100;
