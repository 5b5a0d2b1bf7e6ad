import { expect, it } from 'vitest';
import { RowSet } from '../../src/row-set.js';
import { writeFailedRows } from '../../src/write/failed.js';
import { memoryStore } from '../support/memory-store.js';

const FIELDS = [
  ['anna', 'x'],
  ['bob', 'a;b'],
  ['ca"rl', 'l1\nl2'],
  ['dora', ''],
];

async function failedFile(failed: string, header: readonly string[] | undefined, delimiter: string) {
  const store = memoryStore();
  let read = 0;
  async function* rows() {
    for (const [index, fields] of FIELDS.entries()) {
      read++;
      yield { row: { row: index + 1 }, fields };
    }
  }
  await writeFailedRows(store, RowSet.parse(failed), header, delimiter, rows);
  return { text: store.files.get('failed.csv'), read };
}

it.each([
  ['none', '', ['username', 'note'], ',', 'username,note\n', 0],
  ['some', '1,3', ['username', 'note'], ',', 'username,note\nanna,x\n"ca""rl","l1\nl2"\n', 3],
  ['another delimiter', '2', ['username', 'note'], ';', 'username;note\nbob;"a;b"\n', 2],
  ['no header', '4', undefined, '\t', 'dora\t\n', 4],
  ['no header and no row', '', undefined, ',', '', 0],
])(
  'has the failed rows in the columns of the source, and reads no further than it must: %s',
  async (_what, failed, header, delimiter, text, read) => {
    expect(await failedFile(failed, header, delimiter)).toEqual({ text, read });
  },
);
