import { describe, expect, it } from 'vitest';
import { noRows, noteDone } from '../../src/job-rows.js';
import { decide } from '../../src/select/decide.js';

const NOW = new Date('2026-11-05T10:00:00.000Z');
const anna = { row: 5, username: 'anna', metadata: { lang: 'de' } };
const bad = { row: 5, username: 'an na', problem: 'the username has white space (U+0020) in it' };

const rowsWith = (what: 'nothing' | 'done' | 'in doubt' | 'failed') => {
  const rows = noRows();
  if (what === 'done') noteDone(rows, { row: 5, status: 'confirmed', attempts: 1 });
  if (what === 'failed') noteDone(rows, { row: 5, status: 'failed', attempts: 10 });
  if (what === 'in doubt') rows.inDoubt.add(5);
  return rows;
};

const reported = {
  do: 'report',
  outcome: {
    row: 5,
    username: 'an na',
    status: 'invalid',
    attempts: 0,
    errorName: '',
    errorMessage: 'the username has white space (U+0020) in it',
    requestId: '',
    finishedAt: '2026-11-05T10:00:00.000Z',
  },
};

describe('a row', () => {
  it.each([
    ['that is usable and new is sent', anna, 'nothing', { do: 'send', row: anna, mayHaveBeenSent: false }],
    ['that is in doubt is sent as such', anna, 'in doubt', { do: 'send', row: anna, mayHaveBeenSent: true }],
    ['that is done is skipped', anna, 'done', { do: 'skip' }],
    ['that is done and failed is skipped', anna, 'failed', { do: 'skip' }],
    ['that cannot be used is reported', bad, 'nothing', reported],
    ['that cannot be used is reported, doubt or not', bad, 'in doubt', reported],
    ['that cannot be used and is done is skipped', bad, 'done', { do: 'skip' }],
  ] as const)('%s', (_what, row, before, decision) => {
    expect(decide(row, rowsWith(before), NOW)).toEqual(decision);
  });
});
