/** The pace at a moment of a run. */
export interface PacePoint {
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Requests per second. */
  readonly pacePerSecond: number;
  /** Throttled answers of this run until then. */
  readonly throttled: number;
}

/** What the pace has been over a run, in a bounded number of points. */
export interface PaceTrace {
  /** Called now and then; keeps a point a minute, and one where the pace was cut or came back to the rate. */
  note(
    pace: { readonly pacePerSecond: number; readonly throttled: number },
    ratePerSecond: number,
    at: Date,
  ): void;
  points(): readonly PacePoint[];
}

const EVERY_MS = 60_000;
const MOST_POINTS = 240;

/** When there are too many points, every second one goes, and from then on they come half as often. */
export function createPaceTrace(most: number = MOST_POINTS): PaceTrace {
  let points: PacePoint[] = [];
  let lastPerSecond: number | undefined;
  let leastMs = 0;
  let everyMs = EVERY_MS;
  let keptAtMs = Number.NEGATIVE_INFINITY;

  return {
    note({ pacePerSecond, throttled }, ratePerSecond, at) {
      const atMs = at.getTime();
      const before = lastPerSecond ?? pacePerSecond;
      const turned = pacePerSecond < before || (before < ratePerSecond && pacePerSecond >= ratePerSecond);
      const sinceMs = atMs - keptAtMs;
      lastPerSecond = pacePerSecond;
      if (sinceMs < (turned ? leastMs : everyMs)) return;
      keptAtMs = atMs;
      points.push({ at: at.toISOString(), pacePerSecond: Math.round(pacePerSecond * 100) / 100, throttled });
      if (points.length <= most) return;
      points = points.filter((_point, index) => index % 2 === 0);
      everyMs *= 2;
      leastMs = Math.max(1_000, leastMs * 2);
    },
    points: () => points,
  };
}
