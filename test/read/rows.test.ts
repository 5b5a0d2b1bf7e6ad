import { describe, expect, it } from 'vitest';
import { toMapping } from '../../src/read/header.js';
import { readRows, toRow, usernameProblem } from '../../src/read/rows.js';
import { findLayout } from '../../src/read/survey.js';
import { allOf } from '../support/chunks.js';
import { sourceOf } from '../support/sources.js';

describe('a username is taken', () => {
  it.each([
    'anna',
    'anna@example.com',
    '+4915112345678',
    "o'neil=x",
    '=HYPERLINK("http://x")',
    '1d4c9b1e-5f3c-4f2a-9f0e-1a2b3c4d5e6f',
    'ümläut',
    'u\u0308', // a combining mark
    '日本',
    '😀',
    '①½',
    'a,b;c"d',
    'x'.repeat(128),
    '😀'.repeat(128),
  ])('%s', (username) => {
    expect(usernameProblem(username)).toBeUndefined();
  });
});

describe('a username is refused', () => {
  it.each([
    ['', 'the username is empty'],
    ['x'.repeat(129), 'the username has 129 characters, 128 are allowed'],
    ['😀'.repeat(129), 'the username has 129 characters, 128 are allowed'],
    [' ', 'the username has white space (U+0020) at its start or end'],
    [' anna', 'the username has white space (U+0020) at its start or end'],
    ['anna\t', 'the username has white space (U+0009) at its start or end'],
    ['anna\r\n', 'the username has white space (U+000D) at its start or end'],
    ['anna\u00A0', 'the username has white space (U+00A0) at its start or end'],
    ['an na', 'the username has white space (U+0020) in it'],
    ['an\u3000na', 'the username has white space (U+3000) in it'],
    ['an\nna', 'the username has white space (U+000A) in it'],
    ['anna\u0000', 'the username has a character that is not allowed (U+0000)'],
    ['an\u200Bna', 'the username has a character that is not allowed (U+200B)'],
    ['an\u202Ena', 'the username has a character that is not allowed (U+202E)'],
    ['an\u{E0001}na', 'the username has a character that is not allowed (U+E0001)'],
    ['an\uD800na', 'the username has a character that is not allowed (U+D800)'],
    ['an\uE000na', 'the username has a character that is not allowed (U+E000)'],
  ])('%j: %s', (username, problem) => {
    expect(usernameProblem(username)).toBe(problem);
  });
});

const MAPPING = toMapping(
  ['username', 'email', 'metadata.lang', 'metadata.plan', 'clientMetadata'],
  undefined,
  'users.csv',
);
const rowOf = (...fields: string[]) => toRow(fields, MAPPING, 7);

describe('the metadata of a row', () => {
  it.each([
    ['comes from its columns', ['de', 'pro', ''], { lang: 'de', plan: 'pro' }],
    ['has no entry for an empty cell', ['', 'pro', ''], { plan: 'pro' }],
    ['is nothing where there is nothing', ['', '', ' '], {}],
    ['comes from JSON', ['', '', '{"batch":"7"}'], { batch: '7' }],
    ['comes from both', ['de', '', '{"batch":"7"}'], { lang: 'de', batch: '7' }],
    [
      'prefers the column of its own',
      ['de', '', '{"lang":"fr","plan":"free"}'],
      { lang: 'de', plan: 'free' },
    ],
    ['takes numbers and truth values as text', ['', '', '{"n":1.5,"yes":true}'], { n: '1.5', yes: 'true' }],
    ['keeps a key that programs like to trip over', ['', '', '{"constructor":"x"}'], { constructor: 'x' }],
    ['keeps blanks and any letters of a value', [' d e ', '日本\n', ''], { lang: ' d e ', plan: '日本\n' }],
  ])('%s', (_what, [lang = '', plan = '', json = ''], metadata) => {
    expect(rowOf('anna', 'x', lang, plan, json)).toEqual({ row: 7, username: 'anna', metadata });
  });

  it('may be as long as the service allows, counted as the service does', () => {
    expect(rowOf('anna', 'x', 'x'.repeat(131_072), '', '')).toHaveProperty('metadata');
    expect(rowOf('anna', 'x', '😀'.repeat(131_072), '', '')).toHaveProperty('metadata');
  });
});

describe('a row cannot be used', () => {
  it.each([
    ['with too few fields', ['anna', 'x'], 'the row has 2 fields where the header has 5'],
    ['with one field', ['anna'], 'the row has 1 field where the header has 5'],
    ['with too many fields', ['anna', '', '', '', '', ''], 'the row has 6 fields where the header has 5'],
    ['without a username', ['', '', '', '', ''], 'the username is empty'],
    [
      'with a username the service would refuse',
      ['an na', '', '', '', ''],
      'the username has white space (U+0020) in it',
    ],
    ['that was damaged in its username', ['ann\uFFFD', '', '', '', ''], 'the row is not valid UTF-8'],
    ['that was damaged anywhere', ['anna', 'M\uFFFDnchen', '', '', ''], 'the row is not valid UTF-8'],
    ['with broken JSON', ['anna', '', '', '', '{"a":'], 'clientMetadata is not valid JSON'],
    ['with JSON that is no object', ['anna', '', '', '', '["a"]'], 'clientMetadata is not a JSON object'],
    ['with JSON that is null', ['anna', '', '', '', 'null'], 'clientMetadata is not a JSON object'],
    ['with JSON that is a word', ['anna', '', '', '', '"a"'], 'clientMetadata is not a JSON object'],
    ['with an object in its JSON', ['anna', '', '', '', '{"a":{}}'], 'clientMetadata a is not text'],
    ['with a null in its JSON', ['anna', '', '', '', '{"a":null}'], 'clientMetadata a is not text'],
    [
      'with too long a value',
      ['anna', '', 'x'.repeat(131_073), '', ''],
      'metadata lang has 131073 characters, 131072 are allowed',
    ],
    [
      'with too long a value in its JSON',
      ['anna', '', '', '', JSON.stringify({ a: 'x'.repeat(131_073) })],
      'metadata a has 131073 characters, 131072 are allowed',
    ],
  ])('%s', (_what, fields, problem) => {
    expect(rowOf(...fields)).toEqual({ row: 7, username: fields[0], problem });
  });
});

describe('the rows of a source', () => {
  it('are read with their numbers and places, the unusable among them, from any place', async () => {
    const source = sourceOf('username,x\nanna,1\n\nbob\n"c\nd",\ncarl,2\n');
    const layout = await findLayout(source, {
      delimiter: undefined,
      usernameColumn: undefined,
      noHeader: false,
    });
    const rows = await allOf(readRows(source, layout, layout.firstRow));
    expect(rows).toEqual([
      {
        row: { row: 1, username: 'anna', metadata: {} },
        start: { row: 1, offset: 11, line: 2 },
        line: 2,
        fields: ['anna', '1'],
      },
      {
        row: { row: 2, username: 'bob', problem: 'the row has 1 field where the header has 2' },
        start: { row: 2, offset: 18, line: 3 },
        line: 4,
        fields: ['bob'],
      },
      {
        row: { row: 3, username: 'c\nd', problem: 'the username has white space (U+000A) in it' },
        start: { row: 3, offset: 23, line: 5 },
        line: 5,
        fields: ['c\nd', ''],
      },
      {
        row: { row: 4, username: 'carl', metadata: {} },
        start: { row: 4, offset: 30, line: 7 },
        line: 7,
        fields: ['carl', '2'],
      },
    ]);
    for (const [index, { start }] of rows.entries()) {
      expect(await allOf(readRows(source, layout, start))).toEqual(rows.slice(index));
    }
  });

  it('that are not valid UTF-8 are noticed', async () => {
    const source = sourceOf('username\nM\xFCller\nanna\n', 'latin1');
    const layout = await findLayout(source, {
      delimiter: undefined,
      usernameColumn: undefined,
      noHeader: false,
    });
    const rows = await allOf(readRows(source, layout, layout.firstRow));
    expect(rows.map(({ row }) => ('problem' in row ? row.problem : row.username))).toEqual([
      'the row is not valid UTF-8',
      'anna',
    ]);
  });
});
