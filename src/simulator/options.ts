import type { ServiceError } from './answers.js';
import { checkShares, type Fault, type FaultShares } from './faults.js';
import { QUOTA_FORMS, type QuotaForm } from './quota.js';
import type { SimulatedUser, UnknownUsers } from './users.js';

/** Milliseconds from a request to its answer: always the same, or drawn evenly between two. */
export type LatencyMs = number | readonly [min: number, max: number];

/**
 * What happens to one request for a user: a fault, nothing out of the ordinary, an error of the service
 * instead of the work, or the work with an answer after so long.
 */
export type ScriptedStep = Fault | 'ok' | ServiceError | { readonly latencyMs: number };

/** The two operations that tell how much is granted. They take nothing from what they tell of. */
export type QuotaOperation = 'GetProvisionedLimit' | 'GetServiceQuota';

/** The answer to every call of an operation, in place of the number. */
export type Refusals = Readonly<Partial<Record<QuotaOperation, ServiceError>>>;

export interface SimulatorOptions {
  /** The same seed and the same order of requests give the same answers. Default 1. */
  readonly seed?: number;
  /** The port on 127.0.0.1. Default 0: a free one. */
  readonly port?: number;
  /** The one pool that there is. Default `us-east-1_Simulator`. */
  readonly userPoolId?: string;
  /** Default none. Where a name comes twice, the last one counts. */
  readonly users?: Iterable<SimulatedUser>;
  /** Default `missing`. */
  readonly unknownUsers?: UnknownUsers;
  /** Requests granted per second, which GetProvisionedLimit tells; Infinity for no quota. Default 50. */
  readonly quotaPerSecond?: number;
  /** Whether they are granted as time passes, or anew with each second. Default `token-bucket`. */
  readonly quotaForm?: QuotaForm;
  /** How many tokens the bucket holds, which is how it starts. A fixed window has none. Default 5. */
  readonly quotaBurst?: number;
  /** What GetServiceQuota tells: the most that could be in force. Default whatever `quotaPerSecond` is. */
  readonly accountMaximumPerSecond?: number;
  /** What the operations that tell these numbers answer instead of them. Default nothing. */
  readonly refuse?: Refusals;
  /** People who sign up meanwhile and take from the same quota: so many per second on average. Default 0. */
  readonly liveTrafficPerSecond?: number;
  /** Default 0. */
  readonly latencyMs?: LatencyMs;
  /** Default none. A request that the quota refuses meets no other fault. */
  readonly faults?: FaultShares;
  /**
   * What happens to a user's first, second ... request, in place of drawn faults; after the list all is as
   * usual. A request that is refused before its turn (by the quota, for example) leaves the step to the next.
   */
  readonly script?: Readonly<Record<string, readonly ScriptedStep[]>>;
  /** Whether `calls()` has anything to show; it grows with each call. Default false. */
  readonly recordCalls?: boolean;
}

export interface ServiceOptions extends Required<Omit<SimulatorOptions, 'port' | 'accountMaximumPerSecond'>> {
  readonly accountMaximumPerSecond: number | undefined;
}

/** What is different from now on; what is left out stays. */
export interface Change {
  /** In place of all shares before. */
  readonly faults?: FaultShares;
  readonly latencyMs?: LatencyMs;
  readonly quotaPerSecond?: number;
  readonly accountMaximumPerSecond?: number;
  readonly liveTrafficPerSecond?: number;
  /** In place of all refusals before. */
  readonly refuse?: Refusals;
  /** The answer to every request, such as ExpiredTokenException; undefined ends it. */
  readonly everyRequest?: ServiceError | undefined;
}

/** One call of AdminConfirmSignUp, as the server saw it. */
export interface SimulatedCall {
  /** When it arrived, by `performance.now()`. */
  readonly atMs: number;
  /** Empty where the body could not be read. */
  readonly username: string;
  readonly clientMetadata: Readonly<Record<string, string>>;
  /** `ok`, the name of the error that was answered, or the fault. */
  readonly result: string;
  /** True where it was this call that confirmed the user, whatever the client got to see. */
  readonly confirmed: boolean;
}

/** Throws a TypeError where an option or a change makes no sense. */
export function checkOptions(options: SimulatorOptions & Change): void {
  const { quotaPerSecond, quotaForm, quotaBurst, accountMaximumPerSecond } = options;
  const { liveTrafficPerSecond, latencyMs, faults } = options;
  const [min, max] = typeof latencyMs === 'object' ? latencyMs : [latencyMs, latencyMs];
  expect('quotaPerSecond', quotaPerSecond, 'a number, 0 or more', (value) => value >= 0);
  expect('quotaBurst', quotaBurst, 'a finite number, 1 or more', (value) => value >= 1 && value < Infinity);
  expect('accountMaximumPerSecond', accountMaximumPerSecond, 'a number, 0 or more', (value) => value >= 0);
  expect('liveTrafficPerSecond', liveTrafficPerSecond, 'a finite number, 0 or more', isDuration);
  expect('latencyMs', min, 'finite milliseconds, 0 or more', isDuration);
  expect('latencyMs', max, 'milliseconds, the smaller number first', (value) => value >= (min ?? 0));
  if (quotaForm !== undefined && !QUOTA_FORMS.includes(quotaForm)) {
    throw new TypeError(`Expected \`quotaForm\` to be ${QUOTA_FORMS.join(' or ')}, got \`${quotaForm}\``);
  }
  if (faults !== undefined) checkShares(faults);
}

const isDuration = (value: number): boolean => value >= 0 && value < Infinity;

function expect(
  name: string,
  value: number | undefined,
  what: string,
  fits: (value: number) => boolean,
): void {
  if (value === undefined || fits(value)) return;
  throw new TypeError(`Expected \`${name}\` to be ${what}, got \`${value}\``);
}
