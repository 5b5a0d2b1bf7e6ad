import type { RowSet } from '../row-set.js';
import { csvLine } from './report.js';
import type { JobStore } from './store.js';
import { FAILED_FILE } from './summary.js';

/** A row of the source with its fields as they stand there. */
interface SourceRow {
  readonly row: { readonly row: number };
  readonly fields: readonly string[];
}

/**
 * Writes the rows whose status is `failed`, in the source's own columns and with its delimiter, so that the
 * file can be run as the source was. `header` is undefined where the source has none.
 */
export async function writeFailedRows(
  store: JobStore,
  failed: RowSet,
  header: readonly string[] | undefined,
  delimiter: string,
  rows: () => AsyncIterable<SourceRow>,
): Promise<void> {
  async function* lines(): AsyncIterable<string> {
    if (header !== undefined) yield csvLine(header, delimiter);
    if (failed.size === 0) return;
    let left = failed.size;
    for await (const { row, fields } of rows()) {
      if (!failed.has(row.row)) continue;
      yield csvLine(fields, delimiter);
      left--;
      if (left === 0) return;
    }
  }
  await store.replace(FAILED_FILE, lines);
}
