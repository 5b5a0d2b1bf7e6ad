import { expect, it } from 'vitest';
import { duration } from '../src/in-words.js';

it.each([
  [undefined, '-'],
  [Number.NaN, '-'],
  [Number.POSITIVE_INFINITY, '-'],
  [0, '0 s'],
  [45_400, '45 s'],
  [89_499, '89 s'],
  [89_500, '2 min'],
  [12 * 60_000, '12 min'],
  [90 * 60_000, '1 h 30 min'],
  [25_020_000, '6 h 57 min'],
  [100 * 3_600_000, '100 h 0 min'],
])('%s milliseconds are %s', (ms, words) => {
  expect(duration(ms)).toBe(words);
});
