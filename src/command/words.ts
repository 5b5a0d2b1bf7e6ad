import {
  type Counts,
  counted,
  duration,
  grouped,
  type JobStatus,
  type Progress,
  STATUSES,
  type Summary,
} from '../index.js';

/** The words of the command: values in, text out. */

const BAR_WIDTH = 24;

/** Two lines that are drawn over again and again. */
export function progressBar(progress: Progress, columns: number): string {
  const { done, total } = progress;
  const share = total === 0 ? 1 : done / total;
  const filled = Math.round(share * BAR_WIDTH);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`;
  return [`${bar} ${Math.floor(share * 100)} %  ${rateLine(progress)}`, countsLine(progress)]
    .map((line) => line.slice(0, Math.max(columns - 1, 20)))
    .join('\n');
}

/** One line, for a log. */
export const progressLine = (progress: Progress): string => `${rateLine(progress)}; ${countsLine(progress)}`;

function rateLine({ done, leftMs, pacePerSecond, rowsPerSecond, slowedBy, total }: Progress): string {
  const rows = rowsPerSecond === undefined ? '-' : rowsPerSecond.toFixed(1);
  const slowed =
    slowedBy === undefined ? '' : ` (pace ${pacePerSecond.toFixed(1)}/s, ${slowedInWords(slowedBy)})`;
  return `${grouped(done)}/${grouped(total)} rows  ${rows}/s${slowed}  left ${duration(leftMs)}`;
}

const slowedInWords = (slowedBy: NonNullable<Progress['slowedBy']>): string =>
  slowedBy.why === 'start'
    ? 'a gentle start'
    : `throttled ${duration(slowedBy.agoMs)} ago: yielding to other traffic`;

const countsLine = ({ counts, inFlight, throttled }: Progress): string =>
  [...statusWords(counts), `throttled ${throttled}`, `in flight ${inFlight}`].join('  ');

const statusWords = (counts: Counts): string[] =>
  STATUSES.filter((status) => counts[status] > 0).map((status) => `${status} ${grouped(counts[status])}`);

/** The table at the end of a run, with where to find the rest. */
export function summaryTable(summary: Summary): string {
  if (summary.ending === 'dry-run') return dryRunTable(summary);
  const { attempts, counts, done, endedAt, job, requestsPerSecond, startedAt, throttled, total } = summary;
  const tookMs = Date.parse(endedAt) - Date.parse(startedAt);
  const lines = [...countTable(counts, done, total), ''];
  if (!summary.nothingToDo) {
    lines.push(`this run took ${duration(tookMs)} at ${requestsPerSecond} requests/s`);
  }
  lines.push(`${grouped(attempts)} requests for the rows done, ${grouped(throttled)} throttled`);
  lines.push(`report   ${inFolder(job, 'report.csv')}`);
  if (summary.ending === 'finished' && counts.failed > 0) {
    lines.push(`failed   ${inFolder(job, 'failed.csv')} (run it, or resume with --retry-failed)`);
  }
  return lines.join('\n');
}

function dryRunTable({ badRows, problems = [], source, total }: Summary): string {
  const lines = [
    `${source}: ${grouped(total - badRows)} of ${grouped(total)} rows can be sent; nothing was sent`,
  ];
  for (const { line, problem, row } of problems) lines.push(`  row ${row} (line ${line}): ${problem}`);
  if (badRows > problems.length) lines.push(`  and ${grouped(badRows - problems.length)} more`);
  return lines.join('\n');
}

function countTable(counts: Counts, done: number, total: number): string[] {
  const rows = STATUSES.filter((status) => counts[status] > 0).map((status) => [
    status,
    grouped(counts[status]),
  ]);
  const table = [['status', 'rows'], ...rows, ['total', `${grouped(done)} of ${grouped(total)}`]];
  const width = Math.max(...table.map(([, value = '']) => value.length));
  return table.map(([name = '', value = '']) => `${name.padEnd(20)} ${value.padStart(width)}`);
}

/** What `status` prints. */
export function statusTable(status: JobStatus): string {
  const {
    activeMs,
    counts,
    done,
    inDoubt,
    job,
    leftMs,
    pacePerSecond,
    source,
    throttled,
    total,
    userPoolId,
  } = status;
  const lines = [
    `${job}: ${stateWords(status)}`,
    `${source} into ${userPoolId}${status.rehearsal ? ' (rehearsal)' : ''}`,
  ];
  lines.push('', ...countTable(counts, done, total), '');
  if (status.state !== 'finished') {
    const left = `left ${duration(leftMs)} at ${pacePerSecond.toFixed(1)}/s`;
    lines.push(
      inDoubt === 0 ? left : `${left}; ${grouped(inDoubt)} rows may have been sent and have no answer yet`,
    );
  }
  lines.push(
    `active for ${duration(activeMs)} in ${counted(status.runs.length, 'run')}, throttled ${grouped(throttled)}`,
  );
  lines.push(`report   ${inFolder(job, 'report.csv')}`);
  return lines.join('\n');
}

function stateWords({ holder, runs, state, updatedAt }: JobStatus): string {
  switch (state) {
    case 'running':
      return `running (process ${holder?.pid} of ${holder?.user} on ${holder?.host}, since ${holder?.since})`;
    case 'stopped':
      return `stopped (${runs.at(-1)?.ending ?? 'before its first row'}, ${updatedAt}); the same command resumes it`;
    case 'killed':
      return `killed (last heard of ${updatedAt}); the same command resumes it`;
    case 'finished':
      return `finished (${updatedAt})`;
  }
}

const inFolder = (job: string, file: string): string => `${job.replace(/\/$/, '')}/${file}`;

/** A command line that a shell reads as these words. */
export const shellWords = (words: readonly string[]): string =>
  words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');

/**
 * The same command without what must not be said twice: `--fresh` would put the job aside that is to be resumed.
 * Wherever else it may be said (environment, configuration file), the command line takes it back.
 */
export function resumeCommand(argv: readonly string[], fresh: boolean): string {
  const words = argv.filter(
    (word, at) =>
      !/^--fresh(=.*)?$/.test(word) && !(argv[at - 1] === '--fresh' && /^(true|false)$/.test(word)),
  );
  return shellWords(['cognito-bulk-confirm', ...words, ...(fresh ? ['--fresh=false'] : [])]);
}
