import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Summary } from '../../src/index.js';
import { CLI } from './bench.js';

/** Where a tool is to send its rows, and where it finds them. */
export interface Target {
  readonly url: string;
  readonly userPoolId: string;
  /** A CSV with a header, and the same usernames one a line. */
  readonly csv: string;
  readonly names: string;
  /** For whatever the tool wants to write. */
  readonly folder: string;
}

/** A way to confirm many users. */
export interface Tool {
  readonly name: string;
  /** Requests per second that it was asked for; undefined where it goes for all there is. */
  readonly askedPerSecond?: number;
  /**
   * How many runs of this program it counts as where several scenes are played at a time. Those above 1 take half a
   * core to a whole one, and run niced: a part of that they would only have used to be refused more often.
   */
  readonly weight: number;
  /** Beside which live traffic it runs; undefined for all. */
  readonly onlyLive?: number;
  readonly stopWith: 'SIGINT' | 'SIGTERM';
  command(target: Target): readonly [command: string, ...args: string[]];
  /** Rows it gave up, by its own words. */
  lost(stdout: string, stderr: string): number;
  /** Says what was run, in a few words; rejects where the tool is not on this machine. */
  version(): Promise<string>;
}

/** It cannot share the machine with anything. */
const ALONE = Number.POSITIVE_INFINITY;

const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export const TOOLS: readonly Tool[] = [
  ours('this program', 40),
  ours('this program, --rate 50', 50, '--rate', '50'),
  ours('this program, --rate 100%', 50, '--rate', '100%'),
  boto3('boto3, 16 threads', 16, 'default', 2),
  boto3('boto3, 50 threads', 50, 'default', 4),
  { ...boto3('boto3, 16 threads, standard', 16, 'standard', 2), onlyLive: 25 },
  {
    name: 'xargs -P 16 aws',
    weight: ALONE,
    onlyLive: 25,
    stopWith: 'SIGTERM',
    command: ({ names, url, userPoolId }) => {
      const call = ['aws', 'cognito-idp', 'admin-confirm-sign-up', '--endpoint-url', url];
      const named = ['--user-pool-id', userPoolId, '--username', 'NAME'];
      return ['xargs', '--arg-file', names, '-P', '16', '-I', 'NAME', ...call, ...named];
    },
    lost: (_stdout, stderr) => stderr.match(/An error occurred/g)?.length ?? 0,
    version: async () => {
      await promisify(execFile)('xargs', ['--version']);
      const { stderr, stdout } = await promisify(execFile)('aws', ['--version']);
      return `${(stdout || stderr).split(' ')[0]}, its own retries as they come, one process a row`;
    },
  },
  peer('JS SDK, p-limit 50', 'standard', 3, 'retry mode standard, its default'),
  peer('JS SDK, p-limit 50, adaptive', 'adaptive', 1, 'retry mode adaptive'),
  peer('bottleneck, minTime 20', 'bottleneck', 1, 'retries of the SDK off'),
];

function ours(name: string, askedPerSecond: number, ...args: string[]): Tool {
  return {
    name,
    askedPerSecond,
    weight: 1,
    stopWith: 'SIGINT',
    command: ({ csv, folder, url, userPoolId }) => {
      const target = ['--user-pool-id', userPoolId, '--endpoint-url', url, '--job', `${folder}/job`];
      return [process.execPath, CLI, 'run', csv, ...target, '--json', '--no-progress', ...args];
    },
    lost: (stdout) => (JSON.parse(stdout) as Summary).badRows,
    version: async () => `the built command${args.length === 0 ? '' : ` with ${args.join(' ')}`}`,
  };
}

/**
 * By default botocore (1.43) is in its mode `legacy`, which does not take TooManyRequestsException for a throttled
 * call and so never retries it; its mode `standard` does.
 */
function boto3(name: string, threads: number, mode: 'default' | 'standard', weight: number): Tool {
  return {
    name,
    weight,
    stopWith: 'SIGTERM',
    command: ({ names, url, userPoolId }) => {
      return ['python3', fileOf('neighbour-boto3.py'), url, userPoolId, names, `${threads}`, mode];
    },
    lost: told,
    version: async () => {
      const client = "boto3.client('cognito-idp', 'us-east-1')";
      const words = `print(boto3.__version__, ${client}.meta.config.retries['mode'])`;
      const { stdout } = await promisify(execFile)('python3', ['-c', `import boto3; ${words}`]);
      const [version, byDefault] = stdout.trim().split(' ');
      return `boto3 ${version}, retry mode ${mode === 'default' ? `${byDefault}, its default` : mode}`;
    },
  };
}

function peer(name: string, kind: string, weight: number, words: string): Tool {
  return {
    name,
    weight,
    stopWith: 'SIGTERM',
    command: ({ names, url, userPoolId }) => {
      return [
        process.execPath,
        ...process.execArgv,
        fileOf('neighbour-peer.ts'),
        kind,
        url,
        userPoolId,
        names,
      ];
    },
    lost: told,
    version: async () => words,
  };
}

function told(stdout: string): number {
  return JSON.parse(stdout).failed;
}
