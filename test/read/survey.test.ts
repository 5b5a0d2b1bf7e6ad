import { describe, expect, it } from 'vitest';
import { findLayout, type LayoutOptions, survey } from '../../src/read/survey.js';
import { sourceOf } from '../support/sources.js';

const layoutOf = (text: string, options: Partial<LayoutOptions> = {}, encoding: BufferEncoding = 'utf8') =>
  findLayout(sourceOf(text, encoding), {
    delimiter: undefined,
    usernameColumn: undefined,
    noHeader: false,
    ...options,
  });

const never = new AbortController().signal;

const surveyOf = async (text: string) => survey(sourceOf(text), await layoutOf(text), never);

describe('the delimiter', () => {
  it.each([
    ['commas', 'username,email\n', ',', 0],
    ['semicolons', 'username;email\n', ';', 0],
    ['tabs', 'email\tusername\n', '\t', 1],
    ['one column', 'username\nanna;x,y\n', ',', 0],
    ['semicolons, with commas in the rows', 'a;username;b\n"1,5";anna;"2,5"\n', ';', 1],
    ['semicolons, with a comma in the header', '"name, first";username;x\n', ';', 1],
    ['semicolons, where a comma makes fewer columns', 'username;b;c;d,e\n', ';', 0],
    ['commas, with a semicolon in a quoted name', '"a;b",username\n', ',', 1],
    ['tabs, with every name quoted', '"username"\t"e-mail"\n', '\t', 0],
    ['semicolons, with every name quoted', '"e-mail";"username"\n', ';', 1],
    ['semicolons after a BOM and a blank line', '\uFEFF\nusername;email\n', ';', 0],
  ] as const)('is found: %s', async (_what, text, delimiter, username) => {
    const layout = await layoutOf(text);
    expect(layout.delimiter).toBe(delimiter);
    expect(layout.mapping.username).toBe(username);
  });

  it('is the one that is given, whatever the header looks like', async () => {
    const layout = await layoutOf('username,x;y\n', { delimiter: ',' });
    expect(layout.mapping.columns).toEqual(['username', 'x;y']);
  });

  it('that is given may leave no username', async () => {
    await expect(layoutOf('username;x\n', { delimiter: ',' })).rejects.toMatchObject({
      code: 'SOURCE_HEADER',
      message: expect.stringContaining('its columns are username;x;'),
    });
  });
});

it.each([
  [',', 'email,phone\n', 'its columns are email, phone;'],
  [';', 'email;phone\n', 'its columns are email, phone;'],
  ['tab', 'email\tphone\n', 'its columns are email, phone;'],
  ['none', 'email\n', 'its columns are email;'],
])(
  'tells the columns as the right delimiter (%s) gives them when none is for usernames',
  async (_name, text, columns) => {
    await expect(layoutOf(text)).rejects.toMatchObject({
      code: 'SOURCE_HEADER',
      message: expect.stringContaining(columns),
    });
  },
);

describe('the first row', () => {
  it.each([
    ['comes after the header', 'username\nanna\n', 9, 2],
    ['comes after a header with CR LF', 'username\r\nanna\r\n', 10, 2],
    ['comes after a header of several lines', '"a\nb",username\nanna,\n', 15, 3],
    ['comes after blank lines and the header', '\n\nusername\nanna\n', 11, 4],
  ])('%s', async (_what, text, offset, line) => {
    expect((await layoutOf(text)).firstRow).toEqual({ row: 1, offset, line });
  });

  it('is the first line where there is no header, and columns are numbers', async () => {
    const layout = await layoutOf('anna;x\nbob;y\n', { noHeader: true });
    expect(layout).toEqual({
      delimiter: ';',
      mapping: { columns: ['1', '2'], username: 0, metadata: [], clientMetadata: undefined },
      firstRow: { row: 1, offset: 0, line: 1 },
    });
  });

  it('without a header may have its username in another column', async () => {
    const { mapping } = await layoutOf('x,anna\n', { noHeader: true, usernameColumn: '2' });
    expect(mapping.username).toBe(1);
  });
});

describe('a survey', () => {
  it('counts the rows and tells the first problems with row and line', async () => {
    const found = await surveyOf('username,x\nanna,1\nb c,1\n\ndora\n"e\r\nf",1\ngabi,1\n');
    expect(found).toEqual({
      rows: 5,
      invalid: 3,
      problems: [
        { row: 2, line: 3, problem: 'the username has white space (U+0020) in it' },
        { row: 3, line: 5, problem: 'the row has 1 field where the header has 2' },
        { row: 4, line: 6, problem: 'the username has white space (U+000D) in it' },
      ],
      damaged: new Map(),
    });
  });

  it('tells twenty problems and counts them all', async () => {
    const found = await surveyOf(`username\n${'a b\n'.repeat(50)}`);
    expect(found.invalid).toBe(50);
    expect(found.problems).toHaveLength(20);
  });

  it('tells what a spreadsheet has damaged, with five examples of each kind', async () => {
    const found = await surveyOf(`username\n4.9E+11\nanna\n${'4915112345678\n'.repeat(7)}'+491\n`);
    expect(found.damaged).toEqual(
      new Map([
        ['exponent', { count: 1, rows: [1] }],
        ['lost-plus', { count: 7, rows: [3, 4, 5, 6, 7] }],
        ['apostrophe', { count: 1, rows: [10] }],
      ]),
    );
  });

  it('of a source with a header alone finds no row', async () => {
    expect(await surveyOf('username\n')).toMatchObject({ rows: 0, invalid: 0 });
  });

  it('meets an open quote', async () => {
    await expect(surveyOf('username\nanna\n"bob\ncarl\n')).rejects.toMatchObject({
      code: 'SOURCE_QUOTE',
      message: expect.stringContaining('line 3'),
    });
  });

  it('says how far it is every 100,000 rows', async () => {
    const text = `username\n${'a\n'.repeat(100_001)}`;
    const source = sourceOf(text);
    async function* wholeFrom(offset: number) {
      yield Buffer.from(text).subarray(offset);
    }
    const told: number[] = [];
    await survey({ ...source, read: wholeFrom }, await layoutOf('username\n'), never, (rows) => {
      told.push(rows);
    });
    expect(told).toEqual([100_000]);
  });
});
