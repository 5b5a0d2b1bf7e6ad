import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSandbox, type Sandbox, until } from './sandbox.js';

/** Interruptions before anything is sent, and listeners that go away. */

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await createSandbox(30, {});
});

afterEach(() => sandbox.close());

async function bigSource(): Promise<string> {
  const path = join(sandbox.folder, 'big.csv');
  await writeFile(path, `username\n${'somebody\n'.repeat(800_000)}`);
  return path;
}

/** Starts a command and signals it once it says this. */
async function signalAt(args: readonly string[], says: string, signal: NodeJS.Signals) {
  const { child, ended } = sandbox.command(args);
  let stderr = '';
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  await until(() => stderr.includes(says) || child.exitCode !== null);
  child.kill(signal);
  return ended;
}

describe('a signal while the source is read', () => {
  it.each([
    ['SIGINT', 130, []],
    ['SIGTERM', 143, []],
    ['SIGINT', 130, ['--dry-run']],
  ] as const)(
    '%s ends the run with %i %j, and leaves nothing behind',
    async (signal, exitCode, more) => {
      const args = [await bigSource(), '--rehearse', '--job', 'big.job', ...more];
      const ended = await signalAt(args, 'rows so far', signal);
      expect(ended.exitCode).toBe(exitCode);
      expect(ended.stderr).toMatch(/resume with: .*\n$/);
      expect((await sandbox.command(['status', 'big.job']).ended).stderr).toContain(
        'there is no job big.job',
      );
    },
    60_000,
  );

  it('ends a run whose standard input says nothing more', async () => {
    const { child, ended } = sandbox.command(['-', '--rehearse']);
    child.stdin?.write('username\n');
    // There is nothing to see from outside until it reads; a signal before its handler would kill it.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ exitCode: 143 });
    expect((await sandbox.command(['status', 'stdin.rehearsal.job']).ended).stderr).toContain(
      'there is no job',
    );
  }, 30_000);
});

describe('a stream that nobody reads any more', () => {
  const shell = (line: string): Promise<number | null> =>
    new Promise((resolve) => {
      const child = spawn('bash', ['-c', line], { cwd: sandbox.folder, stdio: 'ignore' });
      child.once('exit', resolve);
    });
  const cli = `${process.execPath} ${join(import.meta.dirname, '../../dist/cli.js')}`;

  it.each([
    ['standard output of a run', `${cli} users.csv --rehearse --limit 2 | true; exit $\{PIPESTATUS[0]}`, 10],
    [
      'standard error of a run',
      `${cli} users.csv --rehearse --limit 2 2>&1 | true; exit $\{PIPESTATUS[0]}`,
      10,
    ],
    [
      'a report',
      `${cli} users.csv --rehearse >/dev/null; ${cli} report users.csv.rehearsal.job | true; exit $\{PIPESTATUS[0]}`,
      0,
    ],
  ])(
    '%s changes nothing',
    async (_what, line, exitCode) => {
      expect(await shell(line)).toBe(exitCode);
    },
    30_000,
  );
});
