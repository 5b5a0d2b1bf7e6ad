import { expect, it } from 'vitest';
import { createPaceTrace, type PacePoint } from '../../src/write/pace-trace.js';

const START = Date.UTC(2026, 10, 24);

/** What is kept of a run that is looked at four times a second; `paceAt` takes its seconds. */
function traceOf(seconds: number, paceAt: (second: number) => number, most?: number): readonly PacePoint[] {
  const trace = createPaceTrace(most);
  for (let ms = 0; ms <= seconds * 1_000; ms += 250) {
    trace.note(
      { pacePerSecond: paceAt(ms / 1_000), throttled: Math.floor(ms / 1_000) },
      40,
      new Date(START + ms),
    );
  }
  return trace.points();
}

const secondsOf = (points: readonly PacePoint[]): number[] =>
  points.map(({ at }) => (Date.parse(at) - START) / 1_000);

it('keeps a point a minute while nothing happens', () => {
  expect(secondsOf(traceOf(300, () => 40))).toEqual([0, 60, 120, 180, 240, 300]);
});

it('keeps the moment of a cut, and that at which the pace is back at the rate', () => {
  const points = traceOf(90, (second) => (second < 20 ? 40 : second < 50 ? 20 + second / 10 : 40));
  expect(points).toEqual([
    { at: '2026-11-24T00:00:00.000Z', pacePerSecond: 40, throttled: 0 },
    { at: '2026-11-24T00:00:20.000Z', pacePerSecond: 22, throttled: 20 },
    { at: '2026-11-24T00:00:50.000Z', pacePerSecond: 40, throttled: 50 },
  ]);
});

it('is bounded however long the run and however often the pace is cut, and still tells of all of it', () => {
  const seconds = 8 * 3_600;
  const points = traceOf(seconds, (second) => 40 - (Math.floor(second) % 7), 100);
  expect(points.length).toBeLessThanOrEqual(100);
  expect(points.length).toBeGreaterThan(40);
  const kept = secondsOf(points);
  const gaps = kept.slice(1).map((at, index) => at - (kept[index] ?? 0));
  expect(kept[0]).toBe(0);
  expect(Math.max(...gaps, seconds - (kept.at(-1) ?? 0))).toBeLessThan(seconds / 20);
});
