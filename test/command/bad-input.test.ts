import { randomBytes } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import type { CommandOptions } from './command.js';
import { createFolder, type Folder, reportOf } from './folder.js';
import { csvOf, people, simulatorOf, toSimulator } from './people.js';

vi.setConfig({ testTimeout: 90_000 });

/** Something a person may do wrong, and what the one line must say of it. */
interface Mistake {
  readonly args: readonly string[];
  readonly says: readonly RegExp[];
  readonly files?: Readonly<Record<string, string | Buffer>>;
  readonly env?: CommandOptions['env'];
  readonly input?: string;
  readonly prepare?: (folder: Folder) => Promise<void>;
}

const POOL = ['--user-pool-id', 'eu-west-1_AbC123xyz'];
/** Nobody listens on port 9: a mistake that is overlooked ends in exit code 4 here, and sends nothing to AWS. */
const NOWHERE = [...POOL, '--endpoint-url', 'http://127.0.0.1:9', '--rate', '1000'];
const USERS = { 'users.csv': csvOf(people(3)) };
const isRoot = process.getuid?.() === 0;

async function refusal({ args, env, files = {}, input, prepare }: Mistake) {
  const folder = await createFolder();
  for (const [name, content] of Object.entries(files)) await folder.write(name, content);
  await prepare?.(folder);
  const before = await folder.list();
  const result = await folder.run(args, {
    ...(env === undefined ? {} : { env }),
    ...(input === undefined ? {} : { input }),
  });
  return { ...result, before, after: await folder.list() };
}

async function expectOneClearLine(mistake: Mistake): Promise<void> {
  const { after, before, exitCode, lines, stderr, stdout } = await refusal(mistake);
  const errors = lines.filter((line) => line.startsWith('error: '));
  expect({ errors: errors.length, exitCode }, stderr).toEqual({ errors: 1, exitCode: 2 });
  const [error = ''] = errors;
  expect(lines.at(-1)).toBe(error);
  for (const words of mistake.says) expect(error).toMatch(words);
  expect(error.length).toBeLessThan(1_000);
  // What a file holds goes to a terminal: it must not be able to steer it.
  expect(error).not.toMatch(/\p{Cc}/u);
  expect(stderr).not.toContain('    at ');
  expect(stdout).toBe('');
  expect(after).toEqual(before);
}

const RUN = ['users.csv', ...NOWHERE];
const source = (content: string | Buffer, ...says: RegExp[]): Mistake => ({
  args: RUN,
  files: { 'users.csv': content },
  says,
});
const withOption = (option: string, value: string, ...says: RegExp[]): Mistake => ({
  args: [
    ...NOWHERE.filter((word, at) => word !== option && NOWHERE[at - 1] !== option),
    'users.csv',
    option,
    value,
  ],
  files: USERS,
  says: [new RegExp(option), ...says],
});
const withConfig = (content: string, ...says: RegExp[]): Mistake => ({
  args: [...RUN, '--config', 'config.json'],
  files: { ...USERS, 'config.json': content },
  says,
});

const zip = Buffer.concat([Buffer.from('PK\x03\x04'), randomBytes(3_000)]);
const notText = Buffer.from(randomBytes(3_000).map((byte) => (byte === 0 ? 1 : byte | 0x80)));
const bigEndian = Buffer.from(csvOf(people(3)), 'utf16le').swap16();
const gzipped = gzipSync(csvOf(people(5_000)));

const SOURCES: Record<string, Mistake> = {
  'a file that is not there': { args: RUN, says: [/users\.csv/, /no such file/] },
  'a folder': {
    args: RUN,
    prepare: async (folder) => void (await mkdir(folder.at('users.csv'))),
    says: [/users\.csv is a folder/],
  },
  'an empty file': source('', /users\.csv is empty/),
  'nothing but blank lines': source('\n\n\n', /users\.csv/, /empty|no header|nothing/i),
  'a byte order mark alone': source('\uFEFF', /users\.csv/, /empty|no header|nothing/i),
  'a picture': source(
    Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
    /users\.csv is not a text file/,
  ),
  'bytes that are no text, with no zero among them': source(notText, /users\.csv/),
  'an Excel file': source(zip, /users\.csv/, /save it as CSV/),
  'UTF-16BE with a mark': source(Buffer.concat([Buffer.from([0xfe, 0xff]), bigEndian]), /UTF-16BE/, /UTF-8/),
  'UTF-16BE without a mark': source(bigEndian, /UTF-16BE/, /UTF-8/),
  'no username column': source(
    'name,mail\nAnn,a@example.com\n',
    /username/,
    /name, mail/,
    /--username-column/,
  ),
  'no username column, with semicolons': source('name;mail\nAnn;a@example.com\n', /name, mail/),
  'a header name twice': source('username,plan,plan\na,b,c\n', /plan twice/),
  'two columns for the username': source(
    'Username,USERNAME\na,b\n',
    /Username and USERNAME/,
    /--username-column/,
  ),
  'a steering sequence in the header': source('\u001B[31mname\u001B]0;x\u0007,mail\na,b\n', /mail/),
  'a JSON file on one line': source(JSON.stringify(people(20_000)), /username/),
  'an open quote': source('username\n"ann\nbob\n', /quote/, /line 2/),
  'an open quote in the header': source('username,"plan\nann,1\n', /quote/, /line 1/),
  'a gzip file cut in the middle': source(gzipped.subarray(0, gzipped.length / 2), /users\.csv/, /complete/),
  'a gzip file cut in its header': source(gzipped.subarray(0, 12), /users\.csv/, /complete/),
  'a gzip file of nothing': source(gzipSync(''), /users\.csv/, /empty|no header|nothing/i),
  'an empty standard input': {
    args: ['-', ...NOWHERE],
    input: '',
    says: [/standard input/, /empty|nothing/],
  },
  'no standard input': { args: ['-', ...NOWHERE], says: [/standard input/, /empty|nothing/] },
  'a standard input without a username column': {
    args: ['-', ...NOWHERE],
    input: 'name\nAnn\n',
    says: [/standard input/, /username/],
  },
  'a username column that is not there': {
    args: [...RUN, '--username-column', 'mail'],
    files: USERS,
    says: [/mail/, /username/],
  },
  'the delimiter of another file': {
    args: [...RUN, '--delimiter', ';'],
    files: { 'users.csv': 'username,plan\na,b\n' },
    says: [/username,plan/],
  },
};

const OPTIONS: Record<string, Mistake> = {
  'an unknown option': {
    args: ['users.csv', '--user-pol-id', 'eu-west-1_AbC123xyz'],
    files: USERS,
    says: [/--user-pol-id/, /did you mean `--user-pool-id`/],
  },
  'an unknown option, nothing like any other': {
    args: [...RUN, '--zzzzzzzz'],
    files: USERS,
    says: [/--help/],
  },
  'an unknown command': { args: ['statsu', 'x.job', ...POOL], says: [/did you mean the command `status`/] },
  'an unknown command alone': { args: ['statsu', ...POOL], says: [/did you mean the command `status`/] },
  'no source': { args: NOWHERE, says: [/source/, /--help/] },
  'nothing at all': { args: [], says: [/source/, /--help/] },
  'two sources': { args: [...RUN, 'more.csv'], files: USERS, says: [/more\.csv/, /too many/] },
  'an option twice': {
    args: [...RUN, '--limit', '1', '--limit', '2'],
    files: USERS,
    says: [/--limit/, /2 times|once/],
  },
  'an option without its value': { args: [...RUN, '--limit'], files: USERS, says: [/limit/] },
  'a switch with a value that is neither true nor false': {
    args: [...RUN, '--dry-run=yes'],
    files: USERS,
    says: [/--dry-run/, /true or false/],
  },
  'no pool': { args: ['users.csv'], files: USERS, says: [/--user-pool-id/, /COGNITO_USER_POOL_ID/] },
  'a pool id that cannot be one': withOption('--user-pool-id', 'my pool', /my pool/, /eu-west-1_/),
  'a pool id that is a name': withOption('--user-pool-id', 'customers', /customers/),
  'a rate of 0': withOption('--rate', '0', /above 0/, /`0`/),
  'a rate below 0': withOption('--rate', '-1', /above 0/, /`-1`/),
  'no share of the quota': withOption('--rate', '0%', /`--rate`.*`0%`/),
  'more than the quota': withOption('--rate', '120%', /up to 100%.*`120%`/),
  'a rate in letters': withOption('--rate', 'fifty', /`fifty`/),
  'no concurrency': withOption('--concurrency', '0', /`0`/),
  'half a concurrency': withOption('--concurrency', '1.5', /whole number/),
  'a limit of 0': withOption('--limit', '0', /`0`/),
  'no attempts': withOption('--max-attempts', '0', /`0`/),
  'a duration in words': withOption('--max-duration', 'soon', /`soon`/, /30m/),
  'a duration without a unit': withOption('--max-duration', '30', /30m/),
  'a share above 100 %': withOption('--max-failures', '101%', /101%/),
  'a delimiter that is none': withOption('--delimiter', '::', /tab/),
  'metadata without a value': withOption('--metadata', 'plan', /key=value/),
  'metadata that is no JSON': withOption('--metadata', '{"plan"', /JSON/),
  'an endpoint that is no address': withOption('--endpoint-url', 'localhost:9229', /http:/),
  'an empty job': withOption('--job', '', /`--job`/),
  'an unknown variable': {
    args: RUN,
    files: USERS,
    env: { COGNITO_BULK_CONFIRM_RAT: '20' },
    says: [/COGNITO_BULK_CONFIRM_RAT/, /rate/i],
  },
  'a variable with a value that is none': {
    args: ['users.csv', ...POOL],
    files: USERS,
    env: { COGNITO_BULK_CONFIRM_RATE: 'fast' },
    says: [/rate/i, /`fast`/],
  },
  'a variable for a switch that is neither true nor false': {
    args: RUN,
    files: USERS,
    env: { COGNITO_BULK_CONFIRM_DRY_RUN: 'perhaps' },
    says: [/COGNITO_BULK_CONFIRM_DRY_RUN/, /true or false/, /perhaps/],
  },
  'a config file that is not there': {
    args: [...RUN, '--config', 'c.json'],
    files: USERS,
    says: [/c\.json/, /read/],
  },
  'a config file that is no JSON': withConfig('rate: 20', /config\.json/, /JSON/),
  'a config file that is a list': withConfig('[]', /config\.json/, /object/),
  'a config file with an unknown key': withConfig('{"rat": 20}', /config\.json/, /`rat`/, /`rate`/),
  'a config file with a value of the wrong kind': withConfig('{"limit": true}', /limit/, /whole number/),
  'a config file with a switch in words': withConfig('{"dry-run": "yes"}', /dry-run/, /true or false/),
};

const JOBS: Record<string, Mistake> = {
  'a job that is a file': {
    args: [...RUN, '--job', 'users.csv'],
    files: USERS,
    says: [/users\.csv/, /folder/, /--job/],
  },
  'a job below a file': {
    args: [...RUN, '--job', 'users.csv/job'],
    files: USERS,
    says: [/users\.csv\/job/, /folder/, /--job/],
  },
  'the status of nothing': { args: ['status'], says: [/job/] },
  'the status of a job that is not there': { args: ['status', 'x.job'], says: [/no job x\.job/] },
  'the status of a folder that is no job': {
    args: ['status', 'things'],
    files: { 'things/a.txt': 'a' },
    says: [/things is not a job/, /checkpoint\.json/],
  },
  'the status of a file': { args: ['status', 'users.csv'], files: USERS, says: [/users\.csv/, /job/] },
  'the report of nothing': { args: ['report'], says: [/job/] },
  'the report of a job that is not there': { args: ['report', 'x.job'], says: [/no job x\.job/] },
  'the report of a folder that is no job': {
    args: ['report', 'things'],
    files: { 'things/a.txt': 'a' },
    says: [/things is not a job/],
  },
  'a report in a format that there is not': {
    args: ['report', 'x.job', '--format', 'pdf'],
    says: [/csv/, /`pdf`/],
  },
  'a report of a status that there is not': {
    args: ['report', 'x.job', '--only', 'confirmed,nonsense'],
    says: [/`nonsense`/, /already-confirmed/],
  },
  'an option of run for status': { args: ['status', 'x.job', '--rate', '10'], says: [/--rate/] },
};

describe.concurrent.each([
  ['source', SOURCES],
  ['option', OPTIONS],
  ['job', JOBS],
])('a wrong %s ends in one clear line, exit code 2 and no trace', (_what, mistakes) => {
  it.each(Object.entries(mistakes))('%s', (_name, mistake) => expectOneClearLine(mistake));
});

describe.concurrent('what the system does not allow ends in the same way', () => {
  it.skipIf(isRoot)('a file without the permission to read it (skipped for root)', () =>
    expectOneClearLine({
      args: RUN,
      files: USERS,
      prepare: (folder) => chmod(folder.at('users.csv'), 0o000),
      says: [/users\.csv cannot be read/, /permission/],
    }),
  );

  it.skipIf(isRoot)('a job in a folder that cannot be written to (skipped for root)', () =>
    expectOneClearLine({
      args: [...RUN, '--job', 'locked/users.job'],
      files: USERS,
      // Empty, so that it can be taken away afterwards.
      prepare: async (folder) => void (await mkdir(folder.at('locked'), 0o500)),
      says: [/locked\/users\.job/, /--job/],
    }),
  );

  it.runIf(process.platform === 'linux')('a job where nobody can make a folder', () =>
    expectOneClearLine({
      args: [...RUN, '--job', '/sys/users.job'],
      files: USERS,
      says: [/\/sys\/users\.job/, /--job/],
    }),
  );
});

describe('a quote that is never closed', () => {
  it('is found in a big file', async () => {
    const folder = await createFolder();
    await folder.write('users.csv', `username\n"${'somebody@example.com\n'.repeat(250_000)}`);
    const { exitCode, lines } = await folder.run(RUN);
    expect(exitCode).toBe(2);
    expect(lines.at(-1)).toMatch(/^error: users\.csv: a quote opened on line 2/);
  });
});

describe.concurrent('a wrong row', () => {
  const [good = ''] = people(1);

  it.each([
    ['with too few fields', 'lonely', /1 field /],
    ['with too many fields', 'a,b,c', /3 fields/],
    ['without a username', ',plus', /empty/],
    ['with a space in the username', 'two words,plus', /white space/],
    ['with a username that is too long', `${'x'.repeat(129)},plus`, /129 characters/],
    ['with a zero-width space', 'ann\u200B,plus', /U\+200B/],
  ])('%s becomes a line of the report and costs no request', async (_name, line, problem) => {
    const simulator = await simulatorOf([good]);
    const folder = await createFolder();
    await folder.write('users.csv', `username,plan\n${line}\n${good},free\n`);
    const { exitCode, stderr } = await folder.run(['users.csv', ...toSimulator(simulator)]);
    expect(exitCode, stderr).toBe(1);
    expect(await reportOf(folder, 'users.csv.job')).toMatchObject([
      { row: '1', status: 'invalid', attempts: '0', errorMessage: expect.stringMatching(problem) },
      { row: '2', status: 'confirmed', attempts: '1' },
    ]);
    expect(simulator.calls().map(({ username }) => username)).toEqual([good]);
  });
});
