import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse/sync';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/simulator.js';

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** A line of report.csv, as read by a reading of its own. */
export interface ReportLine {
  readonly row: string;
  readonly username: string;
  readonly status: string;
  readonly attempts: string;
}

export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with users.csv, a simulator that has these users, and the built command to run between them. */
export interface Sandbox {
  readonly simulator: Simulator;
  readonly folder: string;
  /** Runs users.csv against the simulator. */
  start(args?: readonly string[]): Running;
  /** Any other command in the folder. */
  command(args: readonly string[]): Running;
  report(): Promise<ReportLine[]>;
  close(): Promise<void>;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export async function createSandbox(rows: number, options: SimulatorOptions): Promise<Sandbox> {
  const folder = await mkdtemp(join(tmpdir(), 'whole-'));
  const usernames = Array.from({ length: rows }, (_, index) => `user-${index + 1}`);
  await writeFile(join(folder, 'users.csv'), `username\n${usernames.join('\n')}\n`);
  const simulator = await startSimulator({
    users: usernames.map((username) => ({ username })),
    quotaPerSecond: Number.POSITIVE_INFINITY,
    recordCalls: true,
    ...options,
  });
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: simulator.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: simulator.credentials.secretAccessKey,
  };
  const always = [
    'run',
    'users.csv',
    '--user-pool-id',
    simulator.userPoolId,
    '--endpoint-url',
    simulator.url,
  ];

  function command(args: readonly string[]): Running {
    const child = spawn(process.execPath, [CLI, ...args], { cwd: folder, env });
    return { child, ended: ending(child) };
  }

  return {
    simulator,
    folder,
    start: (args = []) => command([...always, ...args]),
    command,
    async report() {
      const text = await readFile(join(folder, 'users.csv.job/report.csv'), 'utf8');
      // A kill may have torn the last line; what stands before a line end is whole.
      return parse(text.slice(0, text.lastIndexOf('\n') + 1), { columns: true });
    },
    async close() {
      await simulator.close();
      await rm(folder, { recursive: true });
    },
  };
}

async function ending(child: ChildProcess): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const [exitCode, signal] = await once(child, 'close');
  return { exitCode, signal, stdout, stderr };
}

/** Waits until something is so; the test's own time-out bounds it. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5));
}
