import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { CLI, watchMemory } from './bench.js';
import { startService } from './service.js';

/**
 * Source and job on S3, with 1 million rows of which the first 990,000 (of the second job: 900,000) cannot be used:
 * they cost no request to Cognito, so that it is over in minutes, and go through everything else. Memory, requests
 * to S3, and how long a run takes from its start to its first request, at the first row and far behind.
 */

const ROWS = Number(process.argv[2] ?? 1_000_000);
/** us-east-1, 2026: PUT, COPY, POST and LIST; GET and all others. Dollars per request. */
const PRICE = { write: 0.005 / 1_000, read: 0.0004 / 1_000 };
const WRITES = /^(Put|List|Create|Upload|Complete)/;

const s3 = fork(fileURLToPath(new URL('s3-process.ts', import.meta.url)));
const [{ credentials, url }] = await once(s3, 'message');
const service = await startService({ unknownUsers: 'unconfirmed' });

async function requestsToS3(csv?: string): Promise<Record<string, number>> {
  s3.send({ csv });
  const [counts] = await once(s3, 'message');
  return counts;
}

function csvOf(unusable: number, job: string): string {
  const lines = ['username,metadata.plan,metadata.source'];
  for (let row = 1; row <= ROWS; row++) {
    lines.push(`user-${job}${row <= unusable ? ' ' : '-'}${row}@example.com,pro,2019-import`);
  }
  return `${lines.join('\n')}\n`;
}

function start(job: string, ...args: string[]) {
  const all = ['run', 's3://bench/users.csv', '--job', `s3://bench/jobs/${job}/`, '--json', ...args];
  const pool = ['--user-pool-id', service.userPoolId, '--endpoint-url', service.url];
  return spawn(process.execPath, [CLI, ...all, ...pool], {
    env: {
      ...process.env,
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL_S3: url,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    stdio: 'ignore',
  });
}

/** Starts a run, waits for its first request to Cognito and kills it a moment later. Gives the seconds until then. */
async function secondsToFirstRequest(job: string, ...args: string[]): Promise<number> {
  const { requests } = await service.stats();
  const startedMs = performance.now();
  const child = start(job, '--rate', '100', ...args);
  while ((await service.stats()).requests === requests)
    await new Promise((resolve) => setTimeout(resolve, 20));
  const seconds = (performance.now() - startedMs) / 1_000;
  child.kill('SIGKILL');
  await once(child, 'exit');
  return seconds;
}

await requestsToS3(csvOf(ROWS * 0.99, 'whole'));
const before = await requestsToS3();
const child = start('whole', '--rate', '10000', '--quiet');
const peakKb = watchMemory(child);
await once(child, 'exit');
const after = await requestsToS3();
const counts = Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
const cost = counts.reduce(
  (sum, [name, count]) => sum + count * (WRITES.test(name) ? PRICE.write : PRICE.read),
  0,
);

await requestsToS3(csvOf(0, 'first'));
await secondsToFirstRequest('first');
const atFirst = await secondsToFirstRequest('first');
await requestsToS3(csvOf(ROWS * 0.9, 'late'));
const atStart = await secondsToFirstRequest('late');
const atLate = await secondsToFirstRequest('late');

console.log('| source and job on S3 | |\n| --- | ---: |');
console.log(`| most memory, ${ROWS.toLocaleString('en-US')} rows | ${Math.round(peakKb() / 1024)} MB |`);
console.log(`| requests to S3 | ${counts.map(([name, count]) => `${name} ${count}`).join(', ')} |`);
console.log(`| what they cost | $${cost.toFixed(4)} |`);
console.log(
  `| a first run, to row ${(ROWS * 0.9 + 1).toLocaleString('en-US')}, the rows before it told as invalid | ${atStart.toFixed(1)} s |`,
);
console.log(`| to the first request, resumed at row 1 | ${atFirst.toFixed(1)} s |`);
console.log(
  `| to the first request, resumed at row ${(ROWS * 0.9 + 1).toLocaleString('en-US')} | ${atLate.toFixed(1)} s |`,
);
service.close();
s3.disconnect();
