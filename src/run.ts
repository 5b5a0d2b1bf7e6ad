import type { Clock } from './clock.js';
import { StopError } from './errors.js';
import type { Ending } from './exit-code.js';
import { type FoundRate, findRate } from './find-rate.js';
import { counted, duration } from './in-words.js';
import { type Job, openJob, surveyed, type Tell } from './job.js';
import type { Notice } from './notice.js';
import { type RunOptions, type Settings, toSettings } from './options.js';
import { noCounts, type Outcome } from './outcome.js';
import { readRows } from './read/rows.js';
import { createRecord, type RunRecorder, summaryOf, summaryWithoutJob } from './record.js';
import { countFailure, createReasons, noFailures, tooManyFailures } from './select/breaker.js';
import { decide } from './select/decide.js';
import type { Sent } from './send/attempts.js';
import { refuseRetryingClient } from './send/client.js';
import { createSender, type Sender, type ToSend } from './send/send.js';
import { shareObjects } from './shared-objects.js';
import { withSource } from './spool.js';
import { type Brake, createBrake, stopOfError } from './stop.js';
import { stopAfter, tellProgress, tellWhenFull } from './watch.js';
import { theWorld, type World } from './world.js';
import { writeFailedRows } from './write/failed.js';
import { type JobFiles, openJobFiles } from './write/job-files.js';
import { createPaceTrace } from './write/pace-trace.js';
import { createPositions, type Positions } from './write/positions.js';
import type { Progress } from './write/progress.js';
import type { JobStore } from './write/store.js';
import { SUMMARY_FILE, type Summary } from './write/summary.js';

/** What a caller may want to hear of while a run goes on. A callback that throws ends the run as a kill would. */
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
  if (options.cognito !== undefined) await refuseRetryingClient(options.cognito);
  const { clock } = world;
  const startedAt = clock.date();
  const objects = shareObjects(world, settings, options.s3);
  const tell: Tell = (notice) => callbacks.onNotice?.(notice);
  const brake = createBrake(options.signal, options.abortSignal, ({ ending, error, message }) => {
    // Whoever interrupts a run knows it; an error is told once, when the run has come to its end.
    if (ending !== 'interrupted' && error === undefined) {
      tell({ level: 'warning', code: 'stopping', message: `stopping: ${message}` });
    }
  });
  try {
    if (settings.dryRun) return await dryRun(settings, options, tell, objects.world, brake.draining);
    const job = await openJob(settings, options.input, tell, objects.world, brake.draining);
    try {
      if (job.finished) return nothingToDo(job, settings, tell);
      return await confirmJob(job, settings, options, callbacks, tell, world, brake);
    } finally {
      await job.close();
    }
  } catch (error) {
    // The reading of the source was interrupted: nothing has begun.
    if (brake.reason === undefined || error !== brake.reason) throw error;
    return summaryWithoutJob(settings, brake.reason.ending, startedAt, clock.date());
  } finally {
    brake.release();
    await objects.close();
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
  brake: Brake,
): Promise<Summary> {
  const { hold, rows, store } = job;
  const { clock, random } = world;
  const service = await world.connect(settings, options.cognito);
  const rate = findRate(settings.rate, await service.quota(clock, brake.draining));
  if (rate.notice !== undefined) tell(rate.notice);
  const positions = createPositions(job.position);
  const trace = createPaceTrace();
  const record = createRecord(job, settings, rate, positions, trace, clock);
  const files = await openJobFiles({
    store,
    report: job.report,
    rows,
    sendAhead: settings.concurrency + rowsOfTwoSaves(store, rate),
    facts: () => record.facts(sender),
  });
  const sender: Sender = createSender({
    ...settings,
    ...rate,
    confirm: service.confirm,
    endpoint: service.endpoint,
    draining: brake.draining,
    aborting: brake.aborting,
    stop: (error) => brake.pull(stopOfError(error)),
    clock,
    random,
    beforeSend: files.beforeSend,
    claim: hold,
  });

  const onLost = (): void => brake.pull(stopOfError(hold.lost.reason));
  hold.lost.addEventListener('abort', onLost);
  if (hold.lost.aborted) onLost();
  const running = new AbortController();
  let limitReached = false;
  const toSend = rowsToSend(job, settings, positions, brake, clock, () => {
    limitReached = true;
  });
  let bug: { readonly error: unknown } | undefined;
  function endedBy(error: unknown): void {
    if (!(error instanceof StopError)) bug ??= { error };
    brake.pull(stopOfError(error));
  }
  const meanwhile = [
    files.saveRegularly(clock, running.signal),
    tellProgress(job, rate, sender, trace, callbacks, clock, running.signal),
    tellWhenFull(settings, rate, sender, tell, clock, running.signal),
    stopAfter(settings.maxDurationMs, brake, clock, running.signal),
  ].map((work) => work.catch(endedBy));
  try {
    tell(startNotice(job, settings, rate, service.endpoint));
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
    endedBy(error);
  } finally {
    running.abort();
    hold.lost.removeEventListener('abort', onLost);
    await Promise.all(meanwhile);
    await service.close();
  }
  if (bug !== undefined) {
    // Nobody knows what was going on: the job is left as a kill leaves it, which resuming can deal with.
    await files.abandon();
    throw bug.error;
  }
  return endRun(job, files, record, sender, brake);
}

/** Where the store saves seldom, a checkpoint speaks for more rows: none waits for one between two saves. */
const rowsOfTwoSaves = ({ flush }: JobStore, { ratePerSecond }: FoundRate): number =>
  Math.ceil(2 * Math.min(flush.rows, (ratePerSecond * flush.ms) / 1_000));

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
  for await (const { row, start } of readRows(source, facts.layout, position, brake.draining)) {
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
    if (!(writeError instanceof StopError)) throw writeError;
    error ??= writeError;
  }
  const summary = record.summary(error === undefined ? ending : 'cannot-go-on', sender, error);
  if (error === undefined) return summary;
  error.summary = summary;
  throw error;
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
async function dryRun(
  settings: Settings,
  { input }: RunOptions,
  tell: Tell,
  world: World,
  signal: AbortSignal,
): Promise<Summary> {
  const { clock } = world;
  const startedAt = clock.date();
  return withSource({ settings, world }, settings.source, input, signal, async (source) => {
    const { facts, found } = await surveyed(source, settings, tell, signal);
    const { invalid, problems } = found;
    return {
      ...summaryWithoutJob(settings, 'dry-run', startedAt, clock.date()),
      source: source.name,
      total: facts.total,
      counts: { ...noCounts(), invalid },
      badRows: invalid,
      problems,
    };
  });
}

function startNotice({ facts, rows }: Job, settings: Settings, rate: FoundRate, endpoint: string): Notice {
  const { limit = Number.POSITIVE_INFINITY, rehearse } = settings;
  const left = Math.min(facts.total - rows.done.size, limit);
  const about = duration((left / rate.ratePerSecond) * 1_000);
  const where = rehearse ? 'the built-in simulator' : endpoint;
  return {
    level: 'info',
    code: 'started',
    message: `sending ${counted(left, 'row')} to ${where}, pool ${facts.userPoolId}, at ${rate.inWords}: about ${about}`,
  };
}
