import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { StopError } from '../../src/errors.js';
import { systemFiles } from '../../src/file-system.js';
import type { RunOptions } from '../../src/options.js';
import { run } from '../../src/run.js';
import { verify } from '../../src/verify.js';
import type { World } from '../../src/world.js';
import type { Summary } from '../../src/write/summary.js';
import { type MemoryObjects, memoryObjects } from '../support/memory-objects.js';
import { tempFolder } from '../support/temp-folder.js';

const JOB = 's3://jobs/users/';
const USERS = ['anna', 'bo', 'carla', 'dov', 'emil', 'fay', 'gus'];
/** Longer than any lease. */
const LONG_MS = 60_000;

let source = '';
beforeEach(async () => {
  source = join(await tempFolder(), 'users.csv');
  await writeFile(source, `username\n${USERS.join('\n')}\n`);
});

/** What all processes share. */
interface Stage {
  readonly objects: MemoryObjects;
  readonly confirmed: Set<string>;
  /** Whose requests fail, as long as they are in here. */
  readonly failing: Set<string>;
  /** The report of a job that is to be put aside. */
  old: string | undefined;
  /** Time that went by without anybody noticing. */
  aheadMs: number;
  letLongTimeGoBy(): void;
}

function newStage(): Stage {
  const stage: Stage = {
    objects: memoryObjects(),
    confirmed: new Set(),
    failing: new Set(),
    old: undefined,
    aheadMs: 0,
    letLongTimeGoBy() {
      stage.aheadMs += LONG_MS;
      stage.objects.nowMs += LONG_MS;
    },
  };
  return stage;
}

/** One process: everything it does to the world outside waits at the gate. */
interface Actor {
  readonly objects: MemoryObjects;
  /** Its requests to the service. */
  readonly sent: string[];
  readonly ended: Promise<{ summary?: Summary; error?: unknown }>;
}

type Gate = () => Promise<void> | void;

function start(stage: Stage, gate: Gate = () => {}, options: Partial<RunOptions> = {}): Actor {
  const objects = stage.objects.seenByAnother();
  const sent: string[] = [];
  objects.before = gate;
  const world: World = {
    clock: {
      now: () => systemClock.now() + stage.aheadMs,
      date: () => new Date(systemClock.date().getTime() + stage.aheadMs),
      async sleep(ms, signal) {
        await systemClock.sleep(ms, signal);
        await gate();
      },
    },
    random: () => 0.5,
    files: systemFiles,
    // Both are elsewhere for each other.
    processes: { pid: 1, exists: () => true, bornAt: async () => undefined },
    objects: async () => objects,
    connect: async () => ({
      endpoint: 'the stage',
      quota: async () => ({ perSecond: 50, known: 'in-force', problem: undefined }),
      close: async () => {},
      async confirm({ username }) {
        await gate();
        sent.push(username);
        if (stage.failing.has(username)) {
          const error = Object.assign(new Error('try later'), { name: 'InternalErrorException' });
          return {
            ok: false,
            error: Object.assign(error, { $metadata: { httpStatusCode: 500, requestId: 'r' } }),
          };
        }
        const isNew = !stage.confirmed.has(username);
        stage.confirmed.add(username);
        if (isNew) return { ok: true, requestId: `of ${username}` };
        const message = 'User cannot be confirmed. Current status is CONFIRMED';
        return { ok: false, error: Object.assign(new Error(message), { name: 'NotAuthorizedException' }) };
      },
    }),
  };
  const settings = { source, userPoolId: 'eu-west-1_AbC123xyz', job: JOB, rate: 2_000, flush: 2 };
  const ended = run({ ...settings, ...options }, {}, world).then(
    (summary) => ({ summary }),
    (error: unknown) => ({ error }),
  );
  return { objects, sent, ended };
}

const files = (stage: Stage): string[] =>
  [...stage.objects.objects]
    .filter(([address, { bytes }]) => address.startsWith(JOB) && bytes > 0)
    .map(([address]) => address.slice(JOB.length))
    .sort();

/** The job is finished, and every row told once. */
async function expectWhole(stage: Stage): Promise<void> {
  const lines: Record<string, string>[] = parse(stage.objects.text(`${JOB}report.csv`) ?? '', {
    columns: true,
  });
  expect(lines.map(({ username }) => username).sort()).toEqual([...USERS].sort());
  // A job that is begun once more after a kill finds the users that the one before has confirmed.
  const good = ['confirmed', 'presumed-confirmed', stage.old === undefined ? '' : 'already-confirmed'];
  expect(lines.filter(({ status = '' }) => !good.includes(status))).toEqual([]);
  // A part that came too late may be left behind; it does not count, and the next run takes it away.
  expect(files(stage).filter((file) => !file.startsWith('report/'))).toEqual([
    'checkpoint.json',
    'failed.csv',
    'hold.json',
    'report.csv',
    'summary.json',
  ]);
  const world = { ...({} as World), files: systemFiles, objects: async () => stage.objects };
  expect(await verify(JOB, {}, world)).toEqual([]);
  if (stage.old === undefined) return;
  const aside = [...stage.objects.objects.keys()]
    .filter((address) => stage.objects.text(address) === stage.old)
    .map((address) => address.replace('report.csv', ''));
  const sound = await Promise.all(aside.map((job) => verify(job, {}, world).catch(() => ['no job'])));
  expect(sound).toContainEqual([]);
}

/** A gate that closes at the n-th request to the object store, before or after it takes effect. */
function gateAt(n: number, when: 'before' | 'after', onClosed: () => void) {
  let requests = 0;
  let closed = false;
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  let at = '';
  async function gate(operation?: string, address?: string, side: 'before' | 'after' = 'before') {
    if (operation !== undefined && side === when && ++requests === n) {
      closed = true;
      at = `${operation} ${address?.slice(JOB.length)}`;
      onClosed();
    }
    if (closed) await opened;
  }
  return {
    gate,
    open: () => {
      closed = false;
      open();
    },
    at: () => at,
  };
}

/** Starts a process that stands still at its n-th request; undefined where it ended before. */
async function standingAt(
  stage: Stage,
  n: number,
  when: 'before' | 'after',
  options: Partial<RunOptions> = {},
) {
  let standing: () => void = () => {};
  const stands = new Promise<'stands'>((resolve) => {
    standing = () => resolve('stands');
  });
  const { at, gate, open } = gateAt(n, when, () => standing());
  const actor = start(stage, () => gate(), options);
  actor.objects.before = (operation, address) => gate(operation, address, 'before');
  actor.objects.after = (operation, address) => gate(operation, address, 'after');
  const first = await Promise.race([stands, actor.ended]);
  return first === 'stands' ? { ...actor, open, at: at() } : undefined;
}

const holderIn = (stage: Stage): unknown => JSON.parse(stage.objects.text(`${JOB}hold.json`) ?? '{}').id;

const codeOf = ({ error }: { error?: unknown }): unknown => (error instanceof StopError ? error.code : error);

it('a run leaves one report and a finished job', async () => {
  const stage = newStage();
  const { ended } = start(stage);
  expect(await ended).toMatchObject({ summary: { ending: 'finished', done: USERS.length } });
  await expectWhole(stage);
  expect(files(stage).filter((file) => file.startsWith('report/'))).toEqual([]);
});

/** Tries the moments from the first request on, some at a time, until a process comes to its end before. */
async function atEachRequest(attempt: (n: number) => Promise<'went on' | 'ended before'>): Promise<number> {
  const AT_ONCE = 8;
  for (let first = 1; ; first += AT_ONCE) {
    const these = Array.from({ length: AT_ONCE }, (_, index) => attempt(first + index));
    if ((await Promise.all(these)).includes('ended before')) return first;
  }
}

/** How a job can stand when a run begins. */
const BEGINNINGS: readonly {
  readonly name: string;
  readonly options: Partial<RunOptions>;
  readonly prepare: (stage: Stage) => Promise<void>;
}[] = [
  { name: 'new', options: {}, prepare: async () => {} },
  {
    name: 'stopped',
    options: {},
    async prepare(stage) {
      await start(stage, () => {}, { limit: 3 }).ended;
    },
  },
  {
    name: 'finished, with failed rows',
    options: { retryFailed: true },
    async prepare(stage) {
      for (const user of USERS.slice(2, 5)) stage.failing.add(user);
      await start(stage, () => {}, { maxAttempts: 1, maxFailures: 100 }).ended;
      stage.failing.clear();
    },
  },
  {
    name: 'to be put aside',
    options: { fresh: true },
    async prepare(stage) {
      // So that failed.csv is another than the one to come: one of the same content has the same ETag.
      stage.failing.add('dov');
      await start(stage, () => {}, { maxAttempts: 1, maxFailures: 100 }).ended;
      stage.failing.clear();
      stage.confirmed.clear();
      stage.old = stage.objects.text(`${JOB}report.csv`);
    },
  },
];

const MOMENTS = BEGINNINGS.flatMap((beginning) =>
  (['before', 'after'] as const).map((when) => ({ ...beginning, when })),
);

describe.each(MOMENTS)(
  'of a job that is $name, at each request to the store, $when it takes effect',
  ({ options, prepare, when }) => {
    it('a kill loses nothing, and the same command again tells every row once', async () => {
      const moments = await atEachRequest(async (n) => {
        const stage = newStage();
        await prepare(stage);
        const killed = await standingAt(stage, n, when, options);
        if (killed === undefined) return 'ended before';
        stage.letLongTimeGoBy();
        const { ended } = start(stage, () => {}, options);
        expect(await ended, `killed ${when} ${killed.at}`).toMatchObject({ summary: { ending: 'finished' } });
        await expectWhole(stage);
        return 'went on';
      });
      expect(moments).toBeGreaterThan(20);
    }, 60_000);

    it('a run that stands still until another has done the job changes nothing when it goes on', async () => {
      await atEachRequest(async (n) => {
        const stage = newStage();
        await prepare(stage);
        const holderBefore = holderIn(stage);
        const old = await standingAt(stage, n, when, options);
        if (old === undefined) return 'ended before';
        const hadSent = old.sent.length;
        const isFinished =
          stage.objects.text(`${JOB}checkpoint.json`)?.includes('"state": "finished"') === true;
        // All is written: there is nothing to do but to give the job back.
        const isOver =
          isFinished &&
          ['before put hold.json', 'after put hold.json', 'after put checkpoint.json'].includes(
            `${when} ${old.at}`,
          );
        const hadJob = holderIn(stage) !== holderBefore && !isOver;
        stage.letLongTimeGoBy();
        const next = start(stage, () => {}, options);
        expect(await next.ended, `stood ${when} ${old.at}`).toMatchObject({
          summary: { ending: 'finished' },
        });
        const checkpoint = stage.objects.text(`${JOB}checkpoint.json`);
        old.open();
        const result = await old.ended;
        if (hadJob) {
          expect(codeOf(result), `stood ${when} ${old.at}`).toBe('JOB_HELD');
          expect(old.sent, `stood ${when} ${old.at}`).toHaveLength(hadSent);
          expect(stage.objects.text(`${JOB}checkpoint.json`)).toBe(checkpoint);
        } else expect(codeOf(result)).toBeOneOf([undefined, 'JOB_HELD']);
        await expectWhole(stage);
        return 'went on';
      });
    }, 60_000);

    it('a run that goes on while another does the job changes nothing, at whatever request that one is', async () => {
      // Every pair of moments is some ten thousand runs: OBJECT_JOB_STEP=1 goes through all of them.
      const isCi = process.env.CI !== undefined;
      const step = Number(process.env.OBJECT_JOB_STEP ?? (isCi ? 13 : 67));
      const every = isCi ? 3 : 9;
      await atEachRequest(async (n) => {
        if (step > 1 && n % every !== 1) return 'went on';
        let nextEnded = false;
        for (let m = 1 + (n % step); !nextEnded; m += step) {
          const stage = newStage();
          await prepare(stage);
          const old = await standingAt(stage, n, when, options);
          const oldHolder = holderIn(stage);
          if (old === undefined) return 'ended before';
          const hadSent = old.sent.length;
          stage.letLongTimeGoBy();
          const next = await standingAt(stage, m, when, options);
          nextEnded = next === undefined;
          if (next === undefined) continue;
          const moment = `${when} ${old.at}, the other ${when} ${next.at}`;
          const isTaken = !stage.objects.text(`${JOB}hold.json`)?.includes('"released": true');
          const hasJob = isTaken && holderIn(stage) !== oldHolder;
          old.open();
          const result = await old.ended;
          next.open();
          const nextResult = await next.ended;
          if (hasJob) {
            expect(nextResult, moment).toMatchObject({ summary: { ending: 'finished' } });
            expect(old.sent, moment).toHaveLength(hadSent);
          }
          expect([codeOf(result), codeOf(nextResult)], moment).toContain(undefined);
          expect([undefined, 'JOB_HELD'], moment).toContain(codeOf(result));
          expect([undefined, 'JOB_HELD'], moment).toContain(codeOf(nextResult));
          await expectWhole(stage);
        }
        return 'went on';
      });
    }, 600_000);
  },
);
