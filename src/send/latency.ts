/** How long answers take of late, in milliseconds; undefined before the first one. */
export interface Latency {
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface LatencyMeter {
  note(tookMs: number): void;
  measure(): Latency | undefined;
}

/** So many answers are looked back at: 25 seconds of them at 40/s. */
const LOOKED_BACK = 1_000;

export function createLatencyMeter(): LatencyMeter {
  const latest: number[] = [];
  let next = 0;
  return {
    note(tookMs) {
      latest[next] = tookMs;
      next = (next + 1) % LOOKED_BACK;
    },
    measure() {
      if (latest.length === 0) return undefined;
      const sorted = Float64Array.from(latest).sort();
      const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
      const sum = sorted.reduce((total, tookMs) => total + tookMs, 0);
      return { meanMs: sum / sorted.length, p50Ms: at(0.5), p99Ms: at(0.99) };
    },
  };
}
