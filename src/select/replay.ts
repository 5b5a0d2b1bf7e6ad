import { type JobRows, noteDone } from '../job-rows.js';
import type { Outcome } from '../outcome.js';

/** How the last run left the job: from the checkpoint. */
export interface LeftBehind {
  /** Rows up to this one may have been sent: the run was killed, or 0 where it came to an end. */
  readonly sentUpTo: number;
  /** How many rows the source has. */
  readonly total: number;
}

/**
 * Brings the rows of a job up to date with the lines that the report has after the bookmark. Returns the
 * first row that the lines have twice, if there is one.
 */
export function replay(rows: JobRows, lines: Iterable<Outcome>): number | undefined {
  for (const line of lines) {
    if (!noteDone(rows, line)) return line.row;
  }
  return undefined;
}

/** After a kill, each row that was not answered but may have been sent is in doubt. */
export function doubtAfterKill(rows: JobRows, { sentUpTo, total }: LeftBehind): void {
  for (let row = rows.done.firstMissing(); row <= Math.min(sentUpTo, total); row++) {
    if (!rows.done.has(row)) rows.inDoubt.add(row);
  }
}
