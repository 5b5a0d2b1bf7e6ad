import { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { toSendSettings } from '../../src/options.js';
import { createClient, endpointOf, refuseRetryingClient } from '../../src/send/client.js';

// Nothing of the machine that the tests run on.
beforeEach(() => {
  for (const name of [
    'AWS_REGION',
    'AWS_DEFAULT_REGION',
    'AWS_PROFILE',
    'AWS_ENDPOINT_URL',
    'AWS_MAX_ATTEMPTS',
  ]) {
    vi.stubEnv(name, undefined);
  }
  vi.stubEnv('AWS_CONFIG_FILE', '/nowhere/config');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere/credentials');
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
});

const clientOf = async (userPoolId: string, rest: object = {}) => {
  const client = await createClient(toSendSettings({ userPoolId, ...rest }));
  onTestFinished(() => client.destroy());
  return client;
};

describe('the Region', () => {
  it.each([
    ['is the one that is given', 'eu-west-1_AbC', 'eu-central-1', undefined, 'eu-central-1'],
    ['is the one of the environment', 'eu-west-1_AbC', undefined, 'ap-south-1', 'ap-south-1'],
    ['is else the one that the pool id names', 'eu-west-1_AbC', undefined, undefined, 'eu-west-1'],
    ['is found in a long name', 'us-gov-west-1_AbC', undefined, undefined, 'us-gov-west-1'],
    ['is any for a pool that lies nowhere', 'local_AbC', undefined, undefined, 'us-east-1'],
  ])('%s', async (_what, userPoolId, region, inEnvironment, expected) => {
    vi.stubEnv('AWS_REGION', inEnvironment);
    const client = await clientOf(userPoolId, { region });
    expect(await client.config.region()).toBe(expected);
  });
});

it('makes one request of one send', async () => {
  expect(await (await clientOf('eu-west-1_AbC')).config.maxAttempts()).toBe(1);
  expect(await (await clientOf('eu-west-1_AbC', { region: 'eu-west-1' })).config.maxAttempts()).toBe(1);
});

describe('a client of the caller’s own', () => {
  const own = (maxAttempts: number) =>
    new CognitoIdentityProviderClient({ region: 'eu-west-1', maxAttempts });

  it('is refused where it would retry by itself', async () => {
    await expect(refuseRetryingClient(own(3))).rejects.toThrow(
      'Expected `cognito` to be a client made with maxAttempts: 1, got one with 3: its retries would pass the limiter',
    );
  });

  it('is taken where it does not', async () => {
    await expect(refuseRetryingClient(own(1))).resolves.toBeUndefined();
  });
});

describe('where the requests go', () => {
  it.each([
    ['to the Region', { region: 'eu-west-1' }, 'Cognito in eu-west-1'],
    ['to an address', { endpointUrl: 'http://127.0.0.1:9229' }, 'http://127.0.0.1:9229'],
    ['to an address with a path', { endpointUrl: 'https://proxy.example/aws' }, 'https://proxy.example/aws'],
  ])('is told: %s', async (_what, options, expected) => {
    expect(await endpointOf(await clientOf('eu-west-1_AbC', options))).toBe(expected);
  });
});
