import type { Clock } from '../clock.js';
import { StopError } from '../errors.js';
import { inOneLine } from '../in-words.js';
import type { Outcome, Status } from '../outcome.js';
import type { Row } from '../row.js';
import { backoffMs } from './backoff.js';
import type { Confirm, Reply } from './confirm.js';
import type { InFlight } from './in-flight.js';
import type { Limiter } from './limiter.js';
import { type ErrorFacts, type RetryReason, type Verdict, verdict } from './verdict.js';

/** A row that the end of the run left without an outcome. */
export interface Unanswered {
  readonly row: number;
  readonly status: 'unanswered';
  /** A request for it may have confirmed the user. */
  readonly inDoubt: boolean;
}

export type Sent = Outcome | Unanswered;

/** The right to send for this job: another run may have taken it over while this process stood still. */
export interface Claim {
  /** Resolves while the job is ours, however long it takes to make sure. Throws a StopError where it is not. */
  sure(): Promise<void>;
  /** Whether that still holds, without a wait. */
  isSure(): boolean;
}

/** What the attempts at one row need of the rest of the run. */
export interface AttemptContext {
  readonly clock: Clock;
  readonly random: () => number;
  readonly maxAttempts: number;
  readonly endpoint: string;
  readonly limiter: Limiter;
  readonly confirm: Confirm;
  readonly inFlight: InFlight;
  /** Awaited before each request: notes where a kill could find us. */
  readonly beforeSend: (row: number) => Promise<void>;
  readonly claim: Claim;
  /** Told of each throttled answer, with the time at which its request was sent. */
  readonly onThrottled: (sentAtMs: number) => void;
  /** Aborts when no new attempt may start. */
  readonly draining: AbortSignal;
  /** Aborts when nobody waits for the requests in flight any more. */
  readonly aborting: AbortSignal;
  /** Ends the run: no row is to blame. */
  readonly stop: (error: StopError) => void;
  /** Whether the service has ever answered in a way we understand; shared by all rows. */
  readonly contact: { made: boolean };
}

/** Until the service has answered once, a row is not given up: after so many attempts the run is stopped. */
const FIRST_CONTACT_ATTEMPTS = 4;

/** A limit that is not about the rate seldom goes away within the time of a run. */
const LIMITED_ATTEMPTS = 3;

/** Makes attempts at a row until it is answered, given up, or the run ends. */
export async function attemptRow(row: Row, mayHaveBeenSent: boolean, context: AttemptContext): Promise<Sent> {
  const { aborting, clock, draining, maxAttempts } = context;
  let inDoubt = mayHaveBeenSent;
  const unanswered = (): Unanswered => ({
    row: row.row,
    status: 'unanswered',
    inDoubt,
  });

  for (let attempt = 1; ; attempt++) {
    const reply = await oneRequest(row, context);
    if (reply === 'not-sent') return unanswered();
    if (reply.ok) {
      context.contact.made = true;
      return outcome(row, 'confirmed', attempt, { name: '', message: '', requestId: reply.requestId }, clock);
    }
    if (aborting.aborted) {
      inDoubt = true;
      return unanswered();
    }
    const next = verdict(reply.error, { mayBeOurs: inDoubt });
    noteContact(next, context);
    switch (next.do) {
      case 'finish':
        return outcome(row, next.status, attempt, next.error, clock);
      case 'stop':
        context.stop(stopError(next.code, next.error, row, context.endpoint));
        return unanswered();
      case 'retry': {
        if (next.why === 'transient') inDoubt = true;
        if (next.why === 'throttled') context.onThrottled(reply.sentAtMs);
        const unreached = unreachedAfter(attempt, next.why, context);
        if (unreached) {
          context.stop(stopError('NO_CONNECTION', next.error, row, context.endpoint));
          return unanswered();
        }
        const most = next.why === 'limited' ? Math.min(maxAttempts, LIMITED_ATTEMPTS) : maxAttempts;
        if (attempt >= most) return outcome(row, 'failed', attempt, next.error, clock);
        try {
          await clock.sleep(backoffMs(attempt, next.why, context.random), draining);
        } catch {
          return unanswered();
        }
      }
    }
  }
}

type TimedReply = Reply & { readonly sentAtMs: number };

/** Waits for a place in flight, then for a ticket, and sends at once: a ticket kept would be a burst later. */
function oneRequest(row: Row, context: AttemptContext): Promise<TimedReply | 'not-sent'> {
  const { aborting, beforeSend, claim, clock, confirm, draining, inFlight, limiter, stop } = context;
  return inFlight(async () => {
    if (draining.aborted) return 'not-sent';
    try {
      await beforeSend(row.row);
      // The process may have stood still while it waited for the ticket, which is worth nothing then.
      do {
        await claim.sure();
        await limiter.ticket();
      } while (!claim.isSure());
    } catch (error) {
      if (error instanceof StopError) stop(error);
      else if (!draining.aborted) throw error;
      return 'not-sent';
    }
    const sentAtMs = clock.now();
    return { ...(await confirm(row, aborting)), sentAtMs };
  });
}

function noteContact(next: Verdict, { contact }: AttemptContext): void {
  const understood = next.do !== 'retry' || next.why === 'throttled' || next.why === 'limited';
  if (understood || next.error.requestId !== '') contact.made = true;
}

/** True when the row is not to blame: nothing ever answered, or nothing can be reached any more. */
function unreachedAfter(
  attempt: number,
  why: RetryReason,
  { contact, maxAttempts }: AttemptContext,
): boolean {
  if (!contact.made) return attempt >= Math.min(maxAttempts, FIRST_CONTACT_ATTEMPTS);
  return why === 'unreachable' && attempt >= maxAttempts;
}

function outcome(
  { row, username }: Row,
  status: Status,
  attempts: number,
  error: Omit<ErrorFacts, 'httpStatus'>,
  clock: Clock,
): Outcome {
  return {
    row,
    username,
    status,
    attempts,
    errorName: error.name,
    errorMessage: error.message,
    requestId: error.requestId,
    finishedAt: clock.date().toISOString(),
  };
}

function stopError(code: StopError['code'], error: ErrorFacts, row: Row, endpoint: string): StopError {
  // One line: OpenSSL ends its messages with a line feed.
  const said = inOneLine(`${error.name}: ${withoutUsername(error.message, row)}`);
  switch (code) {
    case 'ACCESS_DENIED':
      return new StopError(
        code,
        `AWS denies the call (${said}): allow cognito-idp:AdminConfirmSignUp on the pool, then resume`,
      );
    case 'CREDENTIALS':
      return new StopError(
        code,
        `the credentials are missing or not accepted (${said}): renew them (aws sso login, or other keys), then resume`,
      );
    case 'POOL_NOT_FOUND':
      return new StopError(
        code,
        `there is no such pool: ${endpoint} says so (${said}): check --user-pool-id, --region and --profile`,
      );
    case 'POOL_NOT_OPERABLE':
      return new StopError(
        code,
        `the pool cannot be written to from ${endpoint} (${said}): is it a replica's Region?`,
      );
    default:
      return new StopError(
        'NO_CONNECTION',
        error.httpStatus === undefined
          ? `no answer from ${endpoint} (${said}): check network, --region and --endpoint-url, then resume`
          : `${endpoint} does not answer as Cognito does (HTTP ${error.httpStatus}): check --endpoint-url and proxies, then resume`,
      );
  }
}

/** The service may repeat the username, and usernames do not go to logs. */
function withoutUsername(message: string, { username }: Row): string {
  const literal = username.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  return message.replace(
    new RegExp(`(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])`, 'gu'),
    '(the username)',
  );
}
