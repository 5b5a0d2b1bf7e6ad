import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createLimiter, type Limiter, toCadence } from '../../src/send/limiter.js';
import { type FakeTime, fakeTime } from '../support/fake-time.js';

// Much time goes by in here, and a busy machine needs more than five seconds for it.
vi.setConfig({ testTimeout: 90_000 });

let time: FakeTime;

beforeEach(() => {
  time = fakeTime();
});

/** A limiter whose rate the test sets. */
function limiterAt(perSecond: number, signal = new AbortController().signal) {
  let now = perSecond;
  const limiter = createLimiter({ perSecondAt: () => now, signal });
  return {
    ...limiter,
    setRate(next: number) {
      now = next;
    },
  };
}

/** Takes tickets as rows that wait in line do, for ever; gives the times at which they come. */
function takeTickets(limiter: Limiter, takers = 50): number[] {
  const times: number[] = [];
  const taker = async () => {
    for (;;) {
      await limiter.ticket();
      times.push(time.now());
    }
  };
  for (let n = 0; n < takers; n++) void taker();
  return times;
}

/** The most tickets in any second that begins with one of them. */
function busiestSecond(times: readonly number[]): number {
  let first = 0;
  let most = 0;
  for (const [index, at] of times.entries()) {
    while (at - (times[first] ?? at) >= 1_000) first++;
    most = Math.max(most, index - first + 1);
  }
  return most;
}

const between = (times: readonly number[], from: number, to: number): number =>
  times.filter((at) => at >= from && at < to).length;

const atMostIn = (rate: number): number => rate * 1.02 + 1;

describe.each([
  [0.5, 60],
  [7, 60],
  [10, 60],
  [50, 60],
  [200, 60],
  [450, 10],
  [1_000, 10],
])('at %d tickets a second', (rate, seconds) => {
  it(`gives that many in ${seconds} s, and in no second more`, async () => {
    const times = takeTickets(limiterAt(rate));
    await time.run(seconds * 1_000);
    expect(times.length).toBeGreaterThanOrEqual(Math.floor(rate * seconds * 0.98));
    expect(times.length).toBeLessThanOrEqual(rate * seconds * 1.02 + toCadence(rate).tickets);
    // A job that grants several tickets may be one too many at the end of the second.
    expect(busiestSecond(times)).toBeLessThanOrEqual(rate * 1.02 + toCadence(rate).tickets);
  });
});

describe('a stall', () => {
  it.each([100, 1_000, 5_000])('of %i ms is not caught up', async (stallMs) => {
    const times = takeTickets(limiterAt(50));
    for (let n = 0; n < 5; n++) {
      await time.run(3_000);
      time.stall(stallMs);
    }
    await time.run(3_000);
    expect(busiestSecond(times)).toBeLessThanOrEqual(atMostIn(50));
    // Nor does it cost more than its own time, and a little.
    expect(times.length).toBeGreaterThanOrEqual(18 * 50 * 0.95);
  });

  it.each([
    [2, 3_000],
    [10, 150],
    [10, 1_000],
    [50, 70],
    [50, 1_000],
  ])('at %i a second catches up 60 ms at most: one of %i ms', async (rate, stallMs) => {
    const times = takeTickets(limiterAt(rate));
    for (let n = 0; n < 20; n++) {
      await time.run(1_000 + 37 * n);
      time.stall(stallMs);
    }
    await time.run(3_000);
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? at));
    // Timers are late by tens of milliseconds now and then, and one that comes in time after a late one is let pass.
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1_000 / rate - 60);
    // Two alone could come together at 50 a second: however many there are, they are no further ahead of the plan.
    const ahead = times.flatMap((first, from) =>
      times.slice(from + 1, from + 200).map((at, more) => ((more + 1) * 1_000) / rate - (at - first)),
    );
    expect(ahead.reduce((most, each) => Math.max(most, each), 0)).toBeLessThanOrEqual(60);
  });

  it('while nobody waits leaves nothing saved up', async () => {
    const limiter = limiterAt(50);
    void limiter.ticket();
    await time.run(10_000);
    const times = takeTickets(limiter);
    await time.run(5_000);
    expect(busiestSecond(times)).toBeLessThanOrEqual(atMostIn(50));
    expect(times.length).toBeGreaterThanOrEqual(5 * 50 * 0.98);
  });
});

it('keeps the rate when timers come late now and then', async () => {
  const times = takeTickets(limiterAt(50));
  for (let n = 0; n < 600; n++) {
    await time.run(96);
    time.stall(n % 4);
  }
  const ms = time.now();
  expect(times.length).toBeGreaterThanOrEqual((ms / 1_000) * 50 * 0.97);
  expect(busiestSecond(times)).toBeLessThanOrEqual(atMostIn(50));
});

describe('a new rate', () => {
  it.each([
    ['lower', 50, 10],
    ['higher', 10, 50],
    ['much lower', 200, 2],
    ['much higher', 2, 200],
    ['of several tickets a job', 50, 1_000],
    ['of one ticket a job again', 1_000, 50],
  ])('is in force within two jobs: %s', async (_what, before, after) => {
    const limiter = limiterAt(before);
    const times = takeTickets(limiter);
    await time.run(10_000);
    limiter.setRate(after);
    const twoJobsMs = 2 * toCadence(before).everyMs + 2 * toCadence(after).everyMs;
    await time.run(10_000 + twoJobsMs);
    const from = 10_000 + twoJobsMs;
    const count = between(times, from, from + 10_000);
    expect(count).toBeGreaterThanOrEqual(after * 10 * 0.97 - 1);
    expect(count).toBeLessThanOrEqual(after * 10 * 1.02 + toCadence(after).tickets);
  });

  it('set again and again holds no ticket back and lets none slip', async () => {
    const limiter = limiterAt(40);
    const times = takeTickets(limiter);
    for (let n = 0; n < 60; n++) {
      limiter.setRate(n % 2 === 0 ? 28 : 40);
      await time.run(500);
    }
    expect(busiestSecond(times)).toBeLessThanOrEqual(atMostIn(40));
    expect(times.length).toBeGreaterThan(28 * 30 * 0.9);
  });
});

describe('one who waits', () => {
  it('leaves when the signal aborts, with its reason', async () => {
    const controller = new AbortController();
    const limiter = limiterAt(1, controller.signal);
    const leavers = [limiter.ticket(), limiter.ticket()];
    controller.abort(new Error('drained'));
    const outcomes = await Promise.allSettled(leavers);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(leavers[0]).rejects.toThrow('drained');
  });

  it('does not begin to wait where the signal has aborted', async () => {
    await expect(limiterAt(1, AbortSignal.abort(new Error('drained'))).ticket()).rejects.toThrow('drained');
    expect(time.timerCount()).toBe(0);
  });

  it('is served before those who came later', async () => {
    const limiter = limiterAt(450);
    const order: number[] = [];
    for (let n = 0; n < 50; n++) void limiter.ticket().then(() => order.push(n));
    await time.run(1_000);
    expect(order).toEqual(Array.from({ length: 50 }, (_, n) => n));
  });

  it('waits in vain after the stop', async () => {
    const limiter = limiterAt(50);
    const times = takeTickets(limiter);
    await time.run(1_000);
    const before = times.length;
    limiter.stop();
    await time.run(10_000);
    expect(times.length).toBe(before);
    expect(time.timerCount()).toBe(0);
  });
});

it('arms timers for two jobs at most, however many wait', async () => {
  takeTickets(limiterAt(50), 1_000);
  for (let n = 0; n < 100; n++) {
    await time.run(7);
    // Each of the two has its own, and now and then one that bottleneck yields with.
    expect(time.timerCount()).toBeLessThanOrEqual(4);
  }
});

it.each([
  [0.5, 2_000, 1],
  [40, 25, 1],
  [200, 5, 1],
  [201, (1_000 * 2) / 201, 2],
  [400, 5, 2],
  [10_000, 5, 50],
])('at %d a second a job is due every %d ms and grants %i tickets', (rate, everyMs, tickets) => {
  expect(toCadence(rate).tickets).toBe(tickets);
  // Half a percent slower than asked, so as not to fall in step with the quota.
  expect(toCadence(rate).everyMs).toBeCloseTo(everyMs / 0.995, 9);
});
