import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fullPace, nextPace, type Pace, type PaceEvent } from '../../src/send/pace.js';

const at = (
  perSecond: number,
  cutAtMs = Number.NEGATIVE_INFINITY,
  raisedAtMs = Number.NEGATIVE_INFINITY,
): Pace => ({
  perSecond,
  ratePerSecond: 40,
  cutAtMs,
  raisedAtMs,
});

describe('the pace', () => {
  it.each([
    ['is cut to 70 % when the service throttles', at(40), 'throttled', 5_000, at(28, 5_000)],
    ['is cut once for all of one moment', at(28, 5_000), 'throttled', 5_999, at(28, 5_000)],
    ['is cut again a second later', at(28, 5_000), 'throttled', 6_000, at(19.6, 6_000)],
    ['is cut right after it was raised', at(28, 0, 4_900), 'throttled', 5_000, at(19.6, 5_000, 4_900)],
    ['is never below a twentieth of the rate', at(2.1, 0), 'throttled', 5_000, at(2, 5_000)],
    ['stays at its floor', at(2, 0), 'throttled', 5_000, at(2, 5_000)],
    ['stays at the rate while all is well', at(40), 'answered', 5_000, at(40)],
    ['waits a second after a cut', at(20, 5_000), 'answered', 5_999, at(20, 5_000)],
    ['is raised by 5 % after it', at(20, 5_000), 'answered', 6_000, at(21, 5_000, 6_000)],
    ['is raised once a second', at(21, 5_000, 6_000), 'answered', 6_999, at(21, 5_000, 6_000)],
    ['is raised again a second later', at(20, 5_000, 6_000), 'answered', 7_000, at(21, 5_000, 7_000)],
    ['is never above the rate', at(39, 0), 'answered', 5_000, at(40, 0, 5_000)],
  ] as const)('%s', (_what, before, event, nowMs, after) => {
    const next = nextPace(before, event, nowMs);
    expect(next.perSecond).toBeCloseTo(after.perSecond, 9);
    expect(next).toEqual({ ...after, perSecond: next.perSecond });
  });
});

/** Events in the order in which they come, each with its time in milliseconds. */
const after = (events: readonly [PaceEvent, number][], pace: Pace = fullPace(40)): Pace =>
  events.reduce((before, [event, ms]) => nextPace(before, event, ms), pace);

const seconds = (from: number, to: number, event: PaceEvent, perSecond: number): [PaceEvent, number][] =>
  Array.from({ length: (to - from) * perSecond }, (_, n) => [event, from * 1_000 + (n * 1_000) / perSecond]);

it('takes a hundred throttled answers of one moment for one signal', () => {
  expect(after(seconds(10, 11, 'throttled', 100)).perSecond).toBeCloseTo(28, 9);
});

it('comes back to the rate, within ten seconds of one signal', () => {
  const cut = after([['throttled', 10_000]]);
  expect(after(seconds(10, 15, 'answered', 30), cut).perSecond).toBeLessThan(40);
  expect(after(seconds(10, 20, 'answered', 30), cut).perSecond).toBe(40);
});

it('comes back from its floor, within some seventy seconds', () => {
  const floor = after(seconds(0, 60, 'throttled', 5));
  expect(floor.perSecond).toBe(2);
  expect(after(seconds(60, 130, 'answered', 5), floor).perSecond).toBe(40);
});

it('finds its place below what the service takes, and stays near it', () => {
  // Live traffic leaves 30 of the quota to us: above that, the service throttles.
  let pace = fullPace(40);
  let sum = 0;
  for (let second = 0; second < 600; second++) {
    for (let n = 0; n < 10; n++) {
      pace = nextPace(pace, pace.perSecond > 30 ? 'throttled' : 'answered', second * 1_000 + n * 100);
    }
    sum += Math.min(30, pace.perSecond);
  }
  expect(sum / 600).toBeGreaterThan(24);
});

it('is never above the rate nor below its floor, whatever comes', () => {
  const event = fc.tuple(fc.constantFrom<PaceEvent>('throttled', 'answered'), fc.nat(2_500));
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 300 }),
      fc.double({ min: 0.1, max: 10_000, noNaN: true }),
      (events, rate) => {
        let pace = fullPace(rate);
        let nowMs = 0;
        for (const [event, ms] of events) {
          nowMs += ms;
          pace = nextPace(pace, event, nowMs);
          expect(pace.perSecond).toBeLessThanOrEqual(rate);
          expect(pace.perSecond).toBeGreaterThanOrEqual(rate * 0.05);
        }
      },
    ),
  );
});
