import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryPlace, type MemoryPlace } from './s3-place.js';
import { createSandbox, type Running, type Sandbox, until } from './sandbox.js';

let place: MemoryPlace;
let sandbox: Sandbox;

const named = (prefix: string, rows: number): string[] =>
  Array.from({ length: rows }, (_, index) => `${prefix}-${index + 1}`);

/** The users.csv that a sandbox begins with, and what comes later. */
const [FIRST, SECOND, THIRD, REPLACED] = [
  named('user', 40),
  named('second', 60),
  named('third', 5),
  named('other', 3),
];

/** Answered at the second request only: whoever waits for it can be killed at leisure. */
const HANGS = 'hanging-1';
const SCRIPT = { [HANGS]: ['hang-after'] } as const;

beforeEach(async () => {
  place = await createMemoryPlace();
  const usernames = [...FIRST, ...SECOND, ...THIRD, ...REPLACED, HANGS];
  const users = usernames.map((username) => ({ username }));
  sandbox = await createSandbox(FIRST.length, { users, latencyMs: 20, script: SCRIPT }, place);
  await put('zz.csv', SECOND);
});

afterEach(async () => {
  await sandbox.close();
  await place.close();
});

const put = (name: string, usernames: readonly string[]): Promise<void> =>
  place.put(`incoming/${name}`, `username\n${usernames.join('\n')}\n`);

function startInbox(): Running {
  const { url, userPoolId } = sandbox.simulator;
  const pool = ['--user-pool-id', userPoolId, '--endpoint-url', url, '--rate', '150'];
  return sandbox.command([
    'run',
    's3://bucket/incoming/',
    '--job',
    's3://bucket/jobs/',
    '--flush',
    '1s',
    ...pool,
  ]);
}

const called = (since = 0): string[] =>
  sandbox.simulator
    .calls()
    .slice(since)
    .map(({ username }) => username);

/** The jobs there are, by their folders. */
const jobs = (): string[] => [
  ...new Set(
    place.server
      .keys('bucket')
      .filter((key) => key.startsWith('jobs/'))
      .map((key) => key.split('/')[1] ?? ''),
  ),
];

/** The usernames in a job's report, each as often as it stands there. */
async function reported(job: string): Promise<string[]> {
  const lines = ((await place.text(`jobs/${job}/report.csv`)) ?? '').trimEnd().split('\n').slice(1);
  return lines.map((line) => line.split(',')[1] ?? '').sort();
}

const jobOf = (name: string): string => jobs().find((job) => job.startsWith(`${name}-`)) ?? '';

describe('an inbox on S3', () => {
  it('takes what is new, and leaves what is finished', async () => {
    expect(await startInbox().ended).toMatchObject({ exitCode: 0 });
    expect(called().sort()).toEqual([...FIRST, ...SECOND].sort());
    expect(jobs()).toHaveLength(2);
    expect(await reported(jobOf('users.csv'))).toEqual([...FIRST].sort());
    expect(await reported(jobOf('zz.csv'))).toEqual([...SECOND].sort());

    const before = sandbox.simulator.calls().length;
    await put('new.csv', THIRD);
    const second = await startInbox().ended;
    expect(second.exitCode).toBe(0);
    expect(second.stderr).toContain('2 of 3 sources in s3://bucket/incoming/ are finished already');
    expect(called(before).sort()).toEqual([...THIRD].sort());
    expect(jobs()).toHaveLength(3);

    const former = jobOf('users.csv');
    const untouched = await place.text(`jobs/${former}/report.csv`);
    await put('users.csv', REPLACED);
    const third = await startInbox().ended;
    expect(third.exitCode).toBe(0);
    expect(called(before + THIRD.length).sort()).toEqual([...REPLACED].sort());
    const all = jobs().filter((job) => job.startsWith('users.csv-'));
    expect(all).toHaveLength(2);
    const latter = all.find((job) => job !== former) ?? '';
    expect(await reported(latter)).toEqual([...REPLACED].sort());
    expect(await place.text(`jobs/${former}/report.csv`)).toBe(untouched);
  }, 120_000);

  it('goes on after kill -9 where it was', async () => {
    await put('zz.csv', [...SECOND, HANGS]);
    const { child, ended } = startInbox();
    await until(() => called().length >= FIRST.length + 20 && called().includes(HANGS));
    child.kill('SIGKILL');
    expect((await ended).signal).toBe('SIGKILL');
    const before = called().length;

    expect(await startInbox().ended).toMatchObject({ exitCode: 0 });
    expect(called(before).filter((username) => FIRST.includes(username))).toEqual([]);
    expect(called(before)).toContain(HANGS);
    expect(await reported(jobOf('users.csv'))).toEqual([...FIRST].sort());
    expect(await reported(jobOf('zz.csv'))).toEqual([...SECOND, HANGS].sort());
    for (const job of jobs()) {
      const verified = await sandbox.command(['status', `s3://bucket/jobs/${job}/`, '--verify']).ended;
      expect(verified).toMatchObject({ exitCode: 0 });
    }
  }, 120_000);
});
