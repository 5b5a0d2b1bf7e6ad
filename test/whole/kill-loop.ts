import { createRandom } from '../../src/simulator/random.js';
import type { SimulatorOptions } from '../../src/simulator/simulator.js';
import { createSandbox, type Place, type Sandbox, until } from './sandbox.js';

/** What a loop of kills has gone through. */
export interface KillStory {
  /** Those that came before the run was done. */
  readonly kills: number;
  readonly rows: number;
  readonly requests: number;
  readonly statuses: ReadonlyMap<string, number>;
}

export type Kill = 'SIGKILL' | 'SIGTERM' | 'SIGINT' | 'SIGSTOP';

/** What there was when a kill had come. */
interface Before {
  readonly came: 'killed' | 'done';
  readonly reported: ReadonlySet<string>;
  readonly calls: number;
}

/** Where a loop runs other than in a folder. */
export interface KillGround {
  readonly place: Place;
  /** How many requests a run makes at most before it is killed, those to the place among them. */
  readonly within: number;
}

const FAST = ['--rate', '150'];
/** A report in a folder grows with each answer. */
const WITHIN = 30;

/** Null is a kill that leaves no time for an exit code. */
const INTERRUPTED: readonly (number | null)[] = [null, 130, 143];

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
  ground?: KillGround,
): Promise<KillStory> {
  const random = createRandom(seed, 'kills');
  const options: SimulatorOptions = {
    seed,
    latencyMs: [5, 60],
    faults: { 'reset-after': 0.02, 'internal-error-after': 0.02, 'reset-before': 0.02, throttle: 0.01 },
  };
  const sandbox = await createSandbox(rows, options, ground?.place);
  const within = ground?.within ?? WITHIN;
  try {
    const before: Before[] = [];
    for (let kill = 0; kill < kills; kill++) {
      const way = ways[Math.floor(random() * ways.length)] ?? 'SIGKILL';
      const came = await killOnce(sandbox, way, Math.floor(random() * within), random() * 10);
      const reported = new Set((await sandbox.report().catch(() => [])).map(({ username }) => username));
      before.push({ came, reported, calls: sandbox.simulator.calls().length });
    }
    const { exitCode, stderr } = await sandbox.start(FAST).ended;
    ensure(exitCode === 0, () => `the last run ended with ${exitCode}: ${stderr}`);
    const verified = await sandbox.command(['status', sandbox.place.job, '--verify']).ended;
    ensure(verified.exitCode === 0, () => `status --verify: ${verified.stdout}${verified.stderr}`);
    return await judge(sandbox, rows, before);
  } finally {
    await sandbox.close();
  }
}

/** Kills a run once it has made so many requests, and a little later, if it is not done by then. */
async function killOnce(
  sandbox: Sandbox,
  way: Kill,
  requests: number,
  laterMs: number,
): Promise<'killed' | 'done'> {
  const { place, simulator } = sandbox;
  const made = (): number => simulator.calls().length + place.requests();
  const target = made() + requests;
  const { child, ended } = sandbox.start(FAST);
  await until(() => made() >= target || child.exitCode !== null);
  await new Promise((resolve) => setTimeout(resolve, laterMs));
  child.kill(way);
  // One that is stopped never wakes again: what is in flight is answered to nobody.
  if (way === 'SIGSTOP') child.kill('SIGKILL');
  const { exitCode, stderr } = await ended;
  if (exitCode === 0) return 'done';
  ensure(INTERRUPTED.includes(exitCode), () => `a run to be killed ended with ${exitCode}: ${stderr}`);
  return 'killed';
}

async function judge(
  { report, simulator }: Sandbox,
  rows: number,
  kills: readonly Before[],
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
  const hit = kills.filter(({ came }) => came === 'killed').length;
  return { kills: hit, rows, requests: simulator.calls().length, statuses };
}
