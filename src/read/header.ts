import { StopError } from '../errors.js';
import type { Mapping } from '../layout.js';

const USERNAME_COLUMNS = ['username', 'cognito:username'];
const METADATA_PREFIX = 'metadata.';
const CLIENT_METADATA = 'clientmetadata';

/** Understands a header. Throws where no column, or more than one, can hold the usernames. */
export function toMapping(
  header: readonly string[],
  usernameColumn: string | undefined,
  name: string,
): Mapping {
  const columns = header.map((column) => column.trim());
  refuseTwins(columns, name);
  return {
    columns,
    username: usernameIndex(columns, usernameColumn, name),
    metadata: columns.flatMap((column, index) =>
      column.toLowerCase().startsWith(METADATA_PREFIX) && column.length > METADATA_PREFIX.length
        ? [{ key: column.slice(METADATA_PREFIX.length), column: index }]
        : [],
    ),
    clientMetadata: indexOf(columns, CLIENT_METADATA),
  };
}

/** The names of columns that have none. */
export const numberedColumns = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${index + 1}`);

function refuseTwins(columns: readonly string[], name: string): void {
  // A file saved by a spreadsheet often ends in columns without a name: nothing can mean them.
  const named = columns.filter((column) => column !== '');
  const twin = named.find((column, index) => named.indexOf(column) !== index);
  if (twin !== undefined) {
    throw new StopError(
      'SOURCE_HEADER',
      `${name}: the header names the column ${shown(twin)} twice; rename one of them`,
    );
  }
}

function usernameIndex(columns: readonly string[], wanted: string | undefined, name: string): number {
  const names = wanted === undefined ? USERNAME_COLUMNS : [wanted.trim()];
  for (const candidate of names) {
    const exact = columns.indexOf(candidate);
    if (exact >= 0) return exact;
    const alike = columns.filter((column) => column.toLowerCase() === candidate.toLowerCase());
    if (alike.length > 1) {
      throw new StopError(
        'SOURCE_HEADER',
        `${name}: the columns ${alike.map(shown).join(' and ')} could both hold the usernames; name one with --username-column`,
      );
    }
    const index = indexOf(columns, candidate.toLowerCase());
    if (index !== undefined) return index;
  }
  const missing = wanted === undefined ? 'a column named username' : `a column named ${wanted}`;
  throw new StopError(
    'SOURCE_HEADER',
    `${name} has no ${missing.slice(2)}: its columns are ${shownAll(columns)}; name the right one with --username-column, or say --no-header`,
  );
}

const MOST_SHOWN = 20;
const LONGEST_SHOWN = 40;

/**
 * A name as it can go to a terminal: it comes from a file that may be anything. Where it looks like a username,
 * the file has no header, and usernames do not go to logs.
 */
function shown(column: string): string {
  if (/@|^\+?\d{6,}$/.test(column)) return '(what looks like a username)';
  const printable = column.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
  return printable.length > LONGEST_SHOWN
    ? `${printable.slice(0, LONGEST_SHOWN)}...`
    : printable || '(no name)';
}

function shownAll(columns: readonly string[]): string {
  const more = columns.length > MOST_SHOWN ? ` and ${columns.length - MOST_SHOWN} more` : '';
  return columns.slice(0, MOST_SHOWN).map(shown).join(', ') + more;
}

function indexOf(columns: readonly string[], lowerCase: string): number | undefined {
  const index = columns.findIndex((column) => column.toLowerCase() === lowerCase);
  return index < 0 ? undefined : index;
}
