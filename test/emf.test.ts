import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createScreen } from '../src/command/screen.js';
import { lastStanding, type MetricLine, metricLine } from '../src/emf.js';
import { noCounts } from '../src/outcome.js';
import { VERSION } from '../src/version.js';
import type { Progress } from '../src/write/progress.js';
import type { Summary } from '../src/write/summary.js';

const FACTS = { userPoolId: 'eu-west-1_AbC123xyz', source: 'users.csv' };

const progress = (given: Partial<Progress>): Progress => ({
  total: 1_000,
  done: 0,
  counts: noCounts(),
  rowsPerSecond: undefined,
  ratePerSecond: 40,
  pacePerSecond: 40,
  slowedBy: undefined,
  latencyP50Ms: undefined,
  latencyP99Ms: undefined,
  throttled: 0,
  inFlight: 0,
  leftMs: undefined,
  ...given,
});

const summary = (given: Partial<Summary>): Summary => ({
  ending: 'finished',
  nothingToDo: false,
  job: 'users.csv.job',
  source: 'users.csv',
  userPoolId: FACTS.userPoolId,
  rehearsal: false,
  total: 1_000,
  done: 1_000,
  counts: noCounts(),
  badRows: 0,
  throttled: 0,
  activeMs: 0,
  runs: [],
  attempts: 0,
  startedAt: '',
  endedAt: '',
  rowsPerSecond: 0,
  requestsPerSecond: 0,
  version: VERSION,
  settings: {} as Summary['settings'],
  ...given,
});

const unitsOf = ({ _aws }: MetricLine): Record<string, string> =>
  Object.fromEntries((_aws.CloudWatchMetrics[0]?.Metrics ?? []).map(({ Name, Unit }) => [Name, Unit]));

describe('metricLine', () => {
  it('counts what came since, and has the rest as it is', () => {
    const before = progress({
      done: 130,
      counts: { ...noCounts(), confirmed: 100, failed: 30 },
      throttled: 7,
    });
    const now = progress({
      done: 220,
      counts: { ...noCounts(), confirmed: 180, failed: 30, invalid: 10 },
      throttled: 12,
      rowsPerSecond: 38.5,
      pacePerSecond: 21.25,
      latencyP50Ms: 60,
      latencyP99Ms: 240,
      inFlight: 3,
    });
    const { _aws, ...members } = metricLine(before, now, 1_795_489_393_668, { ...FACTS, job: 'j' });
    expect(members).toEqual({
      UserPoolId: 'eu-west-1_AbC123xyz',
      job: 'j',
      source: 'users.csv',
      version: VERSION,
      ...noCounts(),
      confirmed: 80,
      invalid: 10,
      RowsPerSecond: 38.5,
      Pace: 21.25,
      Rate: 40,
      Throttled: 5,
      LatencyP50: 60,
      LatencyP99: 240,
      InFlight: 3,
      RowsLeft: 780,
    });
    expect(_aws.Timestamp).toBe(1_795_489_393_668);
    expect(_aws.CloudWatchMetrics).toHaveLength(1);
    expect(_aws.CloudWatchMetrics[0]).toMatchObject({
      Namespace: 'cognito-bulk-confirm',
      Dimensions: [['UserPoolId']],
    });
    expect(unitsOf({ _aws })).toEqual({
      ...Object.fromEntries(Object.keys(noCounts()).map((status) => [status, 'Count'])),
      RowsPerSecond: 'Count/Second',
      Pace: 'Count/Second',
      Rate: 'Count/Second',
      Throttled: 'Count',
      LatencyP50: 'Milliseconds',
      LatencyP99: 'Milliseconds',
      InFlight: 'Count',
      RowsLeft: 'Count',
    });
  });

  it('leaves out what is not known, and what JSON has no number for', () => {
    const line = metricLine(progress({}), progress({ ratePerSecond: Number.POSITIVE_INFINITY }), 0, FACTS);
    for (const name of ['RowsPerSecond', 'LatencyP50', 'LatencyP99', 'Rate']) {
      expect(line).not.toHaveProperty(name);
      expect(unitsOf(line)).not.toHaveProperty(name);
    }
    expect(line).toMatchObject({ Pace: 40, RowsLeft: 1_000 });
    expect(line).not.toHaveProperty('ending');
  });

  it('says of a run that never began that nothing was done', () => {
    const { _aws, ...members } = metricLine({}, lastStanding(undefined, undefined), 0, {
      ...FACTS,
      ending: 'cannot-go-on',
    });
    expect(members).toEqual({
      UserPoolId: FACTS.userPoolId,
      source: 'users.csv',
      ending: 'cannot-go-on',
      version: VERSION,
      ...noCounts(),
      Throttled: 0,
      InFlight: 0,
    });
  });
});

describe('lastStanding', () => {
  it('has counts from the summary, and the pace from what was told last', () => {
    const last = progress({ done: 900, inFlight: 40, pacePerSecond: 12, rowsPerSecond: 11 });
    const counts = { ...noCounts(), confirmed: 950 };
    expect(lastStanding(last, summary({ done: 950, counts, throttled: 3, rowsPerSecond: 38 }))).toMatchObject(
      { done: 950, counts, throttled: 3, inFlight: 0, pacePerSecond: 12, rowsPerSecond: 11 },
    );
  });

  it("has the summary's rate where the run was too short to measure one", () => {
    expect(lastStanding(progress({}), summary({ rowsPerSecond: 38 })).rowsPerSecond).toBe(38);
  });

  it('knows of no rows left where no source was read', () => {
    expect(lastStanding(undefined, summary({ total: 0, done: 0 }))).not.toHaveProperty('total');
  });
});

describe('the metrics on the screen', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance'], now: 1_000_000 }));
  afterEach(() => void vi.useRealTimers());

  /** What is written on standard output by whom such things happen to. */
  async function written(
    happens: (screen: ReturnType<typeof createScreen>) => void,
    options: { readonly quiet?: boolean; readonly emf?: typeof FACTS } = { emf: FACTS },
  ): Promise<MetricLine[]> {
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    const terminal = { stdout, stderr, env: {} } as unknown as Parameters<typeof createScreen>[0];
    happens(createScreen(terminal, { json: false, quiet: false, noProgress: true, ...options }));
    stdout.end();
    return (await text(stdout))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }

  /** Four times a second, a row each time. */
  function run(screen: ReturnType<typeof createScreen>, seconds: number, doneBefore: number): number {
    for (let row = 0; row <= seconds * 4; row++) {
      const done = doneBefore + row;
      screen.onProgress(progress({ done, counts: { ...noCounts(), confirmed: done }, throttled: done }));
      vi.advanceTimersByTime(250);
    }
    return doneBefore + seconds * 4;
  }

  const ended = (done: number, ending: Summary['ending']): Summary =>
    summary({ ending, done, counts: { ...noCounts(), confirmed: done }, throttled: done });

  it('are written once a minute and at the end, and add up to what this run has done', async () => {
    const lines = await written((screen) => {
      const done = run(screen, 150, 300);
      screen.ended(ended(done + 5, 'limit'));
    });
    expect(lines.map(({ ending }) => ending)).toEqual([undefined, undefined, 'limit']);
    expect(lines.map(({ confirmed }) => confirmed)).toEqual([240, 240, 125]);
    expect(lines.map(({ Throttled }) => Throttled)).toEqual([240, 240, 125]);
    expect(lines.map(({ RowsLeft }) => RowsLeft)).toEqual([460, 220, 95]);
    expect(lines.map(({ _aws }) => _aws.Timestamp - 1_000_000)).toEqual([60_000, 120_000, 150_250]);
    expect(lines.map(({ job }) => job)).toEqual([undefined, undefined, 'users.csv.job']);
  });

  it('begin anew with each run of an inbox', async () => {
    const lines = await written((screen) => {
      screen.ended(ended(run(screen, 10, 0), 'finished'));
      screen.ended({ ...ended(run(screen, 20, 100), 'finished'), source: 'b.csv', job: 'b' });
    });
    expect(lines).toMatchObject([
      { confirmed: 40, source: 'users.csv', job: 'users.csv.job' },
      { confirmed: 80, source: 'b.csv', job: 'b' },
    ]);
  });

  it('are of what was told last where there is no summary', async () => {
    const lines = await written((screen) => {
      run(screen, 10, 0);
      screen.ended(undefined);
    });
    expect(lines).toMatchObject([{ confirmed: 40, ending: 'cannot-go-on', RowsLeft: 960, Pace: 40 }]);
  });

  it('do not count what earlier runs have done where there was nothing to do', async () => {
    const lines = await written((screen) => screen.ended(ended(1_000, 'finished')));
    expect(lines).toMatchObject([{ confirmed: 0, Throttled: 0, RowsLeft: 0, ending: 'finished' }]);
  });

  it('come with --quiet too, and only when asked for', async () => {
    const happens = (screen: ReturnType<typeof createScreen>): void =>
      screen.ended(ended(run(screen, 61, 0), 'finished'));
    expect(await written(happens, { quiet: true, emf: FACTS })).toHaveLength(2);
    expect(await written(happens, {})).toEqual([]);
  });
});
