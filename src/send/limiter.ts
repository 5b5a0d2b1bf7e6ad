import Bottleneck from 'bottleneck';

/** Hands out tickets: permission to start one attempt, now. */
export interface Limiter {
  /** Resolves when the attempt may start; start it at once. Rejects with the signal's reason when it aborts. */
  ticket(signal: AbortSignal): Promise<void>;
  /** Tickets per second from now on; in force within two jobs of the engine. */
  setRate(perSecond: number): void;
  /** Lets go of the timers. Tickets still asked for are not given. */
  stop(): void;
}

/** Above this one job of bottleneck grants several tickets: it ends at 350 to 400 jobs a second. */
const MOST_JOBS_PER_SECOND = 200;

/** Booked ahead, so that a late timer does not shift the plan; one only, so that a new rate soon holds. */
const MOST_BOOKED = 2;

/** How much sooner than planned a ticket may come: timers are late by a few milliseconds, now and then. */
const TOLERANCE_MS = 10;

/**
 * A limiter whose engine is bottleneck with `minTime`.
 *
 * Established with bottleneck 2.19.5: jobs queued behind `minTime` have their timers armed ahead, so after a
 * stall of the event loop all of them fire at once (100 in a second at 50/s). Therefore jobs are booked only
 * while somebody waits for a ticket, at most two at a time, and a job that fires too soon after the one
 * before it grants nothing: what a stall has cost is not caught up. A job booked just after a stall is such a
 * one, for bottleneck plans from the time at which the last one was due. `updateSettings` leaves booked jobs
 * at their old time. Reservoirs are not used: they do not hold the rate.
 */
export function createLimiter(ratePerSecond: number, now: () => number = () => performance.now()): Limiter {
  const waiting: { grant: () => void }[] = [];
  let cadence = toCadence(ratePerSecond);
  let booked = 0;
  let stopped = false;
  let dueMs = Number.NEGATIVE_INFINITY;
  const engine = new Bottleneck({ minTime: cadence.everyMs });

  function book(): void {
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
    if (at >= dueMs - TOLERANCE_MS) {
      dueMs = Math.max(at, dueMs) + cadence.everyMs;
      for (const { grant } of waiting.splice(0, cadence.tickets)) grant();
    }
    book();
  }

  return {
    ticket(signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const waiter = {
          grant() {
            signal.removeEventListener('abort', leave);
            resolve();
          },
        };
        function leave(): void {
          waiting.splice(waiting.indexOf(waiter), 1);
          reject(signal.reason);
        }
        signal.addEventListener('abort', leave, { once: true });
        waiting.push(waiter);
        book();
      });
    },
    setRate(perSecond) {
      cadence = toCadence(perSecond);
      engine.updateSettings({ minTime: cadence.everyMs });
    },
    stop() {
      stopped = true;
      void engine.stop({ dropWaitingJobs: true });
    },
  };
}

/** How often a job is due, and how many tickets it grants. */
export function toCadence(ratePerSecond: number): {
  everyMs: number;
  tickets: number;
} {
  const tickets = Math.ceil(ratePerSecond / MOST_JOBS_PER_SECOND);
  return { everyMs: (1_000 * tickets) / ratePerSecond, tickets };
}
