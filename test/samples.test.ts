import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { confirmApproved } from '../samples/confirm-rows.js';
import { confirmFile } from '../samples/run-job.js';
import { readArguments } from '../src/command/arguments.js';
import { demo } from '../src/demo.js';
import { iamPolicy } from '../src/iam-policy.js';
import { toSettings } from '../src/options.js';
import { type Simulator, startSimulator } from '../src/simulator/simulator.js';

/** Every file in samples/ does what it says. */

const sample = (name: string): string => fileURLToPath(new URL(`../samples/${name}`, import.meta.url));

let simulator: Simulator;
let folder: string;

beforeEach(async () => {
  simulator = await startSimulator({
    users: [{ username: 'ada' }, { username: 'bea', status: 'CONFIRMED' }],
  });
  folder = await mkdtemp(join(tmpdir(), 'samples-'));
  vi.stubEnv('AWS_ENDPOINT_URL', simulator.url);
  vi.stubEnv('AWS_ACCESS_KEY_ID', simulator.credentials.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', simulator.credentials.secretAccessKey);
  vi.spyOn(console, 'log').mockImplementation(() => {});
});

afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await simulator.close();
  await rm(folder, { recursive: true });
});

describe('samples', () => {
  it('users.csv shows every status that a first run can meet', async () => {
    const { badRows, counts, done, ending, job, total } = await demo({}, {});
    await rm(join(job, '..'), { recursive: true });
    expect(ending).toBe('finished');
    expect(done).toBe(total);
    expect(total).toBe(800);
    expect(badRows).toBeGreaterThan(0);
    const { failed, ...met } = counts;
    for (const count of Object.values(met)) expect(count).toBeGreaterThan(0);
    expect(failed).toBe(0);
  }, 60_000);

  it('confirm-rows.ts confirms who comes', async () => {
    const approved = async function* () {
      yield* ['ada', 'bea', 'nobody'];
    };
    expect(await confirmApproved(approved(), simulator.userPoolId)).toBe(1);
    expect(simulator.statusOf('ada')).toBe('CONFIRMED');
    expect(vi.mocked(console.log).mock.calls.flat().sort()).toEqual([
      'row 2: already-confirmed User cannot be confirmed. Current status is CONFIRMED',
      'row 3: not-found User does not exist.',
    ]);
  });

  it('run-job.ts runs a file', async () => {
    const source = join(folder, 'users.csv');
    await writeFile(source, 'username\nada\nbea\n');
    vi.spyOn(process, 'cwd').mockReturnValue(folder);
    expect(await confirmFile(source, simulator.userPoolId, new AbortController().signal)).toBe(true);
    expect(
      await confirmFile(join(folder, 'none.csv'), simulator.userPoolId, new AbortController().signal),
    ).toBe(false);
  });

  it('config.json holds options that run takes', () => {
    const command = readArguments({
      argv: ['run', 'users.csv', '--config', sample('config.json')],
      env: {},
      readFile: (path) => readFileSync(path, 'utf8'),
      print: () => {},
      width: 80,
    });
    const settings = toSettings({ ...command?.options, source: 'users.csv' } as never);
    expect(settings).toMatchObject({
      userPoolId: 'eu-west-1_AbC123xyz',
      rate: { perSecond: 30 },
      maxFailures: { share: 0.02 },
      metadata: { reason: 'mail-outage-2026-11' },
    });
  });

  it('policy.json is what iam-policy prints for a pool', () => {
    expect(JSON.parse(readFileSync(sample('policy.json'), 'utf8'))).toEqual(
      iamPolicy({ userPoolId: 'eu-west-1_AbC123xyz' }),
    );
  });
});
