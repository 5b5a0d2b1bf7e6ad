import { expect, it, vi } from 'vitest';
import type { SimulatorOptions } from '../../src/index.js';
import { createFolder } from './folder.js';
import { csvOf, people, simulatorOf } from './people.js';

vi.setConfig({ testTimeout: 90_000 });

const DENIED = { error: 'AccessDeniedException', message: 'not authorized' };

async function runOf(count: number, options: SimulatorOptions, args: readonly string[]) {
  const usernames = people(count);
  const simulator = await simulatorOf(usernames, options);
  const folder = await createFolder();
  await folder.write('users.csv', csvOf(usernames));
  const result = await folder.run([
    'users.csv',
    '--user-pool-id',
    simulator.userPoolId,
    '--endpoint-url',
    simulator.url,
    ...args,
  ]);
  return { ...result, folder, simulator };
}

it.each<[string, SimulatorOptions, readonly string[], RegExp, number]>([
  [
    'four fifths of it by default',
    { quotaPerSecond: 500 },
    [],
    /at 400\/s at most \(80 % of the quota, 500\/s in force\)/,
    0,
  ],
  [
    'the share that is asked for',
    { quotaPerSecond: 500 },
    ['--rate', '50%'],
    /at 250\/s at most \(50 % of the quota, 500\/s in force\)/,
    0,
  ],
  [
    "a share of the account's maximum where it may not be read, and says so",
    { quotaPerSecond: 500, refuse: { GetProvisionedLimit: DENIED } },
    [],
    /^warning: the quota in force cannot be read \(AccessDeniedException: not authorized\): the account's maximum of 500\/s is taken.*allow cognito-idp:GetProvisionedLimit/m,
    1,
  ],
  [
    "a share of AWS's default where nobody says, and says so",
    { quotaPerSecond: 500, refuse: { GetProvisionedLimit: DENIED, GetServiceQuota: DENIED } },
    [],
    /^warning: the quota in force cannot be read .*AWS's default of 50\/s is taken; allow cognito-idp:GetProvisionedLimit on \*, or name a rate/m,
    1,
  ],
  [
    'a rate above it, and says what that does',
    { quotaPerSecond: 500 },
    ['--rate', '600'],
    /^warning: --rate 600 is above the quota in force, 500\/s: .*live sign-ups/m,
    0,
  ],
])('reads the quota once and takes %s', async (_what, options, args, says, maximum) => {
  const { exitCode, simulator, stderr } = await runOf(3, options, args);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toMatch(says);
  expect(simulator.stats().quotaCalls).toEqual({ GetProvisionedLimit: 1, GetServiceQuota: maximum });
});

it('does not ask for the quota where nothing is sent', async () => {
  const { exitCode, simulator } = await runOf(3, {}, ['--dry-run']);
  expect(exitCode).toBe(0);
  expect(simulator.stats().quotaCalls).toEqual({ GetProvisionedLimit: 0, GetServiceQuota: 0 });
});

it('yields within two tickets of a throttled answer, by the count of the service, and tells of it', async () => {
  const usernames = people(330);
  const [throttledUser = ''] = usernames.slice(99);
  const { folder, exitCode, simulator, stderr } = await runOf(
    330,
    {
      quotaPerSecond: Number.POSITIVE_INFINITY,
      recordCalls: true,
      script: { [throttledUser]: ['throttle'] },
    },
    ['--rate', '100', '--json'],
  );
  expect(exitCode, stderr).toBe(0);
  const calls = simulator.calls();
  const throttled = calls.findIndex(({ result }) => result === 'throttle');
  const atMs = calls[throttled]?.atMs ?? Number.NaN;
  // A slow machine makes it fewer. At the rate it would be 200.
  const meanwhile = calls.slice(throttled + 1).filter((call) => call.atMs < atMs + 1_900);
  expect(meanwhile.length).toBeLessThan(30);
  expect(simulator.stats().confirmed).toBe(330);
  const summary = JSON.parse(await folder.read('users.csv.job/summary.json'));
  expect(summary).toMatchObject({
    throttled: 1,
    rate: { ratePerSecond: 100, quotaPerSecond: 1_000_000, quotaKnown: 'in-force' },
  });
  expect(summary.pace[0]).toMatchObject({ pacePerSecond: 100, throttled: 0 });
  expect(summary.pace.some((point: { pacePerSecond: number }) => point.pacePerSecond < 10)).toBe(true);
});
