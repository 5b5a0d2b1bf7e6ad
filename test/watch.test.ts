import { expect, it } from 'vitest';
import type { FoundRate } from '../src/find-rate.js';
import type { Notice } from '../src/notice.js';
import type { Settings } from '../src/options.js';
import type { Sender, SendStats } from '../src/send/send.js';
import { tellWhenFull } from '../src/watch.js';
import { fakeClock } from './support/fake-clock.js';

const SETTINGS = { concurrency: 100 } as Settings;
const RATE = { ratePerSecond: 50 } as FoundRate;
const answersIn = (ms: number): SendStats['latency'] => ({ meanMs: ms, p50Ms: ms, p99Ms: ms });
const FULL: SendStats = {
  requests: 0,
  inFlight: 100,
  latency: answersIn(5_000),
  throttled: 0,
  pacePerSecond: 50,
  slowedBy: undefined,
};

/** What is told in a minute of runs whose sender says this. */
async function toldIn(statsAt: (ms: number) => SendStats): Promise<string[]> {
  const ended = new AbortController();
  const told: Notice[] = [];
  let nowMs = 0;
  const clock = fakeClock((ms) => {
    nowMs += ms;
    if (nowMs > 60_000) ended.abort();
  });
  const sender: Sender = { stats: () => statsAt(nowMs), send: () => (async function* () {})() };
  await tellWhenFull(SETTINGS, RATE, sender, (notice) => told.push(notice), clock, ended.signal);
  return told.map(({ message }) => message);
}

it('names the concurrency as what holds the rate back, once, and the number that would do', async () => {
  expect(await toldIn(() => FULL)).toEqual([
    'the rate of 50/s is not reached: 100 requests are in flight, and an answer takes 5 s; --concurrency 250 would do',
  ]);
});

it.each<[string, (ms: number) => SendStats]>([
  ['while there is room', () => ({ ...FULL, inFlight: 99 })],
  ['while the service throttles, which is another reason', () => ({ ...FULL, pacePerSecond: 35 })],
  ['where so many would do for the rate', () => ({ ...FULL, latency: answersIn(1_900) })],
  ['when it is full for a moment only', (ms) => (ms % 5_000 < 4_000 ? FULL : { ...FULL, inFlight: 3 })],
])('says nothing %s', async (_when, statsAt) => {
  expect(await toldIn(statsAt)).toEqual([]);
});
