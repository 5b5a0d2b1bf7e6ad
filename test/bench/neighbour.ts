import { setMaxListeners } from 'node:events';
import { createWriteStream } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { FORMS } from '../support/traffic.js';
import { playScene, type Result, type Scene } from './neighbour-scene.js';
import { tables } from './neighbour-tables.js';
import { TOOLS, type Tool } from './neighbour-tools.js';

/**
 * This program and others at the same job, beside live sign-ups that share the quota: `npm run bench:neighbour`.
 * The simulator stands for the service, in each of the forms that its quota may have. What was measured is kept in
 * a file, so that the same command goes on after a break.
 */

const LIVES = [0, 10, 25, 40];

/** More than the busiest of them tries. */
const ROWS_PER_SECOND = 900;

/**
 * Above these the machine takes part in what is measured: the share of the CPU in use, but for what gives way, and
 * how late a simulator is. Ten runs of the command at a time are two thirds of two cores.
 */
const MOST_BUSY = 0.7;
const MOST_LATE_MS = 10;

const { values } = parseArgs({
  options: {
    tool: { type: 'string', multiple: true },
    form: { type: 'string', multiple: true },
    live: { type: 'string', multiple: true },
    seconds: { type: 'string', default: '120' },
    parallel: { type: 'string', default: `${availableParallelism() * 5}` },
    results: { type: 'string', default: join(tmpdir(), 'bench-neighbour.jsonl') },
    fresh: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const parallel = Number(values.parallel);
const forms = FORMS.filter((form) => values.form?.includes(form) ?? true);
const lives = LIVES.filter((live) => values.live?.includes(`${live}`) ?? true);
const named = TOOLS.filter(({ name }) => values.tool?.some((part) => name.includes(part)) ?? true);

const stopping = new AbortController();
// Each scene listens.
setMaxListeners(0, stopping.signal);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());

if (values.fresh) await rm(values.results, { force: true });
const tools = await toolsHere(named);
const results = await resultsSoFar();
const scenes = tools.flatMap((tool) =>
  forms.flatMap((form) =>
    lives
      .filter((live) => tool.onlyLive === undefined || tool.onlyLive === live)
      .map((live): Scene => ({ tool, form, live, seconds })),
  ),
);
const left = scenes.filter((scene) => resultOf(scene) === undefined);
const weight = left.reduce((sum, { tool }) => sum + Math.min(tool.weight, parallel), 0);
const aboutMinutes = Math.ceil((weight / parallel) * ((seconds + 6) / 60));
console.error(
  `${scenes.length} scenes of ${seconds} s, ${scenes.length - left.length} of them in ${values.results}: about ${aboutMinutes} minutes`,
);
const folder = await mkdtemp(join(tmpdir(), 'bench-'));
try {
  const csv = join(folder, 'users.csv');
  const names = join(folder, 'names.txt');
  await pipeline(Readable.from(lines('username\n')), createWriteStream(csv));
  await pipeline(Readable.from(lines('')), createWriteStream(names));
  await playAll(left, (scene) => playScene(scene, { csv, names, folder }, stopping.signal));
} finally {
  await rm(folder, { recursive: true });
}
const shown = scenes.flatMap((scene) => resultOf(scene) ?? []);
console.log(tables(shown, tools, forms, lives, seconds));
if (shown.length < scenes.length) {
  console.error(`${scenes.length - shown.length} scenes are missing: the same command plays them`);
  process.exitCode = 1;
}

function* lines(header: string): Iterable<string> {
  yield header;
  for (let row = 1; row <= seconds * ROWS_PER_SECOND; row++) yield `user-${row}@example.com\n`;
}

/** Leaves out what is not on this machine. */
async function toolsHere(wanted: readonly Tool[]): Promise<Tool[]> {
  const here: Tool[] = [];
  for (const tool of wanted) {
    try {
      console.error(`${tool.name}: ${await tool.version()}`);
      here.push(tool);
    } catch {
      console.error(`${tool.name}: not on this machine, left out`);
    }
  }
  return here;
}

async function resultsSoFar(): Promise<Result[]> {
  const text = await readFile(values.results, 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Result]));
}

function resultOf({ form, live, tool }: Scene): Result | undefined {
  return results.find(
    (result) =>
      result.tool === tool.name && result.form === form && result.live === live && result.seconds === seconds,
  );
}

/** The heavy ones first, and beside them whatever there is room for. */
async function playAll(all: readonly Scene[], play: (scene: Scene) => Promise<Result>): Promise<void> {
  const weightOf = ({ tool }: Scene): number => Math.min(tool.weight, parallel);
  const waiting = all.toSorted((one, other) => weightOf(other) - weightOf(one));
  const playing = new Set<Promise<void>>();
  let room = parallel;
  while (!stopping.signal.aborted) {
    const next = waiting.findIndex((scene) => weightOf(scene) <= room);
    const [scene] = next === -1 ? [] : waiting.splice(next, 1);
    if (scene !== undefined) {
      room -= weightOf(scene);
      const played = playOne(scene, play).finally(() => {
        room += weightOf(scene);
        playing.delete(played);
      });
      playing.add(played);
    } else if (playing.size > 0) {
      await Promise.race(playing);
    } else {
      return;
    }
  }
  await Promise.all(playing);
}

async function playOne(scene: Scene, play: (scene: Scene) => Promise<Result>): Promise<void> {
  const { form, live, tool } = scene;
  const what = `${tool.name}, ${form}, live ${live}/s`;
  const before = cpuTimes();
  try {
    const result = await play(scene);
    const busy = busyShare(before, cpuTimes());
    const words = `${what}: ${result.toolCores} cores, simulator ${result.serviceCores} and ${result.lateMs} ms late, machine ${Math.round(busy * 100)} % busy`;
    const isSound = busy <= MOST_BUSY && result.lateMs <= MOST_LATE_MS;
    console.error(isSound ? words : `${words}: too busy to be sound, try a lower --parallel`);
    results.push(result);
    await appendFile(values.results, `${JSON.stringify(result)}\n`);
  } catch (error) {
    if (stopping.signal.aborted) return;
    console.error(`${what}: ${error instanceof Error ? error.message : error}`);
  }
}

interface CpuTimes {
  readonly idleMs: number;
  readonly allMs: number;
}

function cpuTimes(): CpuTimes {
  const times = cpus().map(({ times: { idle, irq, nice, sys, user } }) => ({
    // What is niced gives way to the others.
    idleMs: idle + nice,
    allMs: idle + irq + nice + sys + user,
  }));
  return times.reduce((sum, { allMs, idleMs }) => ({
    allMs: sum.allMs + allMs,
    idleMs: sum.idleMs + idleMs,
  }));
}

function busyShare(before: CpuTimes, after: CpuTimes): number {
  return 1 - (after.idleMs - before.idleMs) / (after.allMs - before.allMs);
}
