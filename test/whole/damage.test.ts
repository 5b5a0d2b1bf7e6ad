import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSandbox, type Sandbox } from './sandbox.js';

/** What is damaged between two runs is noticed and said in one line, or mended and said; never believed. */

const ROWS = 40;
const HALF = ['--rate', '1000', '--limit', '20'];
const REST = ['--rate', '1000'];

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await createSandbox(ROWS, {});
  expect((await sandbox.start(HALF).ended).exitCode).toBe(10);
});

afterEach(() => sandbox.close());

const inJob = (file: string): string => join(sandbox.folder, 'users.csv.job', file);

async function edit(file: string, change: (text: string) => string): Promise<void> {
  const path = file === 'users.csv' ? join(sandbox.folder, file) : inJob(file);
  const before = await readFile(path, 'utf8');
  const after = change(before);
  expect(after).not.toBe(before);
  await writeFile(path, after);
}

const lines = (text: string): string[] => text.split(/(?<=\n)/);

describe('between two runs', () => {
  it.each<[string, () => Promise<void>, RegExp]>([
    [
      'a checkpoint cut in half',
      () => edit('checkpoint.json', (text) => text.slice(0, text.length / 2)),
      /checkpoint\.json is not whole/,
    ],
    ['an empty checkpoint', () => edit('checkpoint.json', () => ''), /checkpoint\.json is not whole/],
    [
      'a checkpoint of a newer version',
      () => edit('checkpoint.json', (text) => text.replace('"version": 1', '"version": 2')),
      /is of version 2, this program reads 1/,
    ],
    [
      'an edited checkpoint',
      () => edit('checkpoint.json', (text) => text.replace('"1-20"', '"1-19"')),
      /checkpoint\.json was edited/,
    ],
    [
      'a checkpoint that is gone',
      () => rm(inJob('checkpoint.json')),
      /has a report\.csv but no checkpoint\.json/,
    ],
    ['a report that is gone', () => rm(inJob('report.csv')), /report\.csv has been cut/],
    [
      'a report cut in the middle',
      () => edit('report.csv', (text) => text.slice(0, text.length / 2)),
      /report\.csv has been cut/,
    ],
    [
      'a report with a line removed',
      () => edit('report.csv', (text) => lines(text).toSpliced(5, 1).join('')),
      /report\.csv has been cut/,
    ],
    [
      'a report with a line doubled',
      () => edit('report.csv', (text) => text + lines(text)[5]),
      /report\.csv has row \d+ twice/,
    ],
    [
      'a report with another status',
      () => edit('report.csv', (text) => text.replace(',confirmed,', ',not-found,')),
      /report\.csv has been edited/,
    ],
    [
      'a report with a line of something else',
      () => edit('report.csv', (text) => `${text}hello\n`),
      /is not a line of a report/,
    ],
    [
      'a source of the same size',
      () => edit('users.csv', (text) => text.replace('user-30', 'user-99')),
      /its source users\.csv had other content/,
    ],
    [
      'a source that is longer',
      () => edit('users.csv', (text) => `${text}one-more\n`),
      /its source users\.csv had other content/,
    ],
  ])('%s is noticed', async (_what, damage, message) => {
    await damage();
    const calls = sandbox.simulator.calls().length;
    const { exitCode, stderr } = await sandbox.start(REST).ended;
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(exitCode).toBe(2);
    expect(sandbox.simulator.calls()).toHaveLength(calls);

    const verified = await sandbox.command(['status', 'users.csv.job', '--verify']).ended;
    expect(verified.exitCode).toBe(verified.stderr === '' ? 1 : 2);
  });

  it('the checkpoint of another job is noticed', async () => {
    await writeFile(join(sandbox.folder, 'others.csv'), 'username\nsomebody\n');
    await sandbox.command(['run', 'others.csv', '--rehearse', '--user-pool-id', sandbox.simulator.userPoolId])
      .ended;
    await rename(join(sandbox.folder, 'others.csv.rehearsal.job/checkpoint.json'), inJob('checkpoint.json'));
    const { exitCode, stderr } = await sandbox.start(REST).ended;
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/is another job: it was a rehearsal/);
  });

  it('a torn last line is dropped, said, and answered again', async () => {
    await edit('report.csv', (text) => `${text}21,user-2`);
    const { exitCode, stderr } = await sandbox.start(REST).ended;
    expect(stderr).toMatch(/its last line was torn by a kill and is dropped \(9 bytes\)/);
    expect(exitCode).toBe(0);
    expect(await sandbox.report()).toHaveLength(ROWS);
  });

  it('nothing: the job is sound before and after its end', async () => {
    const verify = ['status', 'users.csv.job', '--verify'];
    expect(await sandbox.command(verify).ended).toMatchObject({
      exitCode: 0,
      stdout: 'users.csv.job is sound\n',
    });
    await sandbox.start(REST).ended;
    expect(await sandbox.command(verify).ended).toMatchObject({
      exitCode: 0,
      stdout: 'users.csv.job is sound\n',
    });
    await edit('failed.csv', (text) => `${text}user-1\n`);
    expect(await sandbox.command(verify).ended).toMatchObject({
      exitCode: 1,
      stdout: 'users.csv.job/failed.csv has 1 rows, the report has 0 that failed\n',
    });
  });

  // Root may write anywhere.
  it.skipIf(process.getuid?.() === 0)('a folder that became read-only is said', async () => {
    await chmod(join(sandbox.folder, 'users.csv.job'), 0o500);
    const { exitCode, stderr } = await sandbox.start(REST).ended;
    await chmod(join(sandbox.folder, 'users.csv.job'), 0o700);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/cannot be written to/);
  });
});
