import { describe, expect, it } from 'vitest';
import { noRows, saveRows } from '../../src/job-rows.js';
import { RowSet } from '../../src/row-set.js';
import { doubtAfterKill, replay } from '../../src/select/replay.js';
import { outcomeOf } from '../support/outcomes.js';

describe('the lines after the bookmark', () => {
  it('bring the rows up to date', () => {
    const rows = { ...noRows(), done: RowSet.parse('1-3'), inDoubt: RowSet.parse('4-5'), attempts: 3 };
    rows.counts.confirmed = 3;
    const twice = replay(rows, [
      outcomeOf({ row: 5, status: 'presumed-confirmed', attempts: 2 }),
      outcomeOf({ row: 7, status: 'failed', attempts: 10 }),
      outcomeOf({ row: 6, status: 'invalid', attempts: 0 }),
    ]);
    expect(twice).toBeUndefined();
    expect(saveRows(rows)).toMatchObject({
      done: '1-3,5-7',
      failed: '7',
      inDoubt: '4',
      attempts: 15,
      counts: { confirmed: 3, 'presumed-confirmed': 1, failed: 1, invalid: 1, 'not-found': 0 },
    });
  });

  it.each([
    ['that the checkpoint has already', [4, 2], 2],
    ['that another line has', [4, 5, 4], 4],
  ])('must not have a row %s', (_what, numbers, twice) => {
    const rows = { ...noRows(), done: RowSet.parse('1-3') };
    expect(
      replay(
        rows,
        numbers.map((row) => outcomeOf({ row })),
      ),
    ).toBe(twice);
  });
});

describe('after a kill', () => {
  it.each([
    ['nothing is in doubt where the run came to an end', '1-3', '', 0, 10, ''],
    ['the rows up to the one that may have been sent are in doubt', '1-3', '', 6, 10, '4-6'],
    ['those that are done are not', '1-3,5', '', 6, 10, '4,6'],
    ['those that were in doubt stay so', '1-3', '9', 6, 10, '4-6,9'],
    ['rows beyond the source are not', '1-3', '', 100, 10, '4-10'],
    ['all may be in doubt', '', '', 100, 3, '1-3'],
    ['none is where all is done', '1-10', '', 100, 10, ''],
  ])('%s', (_what, done, inDoubt, sentUpTo, total, expected) => {
    const rows = { ...noRows(), done: RowSet.parse(done), inDoubt: RowSet.parse(inDoubt) };
    doubtAfterKill(rows, { sentUpTo, total });
    expect(rows.inDoubt.toString()).toBe(expected);
  });
});
