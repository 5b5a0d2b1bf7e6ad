import { describe, expect, test } from 'vitest';
import { History } from '../src/simulator/history.js';
import { LiveTraffic } from '../src/simulator/live-traffic.js';
import { createRandom } from '../src/simulator/random.js';
import { TokenBucket } from '../src/simulator/token-bucket.js';

describe('live traffic', () => {
  const trafficOf = (perSecond: number, quota = new TokenBucket(10, 1, 0)): LiveTraffic =>
    new LiveTraffic(quota, createRandom(1, 'live'), new History(0), perSecond, 0);

  test('comes at its rate, and takes what the job could have had', () => {
    const quota = new TokenBucket(50, 5, 0);
    const live = trafficOf(20, quota);
    let granted = 0;
    for (let atMs = 0; atMs < 100_000; atMs += 10) {
      live.advance(atMs);
      if (quota.take(atMs)) granted++;
    }
    expect(live.signUps).toBeGreaterThan(1850);
    expect(live.signUps).toBeLessThan(2150);
    expect(live.throttled).toBeGreaterThan(0);
    expect(granted + live.signUps - live.throttled).toBeGreaterThan(4950);
    expect(granted + live.signUps - live.throttled).toBeLessThanOrEqual(5005);
  });

  test('can be looked at as seldom or as often as one likes', () => {
    const watched = trafficOf(20);
    const unwatched = trafficOf(20);
    for (let atMs = 0; atMs <= 60_000; atMs += 7) watched.advance(atMs);
    watched.advance(60_000);
    unwatched.advance(60_000);
    expect([watched.signUps, watched.throttled]).toEqual([unwatched.signUps, unwatched.throttled]);
  });

  test('comes, changes and goes with its rate', () => {
    const live = trafficOf(0);
    live.advance(1e9);
    expect(live.signUps).toBe(0);
    live.setRate(100, 1e9);
    live.setRate(0, 1e9 + 1000);
    live.advance(2e9);
    expect(live.signUps).toBeGreaterThan(50);
    expect(live.signUps).toBeLessThan(150);
  });
});
