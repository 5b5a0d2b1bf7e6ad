import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSandbox, type Sandbox, until } from './sandbox.js';

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await createSandbox(20, { script: { 'user-3': ['hang-after'] } });
});

afterEach(() => sandbox.close());

/** Starts a run and waits until all rows but the hanging one are reported. */
async function startUntilHanging() {
  const running = sandbox.start(['--rate', '100']);
  await until(async () => sandbox.simulator.calls().length === 20 && (await sandbox.report()).length === 19);
  return running;
}

describe('signals', () => {
  it('drains on the first Ctrl-C and gives up on the second; the row is told rightly on resume', async () => {
    const { child, ended } = await startUntilHanging();
    let stderr = '';
    child.stderr?.on('data', (chunk) => {
      stderr += chunk;
    });
    child.kill('SIGINT');
    await until(() => stderr.includes('Ctrl-C again'));
    expect(child.exitCode).toBeNull();
    child.kill('SIGINT');
    const first = await ended;
    expect(first.exitCode).toBe(130);
    expect(first.stderr.trimEnd().split('\n').at(-1)).toMatch(
      /^resume with: cognito-bulk-confirm run users.csv /,
    );
    expect((await sandbox.report()).map(({ username }) => username)).not.toContain('user-3');

    const second = await sandbox.start(['--rate', '100']).ended;
    expect(second.exitCode).toBe(0);
    const line = (await sandbox.report()).find(({ username }) => username === 'user-3');
    expect(line?.status).toBe('presumed-confirmed');
    expect(sandbox.simulator.calls()).toHaveLength(21);
  }, 30_000);

  // It takes its 20 s, so it is left to CI.
  it.skipIf(process.env.CI === undefined)(
    'ends within 20 s of SIGTERM, whatever hangs',
    async () => {
      const { child, ended } = await startUntilHanging();
      child.kill('SIGTERM');
      const { exitCode } = await ended;
      expect(exitCode).toBe(143);
      expect(await sandbox.report()).toHaveLength(19);
    },
    40_000,
  );

  it('refuses a second process on the same job, and takes the job over from a dead one', async () => {
    const { child, ended } = await startUntilHanging();
    const other = await sandbox.start(['--rate', '100']).ended;
    expect(other.exitCode).toBe(5);
    expect(other.stderr).toMatch(/is held by another run \(process \d+ /);
    child.kill('SIGKILL');
    await ended;
    const next = await sandbox.start(['--rate', '100']).ended;
    expect(next.exitCode).toBe(0);
    expect(await sandbox.report()).toHaveLength(20);
  }, 30_000);
});
