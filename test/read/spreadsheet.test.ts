import { describe, expect, it } from 'vitest';
import { damageInWords, damageOf } from '../../src/read/spreadsheet.js';

describe('what a spreadsheet may have done to a username', () => {
  it.each([
    ['4.9E+11', 'exponent'],
    ['4,91511E+12', 'exponent'],
    ['4E+11', 'exponent'],
    ['4.9e11', 'exponent'],
    ['4915112345678', 'lost-plus'],
    ['12345678', 'lost-plus'],
    ['123456789012345', 'lost-plus'],
    ["'+4915112345678", 'apostrophe'],
    ["'=cmd", 'apostrophe'],
    ["'@anna", 'apostrophe'],
    ["'-x", 'apostrophe'],
    ['+4915112345678', undefined],
    ['1234567', undefined],
    ['1234567890123456', undefined],
    ['4e11', undefined],
    ['1e5f3c4d', undefined],
    ["'anna", undefined],
    ['anna', undefined],
    ['', undefined],
  ])('%s: %s', (username, damage) => {
    expect(damageOf(username)).toBe(damage);
  });

  it.each(['exponent', 'lost-plus', 'apostrophe'] as const)('has words: %s', (damage) => {
    expect(damageInWords(damage)).toMatch(/^usernames .+/);
  });
});
