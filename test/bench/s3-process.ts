import { startS3 } from '../support/s3-server.js';

/** An S3 in a process of its own, so that it does not share the measured one's event loop and memory. */
const s3 = await startS3();
s3.createBucket('bench');
process.on('message', ({ csv }: { csv?: string }) => {
  if (csv !== undefined) s3.put('bench', 'users.csv', csv);
  const counts: Record<string, number> = {};
  for (const { operation } of s3.requests()) counts[operation] = (counts[operation] ?? 0) + 1;
  process.send?.(counts);
});
process.on('disconnect', () => process.exit());
process.send?.({ url: s3.url, credentials: s3.credentials });
