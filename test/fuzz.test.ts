import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readArguments, UsageError } from '../src/command/arguments.js';
import { OptionError, type RunOptions, toSettings } from '../src/options.js';
import { readCsv } from '../src/read/csv.js';
import { encodingOf } from '../src/read/encoding.js';
import { verdict } from '../src/send/verdict.js';
import { allOf, inChunks } from './support/chunks.js';

/** What comes from outside may be anything. A failing case is printed with the seed that replays it. */

const field = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: fc.constantFrom('"', ',', ';', '\t', '\n', '\r', ' ', 'a', 'é', '李'), maxLength: 8 }),
);

const file = fc.record({
  delimiter: fc.constantFrom(',', ';', '\t'),
  lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
  encoding: fc.constantFrom('utf8' as const, 'utf16le' as const),
  bom: fc.boolean(),
  endsWithLineEnd: fc.boolean(),
  blankLines: fc.boolean(),
  chunk: fc.integer({ min: 1, max: 40 }),
  // Two columns at least: a lone empty field is a blank line.
  rows: fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 12 }),
});

/** Writes a CSV without knowing how it will be read. */
function written({ blankLines, bom, delimiter, encoding, endsWithLineEnd, lineEnd, rows }: FileOf): Buffer {
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  const line = (fields: readonly string[]): string => fields.map(quoted).join(delimiter);
  const between = blankLines ? lineEnd + lineEnd : lineEnd;
  const text = rows.map(line).join(between) + (endsWithLineEnd ? lineEnd : '');
  return Buffer.from((bom ? '\uFEFF' : '') + text, encoding);
}

type FileOf = typeof file extends fc.Arbitrary<infer T> ? T : never;

describe('a CSV of any fields in any dialect', () => {
  it('is read as it was meant, from its beginning and from each of its records', async () => {
    await fc.assert(
      fc.asyncProperty(file, async (dialect) => {
        // What is in another encoding comes here as UTF-8: see read/source.ts.
        const bytes = written({ ...dialect, encoding: 'utf8' });
        const { chunk, delimiter, rows } = dialect;
        const options = { name: 'x', delimiter };
        const records = await allOf(readCsv(inChunks(bytes, chunk), options));
        expect(records.map(({ fields }) => fields)).toEqual(rows);
        expect(records.at(-1)?.end.offset).toBeLessThanOrEqual(bytes.length);
        for (const [index, { start }] of records.entries()) {
          const rest = readCsv(inChunks(bytes.subarray(start.offset), chunk), { ...options, from: start });
          expect(await allOf(rest)).toEqual(records.slice(index));
        }
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it('tells its encoding by its first bytes, where the header is plain', () => {
    fc.assert(
      fc.property(file, (dialect) => {
        const bytes = written({ ...dialect, rows: [['username', 'note'], ...dialect.rows] });
        expect(encodingOf(bytes.subarray(0, 30), 'x')).toBe(dialect.encoding);
      }),
    );
  });
});

describe('an error of any shape', () => {
  const shape = fc.oneof(
    fc.anything(),
    fc.record(
      {
        name: fc.oneof(fc.string(), fc.anything()),
        message: fc.oneof(fc.string(), fc.anything()),
        code: fc.anything(),
        cause: fc.anything(),
        $metadata: fc.oneof(
          fc.anything(),
          fc.record({ httpStatusCode: fc.anything(), requestId: fc.anything() }),
        ),
      },
      { requiredKeys: [] },
    ),
  );

  it('gets a verdict, and no row is taken for confirmed that nobody called so', () => {
    fc.assert(
      fc.property(shape, fc.boolean(), (error, mayBeOurs) => {
        const { do: next, error: facts, ...rest } = verdict(error, { mayBeOurs });
        expect(['finish', 'retry', 'stop']).toContain(next);
        expect(typeof facts.name).toBe('string');
        expect(typeof facts.message).toBe('string');
        if ('status' in rest && String(rest.status).endsWith('-confirmed')) {
          expect(facts.name).toBe('NotAuthorizedException');
          expect(facts.message).toMatch(/current status is:? ?confirmed/i);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

/** Settings, or a mistake told in words; anything else is a bug. */
function settingsOrMistake(options: unknown): unknown {
  try {
    return toSettings(options as RunOptions);
  } catch (error) {
    if (error instanceof OptionError) return error.message;
    throw error;
  }
}

describe('options of any kind', () => {
  const names = [
    ...[
      'source',
      'userPoolId',
      'region',
      'endpointUrl',
      'job',
      'rate',
      'concurrency',
      'usernameColumn',
      'metadata',
    ],
    ...[
      'delimiter',
      'noHeader',
      'maxAttempts',
      'maxFailures',
      'maxFailuresInARow',
      'limit',
      'maxDuration',
      'fresh',
    ],
  ];
  const value = fc.oneof(fc.anything({ withNullPrototype: true }), fc.string(), fc.double(), fc.integer());
  const options = fc.record(Object.fromEntries(names.map((name) => [name, value])), { requiredKeys: [] });

  it('are settings within their bounds, or a mistake told in words', () => {
    fc.assert(
      fc.property(options, (given) => {
        const base = { source: 'a.csv', userPoolId: 'eu-west-1_A', ...given };
        const settings = settingsOrMistake(base);
        if (typeof settings === 'string') expect(settings).toMatch(/^Expected `\w+` to be /);
        else
          expect(settings).toMatchObject({
            concurrency: expect.any(Number),
            rate: expect.any(Object),
          });
      }),
      { numRuns: 2_000 },
    );
  });

  it('from command line, environment and configuration file are a command, or a mistake told in words', () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'run',
        'status',
        '--rate',
        '--metadata',
        '--json',
        '--',
        '-',
        '--fresh=true',
        '--limit=',
        '-h',
      ),
      fc.constantFrom(...names).map((name) => `--${name}`),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), fc.string(), fc.string(), (argv, variable, config) => {
        try {
          readArguments({
            argv,
            env: { COGNITO_BULK_CONFIRM_RATE: variable, COGNITO_BULK_CONFIRM_CONFIG: 'c.json' },
            readFile: () => config,
            print: () => {},
            width: 80,
          });
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      }),
      { numRuns: 300 },
    );
  }, 60_000);
});
