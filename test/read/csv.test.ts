import { describe, expect, it } from 'vitest';
import { type CsvRecord, MAX_RECORD_BYTES, type Place, readCsv } from '../../src/read/csv.js';
import { allOf, inChunks } from '../support/chunks.js';

interface Dialect {
  readonly delimiter: string;
  readonly bom: 'with' | 'without';
  readonly lineEnds: keyof typeof LINE_ENDS;
  readonly lastLine: 'ends' | 'has no end';
}

// In the mixed cycle no CR is followed by a LF of the next line, which would make one line end of two.
const LINE_ENDS = { LF: ['\n'], CRLF: ['\r\n'], CR: ['\r'], mixed: ['\r\n', '\r', '\r\n', '\n'] };

const DIALECTS: Dialect[] = [',', ';', '\t'].flatMap((delimiter) =>
  (['with', 'without'] as const).flatMap((bom) =>
    (['LF', 'CRLF', 'CR', 'mixed'] as const).flatMap((lineEnds) =>
      (['ends', 'has no end'] as const).map((lastLine) => ({ delimiter, bom, lineEnds, lastLine })),
    ),
  ),
);

/** A line that is empty. */
const BLANK = undefined;

/** Records as a person thinks of them; `|` stands for the delimiter, `¶` for the dialect's line end. */
const RECORDS: (readonly string[] | undefined)[] = [
  BLANK,
  ['username', 'note', 'metadata.lang'],
  ['anna', 'plain', 'de'],
  BLANK,
  BLANK,
  ['bob', 'a|b', 'say "hi"'],
  ['ümläut😀', 'line¶break', 'x'],
  ['', '', ''],
  ['carl', '¶¶two at its start, one at its end¶', '¶'],
  BLANK,
  ['dora', 'LF \n, CR LF \r\n and CR \r within', 'x'],
  ['+49151=@', "'", '日本'],
];

/** Writes the records down, and says where each of them lies. Knows nothing of csv-parse. */
function written(dialect: Dialect): { bytes: Buffer; records: CsvRecord[] } {
  const { bom, delimiter, lastLine, lineEnds } = dialect;
  const ends = LINE_ENDS[lineEnds];
  const bytesOf = (text: string): number => Buffer.byteLength(text);
  const records: CsvRecord[] = [];
  let text = bom === 'with' ? '\uFEFF' : '';
  let line = 1;
  let before: Place = { offset: 0, line: 1 };
  for (const [index, record] of RECORDS.entries()) {
    const isLast = index === RECORDS.length - 1;
    const lineEnd = isLast && lastLine === 'has no end' ? '' : (ends[index % ends.length] ?? '');
    const fields = (record ?? []).map((field) =>
      field.replaceAll('|', delimiter).replaceAll('¶', ends[0] ?? ''),
    );
    const body = fields
      .map((field) => (/["\r\n]/.test(field) || field.includes(delimiter) ? quoted(field) : field))
      .join(delimiter);
    text += body + lineEnd;
    const end = { offset: bytesOf(text), line: line + lineBreaks(body) + 1 };
    if (record !== undefined) {
      records.push({ fields, start: before, end, line });
      before = end;
    }
    line = end.line;
  }
  return { bytes: Buffer.from(text), records };
}

const quoted = (field: string): string => `"${field.replaceAll('"', '""')}"`;
const lineBreaks = (text: string): number => [...text.matchAll(/\r\n|\r|\n/g)].length;

const read = (bytes: Buffer, dialect: Pick<Dialect, 'delimiter'>, chunk = 64 * 1024, from?: Place) =>
  allOf(
    readCsv(inChunks(bytes.subarray(from?.offset ?? 0), chunk), {
      name: 'users.csv',
      delimiter: dialect.delimiter,
      ...(from === undefined ? {} : { from }),
    }),
  );

describe.each(DIALECTS)(
  'a CSV with delimiter $delimiter $bom BOM, line ends $lineEnds, whose last line $lastLine',
  (dialect) => {
    const { bytes, records } = written(dialect);

    it.each([1, 2, 3, 7, 64 * 1024])(
      'is read with the place of each record, in chunks of %i',
      async (size) => {
        expect(await read(bytes, dialect, size)).toEqual(records);
      },
    );

    it('gives the same records when it is read again from the start of any of them', async () => {
      for (const [index, record] of records.entries()) {
        for (const size of [1, 64 * 1024]) {
          expect(await read(bytes, dialect, size, record.start)).toEqual(records.slice(index));
        }
      }
    });
  },
);

const readText = (text: string) => read(Buffer.from(text), { delimiter: ',' });

it('takes a quote inside an unquoted field as it is, and loses no record after it', async () => {
  const records = await readText('username,note\no"neil,5" disk\nanna,\n');
  expect(records.map(({ fields, line }) => [line, ...fields])).toEqual([
    [1, 'username', 'note'],
    [2, 'o"neil', '5" disk'],
    [3, 'anna', ''],
  ]);
});

it('gives records with too few and too many fields as they are', async () => {
  const records = await readText('a,b\n1\n1,2,3\n""\n');
  expect(records.map(({ fields }) => fields)).toEqual([['a', 'b'], ['1'], ['1', '2', '3'], ['']]);
});

it('reads nothing from nothing', async () => {
  expect(await readText('')).toEqual([]);
  expect(await readText('\n\r\n\n')).toEqual([]);
});

it('reads a BOM in the middle of a source alike, whether from the beginning or from there', async () => {
  const bytes = Buffer.from('username\nanna\n\uFEFFusername\nbob\n');
  const records = await read(bytes, { delimiter: ',' });
  expect(records[2]?.fields).toEqual(['\uFEFFusername']);
  expect(await read(bytes, { delimiter: ',' }, 64, records[2]?.start)).toEqual(records.slice(2));
});

describe('an open quote', () => {
  it.each([
    ['at the end of the source', 'username\nanna\n"bob\ncarl\n', 3],
    ['after blank lines', 'username\n\n\n"bob\ncarl\n', 4],
    ['on the first line', '"username\nanna\n', 1],
    ['after a record of three lines', 'username\n"a\nb\nc"\n"bob\n', 5],
    ['after CR LF within quotes', 'username\r\n"a\r\nb"\r\n"bob\r\n', 4],
  ])('is told with its line: %s', async (_where, text, line) => {
    await expect(readText(text)).rejects.toMatchObject({
      code: 'SOURCE_QUOTE',
      message: `users.csv: a quote opened on line ${line} is never closed; close it, or double it ("") if it is meant`,
    });
  });

  it('does not swallow more than 1 MiB', async () => {
    let taken = 0;
    async function* endless() {
      yield Buffer.from('username\nanna\n"bob\n');
      for (;;) {
        taken += 1024;
        yield Buffer.alloc(1024, 'carl\n');
      }
    }
    const reading = allOf(readCsv(endless(), { name: 'users.csv', delimiter: ',' }));
    await expect(reading).rejects.toMatchObject({
      code: 'SOURCE_QUOTE',
      message: expect.stringContaining('line 3'),
    });
    expect(taken).toBeLessThan(MAX_RECORD_BYTES + 1024 * 1024);
  });
});

it('reads a record of nearly 1 MiB', async () => {
  const long = 'x'.repeat(MAX_RECORD_BYTES - 16);
  expect((await readText(`a,b\n${long},1\n`))[1]?.fields).toEqual([long, '1']);
});

it('passes on what goes wrong with the chunks', async () => {
  async function* broken() {
    yield Buffer.from('a\nb\n');
    throw new Error('the cable is out');
  }
  const reading = allOf(readCsv(broken(), { name: 'x', delimiter: ',' }));
  await expect(reading).rejects.toThrow('the cable is out');
});

it('lets go of the chunks when its reader leaves', async () => {
  let closed = false;
  async function* chunks() {
    try {
      for (;;) yield Buffer.from('a\nb\n');
    } finally {
      closed = true;
    }
  }
  for await (const _record of readCsv(chunks(), { name: 'x', delimiter: ',' })) break;
  await expect.poll(() => closed).toBe(true);
});
