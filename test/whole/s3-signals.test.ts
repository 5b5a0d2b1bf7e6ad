import { expect, it } from 'vitest';
import { createMemoryPlace } from './s3-place.js';
import { createSandbox, until } from './sandbox.js';

// It takes its 15 s, so it is left to CI.
it.skipIf(process.env.CI === undefined)(
  'ends within 20 s of SIGTERM while a trigger takes a minute, with all that counts on S3',
  async () => {
    const place = await createMemoryPlace();
    const sandbox = await createSandbox(20, { script: { 'user-3': [{ latencyMs: 60_000 }] } }, place);
    try {
      const { child, ended } = sandbox.start(['--rate', '100']);
      await until(() => sandbox.simulator.calls().length === 20 && sandbox.simulator.stats().inFlight === 1);
      child.kill('SIGTERM');
      const { exitCode, stderr } = await ended;
      expect(exitCode).toBe(143);
      expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^resume with: cognito-bulk-confirm run s3:/);
      expect(await sandbox.report()).toHaveLength(19);
      const checkpoint = JSON.parse((await place.text('jobs/users/checkpoint.json')) ?? '');
      expect(checkpoint.reportBytes).toBe(Buffer.byteLength(await place.report()));
      expect(checkpoint.state).not.toBe('finished');
      expect(JSON.parse((await place.text('jobs/users/hold.json')) ?? '')).toMatchObject({ released: true });

      expect(await sandbox.start(['--rate', '100']).ended).toMatchObject({ exitCode: 0 });
      const line = (await sandbox.report()).find(({ username }) => username === 'user-3');
      expect(line?.status).toBe('presumed-confirmed');
      expect(sandbox.simulator.calls()).toHaveLength(21);
    } finally {
      await sandbox.close();
      await place.close();
    }
  },
  // Well below the minute of the trigger.
  50_000,
);
