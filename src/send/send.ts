import { setMaxListeners } from 'node:events';
import type { Clock } from '../clock.js';
import type { StopError } from '../errors.js';
import type { Outcome } from '../outcome.js';
import type { Row } from '../row.js';
import { attemptRow, type Sent } from './attempts.js';
import type { Confirm } from './confirm.js';
import { createInFlight } from './in-flight.js';
import { createLimiter } from './limiter.js';
import { fullPace, nextPace, type PaceEvent } from './pace.js';
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
  readonly concurrency: number;
  readonly maxAttempts: number;
  readonly draining: AbortSignal;
  readonly aborting: AbortSignal;
  readonly stop: (error: StopError) => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly beforeSend: (row: number) => Promise<void>;
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
  /** How long an answer takes of late, in milliseconds: a moving average. */
  readonly latencyMs: number;
  /** Answers that told us to slow down. */
  readonly throttled: number;
  /** Requests per second in force now; below the rate after throttled answers. */
  readonly pacePerSecond: number;
}

/** Rows read but not finished, for each request in flight: room for those that wait for their next attempt. */
const ROWS_PER_PLACE = 10;

/** What one answer counts for in the average of the latency. */
const LATENCY_WEIGHT = 0.05;

/** Wires the three bounds together: the rate (limiter), the concurrency (in flight) and the window (rows). */
export function createSender(options: SenderOptions): Sender {
  const { aborting, clock, concurrency, draining, ratePerSecond } = options;
  const limiter = createLimiter(ratePerSecond, clock.now);
  const inFlight = createInFlight(concurrency);
  let pace = fullPace(ratePerSecond);
  let requests = 0;
  let requestsInFlight = 0;
  let answers = 0;
  let latencyMs = 0;
  let throttled = 0;

  // Each row that waits listens for the end of the run, so there are as many listeners as rows in the window.
  setMaxListeners(0, draining, aborting);

  function onAnswer(event: PaceEvent): void {
    if (event === 'throttled') throttled++;
    const next = nextPace(pace, event, clock.now());
    if (next.perSecond !== pace.perSecond) limiter.setRate(next.perSecond);
    pace = next;
  }

  const confirm: Confirm = async (row, signal) => {
    const startedMs = clock.now();
    requests++;
    requestsInFlight++;
    try {
      return await options.confirm(row, signal);
    } finally {
      requestsInFlight--;
      const tookMs = clock.now() - startedMs;
      answers++;
      latencyMs += (tookMs - latencyMs) * Math.max(LATENCY_WEIGHT, 1 / answers);
    }
  };

  const context = {
    ...options,
    confirm,
    limiter,
    inFlight,
    onAnswer,
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
      latencyMs,
      throttled,
      pacePerSecond: pace.perSecond,
    }),
  };
}
