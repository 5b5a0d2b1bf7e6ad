import { describe, expect, it } from 'vitest';
import { STATUSES, type Status } from '../../src/outcome.js';
import {
  countFailure,
  createReasons,
  type Failures,
  noFailures,
  tooManyFailures,
} from '../../src/select/breaker.js';

const before: Failures = { rows: 10, failures: 2, inARow: 3 };

describe('a row that was sent', () => {
  it.each([
    ['confirmed', 2, 0],
    ['already-confirmed', 2, 0],
    ['presumed-confirmed', 2, 0],
    ['trigger-failed', 3, 4],
    ['not-found', 2, 4],
    ['not-confirmable', 2, 4],
    ['invalid', 2, 4],
    ['failed', 3, 4],
  ] as const)('and is %s makes %i failures and %i in a row', (status, failures, inARow) => {
    expect(countFailure(before, { status, attempts: 1 })).toEqual({ rows: 11, failures, inARow });
  });

  it('has a line above for every status', () => {
    expect(STATUSES).toHaveLength(8);
  });
});

it('leaves the row of bad ones as it is for a row that was never sent', () => {
  expect(countFailure(before, { status: 'invalid', attempts: 0 })).toEqual({ ...before, rows: 11 });
});

describe('the run', () => {
  const byRows = { maxFailures: { rows: 5 }, maxFailuresInARow: 100 };
  const byShare = { maxFailures: { share: 0.05 }, maxFailuresInARow: 100 };
  const bySeven = { maxFailures: { share: 0.07 }, maxFailuresInARow: 100 };
  const off = { maxFailures: { share: 1 }, maxFailuresInARow: 0 };
  const none = { maxFailures: { share: 0 }, maxFailuresInARow: 0 };

  it.each([
    ['goes on before anything', noFailures, byShare],
    ['goes on below the number', { rows: 10, failures: 4, inARow: 4 }, byRows],
    ['goes on where the share is not judged yet', { rows: 999, failures: 900, inARow: 9 }, byShare],
    ['goes on at the share', { rows: 1_000, failures: 50, inARow: 9 }, byShare],
    ['goes on with 99 bad rows in a row', { rows: 500, failures: 0, inARow: 99 }, byShare],
    ['goes on whatever happens where it is told to', { rows: 5_000, failures: 5_000, inARow: 5_000 }, off],
    ['goes on without a failure where none is allowed', { rows: 5_000, failures: 0, inARow: 0 }, none],
  ])('%s', (_what, failures, bounds) => {
    expect(tooManyFailures(failures, bounds)).toBeUndefined();
  });

  it.each([
    [{ rows: 10, failures: 5, inARow: 1 }, byRows, '5 rows failed (--max-failures 5)'],
    [{ rows: 1_000, failures: 51, inARow: 1 }, byShare, '51 of 1000 rows failed (--max-failures 5%)'],
    [{ rows: 1_000, failures: 71, inARow: 1 }, bySeven, '71 of 1000 rows failed (--max-failures 7%)'],
    [{ rows: 1_000, failures: 1, inARow: 1 }, none, '1 of 1000 rows failed (--max-failures 0%)'],
    [
      { rows: 100, failures: 0, inARow: 100 },
      byShare,
      '100 sent rows in a row did not end well (--max-failures-in-a-row 100): is it the right pool, the right column?',
    ],
  ])('stops at %j', (failures, bounds, message) => {
    expect(tooManyFailures(failures, bounds)).toBe(message);
  });
});

describe('the reasons', () => {
  it('are told by their number, the three most frequent ones', () => {
    const reasons = createReasons();
    const note = (times: number, status: Status, errorName: string): void => {
      for (let n = 0; n < times; n++) reasons.note({ status, errorName });
    };
    note(5, 'confirmed', '');
    note(2, 'failed', 'TimeoutError');
    note(97, 'not-found', 'UserNotFoundException');
    note(1, 'trigger-failed', 'UserLambdaValidationException');
    note(3, 'invalid', '');
    expect(reasons.inWords()).toBe(
      '97 not-found (UserNotFoundException), 3 invalid, 2 failed (TimeoutError)',
    );
  });
});
