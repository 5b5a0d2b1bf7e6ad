import type { Clock } from '../../src/clock.js';

/** A clock that is moved by those who sleep on it. */
export interface FakeClock extends Clock {
  /** How long each sleeper slept, in the order in which they lay down. */
  readonly sleeps: number[];
}

/** `onSleep` is called before each sleep: the place to let something happen meanwhile. */
export function fakeClock(onSleep: (ms: number) => void = () => {}): FakeClock {
  let nowMs = 0;
  const sleeps: number[] = [];
  return {
    sleeps,
    now: () => nowMs,
    date: () => new Date(Date.UTC(2026, 10, 5) + nowMs),
    async sleep(ms, signal) {
      signal.throwIfAborted();
      sleeps.push(ms);
      onSleep(ms);
      signal.throwIfAborted();
      nowMs += ms;
    },
  };
}
