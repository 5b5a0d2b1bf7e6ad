import type { StopCode } from '../errors.js';
import type { Status } from '../outcome.js';

/** What an answer tells us to do with the row, and with the job. */
export type Verdict =
  | {
      readonly do: 'finish';
      readonly status: Status;
      readonly error: ErrorFacts;
    }
  | {
      readonly do: 'retry';
      readonly why: RetryReason;
      readonly error: ErrorFacts;
    }
  | {
      readonly do: 'stop';
      readonly code: StopCode;
      readonly error: ErrorFacts;
    };

/**
 * - `throttled`: the quota is used up; slow the whole job down. The service did nothing.
 * - `limited`: a limit that is not about the rate; the service did nothing.
 * - `transient`: no answer that can be trusted; **the user may be confirmed**.
 * - `unreachable`: the request never left; the service did nothing.
 */
export type RetryReason = 'throttled' | 'limited' | 'transient' | 'unreachable';

/** What the report keeps of an error. */
export interface ErrorFacts {
  readonly name: string;
  readonly message: string;
  readonly requestId: string;
  readonly httpStatus: number | undefined;
}

/** What is known of the row when the answer comes. */
export interface RowState {
  /** An earlier attempt may have confirmed the user without our hearing of it. */
  readonly mayBeOurs: boolean;
}

/**
 * Says what an error means for the row. Goes by the error's name and, for NotAuthorizedException, by its
 * message; never by the HTTP status, for AWS answers almost everything with 400.
 */
export function verdict(error: unknown, state: RowState): Verdict {
  const facts = factsOf(error);
  const finish = (status: Status): Verdict => ({
    do: 'finish',
    status,
    error: facts,
  });
  const retry = (why: RetryReason): Verdict => ({
    do: 'retry',
    why,
    error: facts,
  });
  const stop = (code: StopCode): Verdict => ({
    do: 'stop',
    code,
    error: facts,
  });

  // The SDK has set its clock by the service's and signs the next request with it.
  if (clockSkewCorrected(error)) return retry('unreachable');

  switch (facts.name) {
    case 'TooManyRequestsException':
    case 'ThrottlingException':
    case 'Throttling':
      return retry('throttled');
    case 'LimitExceededException':
      return retry('limited');
    case 'NotAuthorizedException':
      return finish(refusedStatus(facts.message, state));
    case 'UserNotFoundException':
      return finish('not-found');
    case 'InvalidParameterException':
    case 'SerializationException':
    case 'ValidationException':
      return finish('invalid');
    case 'UserLambdaValidationException':
    case 'UnexpectedLambdaException':
    case 'InvalidLambdaResponseException':
      return finish('trigger-failed');
    case 'ResourceNotFoundException':
      return stop('POOL_NOT_FOUND');
    case 'OperationNotEnabledException':
    case 'UnknownOperationException':
      return stop('POOL_NOT_OPERABLE');
    case 'AccessDeniedException':
    case 'AccessDenied':
    case 'OptInRequired':
      return stop('ACCESS_DENIED');
    case 'ExpiredTokenException':
    case 'ExpiredToken':
    case 'RequestExpired':
    case 'TokenRefreshRequired':
    case 'UnrecognizedClientException':
    case 'InvalidClientTokenId':
    case 'InvalidSignatureException':
    case 'SignatureDoesNotMatch':
    case 'IncompleteSignature':
    case 'IncompleteSignatureException':
    case 'MissingAuthenticationToken':
    case 'MissingAuthenticationTokenException':
    case 'CredentialsProviderError':
    case 'TokenProviderError':
      return stop('CREDENTIALS');
  }
  const code = systemCodeOf(error);
  if (code !== undefined && NEVER_CONNECTED.has(code)) return retry('unreachable');
  if (code !== undefined && NOT_TRUSTED.test(code)) return stop('NO_CONNECTION');
  // InternalErrorException, any 5xx, a body that is not JSON, a reset, a time-out, and what nobody has seen
  // yet: another request can tell, and until it does the user may be confirmed.
  return retry('transient');
}

/** The system's word that no connection came about, so the service cannot have seen the request. */
const NEVER_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/** TLS refused: a certificate that is not trusted, or no TLS at the other end. No later request will do better. */
const NOT_TRUSTED = /^(CERT_|ERR_TLS_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_SSL_|EPROTO$)/;

/**
 * The wording of these refusals has changed over the years ("User cannot be confirmed. Current status is X",
 * "User cannot be confirm. Current status is CONFIRMED", "User is disabled."), so only the status is read.
 */
function refusedStatus(message: string, { mayBeOurs }: RowState): Status {
  const current = /current status is:? ?([A-Z_]+)/i.exec(message)?.[1]?.toUpperCase();
  if (current !== 'CONFIRMED') return 'not-confirmable';
  return mayBeOurs ? 'presumed-confirmed' : 'already-confirmed';
}

const field = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;

function factsOf(error: unknown): ErrorFacts {
  const metadata = field(error, '$metadata');
  const requestId = field(metadata, 'requestId');
  const httpStatus = field(metadata, 'httpStatusCode');
  const name = field(error, 'name');
  const message = field(error, 'message');
  return {
    name: typeof name === 'string' && name !== '' ? name : 'Error',
    message:
      typeof message === 'string' ? withoutHint(message) : typeof error === 'string' ? error : 'no message',
    requestId: typeof requestId === 'string' ? requestId : '',
    httpStatus: typeof httpStatus === 'number' ? httpStatus : undefined,
  };
}

/** The SDK adds a line for programmers to what it could not read. */
const withoutHint = (message: string): string =>
  message.replace(/\s*\n\s*Deserialization error:[\s\S]*$/, '');

const clockSkewCorrected = (error: unknown): boolean =>
  field(field(error, '$metadata'), 'clockSkewCorrected') === true;

/** Node tries each address of a host, and tells of the failures in an AggregateError's `code`. */
function systemCodeOf(error: unknown): string | undefined {
  const code = field(error, 'code') ?? field(field(error, 'cause'), 'code');
  return typeof code === 'string' ? code : undefined;
}
