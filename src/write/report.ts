import { StopError } from '../errors.js';
import { isStatus, type Outcome } from '../outcome.js';

/** The columns of report.csv, in order. */
export const REPORT_COLUMNS = [
  'row',
  'username',
  'status',
  'attempts',
  'errorName',
  'errorMessage',
  'requestId',
  'finishedAt',
] as const satisfies readonly (keyof Outcome)[];

export const REPORT_HEADER = `${REPORT_COLUMNS.join(',')}\n`;

/** A line of the report. Its fields stand as they are: a machine's file, not one for a spreadsheet. */
export const reportLine = (outcome: Outcome): string =>
  csvLine(
    REPORT_COLUMNS.map((column) => String(outcome[column])),
    ',',
  );

/** A CSV line of any fields, quoted where they need it. */
export const csvLine = (fields: readonly string[], delimiter: string): string =>
  `${fields.map((field) => quoted(field, delimiter)).join(delimiter)}\n`;

function quoted(field: string, delimiter: string): string {
  const plain = !field.includes(delimiter) && !/["\r\n]/.test(field);
  return plain ? field : `"${field.replaceAll('"', '""')}"`;
}

/** Reads back a line of the report. Throws where it is not one; `where` is for the message. */
export function parseReportLine(fields: readonly string[], where: string): Outcome {
  const [row = '', username = '', status = '', attempts = '', ...rest] = fields;
  const [errorName = '', errorMessage = '', requestId = '', finishedAt = ''] = rest;
  const sound =
    fields.length === REPORT_COLUMNS.length &&
    /^[1-9]\d*$/.test(row) &&
    /^\d+$/.test(attempts) &&
    isStatus(status) &&
    !Number.isNaN(Date.parse(finishedAt));
  if (!sound) {
    throw new StopError(
      'JOB_DAMAGED',
      `${where} is not a line of a report: was the file edited? Put it back as it was, or start over with --fresh`,
    );
  }
  return {
    row: Number(row),
    username,
    status,
    attempts: Number(attempts),
    errorName,
    errorMessage,
    requestId,
    finishedAt,
  };
}

const QUOTE = 0x22;
const LINE_FEED = 0x0a;

/**
 * Where the last whole line ends, in bytes from the start of the chunks: what a kill has left behind it is
 * torn. A line feed within quotes ends no line.
 */
export async function endOfLastWholeLine(chunks: AsyncIterable<Buffer>): Promise<number> {
  let end = 0;
  let at = 0;
  let inQuotes = false;
  for await (const chunk of chunks) {
    for (const byte of chunk) {
      at++;
      if (byte === QUOTE) inQuotes = !inQuotes;
      else if (byte === LINE_FEED && !inQuotes) end = at;
    }
  }
  return end;
}
