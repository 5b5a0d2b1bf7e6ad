import {
  type CognitoIdentityProviderClient,
  GetProvisionedLimitCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import type { Clock } from '../clock.js';
import { inOneLine } from '../in-words.js';
import type { SendSettings } from '../options.js';
import { verdict } from './verdict.js';

/** The quota of the category UserCreation, which AdminConfirmSignUp shares with live sign-ups. */
export interface Quota {
  /** Requests per second, for the account and Region, over all pools. */
  readonly perSecond: number;
  /**
   * - `in-force`: what Cognito enforces now (GetProvisionedLimit).
   * - `account-maximum`: what Service Quotas says; more than is in force where the account has not provisioned all.
   * - `default`: AWS's default of 50, for nobody said.
   */
  readonly known: 'in-force' | 'account-maximum' | 'default';
  /** Why what is in force could not be read, in one line; undefined where no request got through at all. */
  readonly problem: string | undefined;
}

/** AWS's default for UserCreation ("Quotas in Amazon Cognito", developer guide). */
const DEFAULT_PER_SECOND = 50;

/** UserCreation's code in Service Quotas. */
const SERVICE_CODE = 'cognito-idp';
const QUOTA_CODE = 'L-5987B8A0';

/** GetProvisionedLimit may be called once a second; somebody else may just have done so. */
const MOST_ATTEMPTS = 3;
const AGAIN_AFTER_MS = 1_100;

/** Nobody should wait for long for what has a fallback. */
const TIMEOUT_MS = 5_000;

/**
 * Reads the quota in force; where that is refused or unknown to the endpoint and a share of it is wanted, the
 * account's maximum; else AWS's default. Never throws: whatever keeps the requests from getting through will stop the run soon enough.
 */
export async function readQuota(
  client: CognitoIdentityProviderClient,
  { endpointUrl, rate }: Pick<SendSettings, 'endpointUrl' | 'rate'>,
  clock: Clock,
  signal: AbortSignal,
): Promise<Quota> {
  const inForce = await quietly(() => readInForce(client, clock, signal));
  if (inForce.perSecond !== undefined) {
    return { perSecond: inForce.perSecond, known: 'in-force', problem: undefined };
  }
  const { problem } = inForce;
  // Where nothing got through there is no reason to knock at another door; and a rate of the user's own is only
  // compared with what is in force.
  if (problem === undefined || 'perSecond' in rate)
    return { perSecond: DEFAULT_PER_SECOND, known: 'default', problem };
  const maximum = await quietly(() => readMaximum(client, endpointUrl, signal));
  return maximum.perSecond === undefined
    ? { perSecond: DEFAULT_PER_SECOND, known: 'default', problem }
    : { perSecond: maximum.perSecond, known: 'account-maximum', problem };
}

type Reading =
  | { readonly perSecond: number }
  | { readonly perSecond: undefined; readonly problem: string | undefined };

async function quietly(read: () => Promise<number | undefined>): Promise<Reading> {
  try {
    const perSecond = await read();
    if (perSecond !== undefined && perSecond > 0) return { perSecond };
    return { perSecond: undefined, problem: 'the answer names no number' };
  } catch (error) {
    const next = verdict(error, { mayBeOurs: false });
    const gotThrough =
      next.error.httpStatus !== undefined && !(next.do === 'stop' && next.code === 'CREDENTIALS');
    const said = inOneLine(`${next.error.name}: ${next.error.message}`);
    return { perSecond: undefined, problem: gotThrough ? said : undefined };
  }
}

async function readInForce(
  client: CognitoIdentityProviderClient,
  clock: Clock,
  signal: AbortSignal,
): Promise<number | undefined> {
  const command = new GetProvisionedLimitCommand({
    LimitDefinition: { LimitClass: 'API_CATEGORY', Attributes: { Category: 'UserCreation' } },
  });
  for (let attempt = 1; ; attempt++) {
    try {
      const { Limit } = await client.send(command, { abortSignal: withTimeout(signal) });
      return Limit?.ProvisionedLimitValue;
    } catch (error) {
      const next = verdict(error, { mayBeOurs: false });
      const throttled = next.do === 'retry' && next.why === 'throttled';
      if (!throttled || attempt === MOST_ATTEMPTS || signal.aborted) throw error;
      await clock.sleep(AGAIN_AFTER_MS, signal);
    }
  }
}

async function readMaximum(
  cognito: CognitoIdentityProviderClient,
  endpointUrl: string | undefined,
  signal: AbortSignal,
): Promise<number | undefined> {
  // Loaded when it is needed, which is seldom.
  const { GetServiceQuotaCommand, ServiceQuotasClient } = await import('@aws-sdk/client-service-quotas');
  const client = new ServiceQuotasClient({
    region: cognito.config.region,
    credentials: cognito.config.credentials,
    // What stands in for Cognito stands in for its quotas too: nothing is asked of AWS then.
    ...(endpointUrl === undefined ? {} : { endpoint: endpointUrl }),
  });
  try {
    const { Quota: quota } = await client.send(
      new GetServiceQuotaCommand({ ServiceCode: SERVICE_CODE, QuotaCode: QUOTA_CODE }),
      { abortSignal: withTimeout(signal) },
    );
    return quota?.Value;
  } finally {
    client.destroy();
  }
}

const withTimeout = (signal: AbortSignal): AbortSignal =>
  AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
