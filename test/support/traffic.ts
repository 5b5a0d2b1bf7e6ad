import { afterThrottled, type Pace, type PaceStart, paceAt, startPace } from '../../src/send/pace.js';
import { createRandom } from '../../src/simulator/random.js';

/** A quota in one of the forms it may have: AWS does not say. */
export type Form = 'bucket-5' | 'bucket-50' | 'fixed-window';

export const FORMS: readonly Form[] = ['bucket-5', 'bucket-50', 'fixed-window'];

export interface Scene {
  readonly form: Form;
  readonly seconds: number;
  /** Live sign-ups per second at a moment; they come at random (Poisson). */
  readonly live: (second: number) => number;
  /** Default 50 for ever. */
  readonly quota?: (second: number) => number;
  /** The jobs that run beside them, each with its rate. */
  readonly jobs: readonly {
    readonly ratePerSecond: number;
    readonly start?: PaceStart;
    readonly fromSecond?: number;
  }[];
  readonly seed?: number;
}

/** What happened in a second. */
export interface Second {
  live: number;
  turnedAway: number;
  /** Per job. */
  readonly granted: number[];
  readonly throttled: number[];
  /** In force at the second's end, per job. */
  readonly pace: number[];
}

const LATENCY_MS = 60;

/**
 * Jobs that go by the pace alone, and live sign-ups beside them, on one quota; hours of it in a second. A job
 * sends at its pace, one request after the other, and hears of each after some 60 ms; throttled calls cost the
 * quota nothing.
 */
export function play({ form, jobs, live, quota = () => 50, seconds, seed = 1 }: Scene): Second[] {
  const random = createRandom(seed, 'traffic');
  const take = createQuota(form, random() * 1_000, quota);
  const runs = jobs.map(({ fromSecond = 0, ratePerSecond, start = 'gently' }) => ({
    pace: startPace(ratePerSecond, start, fromSecond * 1_000) as Pace,
    nextAtMs: fromSecond * 1_000,
    /** Throttled answers under way. */
    refusals: [] as { sentAtMs: number; atMs: number }[],
  }));
  const history: Second[] = [];
  let liveAtMs = 0;
  const gapMs = (): number => (-Math.log(1 - random()) / Math.max(live(liveAtMs / 1_000), 1e-9)) * 1_000;
  liveAtMs = gapMs();

  for (let second = 0; second < seconds; second++) {
    const now: Second = {
      live: 0,
      turnedAway: 0,
      granted: jobs.map(() => 0),
      throttled: jobs.map(() => 0),
      pace: [],
    };
    const endMs = (second + 1) * 1_000;
    while (true) {
      const next = runs.reduce(
        (first, run, at) => (run.nextAtMs < (runs[first]?.nextAtMs ?? 0) ? at : first),
        0,
      );
      const run = runs[next];
      const atMs = Math.min(liveAtMs, run?.nextAtMs ?? Number.POSITIVE_INFINITY);
      if (atMs >= endMs) break;
      if (run === undefined || liveAtMs < run.nextAtMs) {
        now.live++;
        if (!take(liveAtMs)) now.turnedAway++;
        liveAtMs += gapMs();
        continue;
      }
      hear(run, atMs);
      if (take(atMs)) now.granted[next] = (now.granted[next] ?? 0) + 1;
      else {
        now.throttled[next] = (now.throttled[next] ?? 0) + 1;
        run.refusals.push({ sentAtMs: atMs, atMs: atMs + LATENCY_MS * (0.75 + random() / 2) });
      }
      // As the limiter has it: half a percent slower than the pace.
      run.nextAtMs = atMs + 1_000 / (0.995 * paceAt(run.pace, atMs));
    }
    for (const run of runs) {
      hear(run, endMs);
      now.pace.push(paceAt(run.pace, endMs));
    }
    history.push(now);
  }
  return history;
}

function hear(run: { pace: Pace; refusals: { sentAtMs: number; atMs: number }[] }, nowMs: number): void {
  while ((run.refusals[0]?.atMs ?? Number.POSITIVE_INFINITY) <= nowMs) {
    const { atMs, sentAtMs } = run.refusals.shift() ?? { atMs: 0, sentAtMs: 0 };
    run.pace = afterThrottled(run.pace, sentAtMs, atMs);
  }
}

function createQuota(
  form: Form,
  phaseMs: number,
  quotaAt: (second: number) => number,
): (atMs: number) => boolean {
  const burst = form === 'bucket-5' ? 5 : 50;
  let tokens = burst;
  let refilledAtMs = 0;
  let window = -1;
  let taken = 0;
  return (atMs) => {
    const perSecond = quotaAt(atMs / 1_000);
    if (form === 'fixed-window') {
      const nowIn = Math.floor((atMs + phaseMs) / 1_000);
      if (nowIn !== window) taken = 0;
      window = nowIn;
      if (taken >= perSecond) return false;
      taken++;
      return true;
    }
    tokens = Math.min(burst, tokens + ((atMs - refilledAtMs) / 1_000) * perSecond);
    refilledAtMs = atMs;
    if (tokens < 1) return false;
    tokens--;
    return true;
  };
}

/** Rows per second of one job, and the share of live sign-ups turned away, from one second to another. */
export function measure(history: readonly Second[], from = 0, to = history.length, job = 0) {
  const span = history.slice(from, to);
  const sum = (of: (second: Second) => number): number =>
    span.reduce((total, second) => total + of(second), 0);
  return {
    rowsPerSecond: sum(({ granted }) => granted[job] ?? 0) / span.length,
    turnedAway:
      sum(({ turnedAway }) => turnedAway) /
      Math.max(
        1,
        sum(({ live }) => live),
      ),
  };
}
