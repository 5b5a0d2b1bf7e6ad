import { type Counts, noCounts, type Outcome, type Status } from './outcome.js';
import { RowSet } from './row-set.js';

/** What is known about the rows of a job: what its report says of those done, and which others are in doubt. */
export interface JobRows {
  readonly done: RowSet;
  /** The done rows whose status is `failed`. */
  readonly failed: RowSet;
  readonly counts: Record<Status, number>;
  /** Rows not done that an earlier attempt may have confirmed without our hearing of it. */
  readonly inDoubt: RowSet;
  /** Requests for the rows done, over every run. */
  attempts: number;
}

/** The same as text and numbers, for the checkpoint. */
export interface SavedRows {
  readonly done: string;
  readonly failed: string;
  readonly counts: Counts;
  readonly inDoubt: string;
  readonly attempts: number;
}

export const noRows = (): JobRows => ({
  done: new RowSet(),
  failed: new RowSet(),
  counts: noCounts(),
  inDoubt: new RowSet(),
  attempts: 0,
});

export const saveRows = (rows: JobRows): SavedRows => ({
  done: rows.done.toString(),
  failed: rows.failed.toString(),
  counts: { ...rows.counts },
  inDoubt: rows.inDoubt.toString(),
  attempts: rows.attempts,
});

/** Throws a RangeError where a set of rows cannot be read. */
export const loadRows = (saved: SavedRows): JobRows => ({
  done: RowSet.parse(saved.done),
  failed: RowSet.parse(saved.failed),
  counts: { ...noCounts(), ...saved.counts },
  inDoubt: RowSet.parse(saved.inDoubt),
  attempts: saved.attempts,
});

/** Notes a row that is done. Returns false where it was done already: no report has a row twice. */
export function noteDone(rows: JobRows, outcome: Pick<Outcome, 'row' | 'status' | 'attempts'>): boolean {
  if (!rows.done.add(outcome.row)) return false;
  rows.counts[outcome.status]++;
  rows.attempts += outcome.attempts;
  rows.inDoubt.delete(outcome.row);
  if (outcome.status === 'failed') rows.failed.add(outcome.row);
  return true;
}
