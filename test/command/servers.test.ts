import { afterAll, describe, expect, it, vi } from 'vitest';
import { type CommandResult, commandLine } from './command.js';
import { createFolder, type Folder, reportOf, rowNumbers, statusesOf } from './folder.js';
import { csvOf, people, simulatorOf } from './people.js';
import { type BadServer, type BadServerName, freePort, startBadServer } from './servers.js';

vi.setConfig({ testTimeout: 90_000 });

const ROWS = 40;
const USERNAMES = people(ROWS);
const CONCURRENCY = 4;
const POOL = 'us-east-1_Simulator';
const JOB = 'users.csv.job';
const HEADER = 'row,username,status,attempts,errorName,errorMessage,requestId,finishedAt\n';
const RESUME = 'resume with: ';

const argsTo = (port: number, ...more: string[]): string[] => [
  'users.csv',
  '--user-pool-id',
  POOL,
  '--endpoint-url',
  `http://127.0.0.1:${port}`,
  '--rate',
  '200',
  '--concurrency',
  `${CONCURRENCY}`,
  ...more,
];

async function folderOfUsers(): Promise<Folder> {
  const folder = await createFolder();
  await folder.write('users.csv', csvOf(USERNAMES));
  return folder;
}

const servers: BadServer[] = [];
afterAll(() => Promise.all(servers.map((server) => server.close())));

async function badServer(name: BadServerName): Promise<BadServer> {
  const server = await startBadServer(name);
  servers.push(server);
  return server;
}

/** One clear line says why, the last line says how to go on, and no row bears the blame. */
async function expectStopped({ exitCode, lines, stderr }: CommandResult, folder: Folder, says: RegExp) {
  expect(exitCode, stderr).toBe(4);
  const errors = lines.filter((line) => line.startsWith('error: '));
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatch(says);
  expect(stderr).not.toContain('    at ');
  expect(lines.at(-1)).toMatch(/^resume with: cognito-bulk-confirm users\.csv /);
  expect(await folder.read(`${JOB}/report.csv`)).toBe(HEADER);
}

/** With the cause gone, the very line that was printed finishes the job. */
async function expectFinishedByResuming(folder: Folder, { lines }: CommandResult, port: number, env = {}) {
  const simulator = await simulatorOf(USERNAMES, { port, userPoolId: POOL });
  const line = lines.at(-1)?.slice(RESUME.length) ?? '';
  const { exitCode, stderr } = await commandLine(line, { cwd: folder.path, env });
  expect(exitCode, stderr).toBe(0);
  const report = await reportOf(folder, JOB);
  expect(report.map(({ row }) => row)).toEqual(rowNumbers(ROWS));
  expect(report.map(({ username }) => username)).toEqual(USERNAMES);
  expect(new Set(report.map(({ status }) => status))).toEqual(new Set(['confirmed']));
  expect(simulator.stats()).toMatchObject({ requests: ROWS, confirmed: ROWS });
}

describe.concurrent('a server that nothing can be done with stops the run, and the same command finishes it later', () => {
  it.each<[BadServerName, RegExp]>([
    ['access-denied-403', /AccessDeniedException.*allow cognito-idp:AdminConfirmSignUp/],
    ['access-denied', /AccessDeniedException.*allow cognito-idp:AdminConfirmSignUp/],
    ['token-expired', /ExpiredTokenException.*renew/],
    ['client-unrecognized', /UnrecognizedClientException.*renew/],
    ['no-such-pool', /no such pool.*--user-pool-id.*--region/],
  ])('%s: no more than the requests in flight come after its first answer', async (name, says) => {
    const server = await badServer(name);
    const folder = await folderOfUsers();
    const stopped = await folder.run(argsTo(server.port));
    await expectStopped(stopped, folder, says);
    expect(server.requests()).toBeGreaterThan(0);
    expect(server.requestsAfterFirstAnswer()).toBeLessThanOrEqual(CONCURRENCY);
    await server.close();
    await expectFinishedByResuming(folder, stopped, server.port);
  });

  it.each<[BadServerName, RegExp]>([
    ['answers-html-200', /does not answer as Cognito does \(HTTP 200\).*--endpoint-url/],
    // Whatever is not the service has not confirmed anybody.
    ['answers-nothing-200', /does not answer as Cognito does \(HTTP 200\).*--endpoint-url/],
    ['answers-json-200', /does not answer as Cognito does \(HTTP 200\).*--endpoint-url/],
    ['answers-html-404', /does not answer as Cognito does \(HTTP 404\).*--endpoint-url/],
    ['answers-html-500', /does not answer as Cognito does \(HTTP 500\).*--endpoint-url/],
    ['hangs-up', /no answer from http:\/\/127\.0\.0\.1.*--endpoint-url/],
  ])('%s: a few attempts are made first', async (name, says) => {
    const server = await badServer(name);
    const folder = await folderOfUsers();
    const stopped = await folder.run(argsTo(server.port));
    await expectStopped(stopped, folder, says);
    // Rows that wait for their next attempt leave their place to others, so each row may come once or more.
    expect(server.requests()).toBeLessThanOrEqual(4 * ROWS);
    await server.close();
    await expectFinishedByResuming(folder, stopped, server.port);
  });

  it('nobody listens', async () => {
    const port = await freePort();
    const folder = await folderOfUsers();
    const stopped = await folder.run(argsTo(port));
    await expectStopped(
      stopped,
      folder,
      /no answer from http:\/\/127\.0\.0\.1.*ECONNREFUSED.*--endpoint-url/,
    );
    await expectFinishedByResuming(folder, stopped, port);
  });

  it('no TLS at the other end of an https address', async () => {
    const server = await badServer('answers-html-200');
    const folder = await folderOfUsers();
    const args = argsTo(server.port).map((word) => word.replace('http:', 'https:'));
    await expectStopped(await folder.run(args), folder, /no answer from https:.*--endpoint-url/);
    expect(server.requests()).toBe(0);
  });

  it('no credentials anywhere', async () => {
    const server = await badServer('always-500');
    const folder = await folderOfUsers();
    const stopped = await folder.run(argsTo(server.port), {
      env: { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined },
    });
    await expectStopped(stopped, folder, /credentials/);
    expect(server.requests()).toBe(0);
    await server.close();
    await expectFinishedByResuming(folder, stopped, server.port);
  });

  it('a profile that there is not', async () => {
    const folder = await folderOfUsers();
    const stopped = await folder.run(argsTo(await freePort(), '--profile', 'nobody'));
    await expectStopped(stopped, folder, /credentials are missing/);
  });
});

describe.concurrent('a service that fails for every row', () => {
  const bounds = ['--max-attempts', '2', '--max-failures-in-a-row', '3'];

  it('has its rows told as failed, and the run ends with exit code 3', async () => {
    const server = await badServer('always-500');
    const folder = await folderOfUsers();
    const { exitCode, lines, stderr } = await folder.run(argsTo(server.port, ...bounds));
    expect(exitCode, stderr).toBe(3);
    expect(stderr).toMatch(/[3-9] sent rows in a row did not end well \(--max-failures-in-a-row 3\)/);
    expect(lines.at(-1)).toMatch(/^resume with: cognito-bulk-confirm users\.csv /);

    const report = await reportOf(folder, JOB);
    expect(report.length).toBeGreaterThanOrEqual(3);
    expect(report.length).toBeLessThan(ROWS);
    for (const line of report) {
      expect(line).toMatchObject({ status: 'failed', attempts: '2', errorName: 'InternalErrorException' });
    }
  });

  it('lets the others be confirmed when it is well again, and --retry-failed confirms the rest', async () => {
    const server = await badServer('always-500');
    const folder = await folderOfUsers();
    await folder.run(argsTo(server.port, ...bounds));
    const failed = (await reportOf(folder, JOB)).length;
    await server.close();
    const simulator = await simulatorOf(USERNAMES, { port: server.port, userPoolId: POOL });

    expect(await folder.run(argsTo(server.port, ...bounds))).toMatchObject({ exitCode: 1 });
    const statuses = await statusesOf(folder, JOB);
    expect(statuses).toHaveLength(ROWS);
    expect(statuses.filter((status) => status === 'failed')).toHaveLength(failed);
    expect(simulator.stats().requests).toBe(ROWS - failed);
    expect((await folder.read(`${JOB}/failed.csv`)).split('\n')).toHaveLength(failed + 2);

    expect(await folder.run(argsTo(server.port, ...bounds, '--retry-failed'))).toMatchObject({ exitCode: 0 });
    expect(await statusesOf(folder, JOB)).toEqual(USERNAMES.map(() => 'confirmed'));
    expect((await reportOf(folder, JOB)).map(({ row }) => row)).toEqual(rowNumbers(ROWS));
    expect(await folder.read(`${JOB}/failed.csv`)).toBe('username\n');
  });
});
