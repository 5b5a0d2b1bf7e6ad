import { setMaxListeners } from 'node:events';
import type { Clock } from '../clock.js';
import type { StopError } from '../errors.js';
import type { Outcome } from '../outcome.js';
import type { Row } from '../row.js';
import { attemptRow, type Claim, type Sent } from './attempts.js';
import type { Confirm } from './confirm.js';
import { createInFlight } from './in-flight.js';
import { createLatencyMeter, type Latency } from './latency.js';
import { createLimiter } from './limiter.js';
import { afterThrottled, type PaceStart, paceAt, type SlowedBy, slowedBy, startPace } from './pace.js';
import { window } from './window.js';

/** What comes into the sending: a row to send, or one that has its outcome already and only passes through. */
export type ToSend =
  | {
      readonly do: 'send';
      readonly row: Row;
      readonly mayHaveBeenSent: boolean;
    }
  | { readonly do: 'report'; readonly outcome: Outcome };

export interface SenderOptions {
  readonly confirm: Confirm;
  /** For messages. */
  readonly endpoint: string;
  readonly ratePerSecond: number;
  readonly start: PaceStart;
  readonly concurrency: number;
  readonly maxAttempts: number;
  readonly draining: AbortSignal;
  readonly aborting: AbortSignal;
  readonly stop: (error: StopError) => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly beforeSend: (row: number) => Promise<void>;
  readonly claim: Claim;
}

export interface Sender {
  /** Takes rows as it has room for them; gives what became of them in the order in which they are done. */
  send(rows: AsyncIterable<ToSend>): AsyncIterable<Sent[]>;
  stats(): SendStats;
}

export interface SendStats {
  /** Requests started. */
  readonly requests: number;
  readonly inFlight: number;
  readonly latency: Latency | undefined;
  /** Answers that told us to slow down. */
  readonly throttled: number;
  /** Requests per second in force now. */
  readonly pacePerSecond: number;
  /** Why that is below the rate, where it is. */
  readonly slowedBy: SlowedBy | undefined;
}

/** Rows read but not finished, for each request in flight: room for those that wait for their next attempt. */
const ROWS_PER_PLACE = 10;

/** Wires the three bounds together: the rate (limiter), the concurrency (in flight) and the window (rows). */
export function createSender(options: SenderOptions): Sender {
  const { aborting, clock, concurrency, draining, ratePerSecond, start } = options;
  const inFlight = createInFlight(concurrency);
  const latency = createLatencyMeter();
  let pace = startPace(ratePerSecond, start, clock.now());
  let requests = 0;
  let requestsInFlight = 0;
  let throttled = 0;
  const limiter = createLimiter({
    perSecondAt: (nowMs) => paceAt(pace, nowMs),
    signal: draining,
    now: clock.now,
  });

  // Each row that waits listens for the end of the run, so there are as many listeners as rows in the window.
  setMaxListeners(0, draining, aborting);

  function onThrottled(sentAtMs: number): void {
    throttled++;
    pace = afterThrottled(pace, sentAtMs, clock.now());
  }

  const confirm: Confirm = async (row, signal) => {
    const startedMs = clock.now();
    requests++;
    requestsInFlight++;
    try {
      return await options.confirm(row, signal);
    } finally {
      requestsInFlight--;
      latency.note(clock.now() - startedMs);
    }
  };

  const context = {
    ...options,
    confirm,
    limiter,
    inFlight,
    onThrottled,
    contact: { made: false },
  };
  const work = async (item: ToSend): Promise<Sent> =>
    item.do === 'report' ? item.outcome : attemptRow(item.row, item.mayHaveBeenSent, context);

  return {
    async *send(rows) {
      try {
        yield* window(rows, work, concurrency * ROWS_PER_PLACE);
      } finally {
        limiter.stop();
      }
    },
    stats: () => ({
      requests,
      inFlight: requestsInFlight,
      latency: latency.measure(),
      throttled,
      pacePerSecond: paceAt(pace, clock.now()),
      slowedBy: slowedBy(pace, clock.now()),
    }),
  };
}
