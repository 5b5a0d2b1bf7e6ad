import type { Quota } from './quota.js';

/**
 * A quota that starts full and is refilled as time passes. In any second it grants at most
 * `perSecond + burst`.
 */
export class TokenBucket implements Quota {
  readonly #burst: number;
  #perSecond: number;
  #tokens: number;
  #refilledAtMs: number;

  constructor(perSecond: number, burst: number, atMs: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#refilledAtMs = atMs;
  }

  take(atMs: number): boolean {
    this.#refill(atMs);
    // Sums of fractions end a hair below the whole token that has been earned.
    if (this.#tokens < 1 - 1e-9) return false;
    this.#tokens = Math.max(0, this.#tokens - 1);
    return true;
  }

  /** What was earned until now is kept; from now on tokens come at the new rate. */
  setRate(perSecond: number, atMs: number): void {
    this.#refill(atMs);
    this.#perSecond = perSecond;
  }

  #refill(atMs: number): void {
    const earned =
      this.#perSecond === Number.POSITIVE_INFINITY
        ? this.#burst // Infinity times no time at all would not be a number.
        : ((atMs - this.#refilledAtMs) / 1000) * this.#perSecond;
    this.#tokens = Math.min(this.#burst, this.#tokens + earned);
    this.#refilledAtMs = atMs;
  }
}
