import type { FailureBound } from '../options.js';
import { endedWell, type Outcome } from '../outcome.js';

/** What the rows of a run have come to, for the decision whether it may go on. */
export interface Failures {
  readonly rows: number;
  /** Rows that are `failed` or `trigger-failed`. */
  readonly failures: number;
  /** Sent rows, up to the last one, that did not end well. */
  readonly inARow: number;
}

export interface FailureBounds {
  readonly maxFailures: FailureBound;
  /** 0 is off. */
  readonly maxFailuresInARow: number;
}

export const noFailures: Failures = { rows: 0, failures: 0, inARow: 0 };

/** A share says nothing over a few rows. */
const SHARE_FROM_ROWS = 1_000;

/** Counts a row. One that was never sent says nothing of pool or column, so it leaves the row of bad ones as it is. */
export function countFailure(
  before: Failures,
  { attempts, status }: Pick<Outcome, 'attempts' | 'status'>,
): Failures {
  const failed = status === 'failed' || status === 'trigger-failed';
  const { inARow } = before;
  return {
    rows: before.rows + 1,
    failures: before.failures + (failed ? 1 : 0),
    inARow: attempts === 0 ? inARow : endedWell(status) ? 0 : inARow + 1,
  };
}

/** Why the run must stop, in words; undefined while it may go on. */
export function tooManyFailures(failures: Failures, bounds: FailureBounds): string | undefined {
  const { maxFailures, maxFailuresInARow } = bounds;
  if (maxFailuresInARow > 0 && failures.inARow >= maxFailuresInARow) {
    return `${failures.inARow} sent rows in a row did not end well (--max-failures-in-a-row ${maxFailuresInARow}): is it the right pool, the right column?`;
  }
  if ('rows' in maxFailures) {
    return failures.failures >= maxFailures.rows
      ? `${failures.failures} rows failed (--max-failures ${maxFailures.rows})`
      : undefined;
  }
  const most = maxFailures.share * failures.rows;
  return failures.rows >= SHARE_FROM_ROWS && failures.failures > most
    ? `${failures.failures} of ${failures.rows} rows failed (--max-failures ${percent(maxFailures.share)})`
    : undefined;
}

/** 0.07 * 100 is 7.000000000000001. */
const percent = (share: number): string => `${Number((share * 100).toFixed(6))}%`;

/** Why rows did not end well, counted. */
export interface Reasons {
  note(outcome: Pick<Outcome, 'status' | 'errorName'>): void;
  /** The most frequent ones: `97 not-found (UserNotFoundException), 3 failed (TimeoutError)`. */
  inWords(): string;
}

/** Error names come from outside; more kinds than this tell nobody anything. */
const MOST_KINDS = 100;
const MOST_TOLD = 3;

export function createReasons(): Reasons {
  const counts = new Map<string, number>();
  return {
    note({ errorName, status }) {
      if (endedWell(status)) return;
      const kind = errorName === '' ? status : `${status} (${errorName})`;
      if (counts.has(kind) || counts.size < MOST_KINDS) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    },
    inWords: () =>
      [...counts]
        .sort(([, a], [, b]) => b - a)
        .slice(0, MOST_TOLD)
        .map(([kind, count]) => `${count} ${kind}`)
        .join(', '),
  };
}
