import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SimulatedSecond, SimulatorOptions } from '../../src/index.js';
import { History } from '../../src/simulator/history.js';
import { LiveTraffic } from '../../src/simulator/live-traffic.js';
import { createQuota, type QuotaOptions } from '../../src/simulator/quota.js';
import { createRandom } from '../../src/simulator/random.js';
import type { Form } from '../support/traffic.js';
import type { Target, Tool } from './neighbour-tools.js';
import { type Service, startService } from './service.js';

/** One tool beside one live traffic, on one form of the quota. */
export interface Scene {
  readonly tool: Tool;
  readonly form: Form;
  readonly live: number;
  readonly seconds: number;
}

export interface Result {
  readonly tool: string;
  readonly form: Form;
  readonly live: number;
  readonly seconds: number;
  /** While the tool gets to know the quota. */
  readonly first: Part;
  readonly after: Part;
  /** Rows for which there was a call, and those that the tool says it has given up. */
  readonly rowsTried: number;
  readonly rowsLost: number;
  /** CPU, in cores, of tool and simulator; 0 where the system does not tell. */
  readonly toolCores: number;
  readonly serviceCores: number;
  /** How late the simulator was, in 99 of 100 moments at most. */
  readonly lateMs: number;
}

/** What the simulator counted in some seconds. */
export interface Part {
  readonly seconds: number;
  readonly confirmed: number;
  readonly throttled: number;
  readonly liveSignUps: number;
  readonly turnedAway: number;
  /** Of the same sign-ups, had nobody else been there. */
  readonly turnedAwayAlone: number;
}

export const QUOTA_PER_SECOND = 50;
const LATENCY_MS = 60;
const SEED = 1;
const FIRST_SECONDS = 30;

/** How long a tool may take to its first request, and to its end. */
const LONGEST_START_MS = 60_000;
const LONGEST_STOP_MS = 15_000;

export function quotaOf(form: Form): QuotaOptions {
  const always = { seed: SEED, quotaPerSecond: QUOTA_PER_SECOND };
  switch (form) {
    case 'bucket-5':
      return { ...always, quotaForm: 'token-bucket', quotaBurst: 5 };
    case 'bucket-50':
      return { ...always, quotaForm: 'token-bucket', quotaBurst: 50 };
    case 'fixed-window':
      return { ...always, quotaForm: 'fixed-window', quotaBurst: 1 };
  }
}

export const simulatorFor = (form: Form, live: number): SimulatorOptions => ({
  ...quotaOf(form),
  liveTrafficPerSecond: live,
  latencyMs: LATENCY_MS,
  recordCalls: true,
});

/** The seconds that are told apart; a short run has half of its own. */
export const firstSeconds = (seconds: number): number => Math.min(FIRST_SECONDS, Math.floor(seconds / 2));

/**
 * Starts the tool, lets it work for so many seconds from its first request on, and stops it. Rejects where it did
 * not work all that time.
 */
export async function playScene(
  { form, live, seconds, tool }: Scene,
  files: Pick<Target, 'csv' | 'names' | 'folder'>,
  signal: AbortSignal,
): Promise<Result> {
  const folder = await mkdtemp(join(files.folder, 'scene-'));
  const service = await startService(simulatorFor(form, live));
  const { url, userPoolId } = service;
  const working = start(tool, { ...files, url, userPoolId, folder }, signal);
  try {
    const from = await Promise.race([firstRequest(service), working.ended]);
    await Promise.race([sleep((seconds + 1) * 1_000, undefined, { signal }), working.ended]);
    const history = await service.history();
    const toolCores = await coresOf(working.child.pid, seconds);
    const serviceCores = await coresOf(service.pid, seconds);
    const lateMs = Math.round(await service.lateMs());
    const rowsLost = await working.stop();
    const rowsTried = await service.rowsTried();
    const middle = from + firstSeconds(seconds);
    const alone = liveAlone(form, live, from + seconds);
    return {
      tool: tool.name,
      form,
      live,
      seconds,
      first: sumOf(history, alone, from, middle),
      after: sumOf(history, alone, middle, from + seconds),
      rowsTried,
      rowsLost,
      toolCores,
      serviceCores,
      lateMs,
    };
  } finally {
    working.kill();
    service.close();
    await rm(folder, { recursive: true });
  }
}

/**
 * Each second of the live traffic with nobody beside it. These are the very sign-ups of a scene, for they hang on
 * the seed alone, so what a tool costs them can be told from what they cost each other.
 */
export function liveAlone(form: Form, live: number, seconds: number): readonly SimulatedSecond[] {
  const history = new History(0);
  const random = createRandom(SEED, 'live');
  new LiveTraffic(createQuota(quotaOf(form), 0), random, history, live, 0).advance(seconds * 1_000);
  return history.until(seconds * 1_000);
}

/** A tool at work, in a process group of its own: xargs has children, and some commands are scripts around others. */
function start(
  tool: Tool,
  target: Target,
  signal: AbortSignal,
): {
  readonly child: ChildProcess;
  /** Rejects when it ends, for it has work for longer than that. */
  readonly ended: Promise<never>;
  /** Ends it as a person would, and reads what it has to say: rows lost. */
  stop(): Promise<number>;
  kill(): void;
} {
  // The greedy ones give way to this program and to the simulators.
  const child = spawn('nice', ['-n', tool.weight > 1 ? '10' : '0', ...tool.command(target)], {
    cwd: target.folder,
    env: {
      ...process.env,
      AWS_REGION: 'us-east-1',
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'x',
      AWS_SECRET_ACCESS_KEY: 'x',
      // Nobody's own settings.
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_RETRY_MODE: undefined,
      AWS_MAX_ATTEMPTS: undefined,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const stdout = textOf(child.stdout);
  const stderr = textOf(child.stderr);
  let stopping = false;
  const exited = once(child, 'exit');
  const ended = exited.then(([code, killedBy]) => {
    if (stopping) return new Promise<never>(() => {});
    const words = `${tool.name} ended by itself (${killedBy ?? code}): ${stderr().slice(-500)}`;
    throw new Error(words);
  });
  ended.catch(() => {});
  function send(killSignal: NodeJS.Signals): void {
    stopping = true;
    try {
      if (child.pid !== undefined) process.kill(-child.pid, killSignal);
    } catch {
      // It is gone.
    }
  }
  const kill = (): void => send('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  child.once('exit', () => signal.removeEventListener('abort', kill));
  return {
    child,
    ended,
    async stop() {
      const closed = once(child, 'close');
      send(tool.stopWith);
      const late = setTimeout(() => send('SIGKILL'), LONGEST_STOP_MS);
      await closed;
      clearTimeout(late);
      return tool.lost(stdout(), stderr());
    },
    kill,
  };
}

function textOf(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

/** The second of the first request, where the time of the tool begins. */
async function firstRequest(service: Service): Promise<number> {
  const untilMs = performance.now() + LONGEST_START_MS;
  while (performance.now() < untilMs) {
    const begun = (await service.history()).find(({ requests }) => requests > 0);
    if (begun !== undefined) return begun.second;
    await sleep(200);
  }
  throw new Error(`no request within ${LONGEST_START_MS / 1_000} s`);
}

function sumOf(
  history: readonly SimulatedSecond[],
  alone: readonly SimulatedSecond[],
  from: number,
  until: number,
): Part {
  const seconds = history.slice(from, until);
  const sum = (numbers: readonly number[]): number => numbers.reduce((all, number) => all + number, 0);
  return {
    seconds: until - from,
    confirmed: sum(seconds.map(({ confirmed }) => confirmed)),
    throttled: sum(seconds.map(({ throttled }) => throttled)),
    liveSignUps: sum(seconds.map(({ liveSignUps }) => liveSignUps)),
    turnedAway: sum(seconds.map(({ liveSignUpsThrottled }) => liveSignUpsThrottled)),
    turnedAwayAlone: sum(alone.slice(from, until).map(({ liveSignUpsThrottled }) => liveSignUpsThrottled)),
  };
}

/** What a process and its ended children have taken, per second. Linux tells it in ticks of 10 ms. */
async function coresOf(pid: number | undefined, seconds: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return Math.round(ticks / seconds) / 100;
}
