import { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { afterEach, describe, expect, it } from 'vitest';
import { readQuota } from '../../src/send/quota.js';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/simulator.js';
import { fakeClock } from '../support/fake-clock.js';

const DENIED = { error: 'AccessDeniedException', message: 'User is not authorized to perform this' };
const UNKNOWN = { error: 'UnknownOperationException', message: 'Unknown operation' };

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

async function simulatorOf(options: SimulatorOptions): Promise<Simulator> {
  const simulator = await startSimulator(options);
  opened.push(simulator);
  return simulator;
}

function clientOf(endpoint: string): CognitoIdentityProviderClient {
  const credentials = { accessKeyId: 'x', secretAccessKey: 'y' };
  const client = new CognitoIdentityProviderClient({
    endpoint,
    credentials,
    region: 'us-east-1',
    maxAttempts: 1,
  });
  opened.push({ close: () => client.destroy() });
  return client;
}

const read = (endpoint: string, signal = new AbortController().signal, clock = fakeClock()) =>
  readQuota(clientOf(endpoint), { endpointUrl: endpoint, rate: { share: 0.8 } }, clock, signal);

describe('the quota', () => {
  it.each([
    ['what is in force', {}, { perSecond: 75, known: 'in-force', problem: undefined }],
    [
      "the account's maximum, where that may not be asked for",
      { refuse: { GetProvisionedLimit: DENIED } },
      { perSecond: 200, known: 'account-maximum', problem: `${DENIED.error}: ${DENIED.message}` },
    ],
    [
      "the account's maximum, where the endpoint has never heard of it",
      { refuse: { GetProvisionedLimit: UNKNOWN } },
      { perSecond: 200, known: 'account-maximum', problem: `${UNKNOWN.error}: ${UNKNOWN.message}` },
    ],
    [
      "AWS's default, where neither may be asked for",
      { refuse: { GetProvisionedLimit: DENIED, GetServiceQuota: DENIED } },
      { perSecond: 50, known: 'default', problem: `${DENIED.error}: ${DENIED.message}` },
    ],
    [
      "AWS's default, without a word, where the credentials are no good: the first row will tell",
      { refuse: { GetProvisionedLimit: { error: 'ExpiredTokenException', message: 'expired' } } },
      { perSecond: 50, known: 'default', problem: undefined },
    ],
  ] as const)('is %s', async (_what, options, quota) => {
    const { stats, url } = await simulatorOf({
      quotaPerSecond: 75,
      accountMaximumPerSecond: 200,
      ...options,
    });
    expect(await read(url)).toEqual(quota);
    // Reading it takes nothing of it.
    expect(stats().requests).toBe(0);
  });

  it('is asked of nobody else where the rate is the user’s own', async () => {
    const { stats, url } = await simulatorOf({ refuse: { GetProvisionedLimit: DENIED } });
    const quota = await readQuota(
      clientOf(url),
      { endpointUrl: url, rate: { perSecond: 10 } },
      fakeClock(),
      new AbortController().signal,
    );
    expect(quota).toMatchObject({ perSecond: 50, known: 'default' });
    expect(stats().quotaCalls).toEqual({ GetProvisionedLimit: 1, GetServiceQuota: 0 });
  });

  it('is asked for again where somebody has just asked: it may be once a second', async () => {
    const simulator = await simulatorOf({ quotaPerSecond: 75 });
    simulator.set({
      refuse: { GetProvisionedLimit: { error: 'TooManyRequestsException', message: 'Too many' } },
    });
    const clock = fakeClock(() => simulator.set({ refuse: {} }));
    expect(await read(simulator.url, undefined, clock)).toMatchObject({ perSecond: 75, known: 'in-force' });
    expect(clock.sleeps).toEqual([1_100]);
  });

  it('is AWS’s default where nobody is there, and where the run is stopped meanwhile', async () => {
    const simulator = await simulatorOf({});
    const quota = { perSecond: 50, known: 'default', problem: undefined };
    expect(await read(simulator.url, AbortSignal.abort())).toEqual(quota);
    await simulator.close();
    expect(await read(simulator.url)).toEqual(quota);
  });
});
