import { describe, expect, it } from 'vitest';
import type { Position } from '../../src/row.js';
import { createPositions } from '../../src/write/positions.js';

const at = (row: number): Position => ({ row, offset: row * 100, line: row + 1 });

describe('the place to begin again', () => {
  it.each([
    ['is the start while nothing is read', [], [], 1],
    ['is the first row while nothing is done', [1, 2, 3], [], 1],
    ['is the first row that is open', [1, 2, 3, 4], [1, 2, 4], 3],
    ['is the last row read where all are done', [1, 2, 3], [1, 2, 3], 3],
    ['is past rows that were done before and skipped', [5, 6], [1, 2, 3, 4, 5], 6],
    ['is the start while the rows after it are done', [2, 3], [2, 3], 1],
  ])('%s', (_what, read, done, expected) => {
    const positions = createPositions(at(1));
    for (const row of read) positions.add(at(row));
    expect(positions.first((row) => done.includes(row))).toEqual(at(expected));
  });

  it('moves on as rows are done, and never back', () => {
    const positions = createPositions(at(1));
    const done = new Set<number>();
    const first = () => positions.first((row) => done.has(row)).row;
    for (let row = 1; row <= 4; row++) positions.add(at(row));
    done.add(2);
    expect(first()).toBe(1);
    done.add(1);
    expect(first()).toBe(3);
    done.add(3);
    done.add(4);
    expect(first()).toBe(4);
    positions.add(at(5));
    expect(first()).toBe(5);
  });
});
