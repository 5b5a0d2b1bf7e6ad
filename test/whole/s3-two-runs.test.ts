import { afterEach, describe, expect, it } from 'vitest';
import { createMemoryPlace, type MemoryPlace } from './s3-place.js';
import { createSandbox, type Ended, type Sandbox, until } from './sandbox.js';

/** Two real processes that want one job on S3. */

let place: MemoryPlace;
let sandbox: Sandbox;

afterEach(async () => {
  await sandbox.close();
  await place.close();
});

const FILES = ['report.csv', 'checkpoint.json', 'summary.json', 'failed.csv', 'hold.json'];

const etags = (): Record<string, string | undefined> =>
  Object.fromEntries(
    place.server.keys('bucket').map((key) => [key, place.server.object('bucket', key)?.etag]),
  );

async function rowsOfReport(): Promise<number[]> {
  return (await sandbox.report()).map(({ row }) => Number(row)).sort((one, other) => one - other);
}

describe('two runs of one job on S3', () => {
  it('begun at the same moment: one has the job, the other ends with exit 5', async () => {
    // The winner cannot come to its end before the other has: the gathered report is refused until then.
    let locked = true;
    place = await createMemoryPlace({
      deny: (operation, key) =>
        locked && operation === 'PutObject' && key.endsWith('report.csv') ? 'SlowDown' : undefined,
    });
    sandbox = await createSandbox(20, {}, place);
    const runs = [sandbox.start(), sandbox.start()].map(({ ended }) => ended);
    const first = await Promise.race(runs);
    locked = false;
    const both = await Promise.all(runs);

    expect(first.exitCode).toBe(5);
    expect(first.stderr).toMatch(/is (held|just being taken) by another run/);
    expect(both.map(({ exitCode }) => exitCode).sort()).toEqual([0, 5]);
    expect(await rowsOfReport()).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    const called = sandbox.simulator.calls().map(({ username }) => username);
    expect(called).toHaveLength(20);
    expect(new Set(called).size).toBe(20);
  }, 120_000);

  it('one stopped for longer than its lease: the other takes over, and the first changes nothing when it wakes', async () => {
    place = await createMemoryPlace();
    sandbox = await createSandbox(60, { latencyMs: 1_500 }, place);
    const { simulator } = sandbox;
    const args = ['--rate', '150', '--concurrency', '5', '--lease', '2s'];
    const stopped = sandbox.start(args);
    // As many as may be are on their way, and all unanswered: none is just about to be sent.
    await until(() => simulator.calls().length >= 15 && simulator.stats().inFlight === 5);
    stopped.child.kill('SIGSTOP');
    const inHand = simulator
      .calls()
      .slice(-5)
      .map(({ username }) => username);

    simulator.set({ latencyMs: 0 });
    let other: Ended;
    let refusals = 0;
    do {
      other = await sandbox.start(args).ended;
      if (other.exitCode === 5) refusals += 1;
    } while (other.exitCode === 5);
    expect(other).toMatchObject({ exitCode: 0 });
    expect(refusals).toBeGreaterThan(0);
    const [calls, before, report] = [simulator.calls().length, etags(), await place.report()];

    stopped.child.kill('SIGCONT');
    const first = await stopped.ended;
    expect(first.exitCode).toBe(5);
    expect(first.stderr).toContain('was lost to another run');
    expect(simulator.calls()).toHaveLength(calls);
    expect(etags()).toEqual(before);
    expect(await place.report()).toBe(report);
    expect(Object.keys(before).sort()).toEqual(
      ['incoming/users.csv', ...FILES.map((file) => `jobs/users/${file}`)].sort(),
    );

    expect(await rowsOfReport()).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    const told = new Map((await sandbox.report()).map(({ status, username }) => [username, status]));
    for (const username of inHand) expect(told.get(username)).toBe('presumed-confirmed');
    expect([...told.values()]).not.toContain('already-confirmed');
    expect(await sandbox.command(['status', place.job, '--verify']).ended).toMatchObject({ exitCode: 0 });
  }, 180_000);
});
