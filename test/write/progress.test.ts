import { describe, expect, it } from 'vitest';
import { createRateMeter, eta } from '../../src/write/progress.js';

it.each([
  [0, 10, 0],
  [-1, 10, 0],
  [0, undefined, 0],
  [100, 10, 10_000],
  [100, 0.5, 200_000],
  [100, undefined, undefined],
  [100, 0, undefined],
  [100, -1, undefined],
])('%i rows at %s a second take %s ms', (rows, perSecond, ms) => {
  expect(eta(rows, perSecond)).toBe(ms);
});

describe('the speed', () => {
  it('is not known before a second is over', () => {
    const meter = createRateMeter();
    expect(meter.measure(0, 0)).toBeUndefined();
    expect(meter.measure(40, 999)).toBeUndefined();
    expect(meter.measure(40, 1_000)).toBe(40);
  });

  it('is that of the last ten seconds', () => {
    const meter = createRateMeter();
    let done = 0;
    let speed: number | undefined;
    for (let second = 0; second <= 30; second++) {
      speed = meter.measure(done, second * 1_000);
      done += second < 15 ? 10 : 50;
    }
    expect(speed).toBe(50);
  });

  it('leaves out what was done before the run', () => {
    const meter = createRateMeter();
    meter.measure(1_000_000, 0);
    expect(meter.measure(1_000_080, 2_000)).toBe(40);
  });

  it('is 0 while nothing goes on', () => {
    const meter = createRateMeter();
    meter.measure(5, 0);
    expect(meter.measure(5, 5_000)).toBe(0);
  });

  it('bridges a pause as long as a night', () => {
    const meter = createRateMeter();
    meter.measure(0, 0);
    meter.measure(10, 1_000);
    expect(meter.measure(20, 100_000)).toBeGreaterThan(0);
  });
});
