import type { Quota } from './quota.js';

/**
 * A quota that counts anew in each second of its own clock. It grants at most `perSecond` in each of them,
 * all at once if they are asked for at once: twice as many within a moment where one second ends and the
 * next begins. A fraction of a request is never granted.
 */
export class FixedWindow implements Quota {
  readonly #startMs: number;
  #perSecond: number;
  #window = 0;
  #granted = 0;

  /** `startMs` is where some window starts; the others lie whole seconds from there. */
  constructor(perSecond: number, startMs: number) {
    this.#perSecond = perSecond;
    this.#startMs = startMs;
  }

  take(atMs: number): boolean {
    const window = Math.floor((atMs - this.#startMs) / 1000);
    if (window !== this.#window) {
      this.#window = window;
      this.#granted = 0;
    }
    if (this.#granted + 1 > this.#perSecond) return false;
    this.#granted++;
    return true;
  }

  /** It holds for the second that has begun, too, with what was granted there already. */
  setRate(perSecond: number): void {
    this.#perSecond = perSecond;
  }
}
