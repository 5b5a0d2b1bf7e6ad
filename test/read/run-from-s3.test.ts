import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { defaultJob } from '../../src/job.js';
import type { RunOptions } from '../../src/options.js';
import { run } from '../../src/run.js';
import { createClient } from '../../src/send/client.js';
import { type SimulatorOptions, startSimulator } from '../../src/simulator/simulator.js';
import { verify } from '../../src/verify.js';
import { type S3Server, startS3 } from '../support/s3-server.js';
import { tempFolder } from '../support/temp-folder.js';

const SOURCE = 's3://bucket/in/users.csv';
const NAMES = Array.from({ length: 30 }, (_, n) => `user-${n + 1}`);
const CSV = `username\n${NAMES.join('\n')}\n`;

interface Scene {
  readonly server: S3Server;
  readonly folder: string;
  readonly job: string;
  /** The same run, with other options where they are given. */
  start(options?: Partial<RunOptions>): ReturnType<typeof run>;
  verify(): Promise<string[]>;
  file(name: string): Promise<string>;
}

/** A source on S3, a simulator of Cognito, and a folder for the job. */
async function createScene(content: string | Buffer, more: SimulatorOptions = {}): Promise<Scene> {
  const server = await startS3();
  onTestFinished(() => server.close());
  server.createBucket('bucket');
  server.put('bucket', 'in/users.csv', content);
  const { credentials, url } = server;
  const s3 = new S3Client({ endpoint: url, credentials, region: 'us-east-1', forcePathStyle: true });
  onTestFinished(() => s3.destroy());
  const simulator = await startSimulator({
    unknownUsers: 'unconfirmed',
    quotaPerSecond: Number.POSITIVE_INFINITY,
    ...more,
  });
  onTestFinished(() => simulator.close());
  const { userPoolId } = simulator;
  const cognito = await createClient(
    {
      userPoolId,
      endpointUrl: simulator.url,
      region: 'us-east-1',
      profile: undefined,
      rate: { perSecond: 1 },
      concurrency: 10,
      maxAttempts: 1,
      metadata: {},
    },
    simulator.credentials,
  );
  onTestFinished(() => cognito.destroy());
  const folder = await tempFolder();
  const job = join(folder, 'users.csv.job');
  return {
    server,
    folder,
    job,
    start: (options = {}) => run({ source: SOURCE, userPoolId, job, cognito, s3, rate: 1_000, ...options }),
    verify: () => verify(job, { s3 }),
    file: (name) => readFile(join(job, name), 'utf8'),
  };
}

it.each([
  ['s3://bucket/users.csv', './users.csv.job'],
  ['s3://bucket/in/2026/users.csv.gz', './users.csv.gz.job'],
])('the job of %s is %s when nobody says', (source, job) => {
  expect(defaultJob({ source, rehearse: false })).toBe(job);
});

describe('a job whose source is on S3', () => {
  it.each([
    ['plain', CSV],
    ['gzipped', gzipSync(CSV)],
  ])('is done in two runs, and found sound: %s', async (_how, content) => {
    const { file, start, verify: verified } = await createScene(content);
    expect(await start({ limit: 10 })).toMatchObject({ ending: 'limit', done: 10 });
    expect(await start()).toMatchObject({ ending: 'finished', done: 30, counts: { confirmed: 30 } });
    const lines = (await file('report.csv')).trim().split('\n').slice(1);
    expect(new Set(lines.map((line) => line.split(',')[1]))).toEqual(new Set(NAMES));
    expect(await verified()).toEqual([]);
    expect(await start()).toMatchObject({ nothingToDo: true });
  });

  it('is known by ETag and size', async () => {
    const { file, server, start } = await createScene(CSV);
    await start();
    expect(JSON.parse(await file('checkpoint.json'))).toMatchObject({
      job: {
        source: { name: SOURCE, bytes: CSV.length, etag: server.object('bucket', 'in/users.csv')?.etag },
      },
    });
  });

  it('is read again at its end for the rows that failed', async () => {
    const { file, start } = await createScene(CSV, { faults: { 'internal-error': 1 } });
    expect(await start({ maxAttempts: 1, maxFailures: 100, maxFailuresInARow: 0 })).toMatchObject({
      ending: 'finished',
      counts: { failed: 30 },
    });
    expect(await file('failed.csv')).toBe(CSV);
  });

  it('is refused when the object has been replaced, with both ETags, and goes on with the first put back', async () => {
    const { server, start, verify: verified } = await createScene(CSV);
    await start({ limit: 10 });
    const was = server.object('bucket', 'in/users.csv')?.etag;
    const { etag: is } = server.put('bucket', 'in/users.csv', CSV.replace('user-1\n', 'user-x\n'));
    await expect(start()).rejects.toMatchObject({
      code: 'JOB_MISMATCH',
      message: expect.stringContaining(`its source ${SOURCE} had ETag ${was}, and has ${is} now`),
    });
    expect(await verified()).toEqual([
      expect.stringMatching(/is not the source of .* any more: its content differs/),
    ]);
    server.put('bucket', 'in/users.csv', CSV);
    expect(await start()).toMatchObject({ ending: 'finished', counts: { confirmed: 30 } });
  });

  it('is tried out without leaving anything behind', async () => {
    const { folder, start } = await createScene(`${CSV}a b\n`);
    expect(await start({ dryRun: true })).toMatchObject({
      ending: 'dry-run',
      source: SOURCE,
      total: 31,
      badRows: 1,
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it.each([
    ['is missing', 's3://bucket/in/nobody.csv', 'SOURCE_NOT_FOUND'],
    ['is a prefix', 's3://bucket/in/', 'SOURCE_UNREADABLE'],
  ])('leaves nothing behind where the source %s', async (_what, source, code) => {
    const { folder, start } = await createScene(CSV);
    await mkdir(join(folder, 'own'));
    await expect(start({ source })).rejects.toMatchObject({ code });
    await expect(start({ source, dryRun: true })).rejects.toMatchObject({ code });
    expect(await readdir(folder)).toEqual(['own']);
  });

  it.each(['s3://', 's3:///users.csv', 's3:/bucket/users.csv', 's3://bucket', 'S3://bucket/users.csv'])(
    'is a slip of the keyboard as %s',
    async (source) => {
      const { start } = await createScene(CSV);
      await expect(start({ source })).rejects.toMatchObject({
        name: 'OptionError',
        message: expect.stringContaining(`such as \`s3://bucket/users.csv\`, got \`${source}\``),
      });
    },
  );
});
