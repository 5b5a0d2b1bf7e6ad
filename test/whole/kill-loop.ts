import { createRandom } from '../../src/simulator/random.js';
import { createSandbox, type Sandbox, until } from './sandbox.js';

/** What a loop of kills has gone through. */
export interface KillStory {
  readonly kills: number;
  readonly rows: number;
  readonly requests: number;
  readonly statuses: ReadonlyMap<string, number>;
}

export type Kill = 'SIGKILL' | 'SIGTERM' | 'SIGINT' | 'SIGSTOP';

const FAST = ['--rate', '150'];

function ensure(holds: boolean, what: () => string): void {
  if (!holds) throw new Error(what());
}

/**
 * Kills the built command again and again at moments drawn from the seed, lets it finish, and compares its
 * report with the simulator's own record of calls. Throws where they differ.
 */
export async function killLoop(
  seed: number,
  kills: number,
  rows: number,
  ways: readonly Kill[],
): Promise<KillStory> {
  const random = createRandom(seed, 'kills');
  const sandbox = await createSandbox(rows, {
    seed,
    latencyMs: [5, 60],
    faults: { 'reset-after': 0.02, 'internal-error-after': 0.02, 'reset-before': 0.02, throttle: 0.01 },
  });
  try {
    const before: { reported: Set<string>; calls: number }[] = [];
    for (let kill = 0; kill < kills; kill++) {
      const way = ways[Math.floor(random() * ways.length)] ?? 'SIGKILL';
      await killOnce(sandbox, way, Math.floor(random() * 30), random() * 10);
      const reported = new Set((await sandbox.report().catch(() => [])).map(({ username }) => username));
      before.push({ reported, calls: sandbox.simulator.calls().length });
    }
    const { exitCode, stderr } = await sandbox.start(FAST).ended;
    ensure(exitCode === 0, () => `the last run ended with ${exitCode}: ${stderr}`);
    return await judge(sandbox, rows, before);
  } finally {
    await sandbox.close();
  }
}

/** Kills a run once it has made so many requests, and a little later. */
async function killOnce(sandbox: Sandbox, way: Kill, requests: number, laterMs: number): Promise<void> {
  const { simulator } = sandbox;
  const target = simulator.calls().length + requests;
  const { child, ended } = sandbox.start(FAST);
  await until(() => simulator.calls().length >= target || child.exitCode !== null);
  await new Promise((resolve) => setTimeout(resolve, laterMs));
  child.kill(way);
  // One that is stopped never wakes again: what is in flight is answered to nobody.
  if (way === 'SIGSTOP') child.kill('SIGKILL');
  await ended;
}

async function judge(
  { report, simulator }: Sandbox,
  rows: number,
  kills: readonly { reported: Set<string>; calls: number }[],
): Promise<KillStory> {
  const lines = await report();
  const numbers = new Set(lines.map(({ row }) => Number(row)));
  ensure(lines.length === rows && numbers.size === rows, () => `${rows} rows, ${lines.length} lines`);

  const yes = new Set(
    simulator.calls().flatMap(({ result, username }) => (result === 'ok' ? [username] : [])),
  );
  const statuses = new Map<string, number>();
  for (const { status, username } of lines) {
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    ensure(simulator.statusOf(username) === 'CONFIRMED', () => `${username} is not confirmed`);
    // Nobody was confirmed before this job began, so "already" would be a lie.
    ensure(status !== 'already-confirmed', () => `${username} is told as already-confirmed`);
    ensure(status !== 'confirmed' || yes.has(username), () => `${username}: the service never said yes`);
  }
  for (const { calls, reported } of kills) {
    for (const { username } of simulator.calls().slice(calls)) {
      ensure(!reported.has(username), () => `${username} was sent though its line stood in the report`);
    }
  }
  return { kills: kills.length, rows, requests: simulator.calls().length, statuses };
}
