import { afterAll, describe, expect, it, vi } from 'vitest';
import { type CommandResult, commandLine } from './command.js';
import { type Container, GOOD_FOR, inContainer, type Keys, startContainer } from './container.js';
import { createFolder, type Folder, reportOf, rowNumbers } from './folder.js';
import { csvOf, people, simulatorOf } from './people.js';
import { freePort } from './servers.js';

/** In a container of ECS the SDK fetches keys that last some hours; a run lasts longer. */

vi.setConfig({ testTimeout: 90_000 });

const JOB = 'users.csv.job';
const RESUME = 'resume with: ';
const FEW = people(20);
/** More than one key is good for, and more than two. */
const MORE = people(GOOD_FOR + 20);
const MANY = people(2 * GOOD_FOR + 50);

const containers: Container[] = [];
afterAll(() => Promise.all(containers.map((container) => container.close())));

async function containerWith(keys: Keys, simulator: { readonly url: string }, port = 0): Promise<Container> {
  const container = await startContainer(keys, simulator, port);
  containers.push(container);
  return container;
}

async function folderOf(usernames: readonly string[]): Promise<Folder> {
  const folder = await createFolder();
  await folder.write('users.csv', csvOf(usernames));
  return folder;
}

const runIn = (folder: Folder, port: number): Promise<CommandResult> =>
  folder.run(
    [
      'users.csv',
      '--user-pool-id',
      'us-east-1_Simulator',
      '--endpoint-url',
      `http://127.0.0.1:${port}`,
      '--rate',
      '400',
      '--concurrency',
      '4',
    ],
    { env: inContainer(port) },
  );

const resumeIn = (folder: Folder, { lines }: CommandResult, port: number): Promise<CommandResult> =>
  commandLine(lines.at(-1)?.slice(RESUME.length) ?? '', { cwd: folder.path, env: inContainer(port) });

async function expectConfirmed(
  { exitCode, stderr }: CommandResult,
  folder: Folder,
  usernames: readonly string[],
): Promise<void> {
  expect(exitCode, stderr).toBe(0);
  const report = await reportOf(folder, JOB);
  expect(report.map(({ row }) => row)).toEqual(rowNumbers(usernames.length));
  expect(new Set(report.map(({ status }) => status))).toEqual(new Set(['confirmed']));
}

/** One line says why, the last one how to go on. */
function expectStopped({ exitCode, lines, stderr }: CommandResult, says: RegExp): void {
  expect(exitCode, stderr).toBe(4);
  const errors = lines.filter((line) => line.startsWith('error: '));
  expect(errors, stderr).toHaveLength(1);
  expect(errors[0]).toMatch(says);
  expect(stderr).not.toContain('    at ');
  expect(stderr).not.toContain('example.com');
  expect(lines.at(-1)).toMatch(/^resume with: cognito-bulk-confirm users\.csv /);
}

describe.concurrent('credentials of the container', () => {
  it('are renewed while the run goes on, again and again', async () => {
    const simulator = await simulatorOf(MANY);
    const container = await containerWith('short-lived', simulator);
    const folder = await folderOf(MANY);
    const ended = await runIn(folder, container.port);
    await expectConfirmed(ended, folder, MANY);
    // No key was in use for longer than it was good, and no row had to be sent again for want of a new one.
    expect(container.keys().used).toBeGreaterThanOrEqual(3);
    expect(simulator.stats()).toMatchObject({ requests: MANY.length, confirmed: MANY.length });
    expect(container.strangers()).toBe(0);
  });

  it('that are not renewed in time stop the run, and the same command goes on with new ones', async () => {
    const simulator = await simulatorOf(MORE);
    const container = await containerWith('long-lived', simulator);
    const folder = await folderOf(MORE);
    const stopped = await runIn(folder, container.port);
    expectStopped(stopped, /ExpiredTokenException.*renew/);
    expect(container.keys()).toEqual({ handedOut: 1, used: 1 });
    expect(await reportOf(folder, JOB)).toHaveLength(GOOD_FOR);

    await expectConfirmed(await resumeIn(folder, stopped, container.port), folder, MORE);
    expect(simulator.stats()).toMatchObject({ requests: MORE.length, confirmed: MORE.length });
  });

  it('serve to the end of their time when the endpoint fails meanwhile', async () => {
    const simulator = await simulatorOf(FEW);
    const container = await containerWith('one', simulator);
    const folder = await folderOf(FEW);
    await expectConfirmed(await runIn(folder, container.port), folder, FEW);
    expect(container.keys()).toEqual({ handedOut: 1, used: 1 });
  });

  it('that are past their time stop the run, and good ones finish it', async () => {
    const simulator = await simulatorOf(FEW);
    const container = await containerWith('expired', simulator);
    const folder = await folderOf(FEW);
    const stopped = await runIn(folder, container.port);
    expectStopped(stopped, /ExpiredTokenException.*renew/);
    expect(await reportOf(folder, JOB)).toEqual([]);
    expect(container.keys().used).toBe(0);

    await container.close();
    await containerWith('short-lived', simulator, container.port);
    await expectConfirmed(await resumeIn(folder, stopped, container.port), folder, FEW);
  });

  it('from nowhere stop the run before anything is sent, and it goes on when the endpoint is there', async () => {
    const simulator = await simulatorOf(FEW);
    const folder = await folderOf(FEW);
    const port = await freePort();
    const stopped = await runIn(folder, port);

    expectStopped(stopped, /credentials are missing.*resume/);
    expect(await reportOf(folder, JOB)).toEqual([]);

    await containerWith('short-lived', simulator, port);
    await expectConfirmed(await resumeIn(folder, stopped, port), folder, FEW);
    expect(simulator.stats()).toMatchObject({ requests: FEW.length, confirmed: FEW.length });
  });
});
