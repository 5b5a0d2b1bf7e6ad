import { describe, expect, it } from 'vitest';
import { type Kill, killLoop } from './kill-loop.js';
import { createMemoryPlace } from './s3-place.js';
import { createSandbox, until } from './sandbox.js';

/** Source and job on S3: what is killed takes the lines of the last second with it, and nothing else. */

const WAYS: readonly Kill[] = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGSTOP'];
/** The seeds draw moments at the very start as well as after the first parts; 86 draws all ways. */
const LOOPS: readonly { name: string; seed: number; kills: number; ways: readonly Kill[] }[] =
  process.env.CI === undefined
    ? [{ name: 'in all ways', seed: 86, kills: 4, ways: ['SIGKILL', 'SIGTERM'] }]
    : WAYS.map((way, index) => ({ name: way, seed: index + 1, kills: 6, ways: [way] }));

const SHARES = { 'slow-down': 0.03, 'reset-before': 0.03, 'reset-after': 0.03, slow: 0.05 };

describe('a command with source and job on S3, killed again and again', () => {
  it.concurrent.each(LOOPS)(
    'loses no row and doubles none: $name',
    async ({ kills, seed, ways }) => {
      const place = await createMemoryPlace({ seed, shares: SHARES });
      try {
        const story = await killLoop(seed, kills, kills * 120, ways, { place, within: 200 });
        expect(story.kills).toBe(kills);
        expect(story.statuses.get('confirmed')).toBeGreaterThan(0);
        if (ways.includes('SIGKILL')) expect(story.statuses.get('presumed-confirmed')).toBeGreaterThan(0);
        const { passed, ...faults } = place.proxy.counts();
        expect(Object.values(faults).reduce((sum, count) => sum + count)).toBeGreaterThan(0);
        expect(passed).toBeGreaterThan(0);

        const files = (await place.keys()).filter((key) => key.startsWith('jobs/'));
        expect(files).toContain('jobs/users/report.csv');
        expect(files.filter((key) => key.includes('/report/'))).toEqual([]);
        expect(JSON.parse((await place.text('jobs/users/checkpoint.json')) ?? '')).toMatchObject({
          state: 'finished',
        });
      } finally {
        await place.close();
      }
    },
    300_000,
  );

  it('puts away the parts of a report that was gathered when the kill came', async () => {
    let locked = true;
    const place = await createMemoryPlace({
      deny: (operation) => (locked && operation === 'DeleteObject' ? 'SlowDown' : undefined),
    });
    const sandbox = await createSandbox(10, {}, place);
    try {
      const { child, ended } = sandbox.start();
      await until(() => place.server.object('bucket', 'jobs/users/report.csv') !== undefined);
      child.kill('SIGKILL');
      expect((await ended).signal).toBe('SIGKILL');
      expect(place.server.keys('bucket').some((key) => key.startsWith('jobs/users/report/'))).toBe(true);
      expect(JSON.parse((await place.text('jobs/users/checkpoint.json')) ?? '').state).not.toBe('finished');

      locked = false;
      expect(await sandbox.start().ended).toMatchObject({ exitCode: 0 });
      expect(await sandbox.report()).toHaveLength(10);
      expect(sandbox.simulator.calls()).toHaveLength(10);
      expect((await place.keys()).filter((key) => key.includes('/report/'))).toEqual([]);
      expect(await sandbox.command(['status', place.job, '--verify']).ended).toMatchObject({ exitCode: 0 });
    } finally {
      await sandbox.close();
      await place.close();
    }
  }, 120_000);
});
