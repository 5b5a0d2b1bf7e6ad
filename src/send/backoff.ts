import type { RetryReason } from './verdict.js';

const CAP_MS = 20_000;
const BASE_MS: Readonly<Record<RetryReason, number>> = {
  throttled: 1_000,
  limited: 1_000,
  transient: 100,
  unreachable: 100,
};

/**
 * How long to wait before the attempt after `attempt` (from 1), in milliseconds: exponential with full
 * jitter, as AWS recommends ("Exponential Backoff And Jitter", AWS Architecture Blog).
 * `random` gives numbers from 0 to 1.
 */
export const backoffMs = (attempt: number, why: RetryReason, random: () => number): number =>
  random() * Math.min(CAP_MS, BASE_MS[why] * 2 ** (attempt - 1));
