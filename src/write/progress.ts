import type { Counts } from '../outcome.js';

/** Where a run stands. */
export interface Progress {
  /** Data rows in the source. */
  readonly total: number;
  /** Rows done, over every run of the job. */
  readonly done: number;
  readonly counts: Counts;
  /** Rows done per second over the last seconds; undefined until there is something to go by. */
  readonly rowsPerSecond: number | undefined;
  /** Requests per second allowed, and what is in force after throttled answers. */
  readonly ratePerSecond: number;
  readonly pacePerSecond: number;
  /** Why the pace is below the rate, where it is: a gentle start, or the service throttled so long ago. */
  readonly slowedBy:
    | { readonly why: 'start' }
    | { readonly why: 'throttled'; readonly agoMs: number }
    | undefined;
  /** How long answers take of late, in milliseconds: half of them, and 99 of 100; undefined before the first. */
  readonly latencyP50Ms: number | undefined;
  readonly latencyP99Ms: number | undefined;
  /** Throttled answers, over every run of the job. */
  readonly throttled: number;
  readonly inFlight: number;
  /** Milliseconds left at this rate; undefined where there is no honest number. */
  readonly leftMs: number | undefined;
}

/** Time left for so many rows, in milliseconds; undefined where nothing is known of the rate kept. */
export function eta(rowsLeft: number, rowsPerSecond: number | undefined): number | undefined {
  if (rowsLeft <= 0) return 0;
  return rowsPerSecond === undefined || rowsPerSecond <= 0 ? undefined : (rowsLeft / rowsPerSecond) * 1_000;
}

export interface RateMeter {
  /** Rows per second over the last ten seconds; undefined before the first second is over. */
  measure(done: number, nowMs: number): number | undefined;
}

const SPAN_MS = 10_000;
const LEAST_MS = 1_000;

export function createRateMeter(): RateMeter {
  const samples: { done: number; atMs: number }[] = [];
  return {
    measure(done, nowMs) {
      samples.push({ done, atMs: nowMs });
      while ((samples[1]?.atMs ?? nowMs) <= nowMs - SPAN_MS) samples.shift();
      const first = samples[0] ?? { done, atMs: nowMs };
      const spanMs = nowMs - first.atMs;
      return spanMs < LEAST_MS ? undefined : ((done - first.done) / spanMs) * 1_000;
    },
  };
}
