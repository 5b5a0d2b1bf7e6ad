import { messageOf, StopError } from './errors.js';
import type { Ending } from './exit-code.js';

/** Why a run ends before its last row. */
export interface StopReason {
  readonly ending: Exclude<Ending, 'finished' | 'dry-run'>;
  readonly message: string;
  /** Where an error ended it. */
  readonly error?: StopError;
}

/** The brake of a run: whoever pulls it first says why. */
export interface Brake {
  /** Aborts when no new attempt may start. */
  readonly draining: AbortSignal;
  /** Aborts when nobody waits for the requests in flight any more. */
  readonly aborting: AbortSignal;
  readonly reason: StopReason | undefined;
  pull(reason: StopReason): void;
  /** Lets go of the caller's signals. */
  release(): void;
}

/** Pulled from inside the run, or by the caller's signals: `signal` drains, `abortSignal` aborts. */
export function createBrake(
  signal: AbortSignal | undefined,
  abortSignal: AbortSignal | undefined,
  onPull: (reason: StopReason) => void,
): Brake {
  const draining = new AbortController();
  const aborting = new AbortController();
  let reason: StopReason | undefined;

  function pull(next: StopReason): void {
    if (reason !== undefined) return;
    reason = next;
    onPull(next);
    draining.abort(next);
  }
  const drain = (): void => pull({ ending: 'interrupted', message: 'interrupted' });
  const abort = (): void => {
    drain();
    aborting.abort();
  };

  signal?.addEventListener('abort', drain);
  abortSignal?.addEventListener('abort', abort);
  if (signal?.aborted) drain();
  if (abortSignal?.aborted) abort();

  return {
    draining: draining.signal,
    aborting: aborting.signal,
    get reason() {
      return reason;
    },
    pull,
    release() {
      signal?.removeEventListener('abort', drain);
      abortSignal?.removeEventListener('abort', abort);
    },
  };
}

/** An error that ends the run; one that is no StopError is a bug, and ends it too. */
export function stopOfError(error: unknown): StopReason {
  const message = messageOf(error);
  return error instanceof StopError
    ? { ending: 'cannot-go-on', message, error }
    : { ending: 'cannot-go-on', message };
}
