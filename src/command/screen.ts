import { createLogUpdate } from 'log-update';
import type { JobStatus, Notice, Progress, RunCallbacks, Summary } from '../index.js';
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
}

/** Results go to stdout; progress, notices and errors to stderr. */
export interface Screen extends RunCallbacks {
  onProgress(progress: Progress): void;
  onNotice(notice: Notice): void;
  summary(summary: Summary): void;
  status(status: JobStatus): void;
  verified(job: string, differences: readonly string[]): void;
  error(message: string, code: string, exitCode: number): void;
  /** The last line of an unfinished run. */
  resume(command: string): void;
}

const LINE_EVERY_MS = 30_000;

export function createScreen(
  { env, stderr, stdout }: Terminal,
  { json, noProgress, quiet }: ScreenOptions,
): Screen {
  const asLine = (type: string, value: object): string => `${JSON.stringify({ type, ...value })}\n`;
  const dumb = env.TERM === 'dumb';
  const hasBar = stderr.isTTY && !dumb && !json && !quiet && !noProgress;
  const bar = hasBar ? createLogUpdate(stderr) : undefined;
  let lastLineMs = performance.now();

  /** What is printed stays above the bar. */
  function print(stream: NodeJS.WriteStream, text: string): void {
    bar?.clear();
    stream.write(text);
  }

  return {
    onProgress(progress) {
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
