import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toSendSettings } from './options.js';
import { readCsv } from './read/csv.js';
import { openSource } from './read/source.js';
import { type RunCallbacks, run } from './run.js';
import { createClient } from './send/client.js';
import { type SimulatedUser, startSimulator } from './simulator/simulator.js';
import type { Summary } from './write/summary.js';

const SAMPLE = fileURLToPath(new URL('../samples/users.csv', import.meta.url));

/** A whole run of the sample CSV against the built-in simulator: about 20 s. Touches no AWS. */
export async function demo(
  callbacks: RunCallbacks,
  signals: { signal?: AbortSignal; abortSignal?: AbortSignal },
): Promise<Summary> {
  const simulator = await startSimulator({
    seed: 8,
    users: await simulatedUsers(SAMPLE),
    quotaPerSecond: 50,
    quotaBurst: 10,
    liveTrafficPerSecond: 9,
    latencyMs: [30, 120],
    faults: { 'internal-error': 0.01, 'reset-after': 0.01 },
  });
  const options = {
    userPoolId: simulator.userPoolId,
    endpointUrl: simulator.url,
    region: 'us-east-1',
  };
  const cognito = await createClient(toSendSettings(options), simulator.credentials);
  try {
    const job = join(await mkdtemp(join(tmpdir(), 'cognito-bulk-confirm-')), 'users.csv.job');
    return await run({ ...options, ...signals, source: SAMPLE, job, cognito }, callbacks);
  } finally {
    cognito.destroy();
    await simulator.close();
  }
}

/** The sample's column `simulated` says what each user is to the simulator. */
async function simulatedUsers(path: string): Promise<SimulatedUser[]> {
  const users: SimulatedUser[] = [];
  const source = await openSource(path);
  try {
    const { name } = source;
    for await (const { fields } of readCsv(source.read(0), {
      name,
      delimiter: ',',
    })) {
      const user = simulatedUser(fields[0] ?? '', fields.at(-1));
      if (user !== undefined) users.push(user);
    }
  } finally {
    await source.close();
  }
  return users;
}

function simulatedUser(username: string, kind: string | undefined): SimulatedUser | undefined {
  switch (kind) {
    case 'waiting':
      return { username };
    case 'confirmed':
      return { username, status: 'CONFIRMED' };
    case 'invited':
      return { username, status: 'FORCE_CHANGE_PASSWORD' };
    case 'disabled':
      return { username, enabled: false };
    case 'trigger-fails':
      return { username, trigger: 'fails' };
    default:
      return undefined;
  }
}
