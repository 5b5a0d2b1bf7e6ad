import { createHash } from 'node:crypto';
import { StopError } from '../errors.js';
import type { Ending } from '../exit-code.js';
import type { SavedRows } from '../job-rows.js';
import { isSameContent, type Layout, type SourceIdentity } from '../layout.js';
import type { Position } from '../row.js';

/** What a job is about. Every run of it must agree. */
export interface JobFacts {
  readonly source: SourceIdentity & { readonly name: string };
  readonly userPoolId: string;
  /** Sent with every row, as given by --metadata. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly layout: Layout;
  /** True where the rows went to the simulator instead of AWS. */
  readonly rehearsal: boolean;
  /** Data rows in the source. */
  readonly total: number;
}

/** One run of a job: for the audit. */
export interface RunRecord {
  readonly startedAt: string;
  readonly endedAt: string;
  /** `killed` is found out by the run that comes after it. */
  readonly ending: Ending | 'running' | 'killed';
  readonly user: string;
  readonly host: string;
  readonly version: string;
}

/**
 * A bookmark into the report. The report is always ahead of it or level with it: what the report has after
 * `reportBytes` is read again on resume.
 */
export interface Checkpoint {
  readonly version: typeof CHECKPOINT_VERSION;
  readonly state: 'running' | 'stopped' | 'finished';
  readonly job: JobFacts;
  /** Where to begin reading the source: no row before it is open. */
  readonly position: Position;
  /** The report up to here is counted in `rows`. */
  readonly reportBytes: number;
  /** SHA-256 of the report up to here, in hex: an edited report is noticed. */
  readonly reportSha256: string;
  readonly rows: SavedRows;
  /** No row above it has been sent; rows up to it that are not done may have been. 0 where no run goes on. */
  readonly sentUpTo: number;
  /** Answers that told us to slow down, over every run. */
  readonly throttled: number;
  /** Milliseconds in which a run went on. */
  readonly activeMs: number;
  /** The pace in force when it was written, in requests per second: for `status`. */
  readonly pacePerSecond: number;
  readonly updatedAt: string;
  /** The latest runs, the last one last. */
  readonly runs: readonly RunRecord[];
}

export const CHECKPOINT_VERSION = 1;
export const MOST_RUNS_KEPT = 100;

/** The last entry is a checksum over the others: a checkpoint that was cut or edited is noticed. */
export const formatCheckpoint = (checkpoint: Checkpoint): string =>
  `${JSON.stringify({ ...checkpoint, checksum: checksumOf(checkpoint) }, null, 2)}
`;

const checksumOf = (checkpoint: object): string =>
  createHash('sha256').update(JSON.stringify(checkpoint)).digest('hex');

/** Reads a checkpoint back. Throws JOB_DAMAGED where it is none, or from a version this one does not know. */
export function parseCheckpoint(text: string, name: string): Checkpoint {
  let parsed: (Checkpoint & { checksum: string }) | null;
  try {
    parsed = JSON.parse(text) as typeof parsed;
  } catch {
    throw damaged(name, 'is not whole');
  }
  if (parsed?.version !== CHECKPOINT_VERSION) {
    const version = parsed?.version ?? '(none)';
    throw damaged(name, `is of version ${version}, this program reads ${CHECKPOINT_VERSION}`);
  }
  const { checksum, ...checkpoint } = parsed;
  if (checksum !== checksumOf(checkpoint)) throw damaged(name, 'was edited, or is not whole');
  return checkpoint;
}

const damaged = (name: string, what: string): StopError =>
  new StopError(
    'JOB_DAMAGED',
    `${name} ${what}: put back a good copy, or start over with --fresh (rows done will be told as already-confirmed)`,
  );

/** In whatever order the entries were given. */
export function isSameMetadata(one: JobFacts['metadata'], other: JobFacts['metadata']): boolean {
  const sorted = (metadata: JobFacts['metadata']): string => JSON.stringify(Object.entries(metadata).sort());
  return sorted(one) === sorted(other);
}

/** What differs between the job there is and the one asked for, in words; undefined where nothing does. */
export function difference(before: JobFacts, now: Omit<JobFacts, 'total'>): string | undefined {
  if (before.rehearsal !== now.rehearsal) {
    return before.rehearsal ? 'it was a rehearsal against the simulator' : 'it was no rehearsal';
  }
  if (before.userPoolId !== now.userPoolId) return `its pool is ${before.userPoolId}, not ${now.userPoolId}`;
  return sourceDifference(before.source, now.source) ?? mappingDifference(before, now);
}

function sourceDifference(before: JobFacts['source'], now: JobFacts['source']): string | undefined {
  if (isSameContent(before, now)) return undefined;
  if ('etag' in before && 'etag' in now) {
    const has = before.name === now.name ? `and has ${now.etag} now` : `${now.name} has ${now.etag}`;
    return `its source ${before.name} had ETag ${before.etag}, ${has}`;
  }
  return `its source ${before.name} had other content (${contentInWords(before)}) than ${now.name} has (${contentInWords(now)})`;
}

export const contentInWords = (identity: SourceIdentity): string =>
  'etag' in identity
    ? `${identity.bytes} bytes, ETag ${identity.etag}`
    : `${identity.bytes} bytes, SHA-256 ${identity.sha256.slice(0, 12)}`;

function mappingDifference(before: JobFacts, now: Omit<JobFacts, 'total'>): string | undefined {
  const [was, is] = [before.layout, now.layout];
  if (was.delimiter !== is.delimiter) {
    return `its delimiter was ${JSON.stringify(was.delimiter)}, not ${JSON.stringify(is.delimiter)}`;
  }
  if (was.firstRow.offset !== is.firstRow.offset) {
    return was.firstRow.offset === 0 ? 'it had no header line (--no-header)' : 'it had a header line';
  }
  const columnOf = ({ mapping }: Layout): string => mapping.columns[mapping.username] ?? '';
  if (columnOf(was) !== columnOf(is))
    return `its usernames were in column ${columnOf(was)}, not ${columnOf(is)}`;
  if (!isSameMetadata(before.metadata, now.metadata)) {
    return `its --metadata was ${JSON.stringify(before.metadata)}, not ${JSON.stringify(now.metadata)}`;
  }
  return undefined;
}
