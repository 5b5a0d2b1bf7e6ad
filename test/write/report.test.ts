import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Outcome, STATUSES } from '../../src/outcome.js';
import { readCsv } from '../../src/read/csv.js';
import {
  csvLine,
  endOfLastWholeLine,
  parseReportLine,
  REPORT_COLUMNS,
  REPORT_HEADER,
  reportLine,
} from '../../src/write/report.js';
import { allOf, inChunks } from '../support/chunks.js';
import { outcomeOf } from '../support/outcomes.js';

const NASTY = fc.string({
  unit: fc.oneof(
    fc.constantFrom('"', '\r', '\n', ',', ';', '\t', '""', '\r\n', "'", '=', ' ', '\uFEFF', '\u0000'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 12,
});

const OUTCOME: fc.Arbitrary<Outcome> = fc.record({
  row: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  username: NASTY,
  status: fc.constantFrom(...STATUSES),
  attempts: fc.nat(100),
  errorName: NASTY,
  errorMessage: NASTY,
  requestId: NASTY,
  finishedAt: fc
    .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString()),
});

const readBack = async (text: string, chunk = 64 * 1024): Promise<string[][]> => {
  const records = await allOf(
    readCsv(inChunks(Buffer.from(text), chunk), { name: 'report.csv', delimiter: ',' }),
  );
  return records.map(({ fields }) => [...fields]);
};

it('gives back each line as it was written, whatever stands in it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(OUTCOME, { maxLength: 6 }),
      fc.integer({ min: 1, max: 64 }),
      async (outcomes, chunk) => {
        const text = REPORT_HEADER + outcomes.map(reportLine).join('');
        const [header, ...lines] = await readBack(text, chunk);
        expect(header).toEqual([...REPORT_COLUMNS]);
        expect(lines.map((fields) => parseReportLine(fields, 'here'))).toEqual(outcomes);
        expect(await endOfLastWholeLine(inChunks(Buffer.from(text), chunk))).toBe(Buffer.byteLength(text));
      },
    ),
    { numRuns: 200 },
  );
});

it.each([',', ';', '\t'])('gives back the fields of a line with the delimiter %j', async (delimiter) => {
  await fc.assert(
    fc.asyncProperty(fc.array(NASTY, { minLength: 2, maxLength: 5 }), async (fields) => {
      // The first bytes of a file may be a BOM, which belongs to no field: a header stands before.
      const text = `header\n${csvLine(fields, delimiter)}`;
      const records = await allOf(readCsv(inChunks(Buffer.from(text), 7), { name: 'failed.csv', delimiter }));
      expect(records[1]?.fields).toEqual(fields);
    }),
  );
});

it.each([
  [outcomeOf(), '1,anna,confirmed,1,,,id-1,2026-11-05T10:00:00.000Z\n'],
  [
    outcomeOf({ username: 'a,b', errorMessage: 'say "hi"\nagain' }),
    '1,"a,b",confirmed,1,,"say ""hi""\nagain",id-1,2026-11-05T10:00:00.000Z\n',
  ],
  [outcomeOf({ username: '=1+1' }), '1,=1+1,confirmed,1,,,id-1,2026-11-05T10:00:00.000Z\n'],
])('writes %j', (outcome, line) => {
  expect(reportLine(outcome)).toBe(line);
});

describe('a line that is none', () => {
  const sound = ['1', 'anna', 'confirmed', '1', '', '', 'id-1', '2026-11-05T10:00:00.000Z'];
  const withField = (index: number, value: string) =>
    sound.map((field, at) => (at === index ? value : field));

  it('is not the one that they are all made of', () => {
    expect(parseReportLine(sound, 'here')).toEqual(outcomeOf());
  });

  it.each([
    ['has too few fields', sound.slice(0, -1)],
    ['has too many fields', [...sound, '']],
    ['has no row', withField(0, '')],
    ['has row 0', withField(0, '0')],
    ['has half a row', withField(0, '1.5')],
    ['has a row in words', withField(0, 'one')],
    ['has a status nobody knows', withField(2, 'fine')],
    ['has a status in capitals', withField(2, 'CONFIRMED')],
    ['has no attempts', withField(3, '')],
    ['has attempts below 0', withField(3, '-1')],
    ['has no time', withField(7, '')],
    ['has a time nobody can read', withField(7, 'yesterday')],
    ['is the header', [...REPORT_COLUMNS]],
  ])('%s', (_what, fields) => {
    expect(() => parseReportLine(fields, 'report.csv, line 7')).toThrow(
      expect.objectContaining({
        code: 'JOB_DAMAGED',
        message:
          'report.csv, line 7 is not a line of a report: was the file edited? Put it back as it was, or start over with --fresh',
      }),
    );
  });
});

describe('a report that was cut off', () => {
  const lines = [
    REPORT_HEADER,
    reportLine(outcomeOf({ row: 1 })),
    reportLine(
      outcomeOf({ row: 2, username: 'ümläut😀', errorMessage: 'PostConfirmation failed:\n"no"\r\nat all\n' }),
    ),
    reportLine(outcomeOf({ row: 3, username: '""' })),
    reportLine(outcomeOf({ row: 4, errorMessage: '\n' })),
    reportLine(outcomeOf({ row: 5 })),
  ];
  const bytes = Buffer.from(lines.join(''));
  const ends = lines.map((_, index) => Buffer.byteLength(lines.slice(0, index + 1).join('')));

  it.each([1, 64 * 1024])(
    'at any byte has whole lines up to the last one that ends before, in chunks of %i',
    async (size) => {
      for (let cut = 0; cut <= bytes.length; cut++) {
        const expected = Math.max(0, ...ends.filter((end) => end <= cut));
        expect(await endOfLastWholeLine(inChunks(bytes.subarray(0, cut), size))).toBe(expected);
      }
    },
  );
});
