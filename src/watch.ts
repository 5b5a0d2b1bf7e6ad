import type { Clock } from './clock.js';
import type { FoundRate } from './find-rate.js';
import { duration } from './in-words.js';
import type { Job, Tell } from './job.js';
import type { Settings } from './options.js';
import type { RunCallbacks } from './run.js';
import type { Sender } from './send/send.js';
import type { Brake } from './stop.js';
import type { PaceTrace } from './write/pace-trace.js';
import { createRateMeter, eta } from './write/progress.js';

/** What goes on beside a run until its signal aborts. */

const PROGRESS_EVERY_MS = 250;

/** Tells how the run stands, four times a second. */
export async function tellProgress(
  { before, facts, rows }: Job,
  { ratePerSecond }: FoundRate,
  sender: Sender,
  trace: PaceTrace,
  { onProgress }: RunCallbacks,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const meter = createRateMeter();
  while (!signal.aborted) {
    const done = rows.done.size;
    const rowsPerSecond = meter.measure(done, clock.now());
    const { inFlight, latency, pacePerSecond, slowedBy, throttled } = sender.stats();
    trace.note({ pacePerSecond, throttled }, ratePerSecond, clock.date());
    onProgress?.({
      total: facts.total,
      done,
      counts: { ...rows.counts },
      rowsPerSecond,
      ratePerSecond,
      pacePerSecond,
      slowedBy,
      latencyP50Ms: latency?.p50Ms,
      latencyP99Ms: latency?.p99Ms,
      throttled: before.throttled + throttled,
      inFlight,
      leftMs: eta(facts.total - done, rowsPerSecond),
    });
    await clock.sleep(PROGRESS_EVERY_MS, signal).catch(() => {});
  }
}

const FULL_FOR_MS = 5_000;

/** Says once why the rate is not reached, where it is the concurrency that holds it back. */
export async function tellWhenFull(
  { concurrency }: Settings,
  { ratePerSecond }: FoundRate,
  sender: Sender,
  tell: Tell,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let fullSinceMs: number | undefined;
  while (!signal.aborted) {
    const { inFlight, latency, pacePerSecond } = sender.stats();
    const latencyMs = latency?.meanMs ?? 0;
    const wouldDo = Math.ceil((ratePerSecond * latencyMs) / 1_000);
    const holdsBack = inFlight >= concurrency && pacePerSecond >= ratePerSecond && wouldDo > concurrency;
    fullSinceMs = holdsBack ? (fullSinceMs ?? clock.now()) : undefined;
    if (fullSinceMs !== undefined && clock.now() - fullSinceMs >= FULL_FOR_MS) {
      const message = `the rate of ${ratePerSecond}/s is not reached: ${concurrency} requests are in flight, and an answer takes ${duration(latencyMs)}; --concurrency ${wouldDo} would do`;
      return tell({ level: 'warning', code: 'concurrency-full', message });
    }
    await clock.sleep(PROGRESS_EVERY_MS, signal).catch(() => {});
  }
}

/** Pulls the brake when the time is up. */
export async function stopAfter(
  ms: number | undefined,
  brake: Brake,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  if (ms === undefined) return;
  await clock.sleep(ms, signal).catch(() => {});
  if (!signal.aborted)
    brake.pull({
      ending: 'max-duration',
      message: 'the time is up (--max-duration)',
    });
}
