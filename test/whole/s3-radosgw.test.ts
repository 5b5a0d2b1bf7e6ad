import { describe, expect, it } from 'vitest';
import { missingOfRadosgw, startRadosgw } from '../support/radosgw.js';
import { killLoop } from './kill-loop.js';
import { createS3Place } from './s3-place.js';

const missing = missingOfRadosgw();

describe.skipIf(missing.length > 0)(
  `a run on an S3 that others wrote, radosgw${missing.length === 0 ? '' : ` (not installed: ${missing.join(', ')})`}`,
  () => {
    it('is killed twice, loses no row and doubles none', async () => {
      const gateway = await startRadosgw();
      try {
        const place = await createS3Place({ ...gateway, directUrl: gateway.url });
        const story = await killLoop(1, 2, 400, ['SIGKILL'], { place, within: 200 });
        expect(story.kills).toBe(2);
        const files = (await place.keys()).filter((key) => key.startsWith('jobs/'));
        expect(files).toContain('jobs/users/report.csv');
        expect(files.filter((key) => key.includes('/report/'))).toEqual([]);
        await place.close();
      } finally {
        await gateway.close();
      }
    }, 300_000);
  },
);
