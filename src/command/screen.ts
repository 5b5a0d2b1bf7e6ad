import { createLogUpdate } from 'log-update';
import {
  type JobStatus,
  lastStanding,
  type MetricFacts,
  metricLine,
  type Notice,
  type Progress,
  type RunCallbacks,
  type Standing,
  type Summary,
} from '../index.js';
import { progressBar, progressLine, statusTable, summaryTable } from './words.js';

/** Where the command writes to. */
export interface Terminal {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface ScreenOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly noProgress: boolean;
  /** Metrics are written too, of a run with these facts. */
  readonly emf?: MetricFacts | undefined;
}

/** Results go to stdout; progress, notices and errors to stderr. */
export interface Screen extends RunCallbacks {
  onProgress(progress: Progress): void;
  onNotice(notice: Notice): void;
  summary(summary: Summary): void;
  /** A run has ended, however it did; without a summary where it came to none. In an inbox, `of` says which. */
  ended(summary: Summary | undefined, of?: Pick<MetricFacts, 'source' | 'job'>): void;
  status(status: JobStatus): void;
  verified(job: string, differences: readonly string[]): void;
  error(message: string, code: string, exitCode: number): void;
  /** The last line of an unfinished run. */
  resume(command: string): void;
}

const LINE_EVERY_MS = 30_000;
const METRICS_EVERY_MS = 60_000;

export function createScreen(
  { env, stderr, stdout }: Terminal,
  { emf, json, noProgress, quiet }: ScreenOptions,
): Screen {
  const asLine = (type: string, value: object): string => `${JSON.stringify({ type, ...value })}\n`;
  const dumb = env.TERM === 'dumb';
  const hasBar = stderr.isTTY && !dumb && !json && !quiet && !noProgress;
  const bar = hasBar ? createLogUpdate(stderr) : undefined;
  let lastLineMs = performance.now();
  const metrics = emf === undefined ? undefined : createMetrics(stdout, emf);

  /** What is printed stays above the bar. */
  function print(stream: NodeJS.WriteStream, text: string): void {
    bar?.clear();
    stream.write(text);
  }

  return {
    onProgress(progress) {
      metrics?.note(progress);
      if (quiet || noProgress) return;
      if (bar !== undefined) return bar(progressBar(progress, stderr.columns));
      if (performance.now() - lastLineMs < LINE_EVERY_MS) return;
      lastLineMs = performance.now();
      stderr.write(json ? asLine('progress', progress) : `${progressLine(progress)}\n`);
    },
    onNotice(notice) {
      if (quiet) return;
      const text = notice.level === 'warning' ? `warning: ${notice.message}\n` : `${notice.message}\n`;
      print(stderr, json ? asLine('notice', notice) : text);
    },
    summary(summary) {
      bar?.clear();
      bar?.done();
      if (!quiet) stdout.write(json ? asLine('summary', summary) : `${summaryTable(summary)}\n`);
    },
    ended(summary, of) {
      metrics?.end(summary, of);
    },
    status(status) {
      stdout.write(json ? asLine('status', status) : `${statusTable(status)}\n`);
    },
    verified(job, differences) {
      const words = differences.length === 0 ? [`${job} is sound`] : differences;
      stdout.write(json ? asLine('verified', { job, differences }) : `${words.join('\n')}\n`);
    },
    error(message, code, exitCode) {
      print(stderr, json ? asLine('error', { code, message, exitCode }) : `error: ${message}\n`);
      bar?.done();
    },
    resume(command) {
      stderr.write(json ? asLine('resume', { command }) : `resume with: ${command}\n`);
    },
  };
}

/** Writes a line of metrics a minute, and one at the end of each run. */
function createMetrics(stdout: NodeJS.WriteStream, facts: MetricFacts) {
  let last: Standing | undefined;
  let told: { readonly standing: Standing; readonly atMs: number } | undefined;
  const write = (line: object): boolean => stdout.write(`${JSON.stringify(line)}\n`);

  return {
    note(progress: Progress): void {
      const nowMs = performance.now();
      last = progress;
      // Before the first request: what earlier runs of the job have done is theirs.
      told ??= { standing: progress, atMs: nowMs };
      if (nowMs - told.atMs < METRICS_EVERY_MS) return;
      write(metricLine(told.standing, progress, Date.now(), facts));
      told = { standing: progress, atMs: nowMs };
    },
    end(summary: Summary | undefined, of: Pick<MetricFacts, 'source' | 'job'> = facts): void {
      const now = lastStanding(last, summary);
      const { ending = 'cannot-go-on', job = of.job, source = of.source } = summary ?? {};
      // A run that sent nothing has nothing of its own to count.
      write(metricLine(told?.standing ?? now, now, Date.now(), { ...facts, job, source, ending }));
      last = undefined;
      told = undefined;
    },
  };
}
