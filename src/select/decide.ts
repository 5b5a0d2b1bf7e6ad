import type { JobRows } from '../job-rows.js';
import type { Outcome } from '../outcome.js';
import { type BadRow, isBadRow, type Row } from '../row.js';

/** What to do with a row that was read. */
export type Decision =
  | { readonly do: 'skip' }
  | { readonly do: 'report'; readonly outcome: Outcome }
  | {
      readonly do: 'send';
      readonly row: Row;
      readonly mayHaveBeenSent: boolean;
    };

/**
 * Skips what is done, reports what cannot be used, sends the rest.
 * `mayHaveBeenSent` says that an earlier attempt may have confirmed the user without our hearing of it.
 */
export function decide(row: Row | BadRow, rows: JobRows, now: Date): Decision {
  if (rows.done.has(row.row)) return { do: 'skip' };
  if (isBadRow(row)) return { do: 'report', outcome: invalid(row, now) };
  return { do: 'send', row, mayHaveBeenSent: rows.inDoubt.has(row.row) };
}

const invalid = ({ row, username, problem }: BadRow, now: Date): Outcome => ({
  row,
  username,
  status: 'invalid',
  attempts: 0,
  errorName: '',
  errorMessage: problem,
  requestId: '',
  finishedAt: now.toISOString(),
});
