import { describe, expect, it, vi } from 'vitest';
import type { CommandResult } from './command.js';
import { createFolder } from './folder.js';
import { csvOf, people } from './people.js';

/** --emf with an inbox: a line for each end, which says whose end it was. */

vi.setConfig({ testTimeout: 90_000 });

const JOBS = ['--job', 'jobs', '--rehearse', '--emf'];

const metricsOf = ({ stdout }: CommandResult): Readonly<Record<string, unknown>>[] =>
  stdout
    .split('\n')
    .filter((line) => line.startsWith('{"_aws"'))
    .map((line) => JSON.parse(line));

describe.concurrent('--emf with an inbox', () => {
  it('names each source and its job, the one that cannot be used among them', async () => {
    const folder = await createFolder();
    await folder.write('incoming/a.csv', csvOf(people(3)));
    await folder.write('incoming/b.csv', 'name\nx\n');
    await folder.write('incoming/c.csv', csvOf(people(2)));
    const result = await folder.run(['incoming', ...JOBS]);
    expect(result.exitCode, result.stderr).toBe(2);
    const job = (name: string) => expect.stringMatching(new RegExp(`^jobs/${name}-[0-9a-f]{16}/$`));
    expect(metricsOf(result)).toMatchObject([
      { source: 'incoming/a.csv', job: job('a.csv'), ending: 'finished', confirmed: 3 },
      { source: 'incoming/b.csv', job: job('b.csv'), ending: 'cannot-go-on', confirmed: 0 },
      { source: 'incoming/c.csv', job: job('c.csv'), ending: 'finished', confirmed: 2 },
    ]);
  });

  it('tells of an inbox that cannot be used', async () => {
    const folder = await createFolder();
    await folder.write('users.csv', csvOf(people(1)));
    await folder.run(['users.csv', '--job', 'done', '--rehearse']);
    const result = await folder.run(['done', ...JOBS]);
    expect(result.exitCode, result.stderr).toBe(2);
    expect(result.stderr).toContain('done is a job');
    expect(metricsOf(result)).toMatchObject([{ source: 'done', job: 'jobs', ending: 'cannot-go-on' }]);
  });

  it('tells nothing where a wrong option keeps it from being read', async () => {
    const folder = await createFolder();
    await folder.write('incoming/a.csv', csvOf(people(1)));
    const result = await folder.run(['incoming', ...JOBS, '--concurrency', 'many']);
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
  });
});
