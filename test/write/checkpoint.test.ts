import { describe, expect, it } from 'vitest';
import { noRows, saveRows } from '../../src/job-rows.js';
import type { ObjectIdentity } from '../../src/layout.js';
import {
  type Checkpoint,
  difference,
  formatCheckpoint,
  type JobFacts,
  parseCheckpoint,
} from '../../src/write/checkpoint.js';

const FACTS: JobFacts = {
  source: { name: 'users.csv', bytes: 1_000, sha256: 'a'.repeat(64) },
  userPoolId: 'eu-west-1_AbC',
  metadata: { batch: '7', lang: 'de' },
  layout: {
    delimiter: ',',
    mapping: { columns: ['username', 'email'], username: 0, metadata: [], clientMetadata: undefined },
    firstRow: { row: 1, offset: 15, line: 2 },
  },
  rehearsal: false,
  total: 100,
};

const OBJECT: JobFacts['source'] & ObjectIdentity = {
  name: 's3://b/k',
  bytes: 1_000,
  etag: '"x"',
  versionId: 'v1',
};

const CHECKPOINT: Checkpoint = {
  version: 1,
  state: 'stopped',
  job: FACTS,
  position: { row: 1, offset: 15, line: 2 },
  reportBytes: 82,
  reportSha256: 'b'.repeat(64),
  rows: saveRows(noRows()),
  sentUpTo: 0,
  throttled: 0,
  activeMs: 1_234,
  pacePerSecond: 40,
  updatedAt: '2026-11-05T10:00:00.000Z',
  runs: [],
};

it('is read as it was written', () => {
  const text = formatCheckpoint(CHECKPOINT);
  expect(text.endsWith('}\n')).toBe(true);
  expect(parseCheckpoint(text, 'x')).toEqual(JSON.parse(JSON.stringify(CHECKPOINT)));
});

describe('a checkpoint is damaged', () => {
  it.each([
    ['that is empty', '', 'is not whole'],
    ['that is cut off', formatCheckpoint(CHECKPOINT).slice(0, -20), 'is not whole'],
    ['that is null', 'null', 'is of version (none), this program reads 1'],
    ['that is a list', '[]', 'is of version (none), this program reads 1'],
    ['that is a number', '1', 'is of version (none), this program reads 1'],
    [
      'that is of the next version',
      JSON.stringify({ ...CHECKPOINT, version: 2 }),
      'is of version 2, this program reads 1',
    ],
    ...Object.keys(CHECKPOINT)
      .filter((key) => key !== 'version')
      .map((key): [string, string, string] => [
        `without ${key}`,
        JSON.stringify({ ...JSON.parse(formatCheckpoint(CHECKPOINT)), [key]: undefined }),
        'was edited, or is not whole',
      ]),
    [
      'whose numbers were changed',
      formatCheckpoint(CHECKPOINT).replace('"reportBytes": 82', '"reportBytes": 83'),
      'was edited, or is not whole',
    ],
  ])('%s', (_what, text, message) => {
    expect(() => parseCheckpoint(text, 'users.csv.job/checkpoint.json')).toThrow(
      expect.objectContaining({
        code: 'JOB_DAMAGED',
        message: expect.stringContaining(`users.csv.job/checkpoint.json ${message}: put back a good copy`),
      }),
    );
  });
});

describe('two runs', () => {
  const { layout, source } = FACTS;
  const columns = ['username', 'email', 'x'];

  it.each<[what: string, now: JobFacts, before?: JobFacts]>([
    ['that are alike', FACTS],
    ['whose source was renamed', { ...FACTS, source: { ...source, name: 'people.csv' } }],
    [
      'whose object was put back, as a new version',
      { ...FACTS, source: { ...OBJECT, versionId: 'v2' } },
      { ...FACTS, source: OBJECT },
    ],
    ['whose metadata is in another order', { ...FACTS, metadata: { lang: 'de', batch: '7' } }],
    ['through JSON', JSON.parse(JSON.stringify(FACTS)) as JobFacts],
  ])('%s agree', (_what, now, before = FACTS) => {
    expect(difference(before, now)).toBeUndefined();
  });

  it.each([
    ['a rehearsal', FACTS, { ...FACTS, rehearsal: true }, 'it was no rehearsal'],
    ['no rehearsal', { ...FACTS, rehearsal: true }, FACTS, 'it was a rehearsal against the simulator'],
    [
      'another pool',
      FACTS,
      { ...FACTS, userPoolId: 'eu-west-1_Other' },
      'its pool is eu-west-1_AbC, not eu-west-1_Other',
    ],
    [
      'another content',
      FACTS,
      { ...FACTS, source: { name: 'new.csv', bytes: 7, sha256: 'b'.repeat(64) } },
      'its source users.csv had other content (1000 bytes, SHA-256 aaaaaaaaaaaa) than new.csv has (7 bytes, SHA-256 bbbbbbbbbbbb)',
    ],
    [
      'another object of the same name',
      { ...FACTS, source: OBJECT },
      { ...FACTS, source: { ...OBJECT, etag: '"y"', versionId: 'v2' } },
      'its source s3://b/k had ETag "x", and has "y" now',
    ],
    [
      'another object of another name',
      { ...FACTS, source: OBJECT },
      { ...FACTS, source: { ...OBJECT, name: 's3://b/l', etag: '"y"' } },
      'its source s3://b/k had ETag "x", s3://b/l has "y"',
    ],
    [
      'an object where there was a file',
      FACTS,
      { ...FACTS, source: OBJECT },
      'its source users.csv had other content (1000 bytes, SHA-256 aaaaaaaaaaaa) than s3://b/k has (1000 bytes, ETag "x")',
    ],
    [
      'a file where there was an object',
      { ...FACTS, source: OBJECT },
      FACTS,
      'its source s3://b/k had other content (1000 bytes, ETag "x") than users.csv has (1000 bytes, SHA-256 aaaaaaaaaaaa)',
    ],
    [
      'another delimiter',
      FACTS,
      { ...FACTS, layout: { ...layout, delimiter: '\t' } },
      'its delimiter was ",", not "\\t"',
    ],
    [
      'another column',
      FACTS,
      { ...FACTS, layout: { ...layout, mapping: { ...layout.mapping, columns, username: 1 } } },
      'its usernames were in column username, not email',
    ],
    [
      'no header',
      FACTS,
      { ...FACTS, layout: { ...layout, firstRow: { row: 1, offset: 0, line: 1 } } },
      'it had a header line',
    ],
    [
      'a header',
      { ...FACTS, layout: { ...layout, firstRow: { row: 1, offset: 0, line: 1 } } },
      FACTS,
      'it had no header line (--no-header)',
    ],
    [
      'other metadata',
      FACTS,
      { ...FACTS, metadata: { batch: '8' } },
      'its --metadata was {"batch":"7","lang":"de"}, not {"batch":"8"}',
    ],
    [
      'no metadata',
      FACTS,
      { ...FACTS, metadata: {} },
      'its --metadata was {"batch":"7","lang":"de"}, not {}',
    ],
  ])('of which the second has %s do not', (_what, before, now, words) => {
    expect(difference(before, now)).toBe(words);
  });
});
