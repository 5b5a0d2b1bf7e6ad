import type { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import type { Clock } from './clock.js';
import type { SendSettings } from './options.js';
import { createClient, endpointOf, refuseRetryingClient } from './send/client.js';
import { type Confirm, createConfirm } from './send/confirm.js';
import { type Quota, readQuota } from './send/quota.js';
import { startSimulator } from './simulator/simulator.js';

/** The service that a run talks to. */
export interface Service {
  readonly confirm: Confirm;
  /** Reads the quota that the calls are counted against. Never throws. */
  quota(clock: Clock, signal: AbortSignal): Promise<Quota>;
  /** For messages. */
  readonly endpoint: string;
  close(): Promise<void>;
}

/** Makes a client where the caller has none. Sends nothing yet. */
export async function connect(
  settings: SendSettings,
  own: CognitoIdentityProviderClient | undefined,
): Promise<Service> {
  if (own !== undefined) await refuseRetryingClient(own);
  const client = own ?? (await createClient(settings));
  return {
    confirm: createConfirm(client, settings.userPoolId, settings.metadata),
    quota: (clock, signal) => readQuota(client, settings, clock, signal),
    endpoint: await endpointOf(client),
    async close() {
      // A client of the caller's own is the caller's to close.
      if (own === undefined) client.destroy();
    },
  };
}

/**
 * Makes a client of a simulator in which every name in the file is a user who waits to be confirmed, with the
 * usual quota, some live sign-ups beside us and now and then an error.
 */
export async function connectToRehearsal(settings: SendSettings): Promise<Service> {
  const simulator = await startSimulator({
    userPoolId: settings.userPoolId,
    unknownUsers: 'unconfirmed',
    quotaPerSecond: 50,
    liveTrafficPerSecond: 5,
    latencyMs: [30, 90],
    faults: { 'internal-error': 0.001, 'reset-after': 0.001 },
  });
  const atSimulator = {
    ...settings,
    endpointUrl: simulator.url,
    region: 'us-east-1',
    profile: undefined,
  };
  const client = await createClient(atSimulator, simulator.credentials);
  const service = await connect(atSimulator, client);
  return {
    ...service,
    async close() {
      client.destroy();
      await simulator.close();
    },
  };
}
