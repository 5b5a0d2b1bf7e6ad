import { expect, it } from 'vitest';
import { createLatencyMeter } from '../../src/send/latency.js';

const measured = (times: readonly number[]) => {
  const meter = createLatencyMeter();
  for (const time of times) meter.note(time);
  return meter.measure();
};

it('knows nothing before the first answer', () => {
  expect(measured([])).toBeUndefined();
});

it.each([
  ['one answer', [60], { meanMs: 60, p50Ms: 60, p99Ms: 60 }],
  ['a few', [30, 10, 20], { meanMs: 20, p50Ms: 20, p99Ms: 30 }],
  ['a hundred', Array.from({ length: 100 }, (_, n) => n + 1), { meanMs: 50.5, p50Ms: 50, p99Ms: 99 }],
  [
    'the last thousand of many',
    [...Array(5_000).fill(9_000), ...Array(1_000).fill(5)],
    { meanMs: 5, p50Ms: 5, p99Ms: 5 },
  ],
])('measures %s', (_what, times, latency) => {
  expect(measured(times)).toEqual(latency);
});
