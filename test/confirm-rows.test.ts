import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { confirmRows, type UserRow } from '../src/confirm-rows.js';
import { run } from '../src/run.js';
import { type Simulator, startSimulator } from '../src/simulator/simulator.js';
import { tempFolder } from './support/temp-folder.js';

let simulator: Simulator;

beforeEach(async () => {
  simulator = await startSimulator({ unknownUsers: 'unconfirmed' });
  vi.stubEnv('AWS_ACCESS_KEY_ID', simulator.credentials.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', simulator.credentials.secretAccessKey);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await simulator.close();
});

const to = () => ({ endpointUrl: simulator.url, userPoolId: simulator.userPoolId, rate: 1_000 });

/** Gives one row, and then waits for ever, as a queue may. */
async function* oneAndThenSilence(onLeave: () => void = () => {}): AsyncIterable<UserRow> {
  try {
    yield { username: 'ada' };
    await new Promise(() => {});
  } finally {
    onLeave();
  }
}

it('ends when its signal aborts, also while the next row is waited for', async () => {
  const stop = new AbortController();
  const statuses: string[] = [];
  for await (const { status } of confirmRows(oneAndThenSilence(), { ...to(), signal: stop.signal })) {
    statuses.push(status);
    stop.abort();
  }
  expect(statuses).toEqual(['confirmed']);
});

it('throws what stops it, also while the next row is waited for', async () => {
  const wrong = { ...to(), userPoolId: 'us-east-1_Other' };
  const rows = confirmRows(oneAndThenSilence(), wrong)[Symbol.asyncIterator]();
  await expect(rows.next()).rejects.toMatchObject({ code: 'POOL_NOT_FOUND' });
});

it('tells a row that cannot be used, and sends nothing for it', async () => {
  const outcomes = [];
  for await (const outcome of confirmRows([{ username: 'a b' }, { username: '' }], to()))
    outcomes.push(outcome);
  expect(outcomes.map(({ attempts, row, status }) => ({ attempts, row, status }))).toEqual([
    { attempts: 0, row: 1, status: 'invalid' },
    { attempts: 0, row: 2, status: 'invalid' },
  ]);
  expect(simulator.stats().requests).toBe(0);
});

it.each(['onOutcome', 'onProgress', 'onNotice'] as const)(
  'a run whose %s throws ends as a kill would, and is resumed',
  async (name) => {
    const folder = await tempFolder();
    const source = join(folder, 'users.csv');
    await writeFile(source, 'username\nada\nbea\ncarl\n');
    const options = { ...to(), source, job: join(folder, 'job') };
    let calls = 0;
    const callbacks = {
      [name]: () => {
        // The first notices come before the job is there.
        if (++calls === (name === 'onNotice' ? 2 : 1)) throw new RangeError('of the caller');
      },
    };
    await expect(run(options, callbacks)).rejects.toThrow(new RangeError('of the caller'));
    await turn();
    const { ending } = await run(options);
    expect(ending).toBe('finished');
    const report = await readFile(join(folder, 'job/report.csv'), 'utf8');
    expect(report.trim().split('\n')).toHaveLength(4);
    expect(report).not.toContain('already-confirmed');
  },
);
