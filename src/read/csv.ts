import { pipeline } from 'node:stream';
import { CsvError, type InfoRecord, type Options, parse } from 'csv-parse';
import { StopError } from '../errors.js';

/** One record of a CSV, with its place. */
export interface CsvRecord {
  readonly fields: readonly string[];
  /** Where reading can begin again to meet this record first; blank lines before it come along. */
  readonly start: Place;
  /** The place after it, its line end included. */
  readonly end: Place;
  /** The physical line on which the record itself starts, from 1. */
  readonly line: number;
}

export interface Place {
  /** In bytes. */
  readonly offset: number;
  /** The physical line, from 1. */
  readonly line: number;
}

export const BEGINNING: Place = { offset: 0, line: 1 };

export interface CsvOptions {
  /** For messages. */
  readonly name: string;
  readonly delimiter: string;
  /** The longest record there may be; 0 is any. Default: 1 MiB. */
  readonly maxRecordBytes?: number;
  /** Where in the source the bytes begin. Default: at its beginning. */
  readonly from?: Place;
}

/** An open quote would swallow the file: no record may be longer than this. */
export const MAX_RECORD_BYTES = 1024 * 1024;

/**
 * Reads records and where each of them lies.
 *
 * Established with csv-parse 7.0.3: `bytes` is the end of the record with its line end, counted in bytes of the
 * UTF-8 text, with or without BOM, whatever the chunks. `lines` counts a quoted CR LF as two lines, which is put right here. A quote inside an unquoted field is taken as it is
 * (`relax_quotes`): to skip such a record (`skip_records_with_error`) loses the ones after it too.
 */
export async function* readCsv(chunks: AsyncIterable<Buffer>, options: CsvOptions): AsyncIterable<CsvRecord> {
  const { name, delimiter, from = BEGINNING, maxRecordBytes = MAX_RECORD_BYTES } = options;
  let end = from;
  let countedTwice = 0;
  let blankLines = 0;

  function placed(fields: string[], { bytes, empty_lines, lines }: InfoRecord): CsvRecord {
    const breaks = lineBreaks(fields);
    countedTwice += breaks.crlf;
    blankLines = empty_lines;
    const start = end;
    end = { offset: from.offset + bytes, line: from.line + lines - countedTwice };
    return { fields, start, end, line: end.line - 1 - breaks.all };
  }

  const parser = parse({
    // A BOM further on belongs to the text: files were joined there.
    bom: from.offset === 0,
    delimiter,
    max_record_size: maxRecordBytes,
    // Called while the parser parses: an error throws away the records that wait to be read. Its types allow
    // nothing but an array in a record's place; the parser takes anything.
    on_record: placed as unknown as NonNullable<Options['on_record']>,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
  });
  // The parser's reader is told of every error; the callback is there because pipeline wants one.
  pipeline(chunks, parser, () => {});

  try {
    for await (const record of parser) yield record as CsvRecord;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw openQuote(name, end.line + Number(error.empty_lines) - blankLines, error);
  }
}

function lineBreaks(fields: readonly string[]): { all: number; crlf: number } {
  let all = 0;
  let crlf = 0;
  for (const field of fields) {
    if (!field.includes('\n') && !field.includes('\r')) continue;
    for (const [lineBreak] of field.matchAll(/\r\n|\n|\r/g)) {
      all++;
      if (lineBreak === '\r\n') crlf++;
    }
  }
  return { all, crlf };
}

const CLOSE_IT = 'close it, or double it ("") if it is meant';

function openQuote(name: string, line: number, error: CsvError): StopError {
  switch (error.code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return new StopError(
        'SOURCE_QUOTE',
        `${name}: a quote opened on line ${line} is never closed; ${CLOSE_IT}`,
      );
    case 'CSV_MAX_RECORD_SIZE':
      // The parser does not say which of the two it is.
      return new StopError(
        'SOURCE_QUOTE',
        `${name}: a quote opened on line ${line} is not closed within 1 MiB, or the record is longer than that; ${CLOSE_IT}`,
      );
    default:
      return new StopError('SOURCE_QUOTE', `${name}, line ${line}: ${error.message}`, { cause: error });
  }
}
