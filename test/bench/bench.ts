import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import type { SimulatedSecond, SimulatorStats, Summary } from '../../src/index.js';
import { startService } from './service.js';

/** What the measurements share: a simulator in a process of its own, and the built command. */

export const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

export interface Bench {
  readonly folder: string;
  /** Runs the built command on so many rows; `node` are arguments for Node itself. */
  run(rows: number, args: readonly string[], node?: readonly string[]): Promise<Measured>;
  close(): Promise<void>;
}

export interface Measured {
  readonly summary: Summary;
  /** Counted by the simulator, over this run and those before it. */
  readonly service: SimulatorStats;
  readonly history: readonly SimulatedSecond[];
  /** The most memory the command's process had, in MB. */
  readonly peakMb: number;
}

export async function openBench(): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  const service = await startService();
  const { url, userPoolId } = service;
  let file = 0;
  return {
    folder,
    async run(rows, args, node = []) {
      const source = join(folder, `users-${++file}.csv`);
      await pipeline(Readable.from(lines(rows, file)), createWriteStream(source));
      const always = ['run', source, '--user-pool-id', userPoolId, '--endpoint-url', url, '--json'];
      const child = spawn(process.execPath, [...node, CLI, ...always, ...args], {
        cwd: folder,
        env: { ...process.env, AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x' },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const peakKb = watchMemory(child);
      const text = await child.stdout.toArray();
      return {
        summary: JSON.parse(Buffer.concat(text).toString()),
        service: await service.stats(),
        history: await service.history(),
        peakMb: Math.round(peakKb() / 1024),
      };
    },
    async close() {
      service.close();
      await rm(folder, { recursive: true });
    },
  };
}

function* lines(rows: number, file: number): Iterable<string> {
  yield 'username,metadata.plan,metadata.source\n';
  for (let row = 1; row <= rows; row++) yield `user-${file}-${row}@example.com,pro,2019-import\n`;
}

/** The system keeps the highest resident size of a process itself; it is read while the process lives. */
export function watchMemory(child: ChildProcess): () => number {
  let peakKb = 0;
  const timer = setInterval(async () => {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    peakKb = Math.max(peakKb, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
  }, 100);
  child.on('exit', () => clearInterval(timer));
  return () => peakKb;
}
