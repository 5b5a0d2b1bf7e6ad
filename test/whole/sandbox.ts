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

/** Where the source and the job of a sandbox lie. */
export interface Place {
  /** As the command line has them. */
  readonly source: string;
  readonly job: string;
  /** What else the command is told to find them. */
  readonly options: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  writeSource(text: string): Promise<void>;
  /** All that stands in the report. */
  report(): Promise<string>;
  /** How many requests it has had, of all kinds. */
  requests(): number;
}

/** A place with users.csv, a simulator that has these users, and the built command to run between them. */
export interface Sandbox {
  readonly simulator: Simulator;
  /** Where the command runs. */
  readonly folder: string;
  readonly place: Place;
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

/** Source and job lie in the folder, unless they have a place of their own, which outlives the sandbox. */
export async function createSandbox(
  rows: number,
  options: SimulatorOptions,
  elsewhere?: Place,
): Promise<Sandbox> {
  const folder = await mkdtemp(join(tmpdir(), 'whole-'));
  const place = elsewhere ?? placeIn(folder);
  const usernames = Array.from({ length: rows }, (_, index) => `user-${index + 1}`);
  await place.writeSource(`username\n${usernames.join('\n')}\n`);
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
    ...place.env,
  };
  const always = [
    'run',
    place.source,
    '--user-pool-id',
    simulator.userPoolId,
    '--endpoint-url',
    simulator.url,
    ...place.options,
  ];

  function command(args: readonly string[]): Running {
    const child = spawn(process.execPath, [CLI, ...args], { cwd: folder, env });
    return { child, ended: ending(child) };
  }

  return {
    simulator,
    folder,
    place,
    start: (args = []) => command([...always, ...args]),
    command,
    async report() {
      const text = await place.report();
      // A kill may have torn the last line; what stands before a line end is whole.
      return parse(text.slice(0, text.lastIndexOf('\n') + 1), { columns: true });
    },
    async close() {
      await simulator.close();
      await rm(folder, { recursive: true });
    },
  };
}

const placeIn = (folder: string): Place => ({
  source: 'users.csv',
  job: 'users.csv.job',
  options: [],
  env: {},
  writeSource: (text) => writeFile(join(folder, 'users.csv'), text),
  report: () => readFile(join(folder, 'users.csv.job/report.csv'), 'utf8'),
  requests: () => 0,
});

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
