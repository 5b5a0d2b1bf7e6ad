import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSandbox, type Sandbox, until } from './sandbox.js';

/** The built command is killed again and again, and the simulator's own record says what really happened. */

const ROWS = 240;
const KILLS = 6;
const FAST = ['--rate', '150'];

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await createSandbox(ROWS, {
    latencyMs: [5, 60],
    faults: { 'reset-after': 0.02, 'internal-error-after': 0.02, 'reset-before': 0.02 },
  });
});

afterEach(() => sandbox.close());

/** Kills the command once it has made so many requests. Resolves with the usernames reported by then. */
async function killAfter(requests: number, signal: NodeJS.Signals): Promise<Set<string>> {
  const { simulator } = sandbox;
  const target = simulator.calls().length + requests;
  const { child, ended } = sandbox.start(FAST);
  await until(() => simulator.calls().length >= target || child.exitCode !== null);
  child.kill(signal);
  await ended;
  return new Set((await sandbox.report()).map(({ username }) => username));
}

describe('a command that is killed', () => {
  it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
    'loses no row and doubles none: %s',
    async (signal) => {
      const { simulator } = sandbox;
      const kills: { reported: Set<string>; calls: number }[] = [];
      for (let kill = 0; kill < KILLS; kill++) {
        const reported = await killAfter(1 + ((kill * 37) % 30), signal);
        kills.push({ reported, calls: simulator.calls().length });
      }
      const { exitCode } = await sandbox.start(FAST).ended;
      expect(exitCode).toBe(0);

      const lines = await sandbox.report();
      const rows = lines.map(({ row }) => Number(row)).sort((a, b) => a - b);
      expect(rows).toEqual(Array.from({ length: ROWS }, (_, index) => index + 1));
      for (const { username } of lines) expect(simulator.statusOf(username)).toBe('CONFIRMED');

      // Nobody was confirmed before this job began, so "already" would be a lie.
      const statuses = new Set(lines.map(({ status }) => status));
      expect(statuses).not.toContain('already-confirmed');
      if (signal === 'SIGKILL') expect(statuses).toContain('presumed-confirmed');

      // A line says `confirmed` only where the service said yes to us.
      const yes = new Set(
        simulator.calls().flatMap(({ result, username }) => (result === 'ok' ? [username] : [])),
      );
      for (const { status, username } of lines) if (status === 'confirmed') expect(yes).toContain(username);

      // Nobody whose line stood in the report was sent again.
      for (const { calls, reported } of kills) {
        for (const { username } of simulator.calls().slice(calls)) expect(reported).not.toContain(username);
      }
    },
    60_000,
  );
});
