import Bottleneck from 'bottleneck';

/** Hands out tickets: permission to start one attempt, now. */
export interface Limiter {
  /** Resolves when the attempt may start; start it at once. Rejects with the signal's reason when it aborts. */
  ticket(): Promise<void>;
  /** Lets go of the timers. Tickets still asked for are not given. */
  stop(): void;
}

export interface LimiterOptions {
  /** Tickets per second at a moment, above 0; a change is in force within two jobs of the engine. */
  readonly perSecondAt: (nowMs: number) => number;
  /** Aborts when no ticket is wanted any more. */
  readonly signal: AbortSignal;
  /** Milliseconds, never going back. Default `performance.now`. */
  readonly now?: () => number;
}

/** Above this one job of bottleneck grants several tickets: it ends at 350 to 400 jobs a second. */
const MOST_JOBS_PER_SECOND = 200;

/** Booked ahead, so that a late timer does not shift the plan; one only, so that a new rate soon holds. */
const MOST_BOOKED = 2;

/**
 * How much sooner than planned a ticket may come: timers are late now and then, by tens of milliseconds where the
 * machine is busy or a container has a part of a core, and what is due after a late one is in time.
 */
const TOLERANCE_MS = 60;

/** In no second more than this share above the rate; the one that may come on top of it is left to the network. */
const MOST_ABOVE = 0.02;

/** Smaller changes wait until they have added up: each costs a turn of the engine. */
const LEAST_CHANGE = 0.005;

/**
 * Tickets come at this share of what is asked for. At exactly the quota's own rate requests of ours that come
 * like clockwork can fall in step with the tokens of the quota, and take each one right when it is there: nothing
 * is ever throttled for us, while others get next to none (33 of 100 live sign-ups turned away, on the traffic
 * model; 90 in measurements of bare bottleneck). Half a percent less breaks the step within seconds.
 */
const OUT_OF_STEP = 0.995;

/**
 * A limiter whose engine is bottleneck with `minTime`.
 *
 * Established with bottleneck 2.19.5: jobs queued behind `minTime` have their timers armed ahead, so after a
 * stall of the event loop all of them fire at once (100 in a second at 50/s). Therefore jobs are booked only
 * while somebody waits for a ticket, at most two at a time, and a job that fires too soon after the one before it,
 * or where the last second has had its tickets, grants nothing: of what a stall has cost, no more than the
 * tolerance is caught up. A job booked just after a stall is such a one, for bottleneck plans from the time at which
 * the last one was due. `updateSettings` leaves booked jobs at their old time. Reservoirs are not used: they do not
 * hold the rate.
 */
export function createLimiter({
  perSecondAt,
  signal,
  now = () => performance.now(),
}: LimiterOptions): Limiter {
  let waiting: { grant: () => void; refuse: (reason: unknown) => void }[] = [];
  let perSecond = perSecondAt(now());
  let cadence = toCadence(perSecond);
  let booked = 0;
  let stopped = false;
  let dueMs = Number.NEGATIVE_INFINITY;
  const granted: { readonly atMs: number; readonly tickets: number }[] = [];
  let inLastSecond = 0;
  /** A rate that was lowered still counts for the second that it began. */
  let before = { perSecond: 0, untilMs: Number.NEGATIVE_INFINITY };
  const engine = new Bottleneck({ minTime: cadence.everyMs });

  signal.addEventListener('abort', refuseAll, { once: true });

  function refuseAll(): void {
    const refused = waiting;
    waiting = [];
    for (const { refuse } of refused) refuse(signal.reason);
  }

  function adoptRate(): void {
    const asked = perSecondAt(now());
    if (Math.abs(asked - perSecond) < perSecond * LEAST_CHANGE) return;
    if (asked < perSecond)
      before = { perSecond: Math.max(perSecond, before.perSecond), untilMs: now() + 1_000 };
    perSecond = asked;
    cadence = toCadence(perSecond);
    void engine.updateSettings({ minTime: cadence.everyMs });
  }

  function mostInSecond(at: number): number {
    if (at >= before.untilMs) before = { perSecond: 0, untilMs: Number.NEGATIVE_INFINITY };
    const highest = Math.max(perSecond, before.perSecond);
    return Math.max(cadence.tickets, Math.ceil(highest), Math.floor(highest * (1 + MOST_ABOVE)));
  }

  function book(): void {
    if (booked >= MOST_BOOKED) return;
    adoptRate();
    while (!stopped && booked < MOST_BOOKED && waiting.length > booked * cadence.tickets) {
      booked++;
      engine.schedule(fire).catch(() => {
        // Only stop() makes bottleneck reject a job, and then nobody waits for it.
      });
    }
  }

  async function fire(): Promise<void> {
    booked--;
    const at = now();
    while ((granted[0]?.atMs ?? at) <= at - 1_000) inLastSecond -= granted.shift()?.tickets ?? 0;
    if (at >= dueMs - TOLERANCE_MS && inLastSecond + cadence.tickets <= mostInSecond(at)) {
      dueMs = Math.max(at, dueMs) + cadence.everyMs;
      const taken = waiting.splice(0, cadence.tickets);
      granted.push({ atMs: at, tickets: taken.length });
      inLastSecond += taken.length;
      for (const { grant } of taken) grant();
    }
    book();
  }

  return {
    ticket() {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        waiting.push({ grant: resolve, refuse: reject });
        book();
      });
    },
    stop() {
      stopped = true;
      signal.removeEventListener('abort', refuseAll);
      void engine.stop({ dropWaitingJobs: true });
    },
  };
}

/** How often a job is due, and how many tickets it grants. */
export function toCadence(perSecond: number): {
  everyMs: number;
  tickets: number;
} {
  const tickets = Math.ceil(perSecond / MOST_JOBS_PER_SECOND);
  return { everyMs: (1_000 * tickets) / (perSecond * OUT_OF_STEP), tickets };
}
