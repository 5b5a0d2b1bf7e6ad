import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterThrottled, type Pace, paceAt, slowedBy, startPace } from '../../src/send/pace.js';
import { FORMS, type Form, measure, play, type Scene } from '../support/traffic.js';

const RATE = 40;

/** A pace after throttled answers, each to a request sent 60 ms before. */
const throttledAt = (times: readonly number[], pace: Pace = startPace(RATE, 'at-once', 0)): Pace =>
  times.reduce((before, ms) => afterThrottled(before, ms - 60, ms), pace);

describe('the pace', () => {
  it.each([
    ['is the rate at once, where the user names one', startPace(RATE, 'at-once', 1_000), 1_000, 40],
    ['begins at a quarter of a share', startPace(RATE, 'gently', 1_000), 1_000, 10],
    ['has reached a share after some eight seconds', startPace(RATE, 'gently', 1_000), 9_400, 40],
    ['stays at the rate while all is well', startPace(RATE, 'gently', 0), 3_600_000, 40],
    ['yields almost all of it right after a throttled answer', throttledAt([600_000]), 600_000, 3.76],
    ['yields for two seconds', throttledAt([600_000]), 601_999, 3.76],
    ['is then a little lower than before, after a long time at it', throttledAt([600_000]), 602_000, 37.6],
    ['is then not half as high where the run has just begun', throttledAt([100]), 2_100, 16.4],
    ['comes back slowly', throttledAt([600_000]), 620_000, 38.4],
    ['has come back after a minute', throttledAt([600_000]), 660_000, 40],
    ['is cut again where the next answer is throttled too', throttledAt([600_000, 602_500]), 604_500, 22],
    ['has a floor', throttledAt(Array.from({ length: 100 }, (_, n) => n * 1_000)), 99_000, 0.8],
  ] as const)('%s', (_what, pace, nowMs, perSecond) => {
    expect(paceAt(pace, nowMs)).toBeCloseTo(perSecond, 0);
  });

  it('is far below the rate where the service throttles on and on, and comes back when it is over', () => {
    const pace = throttledAt(Array.from({ length: 100 }, (_, n) => n * 1_000));
    expect(paceAt(pace, 105_000)).toBeLessThan(1);
    expect(paceAt(pace, 105_000 + 400_000)).toBe(RATE);
  });

  it('says why it is below the rate', () => {
    expect(slowedBy(startPace(RATE, 'gently', 0), 1_000)).toEqual({ why: 'start' });
    expect(slowedBy(startPace(RATE, 'gently', 0), 10_000)).toBeUndefined();
    expect(slowedBy(throttledAt([600_000]), 612_000)).toEqual({ why: 'throttled', agoMs: 12_000 });
    expect(slowedBy(throttledAt([600_000]), 700_000)).toBeUndefined();
  });
});

describe('throttled answers', () => {
  it('of one moment are one signal', () => {
    const first = throttledAt([600_000]);
    const many = Array.from({ length: 100 }, (_, n) => n).reduce(
      (pace, n) => afterThrottled(pace, 599_940 + n * 3, 600_000 + n * 3),
      first,
    );
    expect(many).toBe(first);
  });

  it('to requests sent after the cut are another one', () => {
    const first = throttledAt([600_000]);
    expect(afterThrottled(first, 600_250, 600_310)).not.toBe(first);
    expect(paceAt(afterThrottled(first, 600_250, 600_310), 603_000)).toBeLessThan(20);
  });

  it('confirm the room when they come at about the same pace: the way back takes longer each time', () => {
    let pace = startPace(50, 'at-once', 0);
    let nowMs = 600_000;
    const waysBackMs: number[] = [];
    // As if the room were 30/s.
    for (let n = 0; n < 12; n++) {
      pace = afterThrottled(pace, nowMs - 60, nowMs);
      const cutAtMs = nowMs;
      while (paceAt(pace, nowMs) < 30) nowMs += 100;
      waysBackMs.push(nowMs - cutAtMs);
    }
    expect(waysBackMs.at(-1)).toBeGreaterThan(2 * (waysBackMs[2] ?? 0));
    // Nothing is remembered for ever.
    expect(waysBackMs.at(-1)).toBeLessThan(300_000);
    expect(paceAt(pace, nowMs + 900_000)).toBe(50);
  });
});

it('is between its floor and the rate, whatever happens, and only time raises it', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.1, max: 10_000, noNaN: true }),
      fc.array(
        fc.record({
          gapMs: fc.integer({ min: 0, max: 100_000 }),
          latencyMs: fc.integer({ min: 0, max: 25_000 }),
        }),
      ),
      fc.constantFrom('at-once' as const, 'gently' as const),
      (ratePerSecond, answers, start) => {
        let nowMs = 0;
        let pace = startPace(ratePerSecond, start, 0);
        for (const { gapMs, latencyMs } of answers) {
          nowMs += gapMs;
          const before = paceAt(pace, nowMs);
          pace = afterThrottled(pace, nowMs - latencyMs, nowMs);
          const after = paceAt(pace, nowMs);
          expect(after).toBeLessThanOrEqual(before * (1 + 1e-9));
          expect(after).toBeGreaterThanOrEqual(ratePerSecond * 0.02 * (1 - 1e-9));
          expect(paceAt(pace, nowMs + 1_999)).toBeGreaterThanOrEqual(after);
          expect(paceAt(pace, nowMs + 1e9)).toBe(ratePerSecond);
        }
      },
    ),
  );
});

/** Half an hour of constant traffic, after the first 30 s; the jobs at their default of 80 %, and at all of the quota. */
describe('beside live sign-ups that come at a constant rate', () => {
  const half = (form: Form, live: number, ratePerSecond: number): Scene => ({
    form,
    seconds: 1_800,
    live: () => live,
    jobs: [{ ratePerSecond }],
  });
  const alone = (form: Form, live: number): number =>
    measure(play({ form, seconds: 1_800, live: () => live, jobs: [] }), 30).turnedAway;

  describe.each(FORMS)('on a quota in the form of a %s', (form) => {
    it.each([
      [0, 40],
      [10, 40],
      [25, 40],
      [40, 40],
      [0, 50],
      [10, 50],
      [25, 50],
      [40, 50],
    ])('of %i/s, at a rate of %i/s, about half a percent more are turned away at most', (live, rate) => {
      const { turnedAway } = measure(play(half(form, live, rate)), 30);
      expect(turnedAway - alone(form, live)).toBeLessThanOrEqual(0.007);
    });
  });

  it.each([
    [0, 40],
    [10, 40],
    [25, 25],
    [40, 10],
  ])(
    'of %i/s, nine tenths of what is left are used where a bucket of 50 evens the sign-ups out',
    (live, left) => {
      const rows = [1, 2, 3, 4].map(
        (seed) => measure(play({ ...half('bucket-50', live, 40), seed }), 30).rowsPerSecond,
      );
      expect(rows.reduce((sum, each) => sum + each, 0) / 4).toBeGreaterThanOrEqual(left * 0.9);
    },
  );
});

describe('beside traffic that changes', () => {
  it('follows a day of it', () => {
    // From 5/s at night to 45/s in the afternoon.
    const live = (second: number): number => 25 - 20 * Math.cos((second / 86_400) * 2 * Math.PI);
    const history = play({ form: 'bucket-50', seconds: 86_400, live, jobs: [{ ratePerSecond: 40 }] });
    expect(measure(history).turnedAway).toBeLessThanOrEqual(0.005);
    for (let hour = 0; hour < 24; hour++) {
      const left = Math.min(40, 50 - live(hour * 3_600 + 1_800));
      const { rowsPerSecond } = measure(history, hour * 3_600, (hour + 1) * 3_600);
      expect(rowsPerSecond).toBeGreaterThanOrEqual(left * 0.75);
    }
  });

  it('gives way to a burst at once, and comes back after it', () => {
    const live = (second: number): number => (second >= 600 && second < 900 ? 40 : 5);
    const history = play({ form: 'bucket-50', seconds: 1_800, live, jobs: [{ ratePerSecond: 40 }] });
    expect(measure(history, 600, 900).turnedAway).toBeLessThanOrEqual(0.01);
    expect(measure(history, 300, 600).rowsPerSecond).toBeGreaterThan(38);
    expect(measure(history, 1_300, 1_800).rowsPerSecond).toBeGreaterThan(36);
  });

  it('shares with a second job on the same quota', () => {
    const history = play({
      form: 'bucket-50',
      seconds: 3_600,
      live: () => 10,
      jobs: [{ ratePerSecond: 40 }, { ratePerSecond: 40, fromSecond: 300 }],
    });
    const [first, second] = [measure(history, 1_200, 3_600, 0), measure(history, 1_200, 3_600, 1)];
    expect(first.turnedAway).toBeLessThanOrEqual(0.005);
    expect(first.rowsPerSecond + second.rowsPerSecond).toBeGreaterThan(40 * 0.85);
    // Neither is pushed out.
    expect(Math.min(first.rowsPerSecond, second.rowsPerSecond)).toBeGreaterThan(5);
  });

  it('finds a quota that is lowered in mid-run, and one that is raised again', () => {
    const quota = (second: number): number => (second >= 600 && second < 1_800 ? 20 : 50);
    const history = play({
      form: 'bucket-50',
      seconds: 3_000,
      live: () => 5,
      quota,
      jobs: [{ ratePerSecond: 40 }],
    });
    expect(measure(history, 700, 1_800).rowsPerSecond).toBeGreaterThan(15 * 0.85);
    expect(measure(history, 700, 1_800).turnedAway).toBeLessThanOrEqual(0.005);
    expect(measure(history, 2_400, 3_000).rowsPerSecond).toBeGreaterThan(36);
  });
});

it('is not fooled by a quota at exactly its own rate', () => {
  // Like clockwork at 50/s, the job would take each token as it comes and never be throttled.
  const { turnedAway } = measure(
    play({
      form: 'bucket-50',
      seconds: 600,
      live: () => 25,
      jobs: [{ ratePerSecond: 50, start: 'at-once' }],
    }),
    30,
  );
  expect(turnedAway).toBeLessThan(0.01);
});
