import { expect, it } from 'vitest';
import { loadRows, noRows, noteDone, saveRows } from '../src/job-rows.js';

const someRows = () => {
  const rows = noRows();
  rows.inDoubt.add(2);
  rows.inDoubt.add(9);
  noteDone(rows, { row: 1, status: 'confirmed', attempts: 1 });
  noteDone(rows, { row: 2, status: 'presumed-confirmed', attempts: 3 });
  noteDone(rows, { row: 4, status: 'failed', attempts: 10 });
  return rows;
};

it('notes each row once: its status, its attempts, and that it is not in doubt any more', () => {
  const rows = someRows();
  const before = saveRows(rows);
  expect(before).toMatchObject({ done: '1-2,4', failed: '4', inDoubt: '9', attempts: 14 });
  expect(before.counts).toMatchObject({ confirmed: 1, 'presumed-confirmed': 1, failed: 1, invalid: 0 });
  expect(noteDone(rows, { row: 4, status: 'confirmed', attempts: 1 })).toBe(false);
  expect(saveRows(rows)).toEqual(before);
});

it('gives back from the checkpoint what it was given, through JSON', () => {
  const saved = saveRows(someRows());
  expect(saveRows(loadRows(JSON.parse(JSON.stringify(saved))))).toEqual(saved);
});

it('counts a status that an older checkpoint does not know from 0', () => {
  const saved = { ...saveRows(noRows()), counts: { confirmed: 2 } };
  expect(loadRows(JSON.parse(JSON.stringify(saved))).counts).toMatchObject({ confirmed: 2, failed: 0 });
});
