import { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { OptionError, type SendSettings } from '../options.js';
import { VERSION } from '../version.js';

/**
 * A slow Post Confirmation trigger may run three times for five seconds, so a call can take 15 s; a shorter
 * time-out than this would make unknown outcomes of good ones.
 */
const REQUEST_TIMEOUT_MS = 25_000;
const CONNECTION_TIMEOUT_MS = 5_000;

/**
 * The SDK's client, made so that one `send` is one request: `maxAttempts: 1`, for retries inside the SDK
 * would pass the limiter. `requestTimeout` alone only logs a warning, hence `throwOnRequestTimeout`; sockets
 * are capped at 50 by default, hence `maxSockets`. (AWS SDK 3.1169.)
 */
export async function createClient(
  settings: SendSettings,
  credentials?: { accessKeyId: string; secretAccessKey: string },
): Promise<CognitoIdentityProviderClient> {
  const { concurrency, endpointUrl, profile, userPoolId } = settings;
  const shared = {
    maxAttempts: 1,
    customUserAgent: [['cognito-bulk-confirm', VERSION]] as [string, string][],
    requestHandler: {
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      httpAgent: { maxSockets: concurrency, keepAlive: true },
      httpsAgent: { maxSockets: concurrency, keepAlive: true },
    },
    ...(profile === undefined ? {} : { profile }),
    ...(endpointUrl === undefined ? {} : { endpoint: endpointUrl }),
    ...(credentials === undefined ? {} : { credentials }),
  };
  if (settings.region !== undefined) {
    return new CognitoIdentityProviderClient({
      ...shared,
      region: settings.region,
    });
  }
  const client = new CognitoIdentityProviderClient(shared);
  try {
    await client.config.region();
    return client;
  } catch {
    // No Region anywhere in the SDK's chain: the pool's id starts with the one it lies in.
    client.destroy();
    return new CognitoIdentityProviderClient({
      ...shared,
      region: regionOfPool(userPoolId),
    });
  }
}

/** `eu-west-1_AbC123xyz` lies in eu-west-1; a pool of cognito-local lies nowhere. */
function regionOfPool(userPoolId: string): string {
  const region = userPoolId.slice(0, userPoolId.lastIndexOf('_'));
  return /^[a-z]{2}(-[a-z]+)+-\d+$/.test(region) ? region : 'us-east-1';
}

/** Throws where a client of the caller's own would retry by itself. */
export async function refuseRetryingClient(client: CognitoIdentityProviderClient): Promise<void> {
  const attempts = await client.config.maxAttempts();
  if (attempts !== 1) {
    throw new OptionError(
      'cognito',
      `a client made with maxAttempts: 1, got one with ${attempts}: its retries would pass the limiter`,
    );
  }
}

/** Where a client sends its requests, for messages. */
export async function endpointOf(client: CognitoIdentityProviderClient): Promise<string> {
  const endpoint = await client.config.endpoint?.();
  if (endpoint === undefined) return `Cognito in ${await client.config.region()}`;
  const { hostname, path, port, protocol } = endpoint;
  return `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path === '/' ? '' : path}`;
}
