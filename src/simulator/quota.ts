import { FixedWindow } from './fixed-window.js';
import { createRandom } from './random.js';
import { TokenBucket } from './token-bucket.js';

/** What is granted per second, over a clock that the caller reads: milliseconds that never go back. */
export interface Quota {
  /** Takes one request's worth and says so; where there is none left it takes nothing: refused calls are free. */
  take(atMs: number): boolean;
  /** From now on it grants so many per second. */
  setRate(perSecond: number, atMs: number): void;
}

/** AWS does not say which form its own quota has, so a client has to get on with either. */
export const QUOTA_FORMS = ['token-bucket', 'fixed-window'] as const;

export type QuotaForm = (typeof QUOTA_FORMS)[number];

export interface QuotaOptions {
  readonly seed: number;
  readonly quotaForm: QuotaForm;
  readonly quotaPerSecond: number;
  readonly quotaBurst: number;
}

export function createQuota(
  { seed, quotaForm, quotaPerSecond, quotaBurst }: QuotaOptions,
  atMs: number,
): Quota {
  switch (quotaForm) {
    case 'token-bucket':
      return new TokenBucket(quotaPerSecond, quotaBurst, atMs);
    case 'fixed-window':
      // A client that started together with the simulator would otherwise be in step with its seconds.
      return new FixedWindow(quotaPerSecond, atMs - createRandom(seed, 'window')() * 1000);
  }
}
