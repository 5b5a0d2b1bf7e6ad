import { readdir, stat } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { commandLine } from './command.js';
import { createFolder, type Folder, reportOf, rowNumbers, statusesOf } from './folder.js';
import { csvOf, people, simulatorOf, toSimulator } from './people.js';

vi.setConfig({ testTimeout: 90_000 });

const JOB = 'users.csv.job';
const POOL = 'us-east-1_Simulator';

/** A folder with a source, and a simulator in which everybody in it waits. */
async function createWorld(count: number, csv = csvOf(people(count)), file = 'users.csv') {
  const usernames = people(count);
  const simulator = await simulatorOf(usernames, { userPoolId: POOL });
  const folder = await createFolder();
  await folder.write(file, csv);
  return { folder, simulator, usernames, to: toSimulator(simulator) };
}

const jsonOf = (text: string): { type: string; [key: string]: unknown }[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

async function settingsOf(folder: Folder): Promise<Record<string, unknown>> {
  return JSON.parse(await folder.read(`${JOB}/summary.json`)).settings;
}

describe.concurrent('where options come from', () => {
  it.each([
    ['the command line before the environment and the file', '11', '12', 11],
    ['the environment before the file', undefined, '12', 12],
    ['the file', undefined, undefined, 13],
  ])('%s', async (_name, line, variable, concurrency) => {
    const { folder, simulator } = await createWorld(2);
    const config = {
      'user-pool-id': POOL,
      'endpoint-url': simulator.url,
      concurrency: 13,
      'no-progress': true,
    };
    await folder.write('config.json', JSON.stringify(config));
    const { exitCode, stderr } = await folder.run(
      ['users.csv', '--config', 'config.json', ...(line === undefined ? [] : ['--concurrency', line])],
      { env: { COGNITO_BULK_CONFIRM_CONCURRENCY: variable } },
    );
    expect(exitCode, stderr).toBe(0);
    expect(await settingsOf(folder)).toMatchObject({ concurrency });
  });

  it('everything from the environment, the config file among it', async () => {
    const { folder, simulator } = await createWorld(2);
    await folder.write('config.json', JSON.stringify({ metadata: { plan: 'pro' }, 'max-attempts': 3 }));
    const { exitCode, stderr } = await folder.run(['users.csv'], {
      env: {
        COGNITO_BULK_CONFIRM_CONFIG: 'config.json',
        COGNITO_BULK_CONFIRM_USER_POOL_ID: POOL,
        COGNITO_BULK_CONFIRM_ENDPOINT_URL: simulator.url,
        COGNITO_BULK_CONFIRM_JOB: 'elsewhere',
        COGNITO_BULK_CONFIRM_QUIET: 'true',
      },
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(await statusesOf(folder, 'elsewhere')).toEqual(['confirmed', 'confirmed']);
    expect(simulator.calls().map(({ clientMetadata }) => clientMetadata)).toEqual([
      { plan: 'pro' },
      { plan: 'pro' },
    ]);
  });

  it('COGNITO_USER_POOL_ID names the pool, and COGNITO_BULK_CONFIRM_USER_POOL_ID comes before it', async () => {
    const { folder, simulator } = await createWorld(2);
    const args = ['users.csv', '--endpoint-url', simulator.url];
    const env = { COGNITO_USER_POOL_ID: POOL };
    expect(await folder.run(args, { env })).toMatchObject({ exitCode: 0 });
    const other = await folder.run(args, {
      env: { ...env, COGNITO_BULK_CONFIRM_USER_POOL_ID: 'eu-west-1_Other' },
    });
    expect(other).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('eu-west-1_Other') });
  });

  it('a switch that the environment puts on can be put off on the command line', async () => {
    const { folder, to } = await createWorld(2);
    const env = { COGNITO_BULK_CONFIRM_DRY_RUN: 'true' };
    const { exitCode, stdout } = await folder.run(['users.csv', ...to, '--dry-run=false'], { env });
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain('nothing was sent');
    expect(await statusesOf(folder, JOB)).toEqual(['confirmed', 'confirmed']);
  });

  it("a config file for run does not stand in status's way", async () => {
    const { folder, to } = await createWorld(2);
    await folder.write('config.json', JSON.stringify({ 'max-attempts': 3 }));
    const env = { COGNITO_BULK_CONFIRM_CONFIG: 'config.json' };
    expect(await folder.run(['users.csv', ...to], { env })).toMatchObject({ exitCode: 0 });
    const { exitCode, stderr } = await folder.run(['status', JOB], { env });
    expect(exitCode, stderr).toBe(0);
  });
});

describe.concurrent('what the service gets to see', () => {
  it("--metadata goes out with every row, and a row's own entries win", async () => {
    const csv = 'username,metadata.plan,clientMetadata\n'
      .concat('person-1@example.com,pro,\n')
      .concat('person-2@example.com,,"{""source"": ""shop"", ""a=b"": ""c""}"\n');
    const { folder, simulator, to } = await createWorld(2, csv);
    const options = ['--metadata', 'plan=free', '--metadata', 'note=x=y', '--metadata', '{"from": "bulk"}'];
    expect(await folder.run(['users.csv', ...to, ...options])).toMatchObject({ exitCode: 0 });
    const seen = Object.fromEntries(
      simulator.calls().map(({ clientMetadata, username }) => [username, clientMetadata]),
    );
    expect(seen).toEqual({
      'person-1@example.com': { plan: 'pro', note: 'x=y', from: 'bulk' },
      'person-2@example.com': { plan: 'free', note: 'x=y', from: 'bulk', source: 'shop', 'a=b': 'c' },
    });
  });
});

describe.concurrent('sources as people have them', () => {
  const three = people(3);
  const lines = (delimiter: string): string =>
    `${['username', 'metadata.plan'].join(delimiter)}\r\n${three.map((name) => `${name}${delimiter}pro\r\n`).join('')}`;

  it.each<[string, string | Buffer, string[]]>([
    ['commas', lines(','), []],
    ['semicolons', lines(';'), []],
    ['tabs', lines('\t'), []],
    ['tabs that were asked for', lines('\t'), ['--delimiter', 'tab']],
    ['UTF-8 with a mark', `\uFEFF${lines(',')}`, []],
    ['UTF-16LE with a mark', Buffer.from(`\uFEFF${lines('\t')}`, 'utf16le'), []],
    ['UTF-16LE without a mark', Buffer.from(lines(';'), 'utf16le'), []],
    ['gzip', gzipSync(lines(',')), []],
    [
      'gzip in two members',
      Buffer.concat([gzipSync(lines(',').slice(0, 30)), gzipSync(lines(',').slice(30))]),
      [],
    ],
    ['a header in capitals', lines(',').replace('username', 'USERNAME'), []],
    ["Cognito's own header", lines(',').replace('username', 'cognito:username'), []],
    [
      'a username column of another name',
      lines(',').replace('username', 'E-Mail'),
      ['--username-column', 'e-mail'],
    ],
    ['no last line end', lines(',').trimEnd(), []],
  ])('%s', async (_name, content, options) => {
    const { folder, simulator, to } = await createWorld(3);
    await folder.write('users', content);
    const { exitCode, stderr } = await folder.run(['users', ...to, ...options]);
    expect(exitCode, stderr).toBe(0);
    expect((await reportOf(folder, 'users.job')).map(({ username }) => username)).toEqual(three);
    expect(simulator.calls().map(({ clientMetadata }) => clientMetadata)).toEqual(
      three.map(() => ({ plan: 'pro' })),
    );
  });

  it.each([
    ['in its first column', 'a', []],
    ['in the one that is named', 'b', ['--username-column', '2']],
  ])('--no-header takes the first line for a row, with the username %s', async (_name, column, options) => {
    const { folder, to } = await createWorld(2, '', 'empty');
    const rows = people(2).map((name) => (column === 'a' ? `${name},x\n` : `x,${name}\n`));
    await folder.write('users.csv', rows.join(''));
    const { exitCode, stderr } = await folder.run(['users.csv', ...to, '--no-header', ...options]);
    expect(exitCode, stderr).toBe(0);
    expect((await reportOf(folder, JOB)).map(({ username }) => username)).toEqual(people(2));
  });
});

describe.concurrent('standard input', () => {
  it('is kept in the job, and a run that resumes reads it there', async () => {
    const { folder, to, usernames } = await createWorld(12);
    const args = ['-', ...to, '--limit', '5'];
    const input = csvOf(usernames);
    expect(await folder.run(args, { input })).toMatchObject({ exitCode: 10 });
    expect(await folder.read('stdin.job/source.csv')).toBe(input);

    expect(await folder.run(args)).toMatchObject({ exitCode: 10 });
    expect(await folder.run(args, { input })).toMatchObject({ exitCode: 0 });
    expect((await reportOf(folder, 'stdin.job')).map(({ username }) => username)).toEqual(usernames);
  });

  it('of other content is refused for the same job', async () => {
    const { folder, to, usernames } = await createWorld(4);
    expect(await folder.run(['-', ...to, '--limit', '1'], { input: csvOf(usernames) })).toMatchObject({
      exitCode: 10,
    });
    const { exitCode, lines } = await folder.run(['-', ...to], { input: csvOf(usernames.slice(1)) });
    expect(exitCode).toBe(2);
    expect(lines.at(-1)).toMatch(/^error: .*stdin\.job is another job: .*standard input/);
    expect(await folder.list()).not.toContain('stdin.job/source.csv.again');
  });

  it('outlives an interruption: the line that was printed finishes the job', async () => {
    const { folder, simulator, to, usernames } = await createWorld(60);
    simulator.set({ latencyMs: 100 });
    const interrupted = await folder.run(['-', ...to, '--concurrency', '5'], {
      input: csvOf(usernames),
      signalAfter: { line: /sending 60 rows/, signal: 'SIGINT' },
    });
    expect(interrupted.exitCode).toBe(130);
    const [, resume = ''] = /^resume with: (.*)$/.exec(interrupted.lines.at(-1) ?? '') ?? [];
    simulator.set({ latencyMs: 0 });
    const { exitCode, stderr } = await commandLine(resume, { cwd: folder.path });
    expect(exitCode, stderr).toBe(0);
    expect((await reportOf(folder, 'stdin.job')).map(({ row }) => row)).toEqual(rowNumbers(60));
  });

  it('can be read by a dry run, which keeps nothing', async () => {
    const { folder, to, usernames } = await createWorld(3);
    const before = await folder.list();
    const { exitCode, stdout } = await folder.run(['-', ...to, '--dry-run'], { input: csvOf(usernames) });
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: 'standard input: 3 of 3 rows can be sent; nothing was sent\n',
    });
    expect(await folder.list()).toEqual(before);
  });
});

describe.concurrent('what is printed', () => {
  it('with --json, every line of both streams is JSON with a type', async () => {
    const { folder, to } = await createWorld(5, `${csvOf(people(5))}two words\n`);
    const limited = await folder.run(['users.csv', ...to, '--json', '--limit', '2']);
    expect(limited.exitCode).toBe(10);
    expect(jsonOf(limited.stdout).map(({ type }) => type)).toEqual(['summary']);
    const types = jsonOf(limited.stderr).map(({ type }) => type);
    expect(new Set(types)).toEqual(new Set(['notice', 'resume']));
    expect(types.at(-1)).toBe('resume');

    const refused = await folder.run(['users.csv', ...to, '--json', '--user-pool-id', 'eu-west-1_Other']);
    expect(jsonOf(refused.stderr).at(-1)).toMatchObject({ type: 'error', exitCode: 2 });

    const status = await folder.run(['status', JOB, '--json']);
    expect(jsonOf(status.stdout)).toMatchObject([{ type: 'status', state: 'stopped', done: 2, total: 6 }]);

    const finished = await folder.run(['users.csv', ...to, '--json']);
    expect(finished.exitCode).toBe(1);
    expect(jsonOf(finished.stdout)).toMatchObject([
      { type: 'summary', ending: 'finished', counts: { confirmed: 5, invalid: 1 } },
    ]);
    expect(jsonOf(finished.stderr).every(({ type }) => type === 'notice')).toBe(true);
  });

  it.each([
    ['on the command line', ['--json', '--rate', 'fast'], {}],
    ['by the environment', ['--rate', 'fast'], { COGNITO_BULK_CONFIRM_JSON: 'true' }],
    [
      'by the environment, for a mistake in the arguments themselves',
      ['--rat', '1'],
      { COGNITO_BULK_CONFIRM_JSON: '1' },
    ],
  ])('a usage error is JSON too where JSON is asked for %s', async (_name, args, env) => {
    const { folder } = await createWorld(1);
    const { exitCode, stderr } = await folder.run(['users.csv', '--user-pool-id', POOL, ...args], { env });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^\{/);
    expect(jsonOf(stderr)).toMatchObject([{ type: 'error', exitCode: 2, message: expect.any(String) }]);
  });

  it('--quiet prints nothing for a good run, and the resume command for one that is not at its end', async () => {
    const { folder, to } = await createWorld(4);
    const first = await folder.run(['users.csv', ...to, '--quiet', '--limit', '2']);
    expect(first).toMatchObject({ exitCode: 10, stdout: '' });
    expect(first.lines).toEqual([expect.stringMatching(/^resume with: cognito-bulk-confirm users\.csv /)]);
    expect(await folder.run(['users.csv', ...to, '--quiet'])).toMatchObject({
      exitCode: 0,
      stdout: '',
      stderr: '',
    });
  });

  it('results go to standard output, the rest to standard error', async () => {
    const { folder, to } = await createWorld(3);
    const { stderr, stdout } = await folder.run(['users.csv', ...to]);
    expect(stdout).toMatch(/^confirmed +3$/m);
    expect(stdout).toMatch(/^total +3 of 3$/m);
    expect(stdout).toContain(`${JOB}/report.csv`);
    expect(stderr).toContain('sending 3 rows');
    expect(stderr).not.toContain('total');
  });

  it('no username, whatever becomes of the rows', async () => {
    const names = [
      'zorro-confirmed',
      'zorro-invited',
      'zorro-missing',
      'zorro-failing',
      'zorro trigger',
      'zorro-echo',
    ];
    const simulator = await simulatorOf([], {
      users: [
        { username: 'zorro-confirmed' },
        { username: 'zorro-invited', status: 'FORCE_CHANGE_PASSWORD' },
        { username: 'zorro-failing' },
      ],
      script: {
        'zorro-failing': ['internal-error', 'internal-error'],
        'zorro-echo': [
          { error: 'InvalidParameterException', message: "Value 'zorro-echo' at 'username' is bad" },
        ],
      },
    });
    const folder = await createFolder();
    await folder.write('users.csv', csvOf(names));
    const args = ['users.csv', ...toSimulator(simulator), '--max-attempts', '2'];
    for (const more of [['--dry-run'], ['--limit', '3'], [], ['--json'], ['--retry-failed']]) {
      const { stderr, stdout } = await folder.run([...args, ...more]);
      expect(stdout + stderr).not.toContain('zorro');
    }
    for (const more of [[], ['--json']]) {
      const { stderr, stdout } = await folder.run(['status', JOB, ...more]);
      expect(stdout + stderr).not.toContain('zorro');
    }
    expect(await folder.read(`${JOB}/summary.json`)).not.toContain('zorro');
    expect(await folder.read(`${JOB}/checkpoint.json`)).not.toContain('zorro');
    expect(await statusesOf(folder, JOB)).toEqual([
      'confirmed',
      'not-confirmable',
      'not-found',
      'confirmed',
      'invalid',
      'invalid',
    ]);
  });

  it.each([[['--help']], [['status', '--help']], [['report', '-h']], [['--version']]])(
    'help and version on standard output: %j',
    async (args) => {
      const folder = await createFolder();
      const { exitCode, stderr, stdout } = await folder.run(args);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(stdout).toMatch(args.includes('--version') ? /^\d+\.\d+\.\d+\n$/ : /cognito-bulk-confirm/);
    },
  );
});

describe.concurrent('a job over several runs', () => {
  it('--limit 10, twice, then all: each row once', async () => {
    const { folder, simulator, to, usernames } = await createWorld(25);
    const runs: unknown[] = [];
    for (const limit of [['--limit', '10'], ['--limit', '10'], []]) {
      const { exitCode } = await folder.run(['users.csv', ...to, ...limit]);
      runs.push({ exitCode, done: (await reportOf(folder, JOB)).length });
    }
    expect(runs).toEqual([
      { exitCode: 10, done: 10 },
      { exitCode: 10, done: 20 },
      { exitCode: 0, done: 25 },
    ]);
    expect((await reportOf(folder, JOB)).map(({ row }) => row)).toEqual(rowNumbers(25));
    expect(
      simulator
        .calls()
        .map(({ username }) => username)
        .sort(),
    ).toEqual([...usernames].sort());
  });

  it('--limit waits for the rows it has taken, their further attempts too', async () => {
    const { folder, simulator, to } = await createWorld(6);
    simulator.set({ faults: { 'internal-error': 0.5 }, latencyMs: 50 });
    expect(await folder.run(['users.csv', ...to, '--limit', '5'])).toMatchObject({ exitCode: 10 });
    expect(await statusesOf(folder, JOB)).toEqual(people(5).map(() => 'confirmed'));
  });

  it('a limit that all rows are within stops nothing', async () => {
    const { folder, to } = await createWorld(5);
    expect(await folder.run(['users.csv', ...to, '--limit', '5'])).toMatchObject({ exitCode: 0 });
  });

  it('--max-duration stops it, and the same command goes on', async () => {
    const { folder, to } = await createWorld(60);
    const short = await folder.run(['users.csv', ...to, '--max-duration', '100ms']);
    expect(short.exitCode).toBe(10);
    expect((await reportOf(folder, JOB)).length).toBeLessThan(60);
    expect(await folder.run(['users.csv', ...to])).toMatchObject({ exitCode: 0 });
    expect((await reportOf(folder, JOB)).map(({ row }) => row)).toEqual(rowNumbers(60));
  });

  it('finished, it has nothing more to do', async () => {
    const { folder, simulator, to } = await createWorld(3);
    await folder.run(['users.csv', ...to]);
    const report = await folder.read(`${JOB}/report.csv`);
    const again = await folder.run(['users.csv', ...to]);
    expect(again.exitCode).toBe(0);
    expect(again.stderr).toMatch(/users\.csv\.job is finished, there is nothing to do; --fresh starts over/);
    expect(simulator.stats().requests).toBe(3);
    expect(await folder.read(`${JOB}/report.csv`)).toBe(report);
  });

  it('finished with bad rows, it has nothing more to do either', async () => {
    const { folder, to } = await createWorld(2, csvOf(['nobody', ...people(2)]));
    expect(await folder.run(['users.csv', ...to])).toMatchObject({ exitCode: 1 });
    expect(await folder.run(['users.csv', ...to])).toMatchObject({ exitCode: 0 });
  });

  it('--fresh puts it aside and starts over', async () => {
    const { folder, simulator, to } = await createWorld(3);
    await folder.run(['users.csv', ...to]);
    const report = await folder.read(`${JOB}/report.csv`);
    const { exitCode, stderr } = await folder.run(['users.csv', ...to, '--fresh']);
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/put aside as .*users\.csv\.job\.1/);
    expect(await folder.read(`${JOB}.1/report.csv`)).toBe(report);
    expect(await statusesOf(folder, JOB)).toEqual([
      'already-confirmed',
      'already-confirmed',
      'already-confirmed',
    ]);
    expect(simulator.stats().requests).toBe(6);
  });

  it.each<[string, string[], Record<string, string>]>([
    ['on the command line', ['--fresh'], {}],
    ['on the command line with a value', ['--fresh=true'], {}],
    ['in the environment', [], { COGNITO_BULK_CONFIRM_FRESH: 'true' }],
    ['in the config file', [], { COGNITO_BULK_CONFIRM_CONFIG: 'config.json' }],
  ])('--fresh %s does not make the resume command start over', async (_name, args, env) => {
    const { folder, to } = await createWorld(4);
    await folder.write('config.json', '{"fresh": true}');
    const { exitCode, lines } = await folder.run(['users.csv', ...to, '--limit', '2', ...args], { env });
    expect(exitCode).toBe(10);
    const [, resume = ''] = /^resume with: (.*)$/.exec(lines.at(-1) ?? '') ?? [];
    expect(await commandLine(resume, { cwd: folder.path, env })).toMatchObject({ exitCode: 0 });
    expect(await statusesOf(folder, JOB)).toHaveLength(4);
    expect(await readdir(folder.path)).not.toContain(`${JOB}.1`);
  });

  it('--retry-failed sends the failed rows again, and only those', async () => {
    const { folder, simulator, to, usernames } = await createWorld(6);
    const [first = ''] = usernames;
    simulator.set({ faults: { 'internal-error': 1 } });
    // The simulator fails everybody until its faults are taken away, so the first run fails in all rows.
    const args = ['users.csv', ...to, '--max-attempts', '1'];
    await folder.write('users.csv', csvOf([first, 'two words']));
    expect(await folder.run(args)).toMatchObject({ exitCode: 1 });
    expect(await folder.read(`${JOB}/failed.csv`)).toBe(csvOf([first]));
    simulator.set({ faults: {} });

    const idle = await folder.run(args);
    expect(idle.exitCode).toBe(0);
    expect(idle.stderr).toContain('--retry-failed sends the 1 failed rows again');
    expect(simulator.stats().requests).toBe(1);

    expect(await folder.run([...args, '--retry-failed'])).toMatchObject({ exitCode: 1 });
    expect(await statusesOf(folder, JOB)).toEqual(['confirmed', 'invalid']);
    expect(simulator.stats().requests).toBe(2);
  });

  it('a source name with a space and a quote comes back whole in the resume command', async () => {
    const name = "Ann's list.csv";
    const { folder, to } = await createWorld(4, undefined, name);
    const { exitCode, lines } = await folder.run([
      name,
      ...to,
      '--limit',
      '2',
      '--metadata',
      'note=$HOME `x`',
    ]);
    expect(exitCode).toBe(10);
    const [, resume = ''] = /^resume with: (.*)$/.exec(lines.at(-1) ?? '') ?? [];
    expect(await commandLine(resume, { cwd: folder.path })).toMatchObject({ exitCode: 0 });
    expect(await statusesOf(folder, `${name}.job`)).toHaveLength(4);
  });
});

describe.concurrent('a job that another command line has begun is refused, and the difference named', () => {
  it.each<[string, string[], RegExp]>([
    ['the pool', ['--user-pool-id', 'eu-west-1_Other'], /pool is us-east-1_Simulator, not eu-west-1_Other/],
    ['the metadata', ['--metadata', 'plan=pro'], /--metadata was \{\}, not \{"plan":"pro"\}/],
    ['the username column', ['--username-column', 'mail'], /usernames were in column username, not mail/],
    ['the header', ['--no-header'], /header line|column username, not 1/],
  ])('%s', async (_name, more, says) => {
    const csv = `username,mail\n${people(3)
      .map((name) => `${name},${name}`)
      .join('\n')}\n`;
    const { folder, simulator, to } = await createWorld(3, csv);
    expect(await folder.run(['users.csv', ...to, '--limit', '1'])).toMatchObject({ exitCode: 10 });
    const before = await folder.read(`${JOB}/checkpoint.json`);

    const line = to.filter((word, at) => !more.includes(word) && !more.includes(to[at - 1] ?? ''));
    const { exitCode, lines } = await folder.run(['users.csv', ...line, ...more]);
    expect(exitCode).toBe(2);
    expect(lines.at(-1)).toMatch(/^error: .*users\.csv\.job is another job: .*--job.*--fresh/);
    expect(lines.at(-1)).toMatch(says);
    expect(simulator.stats().requests).toBe(1);
    expect(await folder.read(`${JOB}/checkpoint.json`)).toBe(before);
  });

  it('the source', async () => {
    const { folder, simulator, to } = await createWorld(3);
    expect(await folder.run(['users.csv', ...to, '--limit', '1'])).toMatchObject({ exitCode: 10 });
    await folder.write('users.csv', csvOf([...people(3), 'one-more@example.com']));
    const { exitCode, lines } = await folder.run(['users.csv', ...to]);
    expect(exitCode).toBe(2);
    expect(lines.at(-1)).toMatch(
      /^error: .*users\.csv had other content \(\d+ bytes.*\) than users\.csv has/,
    );
    expect(simulator.stats().requests).toBe(1);
  });
});

describe.concurrent('--dry-run', () => {
  it.each([
    ['good rows', csvOf(people(3)), 0, /3 of 3 rows can be sent; nothing was sent/],
    ['a bad row', `${csvOf(people(2))}two words\n`, 1, /2 of 3 rows .*\n {2}row 3 \(line 4\): .*white space/],
  ])('%s: sends nothing, writes nothing', async (_name, csv, exitCode, says) => {
    const { folder, simulator, to } = await createWorld(3, csv);
    const result = await folder.run(['users.csv', ...to, '--dry-run']);
    expect(result.exitCode, result.stderr).toBe(exitCode);
    expect(result.stdout).toMatch(says);
    expect(result.stderr).not.toContain('resume with');
    expect(await folder.list()).toEqual(['users.csv']);
    expect(simulator.stats().requests).toBe(0);
  });
});

describe.concurrent('status and report', () => {
  it('tell of a job that is under way, and of one that is finished', async () => {
    const { folder, to } = await createWorld(4, csvOf(['nobody', ...people(4)]));
    await folder.run(['users.csv', ...to, '--limit', '2', '--concurrency', '1']);
    const stopped = await folder.run(['status', JOB]);
    expect(stopped).toMatchObject({ exitCode: 0, stderr: '' });
    expect(stopped.stdout).toMatch(/^users\.csv\.job: stopped \(limit, /);
    expect(stopped.stdout).toMatch(/^total +2 of 5$/m);

    await folder.run(['users.csv', ...to]);
    const finished = await folder.run(['status', JOB]);
    expect(finished).toMatchObject({ exitCode: 0, stderr: '' });
    expect(finished.stdout).toMatch(/^users\.csv\.job: finished /);
    expect(finished.stdout).toMatch(/^confirmed +4$/m);
    expect(finished.stdout).toMatch(/^not-found +1$/m);

    const report = await folder.run(['report', JOB]);
    expect(report).toMatchObject({ exitCode: 0, stderr: '' });
    expect(report.stdout).toBe(await folder.read(`${JOB}/report.csv`));

    const some = await folder.run(['report', JOB, '--only', 'not-found,failed', '--format', 'jsonl']);
    expect(some.exitCode).toBe(0);
    expect(
      some.stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { row: 1, username: 'nobody', status: 'not-found', errorName: 'UserNotFoundException' },
    ]);

    const none = await folder.run(['report', JOB, '--only', 'failed']);
    expect(none).toMatchObject({ exitCode: 0, stderr: '' });
    expect(none.stdout).toBe('row,username,status,attempts,errorName,errorMessage,requestId,finishedAt\n');
  });
});

describe.concurrent('the files of a job', () => {
  it('can be read by their owner only', async () => {
    const { folder, to, usernames } = await createWorld(3);
    expect(await folder.run(['-', ...to], { input: csvOf(usernames) })).toMatchObject({ exitCode: 0 });
    const job = folder.at('stdin.job');
    const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);
    expect(await modeOf(job)).toBe('700');
    const files = (await readdir(job)).sort();
    expect(files).toEqual(
      expect.arrayContaining(['checkpoint.json', 'failed.csv', 'report.csv', 'source.csv', 'summary.json']),
    );
    const modes = await Promise.all(
      files.map(async (file) => [file, await modeOf(folder.at('stdin.job', file))]),
    );
    expect(modes).toEqual(files.map((file) => [file, '600']));
    expect(files.filter((file) => file.endsWith('.new'))).toEqual([]);
  });
});
