import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RowSet } from '../src/row-set.js';

/** Rows close together, so that ranges meet, grow together and are split. */
const row = fc.integer({ min: 1, max: 40 });
const command = fc.record({ do: fc.constantFrom('add', 'add', 'delete'), row });

/** The ranges as a person would write them down. */
function written(rows: ReadonlySet<number>): string {
  const ranges: [number, number][] = [];
  for (const number of [...rows].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

function firstMissing(rows: ReadonlySet<number>): number {
  let number = 1;
  while (rows.has(number)) number++;
  return number;
}

it('does all that a plain set does, whatever the order', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 120 }), (commands) => {
      const set = new RowSet();
      const plain = new Set<number>();
      for (const { do: what, row } of commands) {
        if (what === 'add') {
          expect(set.add(row)).toBe(!plain.has(row));
          plain.add(row);
        } else {
          expect(set.delete(row)).toBe(plain.delete(row));
        }
        expect(set.size).toBe(plain.size);
        expect(set.toString()).toBe(written(plain));
        expect(set.firstMissing()).toBe(firstMissing(plain));
      }
      for (let number = 0; number <= 42; number++) expect(set.has(number)).toBe(plain.has(number));
      expect([...set]).toEqual([...plain].sort((a, b) => a - b));
      expect(RowSet.parse(set.toString()).toString()).toBe(set.toString());
      expect(RowSet.parse(set.toString()).size).toBe(plain.size);
      expect(set.rangeCount).toBe(set.toString() === '' ? 0 : set.toString().split(',').length);
    }),
  );
});

it('keeps a million rows done in order in one range', () => {
  const set = new RowSet();
  for (let number = 1; number <= 1_000_000; number++) set.add(number);
  expect(set.toString()).toBe('1-1000000');
  expect(set.rangeCount).toBe(1);
});

describe('a set that is read', () => {
  it.each([
    ['', 0, 1],
    ['1', 1, 2],
    ['1-100,102', 101, 101],
    ['2-3', 2, 1],
    ['1-9007199254740991', Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER + 1],
  ])('%j has %i rows, and %i is the first missing', (text, size, missing) => {
    const set = RowSet.parse(text);
    expect(set.size).toBe(size);
    expect(set.firstMissing()).toBe(missing);
    expect(set.toString()).toBe(text);
  });

  it.each([
    'x',
    '0',
    '0-3',
    '-1',
    '1-',
    '3-1',
    '1.5',
    '1,',
    ',1',
    '1 ,2',
    '1,1',
    '2,1',
    '1-3,2-5',
    '5-9,1-3',
    '1-2,3',
    '1e3',
    '1-9007199254740993',
    '1;2',
    '\n',
  ])('%j is refused', (text) => {
    expect(() => RowSet.parse(text)).toThrow(RangeError);
  });
});
