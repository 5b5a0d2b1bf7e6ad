import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { createFolder, type Folder } from './folder.js';
import { csvOf, people, simulatorOf, toSimulator } from './people.js';

vi.setConfig({ testTimeout: 90_000 });

/** A folder `incoming` with these files, and a simulator in which 30 people wait. */
async function createWorld(files: Readonly<Record<string, string>>) {
  const usernames = people(30);
  const simulator = await simulatorOf(usernames);
  const folder = await createFolder();
  for (const [name, text] of Object.entries(files)) await folder.write(`incoming/${name}`, text);
  const run = (...args: string[]) =>
    folder.run(['incoming', '--job', 'jobs', ...toSimulator(simulator), ...args]);
  return { folder, run, simulator, usernames };
}

const jobNames = async (folder: Folder): Promise<string[]> =>
  (await folder.list())
    .filter((path) => /^jobs\/[^/]+$/.test(path))
    .map((path) => path.slice('jobs/'.length));

/** The sources that have a job, and how many lines its report has. */
async function jobsOf(folder: Folder): Promise<Record<string, number>> {
  const jobs: Record<string, number> = {};
  for (const name of await jobNames(folder)) {
    const lines = (await folder.read(join('jobs', name, 'report.csv'))).trim().split('\n');
    jobs[name.replace(/-[0-9a-f]{16}$/, '')] = lines.length - 1;
  }
  return jobs;
}

describe('an inbox that is a folder', () => {
  it('is worked through, each file with a job of its own, and finished ones are passed over', async () => {
    const { folder, run, simulator, usernames } = await createWorld({
      'a.csv': csvOf(people(30).slice(0, 10)),
      'b.csv': csvOf(people(30).slice(10, 20)),
      '.hidden': 'nothing',
      _SUCCESS: '',
    });
    const first = await run();
    expect(first.exitCode, first.stderr).toBe(0);
    expect(await jobsOf(folder)).toEqual({ 'a.csv': 10, 'b.csv': 10 });

    await folder.write('incoming/c.csv', csvOf(usernames.slice(20)));
    const second = await run();
    expect(second.exitCode, second.stderr).toBe(0);
    expect(second.stderr).toContain('2 of 3 sources in incoming are finished already');
    expect(second.stderr).not.toContain('a.csv');
    expect(await jobsOf(folder)).toEqual({ 'a.csv': 10, 'b.csv': 10, 'c.csv': 10 });
    expect(simulator.stats()).toMatchObject({ requests: 30, confirmed: 30 });

    const third = await run();
    expect(third).toMatchObject({ exitCode: 0, stdout: '' });
    expect(simulator.stats().requests).toBe(30);
  });

  it('takes a file whose content is new for a new one, and one that was only touched for the old one', async () => {
    const { folder, run, simulator, usernames } = await createWorld({ 'a.csv': csvOf(people(5)) });
    expect((await run()).exitCode).toBe(0);
    await utimes(join(folder.path, 'incoming/a.csv'), new Date(), new Date());
    expect((await run()).exitCode).toBe(0);
    expect(simulator.stats().requests).toBe(5);
    await folder.write('incoming/a.csv', csvOf(usernames.slice(5, 8)));
    expect((await run()).exitCode).toBe(0);
    expect(simulator.stats()).toMatchObject({ requests: 8, confirmed: 8 });
    expect(await jobNames(folder)).toHaveLength(2);
  });

  it('goes on behind a file that cannot be used; the exit code is the worst', async () => {
    const { folder, run } = await createWorld({
      'a.csv': csvOf([...people(3), 'nobody']),
      'b.csv': 'mail\nx@example.com\n',
      'c.csv': csvOf(people(6).slice(3)),
    });
    const { exitCode, stderr } = await run();
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/error: incoming\/b\.csv has no column named username/);
    expect(await jobsOf(folder)).toEqual({ 'a.csv': 4, 'c.csv': 3 });
  });

  it('counts --limit for all of them together, and goes on where it stopped', async () => {
    const { folder, run, simulator } = await createWorld({
      'a.csv': csvOf(people(4)),
      'b.csv': csvOf(people(10).slice(4)),
      'c.csv': csvOf(people(12).slice(10)),
    });
    const first = await run('--limit', '6');
    expect(first.exitCode, first.stderr).toBe(10);
    expect(first.stderr.trim().split('\n').at(-1)).toMatch(/^resume with: cognito-bulk-confirm incoming /);
    expect(await jobsOf(folder)).toEqual({ 'a.csv': 4, 'b.csv': 2 });
    const second = await run('--limit', '4');
    expect(second.exitCode, second.stderr).toBe(10);
    expect(await jobsOf(folder)).toEqual({ 'a.csv': 4, 'b.csv': 6 });
    expect((await run()).exitCode).toBe(0);
    expect(simulator.stats()).toMatchObject({ requests: 12, confirmed: 12 });
  });

  it('ends where the next one would fare no better', async () => {
    const { run, simulator } = await createWorld({
      'a.csv': csvOf(people(3)),
      'b.csv': csvOf(people(6).slice(3)),
    });
    simulator.set({ everyRequest: { error: 'AccessDeniedException', message: 'no' } });
    const { exitCode, lines, stderr } = await run();
    expect(exitCode, stderr).toBe(4);
    expect(lines.filter((line) => line.startsWith('error: '))).toHaveLength(1);
    expect(stderr).not.toContain('b.csv');
  });

  it('is not a job, whose report would pass for a source', async () => {
    const { folder, run, simulator } = await createWorld({ 'a.csv': csvOf(people(3)) });
    await run();
    const [job = ''] = await jobNames(folder);
    const { exitCode, stderr } = await folder.run([join('jobs', job), ...toSimulator(simulator)]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^error: jobs\/a\.csv-.* is a job, not a folder of sources/);
  });

  it('that is empty is no mistake where it ends in a slash, and else most probably is', async () => {
    const { folder, simulator } = await createWorld({ '.keep': '' });
    const { exitCode, stderr } = await folder.run(['incoming/', ...toSimulator(simulator)]);
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain('incoming/ is empty: there is nothing to do');
    const mistaken = await folder.run(['incoming', ...toSimulator(simulator)]);
    expect(mistaken.exitCode).toBe(2);
    expect(mistaken.stderr).toMatch(/^error: incoming is a folder with no file in it/);
    expect(await folder.list()).toEqual(['incoming', 'incoming/.keep']);
  });
});
