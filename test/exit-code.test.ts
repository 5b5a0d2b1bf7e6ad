import { describe, expect, it } from 'vitest';
import { exitCodeOfEnding, exitCodeOfStop } from '../src/exit-code.js';

describe('the exit code of a run that ended', () => {
  it.each([
    ['finished', 0, undefined, 0],
    ['finished', 3, undefined, 1],
    ['finished', 0, 'SIGTERM', 0],
    ['dry-run', 0, undefined, 0],
    ['dry-run', 1, undefined, 1],
    ['limit', 3, undefined, 10],
    ['max-duration', 0, undefined, 10],
    ['too-many-failures', 100, undefined, 3],
    ['cannot-go-on', 0, undefined, 4],
    ['interrupted', 0, 'SIGINT', 130],
    ['interrupted', 0, 'SIGTERM', 143],
    ['interrupted', 0, undefined, 130],
  ] as const)('%s with %i bad rows and signal %s is %i', (ending, badRows, signal, code) => {
    expect(exitCodeOfEnding(ending, badRows, signal)).toBe(code);
  });
});

describe('the exit code of a stop', () => {
  it.each([
    ['SOURCE_NOT_FOUND', 2],
    ['SOURCE_UNREADABLE', 2],
    ['SOURCE_EMPTY', 2],
    ['SOURCE_NOT_TEXT', 2],
    ['SOURCE_HEADER', 2],
    ['SOURCE_QUOTE', 2],
    ['SOURCE_CHANGED', 2],
    ['JOB_NOT_FOUND', 2],
    ['JOB_UNUSABLE', 2],
    ['JOB_DAMAGED', 2],
    ['JOB_MISMATCH', 2],
    ['JOB_HELD', 5],
    ['JOB_UNWRITABLE', 4],
    ['ACCESS_DENIED', 4],
    ['CREDENTIALS', 4],
    ['POOL_NOT_FOUND', 4],
    ['POOL_NOT_OPERABLE', 4],
    ['NO_CONNECTION', 4],
  ] as const)('%s is %i', (stop, code) => {
    expect(exitCodeOfStop(stop)).toBe(code);
  });
});
