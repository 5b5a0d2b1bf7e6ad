import type { StopCode } from '../errors.js';
import type { Ending } from '../exit-code.js';
import type { Settings } from '../options.js';
import type { Counts } from '../outcome.js';
import type { RunRecord } from './checkpoint.js';
import type { PacePoint } from './pace-trace.js';

/** What a job is and what it has come to, over every run. */
export interface JobTally {
  /** The job folder, as named. */
  readonly job: string;
  readonly source: string;
  readonly userPoolId: string;
  readonly rehearsal: boolean;
  /** Data rows in the source. */
  readonly total: number;
  /** Rows done. */
  readonly done: number;
  readonly counts: Counts;
  /** Rows whose status is not a good one. */
  readonly badRows: number;
  /** Throttled answers. */
  readonly throttled: number;
  /** Milliseconds in which a run of this job went on. */
  readonly activeMs: number;
  /** The latest runs of the job and who started them, the last one last. */
  readonly runs: readonly RunRecord[];
}

/** How a run ended, and what the whole job has come to. Written to summary.json. */
export interface Summary extends JobTally {
  readonly ending: Ending;
  /** True where the job was finished before this run began, so that there was nothing to do. */
  readonly nothingToDo: boolean;
  /** Why the run could not go on, where it could not. */
  readonly stop?: { readonly code: StopCode; readonly message: string };
  /** The first rows that cannot be used: of a dry run only. */
  readonly problems?: readonly {
    readonly row: number;
    readonly line: number;
    readonly problem: string;
  }[];
  /** Requests for the rows done, over every run. */
  readonly attempts: number;
  /** When this run began: ISO 8601, UTC. */
  readonly startedAt: string;
  /** When it came to its end: ISO 8601, UTC. */
  readonly endedAt: string;
  /** Rows done per second in this run. */
  readonly rowsPerSecond: number;
  /** Requests per second in this run: the rate that was kept. */
  readonly requestsPerSecond: number;
  /** What the rate of this run was taken from; undefined where nothing was sent. */
  readonly rate?: {
    readonly ratePerSecond: number;
    readonly quotaPerSecond: number;
    /** Who says so: what is in force, the account's maximum, or AWS's default. */
    readonly quotaKnown: 'in-force' | 'account-maximum' | 'default';
  };
  /** The pace over this run: a point a minute and one at each cut, thinned to some two hundred. */
  readonly pace?: readonly PacePoint[];
  readonly version: string;
  readonly settings: Omit<Settings, 'source' | 'userPoolId' | 'job' | 'rehearse'>;
}

export const SUMMARY_FILE = 'summary.json';
export const FAILED_FILE = 'failed.csv';
