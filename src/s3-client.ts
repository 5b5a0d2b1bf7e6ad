import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { Settings } from './options.js';
import { VERSION } from './version.js';

/** The clients that requests go out by: one for each Region in which a bucket turned out to lie. */
export interface S3Clients {
  /** The one to ask for what lies in this bucket. */
  for(bucket: string): S3Client;
  /** Takes from a refusal where the bucket really lies; true where the request is worth repeating there. */
  learn(bucket: string, refusal: unknown): Promise<boolean>;
  close(): void;
}

/** How often one thing is asked for at most: by requests that fail, and again by bodies that break off. */
export const MAX_ATTEMPTS = 8;
const CONNECTION_TIMEOUT_MS = 5_000;
/** No byte came or went for so long; holds while an answer's body is read as well. */
const IDLE_TIMEOUT_MS = 30_000;
/** Until the answer begins, the sending of a part of 5 MiB with it: 350 kbit/s will do. */
const REQUEST_TIMEOUT_MS = 120_000;

type Configuration = Pick<Settings, 'region' | 'profile'>;

export async function createClients(settings: Configuration, own: S3Client | undefined): Promise<S3Clients> {
  const first = own ?? (await createClient(settings));
  const ofRegion = new Map<string, S3Client>();
  const ofBucket = new Map<string, S3Client>();
  const clientFor = (bucket: string): S3Client => ofBucket.get(bucket) ?? first;
  return {
    for: clientFor,
    async learn(bucket, refusal) {
      const region = regionOfBucket(refusal);
      if (own !== undefined || region === undefined) return false;
      if (region === (await clientFor(bucket).config.region())) return false;
      const client = ofRegion.get(region) ?? clientWith({ ...settings, region });
      ofRegion.set(region, client);
      ofBucket.set(bucket, client);
      return true;
    },
    close() {
      // A client of the caller's own is the caller's to close.
      if (own === undefined) first.destroy();
      for (const client of ofRegion.values()) client.destroy();
    },
  };
}

/**
 * The Region that a refusal names. (The SDK's `followRegionRedirects` would send every request twice, for it
 * forgets what it was told, and it changes the client's Region for the time of the second, in the face of all
 * others under way.)
 */
export function regionOfBucket(refusal: unknown): string | undefined {
  const { $response, Region } = refusal as {
    $response?: { headers?: Record<string, string> };
    Region?: unknown;
  };
  return $response?.headers?.['x-amz-bucket-region'] ?? (typeof Region === 'string' ? Region : undefined);
}

async function createClient(settings: Configuration): Promise<S3Client> {
  const client = clientWith(settings);
  try {
    await client.config.region();
    return client;
  } catch {
    // No Region anywhere in the SDK's chain: from this one, S3 says of any bucket where it lies.
    client.destroy();
    return clientWith({ ...settings, region: 'us-east-1' });
  }
}

function clientWith({ profile, region }: Configuration): S3Client {
  const client = new S3Client({
    retryStrategy,
    maxAttempts: MAX_ATTEMPTS,
    customUserAgent: [['cognito-bulk-confirm', VERSION]],
    // Where nobody answers to it, the SDK would wait for as long as the whole request may take.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      socketTimeout: IDLE_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      // `requestTimeout` alone only logs a warning.
      throwOnRequestTimeout: true,
    },
    ...(profile === undefined ? {} : { profile }),
    ...(region === undefined ? {} : { region }),
  });
  // Path style wherever an endpoint was configured (AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, the profile): what
  // speaks like S3 has seldom a host name for each bucket. Which endpoint it is, the SDK finds out late.
  const { endpointProvider } = client.config;
  client.config.endpointProvider = (params, context) =>
    endpointProvider(params.Endpoint === undefined ? params : { ...params, ForcePathStyle: true }, context);
  return client;
}

/**
 * The SDK's standard strategy, but for its allowance: 500 points, 14 for each retry, are used up in a bad hour
 * of S3, and then everything fails at once. We have a handful of requests under way, and rather wait.
 */
const retryStrategy: NonNullable<S3ClientConfig['retryStrategy']> = {
  acquireInitialRetryToken: async () => ({ getRetryCount: () => 0, getRetryDelay: () => 0 }),
  async refreshRetryTokenForRetry(token, { errorType }) {
    const retry = token.getRetryCount() + 1;
    if (errorType === 'CLIENT_ERROR' || retry >= MAX_ATTEMPTS) throw new Error('Not worth another attempt');
    const delayMs = backoffMs(retry, errorType === 'THROTTLING' ? 500 : 100);
    return { getRetryCount: () => retry, getRetryDelay: () => delayMs };
  },
  recordSuccess() {},
};

/** How long to wait before a retry (from 1): exponential with full jitter. */
export const backoffMs = (retry: number, baseMs = 100): number =>
  Math.random() * Math.min(20_000, baseMs * 2 ** (retry - 1));
