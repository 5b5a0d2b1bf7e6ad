import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { run } from '../../src/index.js';
import { FORMS } from '../support/traffic.js';
import { drawNeighbour, type PlottedSecond } from './neighbour-drawing.js';
import { QUOTA_PER_SECOND, simulatorFor } from './neighbour-scene.js';
import { startService } from './service.js';

/**
 * Draws how a run gets on with live traffic that changes, for the README: ten minutes by the wall clock. The
 * command tells its pace every half minute only, so this is `run` of the library, which is what the command runs.
 */

const LIVES = [10, 40, 25, 5];
const ROWS_PER_SECOND = 60;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    form: { type: 'string', default: 'bucket-50' },
    rate: { type: 'string', default: '80%' },
    out: {
      type: 'string',
      default: fileURLToPath(new URL('../../.github/neighbour.svg', import.meta.url)),
    },
  },
});
const seconds = Number(values.seconds);
const form = FORMS.find((known) => known === values.form) ?? 'bucket-50';
const phaseSeconds = seconds / LIVES.length;

const folder = await mkdtemp(join(tmpdir(), 'bench-'));
const [firstLive = 0, ...nextLives] = LIVES;
const service = await startService(simulatorFor(form, firstLive));
const cognito = new CognitoIdentityProviderClient({
  endpoint: service.url,
  region: 'us-east-1',
  credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  maxAttempts: 1,
});
try {
  const source = join(folder, 'users.csv');
  await pipeline(Readable.from(lines()), createWriteStream(source));
  const stopping = new AbortController();
  const paces: { readonly atMs: number; readonly pacePerSecond: number }[] = [];
  const startedMs = performance.now();
  const { userPoolId } = service;
  const running = run(
    {
      source,
      userPoolId,
      endpointUrl: service.url,
      job: join(folder, 'job'),
      rate: values.rate,
      cognito,
      signal: stopping.signal,
    },
    { onProgress: ({ pacePerSecond }) => paces.push({ atMs: performance.now(), pacePerSecond }) },
  );
  for (const [index, live] of nextLives.entries()) {
    await sleep(startedMs + (index + 1) * phaseSeconds * 1_000 - performance.now());
    await service.set({ liveTrafficPerSecond: live });
  }
  await sleep(startedMs + seconds * 1_000 - performance.now());
  const history = await service.history();
  stopping.abort();
  await running;

  // The simulator has counted since before the run began, by less than a second.
  const plotted = history.slice(0, seconds).map((second, at): PlottedSecond => {
    const untilMs = startedMs + (at + 1) * 1_000;
    const pace = paces.findLast(({ atMs }) => atMs <= untilMs)?.pacePerSecond ?? 0;
    const live = LIVES[Math.floor(at / phaseSeconds)] ?? 0;
    return { ...second, pacePerSecond: pace, roomPerSecond: QUOTA_PER_SECOND - live };
  });
  const svg = drawNeighbour(plotted, LIVES, form, values.rate);
  await mkdir(dirname(values.out), { recursive: true });
  await writeFile(values.out, svg);
  console.log(`${values.out}: ${svg.length} bytes`);
} finally {
  service.close();
  cognito.destroy();
  await rm(folder, { recursive: true });
}

function* lines(): Iterable<string> {
  yield 'username\n';
  for (let row = 1; row <= seconds * ROWS_PER_SECOND; row++) yield `user-${row}@example.com\n`;
}
