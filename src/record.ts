import { hostname } from 'node:os';
import type { Clock } from './clock.js';
import type { StopError } from './errors.js';
import type { Ending } from './exit-code.js';
import type { FoundRate } from './find-rate.js';
import { defaultJob, type Job } from './job.js';
import type { Settings } from './options.js';
import { countBad, noCounts } from './outcome.js';
import type { Sender } from './send/send.js';
import { VERSION } from './version.js';
import { CHECKPOINT_VERSION, MOST_RUNS_KEPT, type RunRecord } from './write/checkpoint.js';
import { userName } from './write/hold.js';
import type { CheckpointFacts } from './write/job-files.js';
import type { PaceTrace } from './write/pace-trace.js';
import type { Positions } from './write/positions.js';
import type { JobTally, Summary } from './write/summary.js';

/** What the checkpoint and the summary say of this run beside its rows. */
export interface RunRecorder {
  facts(sender: Sender): CheckpointFacts;
  end(ending: Ending): void;
  summary(ending: Ending, sender: Sender, error?: StopError): Summary;
}

export function createRecord(
  job: Job,
  settings: Settings,
  { quota, ratePerSecond }: FoundRate,
  positions: Positions,
  trace: PaceTrace,
  clock: Clock,
): RunRecorder {
  const { before, facts, rows, store } = job;
  const doneBefore = rows.done.size;
  const startedMs = clock.now();
  let state: CheckpointFacts['state'] = 'running';
  let thisRun: RunRecord = {
    startedAt: clock.date().toISOString(),
    endedAt: '',
    ending: 'running',
    user: userName(),
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
        rate: { ratePerSecond, quotaPerSecond: quota.perSecond, quotaKnown: quota.known },
        pace: trace.points(),
        runs: runs(),
      };
    },
  };
}

/** What a job has come to, by its rows and what the runs before this moment have left. */
export function tallyOf({
  before,
  facts,
  rows,
  store,
}: Pick<Job, 'before' | 'facts' | 'rows' | 'store'>): JobTally {
  return {
    job: store.name,
    source: facts.source.name,
    userPoolId: facts.userPoolId,
    rehearsal: facts.rehearsal,
    total: facts.total,
    done: rows.done.size,
    counts: { ...rows.counts },
    badRows: countBad(rows.counts),
    throttled: before.throttled,
    activeMs: before.activeMs,
    runs: before.runs,
  };
}

/** The part of a summary that the job alone tells. */
export function summaryOf(job: Job, settings: Settings, ending: Ending): Summary {
  const { job: _job, rehearse: _rehearse, source: _source, userPoolId: _pool, ...rest } = settings;
  const last = job.before.runs.at(-1);
  return {
    ending,
    nothingToDo: false,
    ...tallyOf(job),
    attempts: job.rows.attempts,
    startedAt: last?.startedAt ?? '',
    endedAt: last?.endedAt ?? '',
    rowsPerSecond: 0,
    requestsPerSecond: 0,
    version: VERSION,
    settings: rest,
  };
}

/** The summary of what has no job: of a dry run, and of a run that ended before its job was there. */
export function summaryWithoutJob(
  settings: Settings,
  ending: Ending,
  startedAt: Date,
  endedAt: Date,
): Summary {
  const { job: _job, rehearse, source, userPoolId, ...rest } = settings;
  return {
    ending,
    nothingToDo: false,
    job: settings.job ?? defaultJob(settings),
    source,
    userPoolId,
    rehearsal: rehearse,
    total: 0,
    done: 0,
    counts: noCounts(),
    badRows: 0,
    attempts: 0,
    throttled: 0,
    startedAt: startedAt.toISOString(),
    endedAt: endedAt.toISOString(),
    activeMs: 0,
    rowsPerSecond: 0,
    requestsPerSecond: 0,
    version: VERSION,
    settings: rest,
    runs: [],
  };
}

const round = (number: number): number => Math.round(number * 100) / 100;
