/** The pace in force, between a floor and the rate the user allows. A value: `nextPace` makes the next one. */
export interface Pace {
  readonly perSecond: number;
  /** Never above this: what the user allows. */
  readonly ratePerSecond: number;
  /** When the pace was last cut, on the clock the events are timed by. */
  readonly cutAtMs: number;
  /** When it was last raised. */
  readonly raisedAtMs: number;
}

export type PaceEvent = 'throttled' | 'answered';

/** Throttled answers within this time tell of one and the same moment: the requests were all in flight. */
const ONE_SIGNAL_MS = 1_000;
const RAISE_EVERY_MS = 1_000;
const CUT = 0.7;
const RAISE = 1.05;
/** However hard the service throttles, the job goes on asking. */
const FLOOR_SHARE = 0.05;

export const fullPace = (ratePerSecond: number): Pace => ({
  perSecond: ratePerSecond,
  ratePerSecond,
  cutAtMs: Number.NEGATIVE_INFINITY,
  raisedAtMs: Number.NEGATIVE_INFINITY,
});

/**
 * Cuts the pace to 70 % when the service throttles, and lets it recover by 5 % for each second in which it
 * answers and has not throttled (additive-increase, multiplicative-decrease in spirit, as TCP does; raised by
 * a share so that it suits a quota of 10 as it does one of 1,000).
 */
export function nextPace(pace: Pace, event: PaceEvent, nowMs: number): Pace {
  switch (event) {
    case 'throttled': {
      if (nowMs - pace.cutAtMs < ONE_SIGNAL_MS) return pace;
      const perSecond = Math.max(pace.ratePerSecond * FLOOR_SHARE, pace.perSecond * CUT);
      return { ...pace, perSecond, cutAtMs: nowMs };
    }
    case 'answered': {
      if (pace.perSecond >= pace.ratePerSecond) return pace;
      if (nowMs - Math.max(pace.cutAtMs, pace.raisedAtMs) < RAISE_EVERY_MS) return pace;
      return {
        ...pace,
        perSecond: Math.min(pace.ratePerSecond, pace.perSecond * RAISE),
        raisedAtMs: nowMs,
      };
    }
  }
}
