/** The last word on a row. See the README for what each means to the person who ran the job. */
export const STATUSES = [
  'confirmed',
  'already-confirmed',
  'presumed-confirmed',
  'trigger-failed',
  'not-found',
  'not-confirmable',
  'invalid',
  'failed',
] as const;

export type Status = (typeof STATUSES)[number];

/** What became of one row: one line of the report. */
export interface Outcome {
  readonly row: number;
  readonly username: string;
  readonly status: Status;
  /** Requests made for this row in the run that finished it; 0 where none was needed. */
  readonly attempts: number;
  /** The name of the last error, as the service or the system gives it; empty where there was none. */
  readonly errorName: string;
  /** What the service, or the reading of the row, said. May hold the username: personal data. */
  readonly errorMessage: string;
  /** The id of the last answer, which is what CloudTrail keeps; empty where no answer came. */
  readonly requestId: string;
  /** When the row was done: ISO 8601, UTC, milliseconds. */
  readonly finishedAt: string;
}

/** Rows by status. */
export type Counts = Readonly<Record<Status, number>>;

export const noCounts = (): Record<Status, number> =>
  Object.fromEntries(STATUSES.map((status) => [status, 0])) as Record<Status, number>;

const GOOD: ReadonlySet<Status> = new Set(['confirmed', 'already-confirmed', 'presumed-confirmed']);

/** True where the user is confirmed and nobody needs to look at the row again. */
export const endedWell = (status: Status): boolean => GOOD.has(status);

/** How many rows somebody should look at. */
export const countBad = (counts: Counts): number =>
  STATUSES.reduce((sum, status) => sum + (endedWell(status) ? 0 : counts[status]), 0);

export const isStatus = (text: string): text is Status => (STATUSES as readonly string[]).includes(text);
