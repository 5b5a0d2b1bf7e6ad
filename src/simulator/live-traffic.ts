import type { History } from './history.js';
import type { Quota } from './quota.js';
import type { Random } from './random.js';

/**
 * People who sign up while a job runs, and take from the same quota. They arrive at random (Poisson) and
 * are accounted for only when somebody looks, so that no timer runs for them.
 */
export class LiveTraffic {
  readonly #quota: Quota;
  readonly #random: Random;
  readonly #history: History;
  #perSecond: number;
  #nextAtMs: number;
  /** All who came, throttled or not. */
  signUps = 0;
  throttled = 0;

  constructor(quota: Quota, random: Random, history: History, perSecond: number, atMs: number) {
    this.#quota = quota;
    this.#random = random;
    this.#history = history;
    this.#perSecond = perSecond;
    this.#nextAtMs = atMs + this.#gapMs();
  }

  /** Lets everybody take their token who came until now, each at their own time. */
  advance(atMs: number): void {
    while (this.#nextAtMs <= atMs) {
      const tally = this.#history.at(this.#nextAtMs);
      this.signUps++;
      tally.liveSignUps++;
      if (!this.#quota.take(this.#nextAtMs)) {
        this.throttled++;
        tally.liveSignUpsThrottled++;
      }
      this.#nextAtMs += this.#gapMs();
    }
  }

  setRate(perSecond: number, atMs: number): void {
    this.advance(atMs);
    this.#perSecond = perSecond;
    this.#nextAtMs = atMs + this.#gapMs();
  }

  #gapMs(): number {
    return this.#perSecond === 0
      ? Number.POSITIVE_INFINITY
      : (-Math.log(1 - this.#random()) / this.#perSecond) * 1000;
  }
}
