import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { report } from '../../src/report.js';
import { run } from '../../src/run.js';
import { connectS3 } from '../../src/s3.js';
import { status } from '../../src/status.js';
import { verify } from '../../src/verify.js';
import { theWorld, type World } from '../../src/world.js';
import { openStore } from '../../src/write/store.js';
import { allOf } from '../support/chunks.js';
import { startFaultProxy } from '../support/fault-proxy.js';
import { type S3ServerOptions, startS3 } from '../support/s3-server.js';
import { tempFolder } from '../support/temp-folder.js';

/** A job over the real SDK: what it makes of S3's own answers. */

const JOB = 's3://jobs/users/';
const ROWS = 40;

const world: World = {
  ...theWorld,
  objects: (settings, own) => connectS3(settings, own),
  connect: async () => ({
    endpoint: 'the stage',
    quota: async () => ({ perSecond: 50, known: 'in-force', problem: undefined }),
    close: async () => {},
    confirm: async ({ username }) => ({ ok: true, requestId: `of ${username}` }),
  }),
};

async function newServer(options: S3ServerOptions = {}) {
  const server = await startS3({ keysPerPage: 3, ...options });
  onTestFinished(server.close);
  server.createBucket('jobs');
  const client = (url = server.url): S3Client => {
    const made = new S3Client({
      endpoint: url,
      credentials: server.credentials,
      region: 'us-east-1',
      forcePathStyle: true,
      maxAttempts: 8,
    });
    onTestFinished(() => made.destroy());
    return made;
  };
  return { server, client };
}

async function newSource(): Promise<string> {
  const source = join(await tempFolder(), 'users.csv');
  const users = Array.from({ length: ROWS }, (_, n) => `user${n}\n`).join('');
  await writeFile(source, `username\n${users}`);
  return source;
}

const POOL = { userPoolId: 'eu-west-1_AbC123xyz', rate: 2_000, flush: 5, job: JOB };

describe('a job on S3', () => {
  it('is run in two steps, looked at, and started over', async () => {
    const { client, server } = await newServer();
    const options = { ...POOL, source: await newSource(), s3: client() };
    const first = await run({ ...options, limit: 15 }, {}, world);
    expect(first).toMatchObject({ ending: 'limit', done: 15, job: JOB });
    expect(server.keys('jobs').filter((key) => key.startsWith('users/report/')).length).toBeGreaterThan(0);
    expect(await status(JOB, options, world)).toMatchObject({ state: 'stopped', done: 15, job: JOB });
    expect(await allOf(report(JOB, undefined, options, world))).toHaveLength(15);
    expect(await run(options, {}, world)).toMatchObject({ ending: 'finished', done: ROWS });
    expect(await run(options, {}, world)).toMatchObject({ ending: 'finished', nothingToDo: true });
    const files = ['checkpoint.json', 'failed.csv', 'hold.json', 'report.csv', 'summary.json'];
    expect(server.keys('jobs')).toEqual(files.map((file) => `users/${file}`));
    expect(await verify(JOB, options, world)).toEqual([]);
    expect(await run({ ...options, fresh: true }, {}, world)).toMatchObject({ ending: 'finished' });
    expect(await verify('s3://jobs/users.1/', options, world)).toEqual([]);
    expect(server.unfinishedUploads('jobs')).toBe(0);
  }, 60_000);

  it('comes to its end though replies are lost and answers break off', async () => {
    const { client, server } = await newServer();
    const shares = { 'reset-before': 0.05, 'reset-after': 0.15, 'slow-down': 0.03, truncated: 0.05 };
    const proxy = await startFaultProxy(server.url, { seed: 7, shares });
    onTestFinished(proxy.close);
    const options = { ...POOL, source: await newSource(), s3: client(proxy.url) };
    expect(await run(options, {}, world)).toMatchObject({ ending: 'finished', done: ROWS });
    expect(proxy.counts()['reset-after']).toBeGreaterThan(0);
    expect(await verify(JOB, { s3: client() }, world)).toEqual([]);
  }, 60_000);

  it('keeps what came on standard input, and reads it again', async () => {
    const { client, server } = await newServer();
    const text = await readFile(await newSource(), 'utf8');
    const options = { ...POOL, source: '-', s3: client() };
    const first = await run({ ...options, input: Readable.from([text]), limit: 15 }, {}, world);
    expect(first).toMatchObject({ ending: 'limit', done: 15 });
    expect(server.object('jobs', 'users/source.csv')?.body.toString()).toBe(text);
    expect(await run(options, {}, world)).toMatchObject({ ending: 'finished', done: ROWS });
    expect(await verify(JOB, options, world)).toEqual([]);
    const other = run({ ...options, input: Readable.from(['username\nanna\n']) }, {}, world);
    await expect(other).rejects.toMatchObject({ code: 'JOB_MISMATCH' });
  }, 60_000);

  it('leaves nothing but a hold that is given back where standard input cannot be used', async () => {
    const { client, server } = await newServer();
    const options = { ...POOL, source: '-', s3: client(), input: Readable.from(['']) };
    await expect(run(options, {}, world)).rejects.toMatchObject({ code: 'SOURCE_EMPTY' });
    expect(server.keys('jobs')).toEqual(['users/hold.json']);
  }, 60_000);

  it.each([
    ['PutObject', 'AccessDenied', 'ACCESS_DENIED', 's3:PutObject'],
    ['GetObject', 'AccessDenied', 'ACCESS_DENIED', 's3:GetObject'],
    ['ListObjectsV2', 'AccessDenied', 'ACCESS_DENIED', 's3:ListBucket'],
    ['PutObject', 'ExpiredToken', 'CREDENTIALS', 'ExpiredToken'],
    ['ListObjectsV2', 'NoSuchBucket', 'JOB_UNUSABLE', 'there is no bucket named jobs'],
  ] as const)('says in one line what is wrong: %s %s', async (operation, refusal, code, words) => {
    const { client } = await newServer({ deny: (each) => (each === operation ? refusal : undefined) });
    const failed = run({ ...POOL, source: await newSource(), s3: client() }, {}, world);
    await expect(failed).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
    await expect(failed).rejects.toMatchObject({ message: expect.not.stringContaining('\n') });
  });

  it('where there is none is told as such', async () => {
    const { client } = await newServer();
    await expect(status(JOB, { s3: client() }, world)).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
  });

  it('is encrypted with the key that is asked for', async () => {
    const { client, server } = await newServer();
    const storage = await connectS3(
      { region: undefined, profile: undefined, sseKmsKeyId: 'alias/jobs' },
      client(),
    );
    const store = await openStore(JOB, { files: theWorld.files, objects: async () => storage });
    const hold = await store.take(systemClock, theWorld.processes);
    await store.replace('failed.csv', async function* () {
      yield 'username\n';
    });
    await hold.release();
    for (const key of server.keys('jobs')) {
      expect(server.object('jobs', key)?.headers['x-amz-server-side-encryption-aws-kms-key-id']).toBe(
        'alias/jobs',
      );
    }
  });
});
