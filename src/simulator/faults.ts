import { type Answer, ERRORS, errorAnswer, GARBLED, HTML_503 } from './answers.js';

/** What can go wrong with a request. The user stays as they were where nothing else is said. */
export const FAULTS = [
  /** InternalErrorException, HTTP 500. */
  'internal-error',
  /** The same, but the user was confirmed. */
  'internal-error-after',
  /** A 503 from in front of the service, with a body in HTML. */
  'html-503',
  /** The connection is closed without an answer. */
  'reset-before',
  /** The same, but the user was confirmed. */
  'reset-after',
  /** No answer ever comes, until the simulator is closed. */
  'hang',
  /** The same, but the user was confirmed. */
  'hang-after',
  /** The user was confirmed, and the connection is closed in the middle of the answer's body. */
  'truncated',
  /** The user was confirmed, and the answer is a 200 whose body is no JSON. */
  'garbled',
  /** TooManyRequestsException, whatever the quota says. */
  'throttle',
  /** ThrottlingException, whatever the quota says. */
  'throttling-exception',
  /** LimitExceededException, which is often not about the rate. */
  'limit-exceeded',
] as const;

export type Fault = (typeof FAULTS)[number];

/** The share of requests, from 0 to 1, that meet each fault. Together they are 1 at most. */
export type FaultShares = Readonly<Partial<Record<Fault, number>>>;

/** What the client gets to see. */
export type Reaction =
  | { readonly kind: 'answer'; readonly answer: Answer }
  /** Half of the body, then the end of the connection. */
  | { readonly kind: 'cut'; readonly answer: Answer }
  | { readonly kind: 'reset' }
  | { readonly kind: 'hang' };

/** The fault that a number from 0 to 1 stands for, or none. */
export function chooseFault(shares: FaultShares, draw: number): Fault | undefined {
  let end = 0;
  for (const fault of FAULTS) {
    end += shares[fault] ?? 0;
    if (draw < end) return fault;
  }
  return undefined;
}

/** What a fault makes of a request. It calls `work` where the work is done all the same. */
export function reactionTo(fault: Fault, work: () => Answer): Reaction {
  switch (fault) {
    case 'internal-error':
      return { kind: 'answer', answer: errorAnswer(ERRORS.internal) };
    case 'internal-error-after':
      work();
      return { kind: 'answer', answer: errorAnswer(ERRORS.internal) };
    case 'html-503':
      return { kind: 'answer', answer: HTML_503 };
    case 'reset-before':
      return { kind: 'reset' };
    case 'reset-after':
      work();
      return { kind: 'reset' };
    case 'hang':
      return { kind: 'hang' };
    case 'hang-after':
      work();
      return { kind: 'hang' };
    case 'truncated':
      return { kind: 'cut', answer: work() };
    case 'garbled':
      work();
      return { kind: 'answer', answer: GARBLED };
    case 'throttle':
      return { kind: 'answer', answer: errorAnswer(ERRORS.tooManyRequests) };
    case 'throttling-exception':
      return { kind: 'answer', answer: errorAnswer(ERRORS.throttling) };
    case 'limit-exceeded':
      return { kind: 'answer', answer: errorAnswer(ERRORS.limitExceeded) };
  }
}

export const isThrottlingFault = (fault: string): boolean =>
  fault === 'throttle' || fault === 'throttling-exception';

/** Throws where the shares are none, or add up to more than all requests. */
export function checkShares(shares: FaultShares): void {
  let sum = 0;
  for (const fault of FAULTS) {
    const share = shares[fault] ?? 0;
    if (!(share >= 0 && share <= 1)) {
      throw new TypeError(`Expected \`faults.${fault}\` to be a share from 0 to 1, got \`${share}\``);
    }
    sum += share;
  }
  // Shares such as 0.1 add up to a hair more than they should.
  if (sum > 1 + 1e-9) throw new TypeError(`Expected \`faults\` to add up to 1 at most, got \`${sum}\``);
}
