import { StopError } from '../errors.js';
import type { Layout, Mapping } from '../layout.js';
import type { Delimiter } from '../options.js';
import { isBadRow, type Position } from '../row.js';
import { BEGINNING, type CsvRecord, readCsv } from './csv.js';
import { numberedColumns, toMapping } from './header.js';
import { readRows } from './rows.js';
import type { Source } from './source.js';
import { type Damage, damageOf } from './spreadsheet.js';

/** What one reading of the whole source found, before anything is sent. */
export interface Survey {
  readonly rows: number;
  readonly invalid: number;
  /** The first rows that cannot be used. */
  readonly problems: readonly Problem[];
  /** Usernames that look damaged by a spreadsheet, by kind. */
  readonly damaged: ReadonlyMap<Damage, Examples>;
}

export interface Problem {
  readonly row: number;
  readonly line: number;
  readonly problem: string;
}

/** How many rows, and the first of them. */
export interface Examples {
  count: number;
  readonly rows: number[];
}

export interface LayoutOptions {
  readonly delimiter: Delimiter | undefined;
  readonly usernameColumn: string | undefined;
  readonly noHeader: boolean;
}

const DELIMITERS: readonly Delimiter[] = [',', ';', '\t'];
const MOST_PROBLEMS = 20;
const MOST_EXAMPLES = 5;

/** Reads the first record and finds out delimiter and columns. Throws where the header cannot be used. */
export async function findLayout(source: Source, options: LayoutOptions): Promise<Layout> {
  const { usernameColumn, noHeader } = options;
  const candidates = options.delimiter === undefined ? DELIMITERS : [options.delimiter];
  let failure: unknown;
  let best: { layout: Layout; columns: number } | undefined;
  for (const delimiter of candidates) {
    let columns = 0;
    try {
      const record = await firstRecord(source, delimiter);
      columns = record.fields.length;
      const names = noHeader ? numberedColumns(columns) : record.fields;
      const mapping: Mapping = toMapping(
        names,
        noHeader ? (usernameColumn ?? '1') : usernameColumn,
        source.name,
      );
      const firstRow: Position = noHeader ? { row: 1, ...BEGINNING } : { row: 1, ...record.end };
      if (best === undefined || columns > best.columns)
        best = { layout: { delimiter, mapping, firstRow }, columns };
    } catch (error) {
      // The message about the widest reading of the header is the one that helps.
      if (failure === undefined || columns > 1) failure = error;
    }
  }
  if (best === undefined) throw failure;
  return best.layout;
}

async function firstRecord(source: Source, delimiter: Delimiter): Promise<CsvRecord> {
  const { name } = source;
  const left = new AbortController();
  try {
    for await (const record of readCsv(source.read(0, left.signal), { name, delimiter })) return record;
  } finally {
    left.abort();
  }
  throw new StopError('SOURCE_EMPTY', `${name} has no line with anything in it: there is nothing to confirm`);
}

/**
 * Reads every row once. Whatever would stop the reading later is met here, before anything is sent. Throws the
 * signal's reason when it aborts.
 */
export async function survey(
  source: Source,
  layout: Layout,
  signal: AbortSignal,
  onRows: (rows: number) => void = () => {},
): Promise<Survey> {
  const problems: Problem[] = [];
  const damaged = new Map<Damage, Examples>();
  let rows = 0;
  let invalid = 0;
  for await (const { row, line } of readRows(source, layout, layout.firstRow, signal)) {
    rows++;
    if (rows % 100_000 === 0) onRows(rows);
    if (isBadRow(row)) {
      invalid++;
      if (problems.length < MOST_PROBLEMS) problems.push({ row: row.row, line, problem: row.problem });
    }
    const damage = damageOf(row.username);
    if (damage !== undefined) addExample(damaged, damage, row.row);
  }
  signal.throwIfAborted();
  return { rows, invalid, problems, damaged };
}

function addExample(damaged: Map<Damage, Examples>, damage: Damage, row: number): void {
  const examples = damaged.get(damage) ?? { count: 0, rows: [] };
  damaged.set(damage, examples);
  examples.count++;
  if (examples.rows.length < MOST_EXAMPLES) examples.rows.push(row);
}
