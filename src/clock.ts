import { setTimeout as after } from 'node:timers/promises';

/** Time, in one place, so that a test can hold it in its hands. */
export interface Clock {
  /** Milliseconds that never go back: for measuring. */
  now(): number;
  /** The time of day: for what people read. */
  date(): Date;
  /** Rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  async sleep(ms, signal) {
    signal.throwIfAborted();
    try {
      await after(ms, undefined, { signal });
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    }
  },
};
