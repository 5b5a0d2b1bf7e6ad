import type { Layout, Mapping } from '../layout.js';
import type { BadRow, PlacedRow, Position, Row } from '../row.js';
import { type CsvRecord, readCsv } from './csv.js';
import type { Source } from './source.js';

/**
 * Reads the rows of a source from a place on, those that cannot be used among them. Ends when the signal aborts,
 * also while the source keeps it waiting, and has nothing to say of the source any more.
 */
export async function* readRows(
  source: Source,
  layout: Layout,
  from: Position,
  signal: AbortSignal = NEVER,
): AsyncIterable<PlacedRow> {
  const { name } = source;
  const { delimiter, mapping } = layout;
  let number = from.row;
  const left = new AbortController();
  try {
    const chunks = source.read(from.offset, AbortSignal.any([signal, left.signal]));
    for await (const record of readCsv(chunks, { name, delimiter, from })) {
      // What comes now may have been cut off.
      if (signal.aborted) return;
      yield toPlacedRow(record, mapping, number);
      number++;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    // The source may be waiting for bytes: it would hear of it only when they have come.
    left.abort();
  }
}

const NEVER = new AbortController().signal;

function toPlacedRow(record: CsvRecord, mapping: Mapping, number: number): PlacedRow {
  const { fields, line, start } = record;
  return {
    row: toRow(fields, mapping, number),
    start: { row: number, ...start },
    line,
    fields,
  };
}

/** Makes a row of a record's fields, or says why it cannot be one. */
export function toRow(fields: readonly string[], mapping: Mapping, number: number): Row | BadRow {
  const username = fields[mapping.username] ?? '';
  const problem =
    raggedness(fields, mapping) ??
    usernameProblem(username) ??
    (fields.some((field) => field.includes('\uFFFD')) ? 'the row is not valid UTF-8' : undefined);
  if (problem !== undefined) return { row: number, username, problem };
  const metadata = toMetadata(fields, mapping);
  return typeof metadata === 'string'
    ? { row: number, username, problem: metadata }
    : { row: number, username, metadata };
}

function raggedness(fields: readonly string[], { columns }: Mapping): string | undefined {
  if (fields.length === columns.length) return undefined;
  const count = fields.length === 1 ? '1 field' : `${fields.length} fields`;
  return `the row has ${count} where the header has ${columns.length}`;
}

/** The service's own pattern for Username (API reference of AdminConfirmSignUp); the SDK does not check it. */
const USERNAME = /^[\p{L}\p{M}\p{S}\p{N}\p{P}]+$/u;
const NOT_IN_USERNAME = /[^\p{L}\p{M}\p{S}\p{N}\p{P}]/u;
const MAX_USERNAME = 128;

/** Why the service would refuse a username, before a request is spent on it. */
export function usernameProblem(username: string): string | undefined {
  if (username === '') return 'the username is empty';
  const length = lengthAbove(MAX_USERNAME, username);
  if (length !== undefined) return `the username has ${length} characters, ${MAX_USERNAME} are allowed`;
  if (USERNAME.test(username)) return undefined;
  const [character = ''] = NOT_IN_USERNAME.exec(username) ?? [];
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  if (/\s/u.test(character)) {
    const where = username.trim() === username ? 'in it' : 'at its start or end';
    return `the username has white space (U+${code}) ${where}`;
  }
  return `the username has a character that is not allowed (U+${code})`;
}

/** How many characters a text has where they are more than `most`. The service counts characters, not code units. */
function lengthAbove(most: number, text: string): number | undefined {
  if (text.length <= most) return undefined;
  const { length } = [...text];
  return length > most ? length : undefined;
}

/** The service's own limit for a value of ClientMetadata (API reference of AdminConfirmSignUp). */
const MAX_METADATA_VALUE = 131_072;

/** The row's ClientMetadata, or what is wrong with it. */
function toMetadata(fields: readonly string[], mapping: Mapping): Record<string, string> | string {
  const json = mapping.clientMetadata === undefined ? '' : (fields[mapping.clientMetadata] ?? '');
  const entries = json.trim() === '' ? new Map<string, string>() : metadataOfJson(json);
  if (typeof entries === 'string') return entries;
  for (const { key, column } of mapping.metadata) {
    const value = fields[column];
    // A CSV cannot tell an empty cell from no value; no entry is what most triggers expect.
    if (value !== undefined && value !== '') entries.set(key, value);
  }
  for (const [key, value] of entries) {
    const length = lengthAbove(MAX_METADATA_VALUE, value);
    if (length !== undefined) {
      return `metadata ${key} has ${length} characters, ${MAX_METADATA_VALUE} are allowed`;
    }
  }
  return Object.fromEntries(entries);
}

function metadataOfJson(json: string): Map<string, string> | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    return 'clientMetadata is not valid JSON';
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return 'clientMetadata is not a JSON object';
  }
  const entries = new Map<string, string>();
  for (const [key, value] of Object.entries(parsed)) {
    if (typeof value === 'object') return `clientMetadata ${key} is not text`;
    if (Math.abs(Number(value)) > Number.MAX_SAFE_INTEGER && typeof value === 'number') {
      return `clientMetadata ${key} is a number too large to be read exactly; write it as text`;
    }
    entries.set(key, String(value));
  }
  return entries;
}
