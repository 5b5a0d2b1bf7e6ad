import { describe, expect, it } from 'vitest';
import { numberedColumns, toMapping } from '../../src/read/header.js';

const mappingOf = (header: readonly string[], usernameColumn?: string) =>
  toMapping(header, usernameColumn, 'users.csv');

describe('the column of the usernames', () => {
  it.each([
    ['is called username', ['id', 'username'], undefined, 1],
    ['is written in any case', ['id', 'UserName'], undefined, 1],
    ['may have blanks around its name', ['id', ' username '], undefined, 1],
    ['is called cognito:username in an export', ['sub', 'cognito:username'], undefined, 1],
    ['is cognito:username in any case', ['Cognito:Username', 'x'], undefined, 0],
    ['is username rather than cognito:username', ['cognito:username', 'username'], undefined, 1],
    ['is the exact name rather than one in another case', ['USERNAME', 'username'], undefined, 1],
    ['is the one that is named', ['username', 'email'], 'email', 1],
    ['is named in any case', ['username', 'E-Mail'], 'e-mail', 1],
    ['is named exactly where two are alike', ['EMAIL', 'email'], 'email', 1],
    ['is named with blanks around it', ['username', 'email'], ' email ', 1],
    ['is a number where there is no header', ['1', '2', '3'], '2', 1],
  ] as const)('%s', (_what, header, usernameColumn, index) => {
    expect(mappingOf(header, usernameColumn).username).toBe(index);
  });
});

describe('the columns of the metadata', () => {
  it('are those that begin with metadata., in any case; the key keeps its own', () => {
    expect(mappingOf(['username', 'metadata.lang', 'email', 'Metadata.Batch.Id']).metadata).toEqual([
      { key: 'lang', column: 1 },
      { key: 'Batch.Id', column: 3 },
    ]);
  });

  it('need a key', () => {
    expect(mappingOf(['username', 'metadata.', 'metadata']).metadata).toEqual([]);
  });

  it.each([
    [['username', 'clientMetadata'], 1],
    [['CLIENTMETADATA', 'username'], 0],
    [['username'], undefined],
  ])('may be one that holds JSON: %j', (header, index) => {
    expect(mappingOf(header).clientMetadata).toBe(index);
  });
});

it('keeps all the names, without blanks around them', () => {
  expect(mappingOf(['username', ' e-mail ', '']).columns).toEqual(['username', 'e-mail', '']);
});

it('takes several columns without a name, as a spreadsheet leaves them', () => {
  expect(mappingOf(['username', '', '', '']).username).toBe(0);
});

describe('a header is refused', () => {
  it.each([
    [
      'that names a column twice',
      ['username', 'email', 'email'],
      undefined,
      'users.csv: the header names the column email twice; rename one of them',
    ],
    [
      'that names a column twice but for blanks',
      ['username', 'username '],
      undefined,
      'users.csv: the header names the column username twice; rename one of them',
    ],
    [
      'with two columns of which either could hold the usernames',
      ['Username', 'USERNAME', 'x'],
      undefined,
      'users.csv: the columns Username and USERNAME could both hold the usernames; name one with --username-column',
    ],
    [
      'without a column for the usernames, with all the columns it has',
      ['email', '', 'phone'],
      undefined,
      'users.csv has no column named username: its columns are email, (no name), phone; name the right one with --username-column, or say --no-header',
    ],
    [
      'without the column that is named',
      ['username', 'email'],
      'login',
      'users.csv has no column named login: its columns are username, email; name the right one with --username-column, or say --no-header',
    ],
    [
      'that is a row',
      ['anna@example.com'],
      undefined,
      'users.csv has no column named username: its columns are (what looks like a username); name the right one with --username-column, or say --no-header',
    ],
  ])('%s', (_what, header, usernameColumn, message) => {
    expect(() => mappingOf(header, usernameColumn)).toThrow(
      expect.objectContaining({ code: 'SOURCE_HEADER', message }),
    );
  });
});

it('numbers the columns that have no name from 1', () => {
  expect(numberedColumns(3)).toEqual(['1', '2', '3']);
});
