import { describe, expect, it } from 'vitest';
import { OptionError, RUN_OPTIONS, type RunOptions, toSendSettings, toSettings } from '../src/options.js';

const REQUIRED = { source: 'users.csv', userPoolId: 'eu-west-1_AbC123xyz' };

/** Options as they come from a program without types, or from a command line. */
const settingsOf = (options: Record<string, unknown>) =>
  toSettings({ ...REQUIRED, ...options } as unknown as RunOptions);

it('has a default for everything but source and pool', () => {
  expect(toSettings(REQUIRED)).toEqual({
    source: 'users.csv',
    userPoolId: 'eu-west-1_AbC123xyz',
    region: undefined,
    profile: undefined,
    endpointUrl: undefined,
    job: undefined,
    leaseMs: 30_000,
    flush: { rows: 5_000, ms: 10_000 },
    sseKmsKeyId: undefined,
    rate: { share: 0.8 },
    concurrency: 100,
    usernameColumn: undefined,
    metadata: {},
    delimiter: undefined,
    noHeader: false,
    maxAttempts: 10,
    maxFailures: { share: 0.05 },
    maxFailuresInARow: 100,
    limit: undefined,
    maxDurationMs: undefined,
    retryFailed: false,
    dryRun: false,
    fresh: false,
    rehearse: false,
  });
});

it('asks for no pool where it only rehearses', () => {
  expect(toSettings({ source: 'users.csv', rehearse: true } as RunOptions).userPoolId).toBe(
    'us-east-1_Rehearsal',
  );
  expect(settingsOf({ rehearse: true }).userPoolId).toBe('eu-west-1_AbC123xyz');
});

describe('a value', () => {
  it.each([
    ['rate', 12, { rate: { perSecond: 12 } }],
    ['rate', '12', { rate: { perSecond: 12 } }],
    ['rate', '0.5', { rate: { perSecond: 0.5 } }],
    ['rate', '1e3', { rate: { perSecond: 1_000 } }],
    ['rate', 10_000, { rate: { perSecond: 10_000 } }],
    ['rate', '80%', { rate: { share: 0.8 } }],
    ['rate', '0.5%', { rate: { share: 0.005 } }],
    ['rate', '100%', { rate: { share: 1 } }],
    ['concurrency', '1', { concurrency: 1 }],
    ['concurrency', 10_000, { concurrency: 10_000 }],
    ['maxAttempts', '3', { maxAttempts: 3 }],
    ['maxFailures', 500, { maxFailures: { rows: 500 } }],
    ['maxFailures', '500', { maxFailures: { rows: 500 } }],
    ['maxFailures', '7%', { maxFailures: { share: 0.07 } }],
    ['maxFailures', '2.5%', { maxFailures: { share: 0.025 } }],
    ['maxFailures', '0%', { maxFailures: { share: 0 } }],
    ['maxFailures', '100%', { maxFailures: { share: 1 } }],
    ['maxFailuresInARow', '0', { maxFailuresInARow: 0 }],
    ['limit', '100', { limit: 100 }],
    ['lease', '2s', { leaseMs: 2_000 }],
    ['lease', 60_000, { leaseMs: 60_000 }],
    ['flush', 200, { flush: { rows: 200, ms: 10_000 } }],
    ['flush', '200', { flush: { rows: 200, ms: 10_000 } }],
    ['flush', '30s', { flush: { rows: 5_000, ms: 30_000 } }],
    ['flush', '200,1m', { flush: { rows: 200, ms: 60_000 } }],
    ['flush', '1m,200', { flush: { rows: 200, ms: 60_000 } }],
    ['sseKmsKeyId', 'alias/jobs', { sseKmsKeyId: 'alias/jobs' }],
    ['maxDuration', 1_500, { maxDurationMs: 1_500 }],
    ['maxDuration', '250ms', { maxDurationMs: 250 }],
    ['maxDuration', '90s', { maxDurationMs: 90_000 }],
    ['maxDuration', '30m', { maxDurationMs: 1_800_000 }],
    ['maxDuration', '1.5h', { maxDurationMs: 5_400_000 }],
    ['maxDuration', '2d', { maxDurationMs: 172_800_000 }],
    ['delimiter', ',', { delimiter: ',' }],
    ['delimiter', 'comma', { delimiter: ',' }],
    ['delimiter', ';', { delimiter: ';' }],
    ['delimiter', 'semicolon', { delimiter: ';' }],
    ['delimiter', '\t', { delimiter: '\t' }],
    ['delimiter', '\\t', { delimiter: '\t' }],
    ['delimiter', 'tab', { delimiter: '\t' }],
    ['endpointUrl', 'http://127.0.0.1:9229', { endpointUrl: 'http://127.0.0.1:9229' }],
    ['endpointUrl', 'https://proxy.example/x', { endpointUrl: 'https://proxy.example/x' }],
    ['userPoolId', 'local_5XYzAb12', { userPoolId: 'local_5XYzAb12' }],
    ['source', '-', { source: '-' }],
    ['job', 'jobs/a', { job: 'jobs/a' }],
    ['usernameColumn', 'E-Mail', { usernameColumn: 'E-Mail' }],
    ['noHeader', true, { noHeader: true }],
  ])('of %s may be %j', (option, value, settings) => {
    expect(settingsOf({ [option]: value })).toMatchObject(settings);
  });
});

const RATE =
  'a number above 0 (requests per second, at most 10000), or a share of the quota above 0% and up to 100%';
const FAILURES = 'a number of rows such as `500`, or a share such as `5%`';
const FLUSH = 'a number of rows, a time from 1s to 1h, or both, as `5000,10s`';
const DURATION = 'a time above 0 such as `90s`, `30m` or `6h`';
const POOL = 'a pool id such as `eu-west-1_AbC123xyz`';
const URL = 'an address such as `http://127.0.0.1:9229`';
const DELIMITER = '`,`, `;` or `tab`';

describe('a bad value', () => {
  it.each([
    ['source', undefined, 'a path or `-`, got `undefined`'],
    ['source', '', 'some text, got ``'],
    ['source', 7, 'some text, got `7`'],
    ['userPoolId', undefined, 'given (or COGNITO_USER_POOL_ID to be set)'],
    ['userPoolId', '', 'given (or COGNITO_USER_POOL_ID to be set)'],
    ['userPoolId', 'AbC123xyz', `${POOL}, got \`AbC123xyz\``],
    ['userPoolId', 'eu-west-1_', `${POOL}, got \`eu-west-1_\``],
    ['userPoolId', 'eu-west-1_Ab C', `${POOL}, got \`eu-west-1_Ab C\``],
    ['userPoolId', 'eu-west-1_AbC\n', `${POOL}, got \`eu-west-1_AbC\n\``],
    ['userPoolId', `eu-west-1_${'x'.repeat(46)}`, `${POOL}, got \`eu-west-1_${'x'.repeat(46)}\``],
    ['userPoolId', 5, `${POOL}, got \`5\``],
    ['region', '', 'some text, got ``'],
    ['profile', 5, 'some text, got `5`'],
    ['endpointUrl', 'localhost:9229', `${URL}, got \`localhost:9229\``],
    ['endpointUrl', 'localhost', `${URL}, got \`localhost\``],
    ['endpointUrl', 'ftp://x', `${URL}, got \`ftp://x\``],
    ['job', '', 'some text, got ``'],
    ['rate', 0, `${RATE}, got \`0\``],
    ['rate', -1, `${RATE}, got \`-1\``],
    ['rate', '-1', `${RATE}, got \`-1\``],
    ['rate', 10_001, `${RATE}, got \`10001\``],
    ['rate', 'fast', `${RATE}, got \`fast\``],
    ['rate', '', `${RATE}, got \`\``],
    ['rate', ' 12', `${RATE}, got \` 12\``],
    ['rate', '0x10', `${RATE}, got \`0x10\``],
    ['rate', Number.NaN, `${RATE}, got \`NaN\``],
    ['rate', '0%', `${RATE}, got \`0%\``],
    ['rate', '120%', `${RATE}, got \`120%\``],
    ['rate', '-5%', `${RATE}, got \`-5%\``],
    ['rate', '80 %', `${RATE}, got \`80 %\``],
    ['rate', '%', `${RATE}, got \`%\``],
    ['rate', 'fifty', `${RATE}, got \`fifty\``],
    ['rate', true, `${RATE}, got \`true\``],
    ['concurrency', 0, 'a whole number from 1 to 10000, got `0`'],
    ['concurrency', 1.5, 'a whole number from 1 to 10000, got `1.5`'],
    ['concurrency', 10_001, 'a whole number from 1 to 10000, got `10001`'],
    ['maxAttempts', 0, 'a whole number from 1 to 100, got `0`'],
    ['maxAttempts', '101', 'a whole number from 1 to 100, got `101`'],
    ['maxFailures', 0, `${FAILURES}, got \`0\``],
    ['maxFailures', '5 %', `${FAILURES}, got \`5 %\``],
    ['maxFailures', '101%', `${FAILURES}, got \`101%\``],
    ['maxFailures', '-1%', `${FAILURES}, got \`-1%\``],
    ['maxFailures', 0.5, `${FAILURES}, got \`0.5\``],
    ['maxFailures', { rows: 5 }, `${FAILURES}, got \`{ rows: 5 }\``],
    ['maxFailuresInARow', -1, 'a whole number of 0 or more, got `-1`'],
    ['maxFailuresInARow', 'off', 'a whole number of 0 or more, got `off`'],
    ['limit', 0, 'a whole number of 1 or more, got `0`'],
    ['limit', '1.5', 'a whole number of 1 or more, got `1.5`'],
    ['limit', 2 ** 53, 'a whole number of 1 or more, got `9007199254740992`'],
    ['lease', '1s', 'a time from `2s` to `1h`, got `1s`'],
    ['lease', '2h', 'a time from `2s` to `1h`, got `2h`'],
    ['lease', '30', 'a time from `2s` to `1h`, got `30`'],
    ['flush', 0, `${FLUSH}, got \`0\``],
    ['flush', '', `${FLUSH}, got \`\``],
    ['flush', '0s', `${FLUSH}, got \`0s\``],
    ['flush', '500ms', `${FLUSH}, got \`500ms\``],
    ['flush', '2h', `${FLUSH}, got \`2h\``],
    ['flush', '5000 rows', `${FLUSH}, got \`5000 rows\``],
    ['maxDuration', 0, `${DURATION}, got \`0\``],
    ['maxDuration', Number.POSITIVE_INFINITY, `${DURATION}, got \`Infinity\``],
    ['maxDuration', '0s', `${DURATION}, got \`0s\``],
    ['maxDuration', '30', `${DURATION}, got \`30\``],
    ['maxDuration', '30 m', `${DURATION}, got \`30 m\``],
    ['maxDuration', '1h30m', `${DURATION}, got \`1h30m\``],
    ['maxDuration', '2w', `${DURATION}, got \`2w\``],
    ['delimiter', '|', `${DELIMITER}, got \`|\``],
    ['delimiter', '', `${DELIMITER}, got \`\``],
    ['delimiter', 'constructor', `${DELIMITER}, got \`constructor\``],
    ['noHeader', 'yes', 'true or false, got `yes`'],
    ['retryFailed', 1, 'true or false, got `1`'],
    ['dryRun', null, 'true or false, got `null`'],
    ['fresh', 'true', 'true or false, got `true`'],
    ['rehearse', 'yes', 'true or false, got `yes`'],
    ['metadata', 'lang', 'written as `key=value`, got `lang`'],
    ['metadata', '=de', 'written as `key=value`, got `=de`'],
    ['metadata', '', 'written as `key=value`, got ``'],
    ['metadata', ['a=b', 5], 'written as `key=value`, got `5`'],
    ['metadata', '{"a":', 'a JSON object or `key=value`, got `{"a":`'],
    ['metadata', '{"a":5}', 'an object whose values are text, got `{ a: 5 }`'],
    ['metadata', { a: 5 }, 'an object whose values are text, got `{ a: 5 }`'],
    ['metadata', 5, 'an object whose values are text, got `5`'],
    ['metadata', null, 'an object whose values are text, got `null`'],
  ])('of %s is refused with what is expected: %j', (option, value, expected) => {
    const refused = () => settingsOf({ [option]: value });
    expect(refused).toThrow(OptionError);
    expect(refused).toThrow(TypeError);
    expect(refused).toThrow(
      expect.objectContaining({ option, message: `Expected \`${option}\` to be ${expected}` }),
    );
  });
});

describe('metadata', () => {
  it.each([
    ['nothing', undefined, {}],
    ['an object', { lang: 'de' }, { lang: 'de' }],
    ['key=value', 'lang=de', { lang: 'de' }],
    ['a value with = in it', 'query=a=b', { query: 'a=b' }],
    ['an empty value', 'lang=', { lang: '' }],
    ['JSON', '{"lang":"de","batch":"7"}', { lang: 'de', batch: '7' }],
    [
      'a list, of which the last one wins',
      ['lang=de', '{"batch":"7","lang":"fr"}', 'x=1'],
      { lang: 'fr', batch: '7', x: '1' },
    ],
    ['an empty list', [], {}],
  ])('may be %s', (_what, value, expected) => {
    expect(settingsOf({ metadata: value }).metadata).toEqual(expected);
  });

  it('is the run’s own copy', () => {
    const mine = { lang: 'de' };
    const { metadata } = toSettings({ ...REQUIRED, metadata: mine });
    mine.lang = 'fr';
    expect(metadata).toEqual({ lang: 'de' });
  });
});

it('checks for confirmRows what confirmRows takes', () => {
  expect(toSendSettings({ userPoolId: 'eu-west-1_AbC', rate: '5', metadata: 'a=b' })).toEqual({
    userPoolId: 'eu-west-1_AbC',
    region: undefined,
    profile: undefined,
    endpointUrl: undefined,
    rate: { perSecond: 5 },
    concurrency: 100,
    maxAttempts: 10,
    metadata: { a: 'b' },
  });
});

describe('the words for the options', () => {
  const camelCase = (name: string) => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  /** What the command does not take as an option of this name. */
  const others = ['source', 'maxDurationMs', 'leaseMs'];

  it('tell of every setting, once', () => {
    const names = RUN_OPTIONS.map(({ name }) => camelCase(name));
    expect(new Set(names).size).toBe(names.length);
    const settings = Object.keys(toSettings(REQUIRED)).filter((name) => !others.includes(name));
    expect([...names].sort()).toEqual([...settings, 'maxDuration', 'lease'].sort());
  });

  it('are short, and need no full stop', () => {
    for (const { describe: words } of RUN_OPTIONS) expect(words).toMatch(/^[^A-Z].{5,120}[^.]$/);
  });
});
