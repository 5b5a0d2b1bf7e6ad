import { describe, expect, it, vi } from 'vitest';
import { STATUSES } from '../../src/outcome.js';
import type { SimulatorOptions } from '../../src/simulator/simulator.js';
import { VERSION } from '../../src/version.js';
import { type CommandOptions, type CommandResult, command } from './command.js';
import { createFolder, statusesOf } from './folder.js';
import { csvOf, people, simulatorOf, toSimulator } from './people.js';

vi.setConfig({ testTimeout: 90_000 });

const JOB = 'users.csv.job';
const POOL = 'us-east-1_Simulator';

/** The units of MetricDatum. */
const UNITS = [
  'Seconds Microseconds Milliseconds',
  'Bytes Kilobytes Megabytes Gigabytes Terabytes Bits Kilobits Megabits Gigabits Terabits',
  'Bytes/Second Kilobytes/Second Megabytes/Second Gigabytes/Second Terabytes/Second',
  'Bits/Second Kilobits/Second Megabits/Second Gigabits/Second Terabits/Second',
  'Percent Count Count/Second None',
].flatMap((names) => names.split(' '));

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isName = (value: unknown): value is string =>
  typeof value === 'string' && value.length >= 1 && value.length <= 255;
const isNumber = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const strangers = (value: Json, known: readonly string[]): string[] =>
  Object.keys(value).filter((name) => !known.includes(name));

/**
 * What the specification of the embedded metric format (Amazon CloudWatch User Guide) has against a line: nothing,
 * where it is sound.
 */
function faultsOf(line: string): string[] {
  if (Buffer.byteLength(line) > 256 * 1024) return ['the line is longer than 256 KB'];
  let root: unknown;
  try {
    root = JSON.parse(line);
  } catch {
    return ['the line is no JSON'];
  }
  if (!isObject(root) || !isObject(root._aws)) return ['there is no _aws'];
  const { CloudWatchMetrics: directives, Timestamp: timestamp } = root._aws;
  const faults = strangers(root._aws, ['Timestamp', 'CloudWatchMetrics']).map((name) => `_aws has ${name}`);
  // Seconds would be a time of 1970, and CloudWatch takes what is at most two weeks old.
  const ageMs = Date.now() - Number(timestamp);
  if (!Number.isInteger(timestamp) || ageMs < -7_200_000 || ageMs > 14 * 86_400_000) {
    faults.push('Timestamp is not a time of now, in milliseconds');
  }
  if (listOf(directives).length === 0) faults.push('CloudWatchMetrics is no list with something in it');
  for (const directive of listOf(directives)) {
    faults.push(...(isObject(directive) ? faultsOfDirective(directive, root) : ['a directive is no object']));
  }
  return faults;
}

function faultsOfDirective(directive: Json, root: Json): string[] {
  const { Dimensions: sets, Metrics: metrics, Namespace: namespace } = directive;
  const faults = strangers(directive, ['Namespace', 'Dimensions', 'Metrics']).map(
    (name) => `a directive has ${name}`,
  );
  if (!isName(namespace) || namespace.startsWith('AWS/') || !/^[\w./#:-]+$/.test(namespace)) {
    faults.push('Namespace is none');
  }
  if (listOf(sets).length === 0) faults.push('Dimensions is no list of sets');
  for (const set of listOf(sets)) {
    if (!Array.isArray(set) || set.length > 30) faults.push('a dimension set is no list of up to 30');
    for (const name of listOf(set)) {
      const value = isName(name) && Object.hasOwn(root, name) ? root[name] : undefined;
      if (typeof value !== 'string' || value === '' || value.length > 1024) {
        faults.push(`dimension ${name} has no text at the top`);
      }
    }
  }
  if (!Array.isArray(metrics) || metrics.length > 100) faults.push('Metrics is no list of up to 100');
  const names = listOf(metrics).map((metric) => (isObject(metric) ? metric.Name : undefined));
  if (new Set(names).size !== names.length) faults.push('a metric is there twice');
  for (const metric of listOf(metrics)) {
    if (!isObject(metric) || !isName(metric.Name)) {
      faults.push('a metric has no name');
      continue;
    }
    const { Name: name, StorageResolution: resolution = 60, Unit: unit = 'None' } = metric;
    const value = Object.hasOwn(root, name) ? root[name] : undefined;
    const values = Array.isArray(value) ? value : [value];
    if (values.length > 100 || !values.every(isNumber))
      faults.push(`metric ${name} has no number at the top`);
    if (typeof unit !== 'string' || !UNITS.includes(unit)) faults.push(`metric ${name} has no such unit`);
    if (resolution !== 1 && resolution !== 60) faults.push(`metric ${name} has no such resolution`);
    faults.push(
      ...strangers(metric, ['Name', 'Unit', 'StorageResolution']).map((other) => `${name} has ${other}`),
    );
  }
  return faults;
}

const isMetrics = (line: string): boolean => line.startsWith('{"_aws"');

/** The lines of metrics of a run, each of them sound, and nobody's name in them. */
function metricsOf({ stdout }: Pick<CommandResult, 'stdout'>): Json[] {
  const lines = stdout.split('\n').filter(isMetrics);
  for (const line of lines) {
    expect(faultsOf(line)).toEqual([]);
    expect(line).not.toContain('person-');
  }
  return lines.map((line) => JSON.parse(line));
}

/** Some who wait, one in ten of whom nobody knows. */
async function createWorld(count: number, options: SimulatorOptions = {}) {
  const usernames = people(count);
  const simulator = await simulatorOf(
    usernames.filter((_name, index) => index % 10 !== 9),
    { userPoolId: POOL, ...options },
  );
  const folder = await createFolder();
  await folder.write('users.csv', csvOf(usernames));
  const run = (options: readonly string[], around?: CommandOptions): Promise<CommandResult> =>
    folder.run(['users.csv', ...toSimulator(simulator), '--emf', ...options], around);
  /** Rows by status: of the report. */
  async function reported(): Promise<Record<string, number>> {
    const statuses = await statusesOf(folder, JOB);
    return Object.fromEntries(
      STATUSES.map((status) => [status, statuses.filter((each) => each === status).length]),
    );
  }
  return { folder, simulator, run, reported };
}

/** Rows by status: of all lines together. */
const summed = (lines: readonly Json[]): Record<string, number> =>
  Object.fromEntries(
    STATUSES.map((status) => [status, lines.reduce((sum, line) => sum + Number(line[status]), 0)]),
  );

describe.concurrent('--emf', () => {
  it('tells how a run went that finished', async () => {
    const { reported, run } = await createWorld(40);
    const result = await run([]);
    expect(result.exitCode, result.stderr).toBe(1);
    const lines = metricsOf(result);
    expect(lines.at(-1)).toMatchObject({
      UserPoolId: POOL,
      job: expect.stringContaining(JOB),
      source: 'users.csv',
      ending: 'finished',
      version: VERSION,
      Rate: 200,
      Throttled: 0,
      InFlight: 0,
      RowsLeft: 0,
    });
    expect(summed(lines)).toEqual(await reported());
    expect(summed(lines)).toMatchObject({ confirmed: 36, 'not-found': 4 });
  });

  it('counts each row once over a run that --limit ended and the one that went on', async () => {
    const { reported, run } = await createWorld(40);
    const first = await run(['--limit', '15']);
    expect(first.exitCode, first.stderr).toBe(10);
    const lines = metricsOf(first);
    expect(lines.at(-1)).toMatchObject({ ending: 'limit', RowsLeft: 25, InFlight: 0 });
    expect(summed(lines)).toEqual(await reported());

    const second = metricsOf(await run([]));
    expect(second.at(-1)).toMatchObject({ ending: 'finished', RowsLeft: 0 });
    expect(summed([...lines, ...second])).toEqual(await reported());

    const third = metricsOf(await run([]));
    expect(third).toMatchObject([{ ending: 'finished', RowsLeft: 0 }]);
    expect(Object.values(summed(third)).every((count) => count === 0)).toBe(true);
  });

  it('tells how a run went that had too many failures', async () => {
    const { reported, run } = await createWorld(40);
    const stopped = await run(['--max-failures-in-a-row', '1', '--concurrency', '1']);
    expect(stopped.exitCode, stopped.stderr).toBe(3);
    const lines = metricsOf(stopped);
    expect(lines.at(-1)).toMatchObject({ ending: 'too-many-failures' });
    expect(summed(lines)).toEqual(await reported());
    expect(summed(lines)['not-found']).toBeGreaterThan(0);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('tells how a run went that %s ended', async (signal) => {
    const { reported, run, simulator } = await createWorld(60);
    simulator.set({ latencyMs: 400 });
    const result = await run(['--concurrency', '2'], {
      signalAfter: { line: /sending 60 rows/, signal },
    });
    expect(result.exitCode, result.stderr).toBe(signal === 'SIGTERM' ? 143 : 130);
    const lines = metricsOf(result);
    const counts = await reported();
    const done = Object.values(counts).reduce((sum, count) => sum + count, 0);
    expect(lines.at(-1)).toMatchObject({ ending: 'interrupted', RowsLeft: 60 - done });
    expect(done).toBeLessThan(60);
    expect(summed(lines)).toEqual(counts);
  });

  it('tells how a run went whose credentials ran out, --quiet or not', async () => {
    const expired = { error: 'ExpiredTokenException', message: 'Expired.' };
    const { reported, run } = await createWorld(40, { script: { 'person-13@example.com': [expired] } });
    const result = await run(['--quiet', '--concurrency', '1']);
    expect(result.exitCode, result.stderr).toBe(4);
    const lines = metricsOf(result);
    expect(lines.at(-1)).toMatchObject({ ending: 'cannot-go-on', RowsLeft: 28, InFlight: 0 });
    expect(summed(lines)).toEqual(await reported());
    expect(summed(lines)).toMatchObject({ confirmed: 11, 'not-found': 1 });
    // --quiet keeps the summary to itself.
    expect(result.stdout.trimEnd().split('\n').every(isMetrics)).toBe(true);
  });

  it('tells of a run that could not begin', async () => {
    const folder = await createFolder();
    const result = await folder.run(['nowhere.csv', '--user-pool-id', POOL, '--emf']);
    expect(result.exitCode).toBe(2);
    const lines = metricsOf(result);
    expect(lines).toMatchObject([{ UserPoolId: POOL, source: 'nowhere.csv', ending: 'cannot-go-on' }]);
    expect(lines[0]).not.toHaveProperty('RowsLeft');
  });

  it('tells nothing where a wrong option keeps a run from being one', async () => {
    const { run } = await createWorld(1);
    expect(await run(['--concurrency', 'many'])).toMatchObject({ exitCode: 2, stdout: '' });
  });

  it('stands beside the other lines of --json, and comes from the environment too', async () => {
    const { folder, reported, simulator } = await createWorld(20);
    const env = { COGNITO_BULK_CONFIRM_EMF: 'true' };
    const result = await folder.run(['users.csv', ...toSimulator(simulator), '--json'], { env });
    const lines = result.stdout.trimEnd().split('\n');
    expect(lines.filter((line) => !isMetrics(line)).map((line) => JSON.parse(line).type)).toEqual([
      'summary',
    ]);
    expect(summed(metricsOf(result))).toEqual(await reported());
  });

  it('puts no rehearsal down to the pool', async () => {
    const folder = await createFolder();
    await folder.write('users.csv', csvOf(people(5)));
    const result = await folder.run(['users.csv', '--user-pool-id', POOL, '--rehearse', '--emf']);
    expect(result.exitCode, result.stderr).toBe(0);
    expect(metricsOf(result).at(-1)).toMatchObject({ UserPoolId: 'rehearsal', ending: 'finished' });
  });

  it('puts no demo down to a pool', async () => {
    const result = await command(['demo', '--emf'], {
      signalAfter: { line: /sending 800 rows/, signal: 'SIGINT' },
    });
    expect(result.exitCode, result.stderr).toBe(130);
    const lines = metricsOf(result);
    expect(lines.at(-1)).toMatchObject({ UserPoolId: 'demo', ending: 'interrupted' });
    const done = Object.values(summed(lines)).reduce((sum, count) => sum + count, 0);
    expect(lines.at(-1)?.RowsLeft).toBe(800 - done);
  });
});

describe('the check of a line', () => {
  const metric = { Name: 'Done', Unit: 'Count' };
  const directive = { Namespace: 'mine', Dimensions: [['Pool']], Metrics: [metric] };
  const line = (changed: Json, inDirective: Json = {}): string =>
    JSON.stringify({
      _aws: { Timestamp: Date.now(), CloudWatchMetrics: [{ ...directive, ...inDirective }] },
      Pool: 'p',
      Done: 1,
      ...changed,
    });

  it('finds nothing in a sound one', () => {
    expect(faultsOf(line({ other: { of: ['any', 'kind'] } }))).toEqual([]);
  });

  it.each([
    ['no JSON', `${line({})} and more`],
    ['no _aws', line({ _aws: undefined })],
    ['no Timestamp', line({ _aws: { CloudWatchMetrics: [directive] } })],
    ['seconds', line({ _aws: { Timestamp: 1_795_489_393, CloudWatchMetrics: [directive] } })],
    ['no directive', line({ _aws: { Timestamp: Date.now(), CloudWatchMetrics: [] } })],
    ['no namespace', line({}, { Namespace: '' })],
    ['no dimension set', line({}, { Dimensions: [] })],
    ['a set that is none', line({}, { Dimensions: ['Pool'] })],
    ['a dimension without its value', line({ Pool: undefined })],
    ['a dimension that is a number', line({ Pool: 1 })],
    ['an empty dimension', line({ Pool: '' })],
    ['a metric without its value', line({ Done: undefined })],
    ['a metric that is null, as NaN is in JSON', line({ Done: Number.NaN })],
    ['a metric that is text', line({ Done: '1' })],
    ['a metric without a name', line({}, { Metrics: [{ Unit: 'Count' }] })],
    ['a metric that is there twice', line({}, { Metrics: [metric, metric] })],
    ['a unit of its own', line({}, { Metrics: [{ ...metric, Unit: 'Rows' }] })],
    ['more than 100 metrics', line({}, { Metrics: Array.from({ length: 101 }, () => metric) })],
    ['a member of its own', line({}, { Colour: 'red' })],
  ])('finds %s', (_name, wrong) => {
    expect(faultsOf(wrong)).not.toEqual([]);
  });
});
