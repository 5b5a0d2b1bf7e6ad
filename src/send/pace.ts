/**
 * What is known of the room that others leave us on the quota. A value: `afterThrottled` makes the next one,
 * and `paceAt` says what pace it means at a moment.
 *
 * The quota is shared with live sign-ups, so a throttled answer of ours means that people are being turned away
 * too, in about the same share. Four things follow, each taken from an algorithm that is known to work:
 *
 * - *Yield hard and at once, and count a moment once.* As in AIMD (TCP), a signal cuts by a factor, and answers
 *   to requests that were under way when it came are the same signal. Unlike TCP's half, the cut hangs on how
 *   long all went well before: 60 % of the pace where the signal before is just past, for then we know nothing
 *   of the room, down to 6 % where the room was known for long and is only scratched. After each cut there are
 *   two seconds at a tenth of it: an empty token bucket stays empty at a pace that merely fits, and as
 *   long as it is empty people are turned away (BBR drains its queue for the same reason).
 * - *Come back gently.* From the cut on the pace rises with the square of the time: flat near the room that was
 *   found, fast where the room turns out to be larger. That is CUBIC's curve, without its first, concave half,
 *   which returns to the failing pace in seconds and would probe into it again and again.
 * - *Remember, and forget slowly.* Where the next signal comes at about the same pace, the room is confirmed, and the
 *   way back to it takes longer each time, up to some minutes. Beyond a tenth above the pace that failed,
 *   the room has changed and the memory no longer slows us.
 * - *Believe answers, not latency.* Gradient and Vegas find a queue by its delay; Cognito has no queue, it refuses
 *   at once, so latency says nothing of the quota. The SDK's adaptive mode is CUBIC on a token bucket: cuts by
 *   30 %, and is back at the failing pace within seconds; it left a third of the quota unused and turned 1 to
 *   3 % of sign-ups away all the same (../shared/cognito.md, and `npm run bench:neighbour`).
 *
 * The figures were chosen on the traffic model of test/support/traffic.ts, over token buckets of 5 and 50, a
 * fixed window, and live traffic of 0 to 40/s: on top of what is turned away without us, 0.5 % at most after the
 * first half minute. How much of the room that leaves us hangs on the form of the quota, which AWS does not
 * document: nearly all of it with a bucket of 50; with a bucket of 5 and sign-ups that come at random, no constant
 * pace above a third of the room is as harmless either.
 */
export interface Pace {
  /** Never above this: what the user allows, in requests per second. */
  readonly ratePerSecond: number;
  readonly startedAtMs: number;
  readonly start: PaceStart;
  /** Undefined until the service throttles. */
  readonly throttled: LastThrottled | undefined;
}

/** A rate that the user names is gone at from the first request on; a share of the quota is felt for. */
export type PaceStart = 'at-once' | 'gently';

interface LastThrottled {
  readonly atMs: number;
  /** The pace that was too much. */
  readonly failedPerSecond: number;
  /** What it was cut to, where the way back begins. */
  readonly cutToPerSecond: number;
  /** How often in a row the signal came at about the same pace. */
  readonly confirmations: number;
}

/** A gentle start begins at this share of the rate and grows e-fold in each of these times: at full rate after 8 s. */
const START_SHARE = 0.25;
const START_MS = 6_000;

/** Requests sent until then were booked before the cut was known: their throttled answers are the same signal. */
const ONE_SIGNAL_MS = 250;

const DEEPEST_CUT = 0.6;
const SHALLOWEST_CUT = 0.06;
/** How long all must have gone well for a cut to be about a third as deep beyond the shallowest. */
const CUT_MS = 6_000;

/** Right after a cut. */
const YIELD_MS = 2_000;
const YIELD_SHARE = 0.1;

/** Of the exponent with which the pace rises, by seconds squared: 7 % after half a minute, 31 % after a minute. */
const RISE = 0.00015;
/** Each confirmation of the room halves the rise towards it, so often at most. */
const MOST_CONFIRMATIONS = 3;
/** Signals at paces within these factors of the last one confirm it. */
const SAME_ROOM = { from: 0.8, to: 1.1 };
/** A signal so soon after the last one says nothing of a room that was held. */
const HELD_MS = 12_000;

/** However hard the service throttles, the job goes on asking. */
const FLOOR_SHARE = 0.02;

export const startPace = (ratePerSecond: number, start: PaceStart, nowMs: number): Pace => ({
  ratePerSecond,
  startedAtMs: nowMs,
  start,
  throttled: undefined,
});

/** The pace in force at a moment, in requests per second. */
export function paceAt(pace: Pace, nowMs: number): number {
  const { ratePerSecond, throttled } = pace;
  if (throttled === undefined || nowMs - throttled.atMs >= YIELD_MS) return heldPace(pace, nowMs);
  return Math.max(ratePerSecond * FLOOR_SHARE, throttled.cutToPerSecond * YIELD_SHARE);
}

/** The state after a throttled answer to a request that was sent at `sentAtMs`: the same one where it tells nothing new. */
export function afterThrottled(pace: Pace, sentAtMs: number, nowMs: number): Pace {
  const { ratePerSecond, startedAtMs, throttled: last } = pace;
  if (last !== undefined && sentAtMs < last.atMs + ONE_SIGNAL_MS) return pace;
  const wellForMs = nowMs - (last?.atMs ?? startedAtMs);
  const failedPerSecond = heldPace(pace, nowMs);
  const cut = SHALLOWEST_CUT + (DEEPEST_CUT - SHALLOWEST_CUT) * Math.exp(-wellForMs / CUT_MS);
  return {
    ...pace,
    throttled: {
      atMs: nowMs,
      failedPerSecond,
      cutToPerSecond: Math.max(ratePerSecond * FLOOR_SHARE, failedPerSecond * (1 - cut)),
      confirmations: confirmationsOf(last, failedPerSecond, wellForMs),
    },
  };
}

/** Why a pace is below the rate: a gentle start, or so long ago the service throttled. */
export type SlowedBy = { readonly why: 'start' } | { readonly why: 'throttled'; readonly agoMs: number };

export function slowedBy(pace: Pace, nowMs: number): SlowedBy | undefined {
  if (paceAt(pace, nowMs) >= pace.ratePerSecond) return undefined;
  const { throttled } = pace;
  return throttled === undefined ? { why: 'start' } : { why: 'throttled', agoMs: nowMs - throttled.atMs };
}

function confirmationsOf(
  last: LastThrottled | undefined,
  failedPerSecond: number,
  wellForMs: number,
): number {
  if (last === undefined) return 0;
  const share = failedPerSecond / last.failedPerSecond;
  const confirms = wellForMs >= HELD_MS && share >= SAME_ROOM.from && share <= SAME_ROOM.to;
  return confirms
    ? Math.min(MOST_CONFIRMATIONS, last.confirmations + 1)
    : Math.max(0, last.confirmations - 1);
}

/** The pace but for the yielding right after a cut. */
function heldPace({ ratePerSecond, start, startedAtMs, throttled }: Pace, nowMs: number): number {
  if (throttled === undefined) {
    const share = start === 'gently' ? START_SHARE * Math.exp((nowMs - startedAtMs) / START_MS) : 1;
    return ratePerSecond * Math.min(1, share);
  }
  const { cutToPerSecond } = throttled;
  return Math.min(ratePerSecond, cutToPerSecond * Math.exp(riseSince(throttled, nowMs)));
}

/** The exponent of the way back: slow up to the confirmed room and a little beyond, then as if nothing were known. */
function riseSince(last: LastThrottled, nowMs: number): number {
  const { atMs, confirmations, cutToPerSecond, failedPerSecond } = last;
  const seconds = Math.max(0, nowMs - atMs) / 1_000;
  const slow = RISE / 2 ** confirmations;
  const beyond = Math.log((failedPerSecond * SAME_ROOM.to) / cutToPerSecond);
  const secondsToBeyond = Math.sqrt((2 * beyond) / slow);
  return seconds <= secondsToBeyond
    ? (slow * seconds ** 2) / 2
    : beyond + (RISE * (seconds - secondsToBeyond) ** 2) / 2;
}
