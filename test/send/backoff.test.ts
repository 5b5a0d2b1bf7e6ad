import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../src/send/backoff.js';

const reasons = ['throttled', 'limited', 'transient', 'unreachable'] as const;

describe('the longest wait', () => {
  it.each([
    ['throttled', 1, 1_000],
    ['throttled', 2, 2_000],
    ['throttled', 5, 16_000],
    ['throttled', 6, 20_000],
    ['limited', 1, 1_000],
    ['limited', 2, 2_000],
    ['transient', 1, 100],
    ['transient', 2, 200],
    ['transient', 8, 12_800],
    ['transient', 9, 20_000],
    ['transient', 100, 20_000],
    ['unreachable', 1, 100],
    ['unreachable', 9, 20_000],
  ] as const)('where it is %s, after attempt %i is %i ms', (why, attempt, ms) => {
    expect(backoffMs(attempt, why, () => 1)).toBe(ms);
  });
});

it.each(reasons)('is spread over all of the time from none on (%s)', (why) => {
  const most = backoffMs(3, why, () => 1);
  for (const random of [0, 0.001, 0.25, 0.5, 0.999]) {
    expect(backoffMs(3, why, () => random)).toBeCloseTo(most * random, 9);
  }
});

it('never shrinks from attempt to attempt', () => {
  for (const why of reasons) {
    for (let attempt = 1; attempt < 100; attempt++) {
      expect(backoffMs(attempt + 1, why, () => 1)).toBeGreaterThanOrEqual(backoffMs(attempt, why, () => 1));
    }
  }
});
