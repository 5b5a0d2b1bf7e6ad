import type { Readable } from 'node:stream';
import { inspect } from 'node:util';
import type { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import type { S3Client } from '@aws-sdk/client-s3';
import { isObjectAddress, parseObjectAddress } from './object-storage.js';

/** What `run` takes. Durations and shares may be given as the command takes them (`'30m'`, `'5%'`). */
export interface RunOptions {
  /** A path to a CSV, or its address (`s3://bucket/key`), gzipped or not, or `-` for `input`. */
  source: string;
  /** The pool's id, such as `eu-west-1_AbC123xyz`. */
  userPoolId: string;
  /** Default: what the SDK finds (environment, profile), else the Region that the pool's id names. */
  region?: string | undefined;
  /** A profile of the shared AWS configuration files. */
  profile?: string | undefined;
  /** Where to send requests instead of the Region's own endpoint. */
  endpointUrl?: string | undefined;
  /** Where report and checkpoint are: a folder, or `s3://bucket/prefix/`. Default: `./<source name>.job/`. */
  job?: string | undefined;
  /**
   * For a job on S3, after how many rows (`5000`) or how long (`'10s'`) its report gets another part, whichever is
   * first; a kill leaves at most the rows of two such stretches in doubt. Default `'5000,10s'`.
   */
  flush?: number | string | undefined;
  /** For a job on S3, how long a run that is not heard of any more keeps the job. Default `'30s'`. */
  lease?: number | string | undefined;
  /** A key of KMS: everything that is written to S3 is encrypted with it. Default: what the bucket says. */
  sseKmsKeyId?: string | undefined;
  /**
   * Requests per second at most (`40`), or a share of the quota in force, which is read at the start (`'80%'`).
   * Default `'80%'`: a fifth is left to live sign-ups.
   */
  rate?: number | string | undefined;
  /** Requests in flight at most. Default 100. */
  concurrency?: number | string | undefined;
  /** The column that holds the username. Default: `username`, else `cognito:username`, in any case. */
  usernameColumn?: string | undefined;
  /** Sent as ClientMetadata with every row; a row's own entries win. */
  metadata?: Readonly<Record<string, string>> | readonly string[] | string | undefined;
  /** `,`, `;` or a tab (`tab`). Default: found out from the header. */
  delimiter?: string | undefined;
  /** The first line is a row; columns are called 1, 2, 3 ... and the username is in column 1. Default false. */
  noHeader?: boolean | undefined;
  /** Requests for one row at most. Default 10. */
  maxAttempts?: number | string | undefined;
  /** Stop after so many rows that are `failed` or `trigger-failed` in this run. Default `'5%'`, judged from 1,000 rows on. */
  maxFailures?: number | string | undefined;
  /** Stop when so many sent rows in a row did not end well. Default 100; 0 is off. */
  maxFailuresInARow?: number | string | undefined;
  /** Stop after so many rows of this run, resumable. Default: none. */
  limit?: number | string | undefined;
  /** Stop after so long, resumable: milliseconds, or `'90s'`, `'30m'`, `'6h'`. Default: none. */
  maxDuration?: number | string | undefined;
  /** Send again the rows whose status is `failed`, after a finished run. Default false. */
  retryFailed?: boolean | undefined;
  /** Read and validate everything, send nothing, write nothing. Default false. */
  dryRun?: boolean | undefined;
  /** Put an earlier job aside (renamed, never deleted) and start over. Default false. */
  fresh?: boolean | undefined;
  /** Run against the built-in simulator instead of AWS, in a job of its own. Default false. */
  rehearse?: boolean | undefined;

  /** What `-` reads. */
  input?: Readable | undefined;
  /** A client of your own, made with `maxAttempts: 1`: retries inside the SDK would pass the limiter. */
  cognito?: CognitoIdentityProviderClient | undefined;
  /** A client of your own for what lies on S3. */
  s3?: S3Client | undefined;
  /**
   * Drains: takes no more rows, lets the requests in flight finish. While the source is still being read for the
   * first time, it ends that at once. The job can be resumed.
   */
  signal?: AbortSignal | undefined;
  /** Aborts: stops waiting for the requests in flight as well. The job can be resumed. */
  abortSignal?: AbortSignal | undefined;
}

/** An option as the command shows it; `--help`, the README's table, the environment and `--config` come from it. */
export interface OptionDoc {
  readonly name: string;
  readonly type: 'text' | 'switch' | 'list';
  /** What stands for the value in the help: `N`, `DIR`. */
  readonly value?: string;
  readonly describe: string;
  /** Words for the default, where there is one. */
  readonly default?: string;
  readonly group: 'Job' | 'AWS' | 'Source' | 'Pace' | 'Stops' | 'Modes';
}

/** The options of `run`, in the order in which the help shows them. */
export const RUN_OPTIONS: readonly OptionDoc[] = [
  {
    name: 'user-pool-id',
    type: 'text',
    value: 'ID',
    describe: 'the user pool; also COGNITO_USER_POOL_ID',
    default: 'required',
    group: 'AWS',
  },
  {
    name: 'region',
    type: 'text',
    value: 'NAME',
    describe: 'the AWS Region',
    default: "the SDK's own chain, else the Region the pool id names",
    group: 'AWS',
  },
  {
    name: 'profile',
    type: 'text',
    value: 'NAME',
    describe: 'a profile of your AWS configuration',
    default: "the SDK's own chain",
    group: 'AWS',
  },
  {
    name: 'endpoint-url',
    type: 'text',
    value: 'URL',
    describe: 'send requests there instead of to AWS',
    default: "the SDK's own chain",
    group: 'AWS',
  },
  {
    name: 'job',
    type: 'text',
    value: 'DIR',
    describe: 'the folder for report and checkpoint, or s3://bucket/prefix/',
    default: './<source name>.job/',
    group: 'Job',
  },
  {
    name: 'flush',
    type: 'text',
    value: 'N,TIME',
    describe: 'for a job on S3: write the report after so many rows, or so long (one of them, or both)',
    default: '5000,10s',
    group: 'Job',
  },
  {
    name: 'lease',
    type: 'text',
    value: 'TIME',
    describe: 'for a job on S3: how long a run that is not heard of any more keeps the job',
    default: '30s',
    group: 'Job',
  },
  {
    name: 'sse-kms-key-id',
    type: 'text',
    value: 'KEY',
    describe: 'encrypt what is written to S3 with this key of KMS',
    default: "the bucket's own encryption",
    group: 'Job',
  },
  {
    name: 'fresh',
    type: 'switch',
    describe: 'put an earlier job aside (renamed, never deleted) and start over',
    group: 'Job',
  },
  {
    name: 'retry-failed',
    type: 'switch',
    describe: 'send again the rows whose status is failed, after a finished run',
    group: 'Job',
  },
  {
    name: 'username-column',
    type: 'text',
    value: 'NAME',
    describe: 'the column that holds the username',
    default: 'username, else cognito:username, in any case',
    group: 'Source',
  },
  {
    name: 'metadata',
    type: 'list',
    value: 'K=V',
    describe: "sent as ClientMetadata with every row (repeatable); a row's own entries win",
    group: 'Source',
  },
  {
    name: 'delimiter',
    type: 'text',
    value: 'CHAR',
    describe: 'comma, semicolon or tab, as a character or by that name',
    default: 'found out from the header',
    group: 'Source',
  },
  {
    name: 'no-header',
    type: 'switch',
    describe: 'the first line is a row; columns are called 1, 2, 3 and the username is in column 1',
    group: 'Source',
  },
  {
    name: 'rate',
    type: 'text',
    value: 'N|N%',
    describe: 'requests per second at most, or a share of the quota in force',
    default: '80%',
    group: 'Pace',
  },
  {
    name: 'concurrency',
    type: 'text',
    value: 'N',
    describe: 'requests in flight at most',
    default: '100',
    group: 'Pace',
  },
  {
    name: 'max-attempts',
    type: 'text',
    value: 'N',
    describe: 'requests for one row at most',
    default: '10',
    group: 'Pace',
  },
  {
    name: 'limit',
    type: 'text',
    value: 'N',
    describe: 'stop after so many rows, resumable: a first careful step',
    group: 'Stops',
  },
  {
    name: 'max-duration',
    type: 'text',
    value: 'TIME',
    describe: 'stop after so long (90s, 30m, 6h), resumable',
    group: 'Stops',
  },
  {
    name: 'max-failures',
    type: 'text',
    value: 'N|N%',
    describe:
      'stop after so many rows that are failed or trigger-failed; a share is judged from 1,000 rows on',
    default: '5%',
    group: 'Stops',
  },
  {
    name: 'max-failures-in-a-row',
    type: 'text',
    value: 'N',
    describe: 'stop when so many sent rows in a row did not end well, whatever their status; 0 is off',
    default: '100',
    group: 'Stops',
  },
  {
    name: 'dry-run',
    type: 'switch',
    describe: 'read and validate everything, send nothing, write nothing',
    group: 'Modes',
  },
  {
    name: 'rehearse',
    type: 'switch',
    describe: 'run against the built-in simulator instead of AWS, in a job of its own',
    group: 'Modes',
  },
];

/** How often the report of a job on S3 is written: whichever comes first. */
export interface Flush {
  readonly rows: number;
  readonly ms: number;
}

/** A share of the rows, from 0 to 1, or a number of rows. */
export type FailureBound = { readonly rows: number } | { readonly share: number };

/** Requests per second, or a share of the quota in force, above 0 and up to 1. */
export type Rate = { readonly perSecond: number } | { readonly share: number };

/** More than any quota of Cognito's; what is above is a slip of the keyboard. */
const MOST_PER_SECOND = 10_000;

export type Delimiter = ',' | ';' | '\t';

/** The options of a run after every check: no strings left to read, every default in place. */
export interface Settings {
  readonly source: string;
  readonly userPoolId: string;
  readonly region: string | undefined;
  readonly profile: string | undefined;
  readonly endpointUrl: string | undefined;
  readonly job: string | undefined;
  readonly flush: Flush;
  readonly leaseMs: number;
  readonly sseKmsKeyId: string | undefined;
  readonly rate: Rate;
  readonly concurrency: number;
  readonly usernameColumn: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly delimiter: Delimiter | undefined;
  readonly noHeader: boolean;
  readonly maxAttempts: number;
  readonly maxFailures: FailureBound;
  readonly maxFailuresInARow: number;
  readonly limit: number | undefined;
  readonly maxDurationMs: number | undefined;
  readonly retryFailed: boolean;
  readonly dryRun: boolean;
  readonly fresh: boolean;
  readonly rehearse: boolean;
}

/** What a client of Cognito, the limiter and the attempts need: the part of the settings `confirmRows` shares. */
export type SendSettings = Pick<
  Settings,
  'userPoolId' | 'region' | 'profile' | 'endpointUrl' | 'rate' | 'concurrency' | 'maxAttempts' | 'metadata'
>;

export type SendOptions = Pick<
  RunOptions,
  | 'userPoolId'
  | 'region'
  | 'profile'
  | 'endpointUrl'
  | 'rate'
  | 'concurrency'
  | 'maxAttempts'
  | 'metadata'
  | 'cognito'
  | 'signal'
  | 'abortSignal'
>;

/** Checks every option and fills in the defaults. Throws a TypeError that names the option. No I/O. */
export function toSettings(options: RunOptions): Settings {
  const { rehearse = false } = options;
  // A rehearsal never reaches a pool of AWS, so it asks for none.
  const userPoolId =
    rehearse && options.userPoolId === undefined ? 'us-east-1_Rehearsal' : options.userPoolId;
  return {
    ...toSendSettings({ ...options, userPoolId }),
    source: source(options.source),
    job: text('job', options.job),
    flush: flush(options.flush),
    leaseMs: leaseMs(options.lease ?? DEFAULT_LEASE_MS),
    sseKmsKeyId: text('sseKmsKeyId', options.sseKmsKeyId),
    usernameColumn: text('usernameColumn', options.usernameColumn),
    delimiter: delimiter(options.delimiter),
    noHeader: choice('noHeader', options.noHeader),
    maxFailures: failureBound(options.maxFailures ?? '5%'),
    maxFailuresInARow: wholeNumber('maxFailuresInARow', options.maxFailuresInARow ?? 100, 0),
    limit: options.limit === undefined ? undefined : wholeNumber('limit', options.limit, 1),
    maxDurationMs: options.maxDuration === undefined ? undefined : durationMs(options.maxDuration),
    retryFailed: choice('retryFailed', options.retryFailed),
    dryRun: choice('dryRun', options.dryRun),
    fresh: choice('fresh', options.fresh),
    rehearse: choice('rehearse', rehearse),
  };
}

/** The same for the options that `confirmRows` takes. */
export function toSendSettings(options: SendOptions): SendSettings {
  return {
    userPoolId: poolId(options.userPoolId),
    region: text('region', options.region),
    profile: text('profile', options.profile),
    endpointUrl: httpUrl(options.endpointUrl),
    rate: rate(options.rate ?? '80%'),
    concurrency: wholeNumber('concurrency', options.concurrency ?? 100, 1, 10_000),
    maxAttempts: wholeNumber('maxAttempts', options.maxAttempts ?? 10, 1, 100),
    metadata: metadata(options.metadata),
  };
}

/** A wrong option: a TypeError whose message needs no stack. */
export class OptionError extends TypeError {
  override readonly name = 'OptionError';
  readonly option: string;

  constructor(option: string, expected: string) {
    super(`Expected \`${option}\` to be ${expected}`);
    this.option = option;
  }
}

function wrong(option: string, expected: string, value: unknown): never {
  const got =
    typeof value === 'string' ? value : inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY });
  throw new OptionError(option, `${expected}, got \`${got}\``);
}

function text(option: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  return typeof value === 'string' && value !== '' ? value : wrong(option, 'some text', value);
}

/** A file whose name begins as an address does can still be named: `./s3:...`. */
function source(value: unknown): string {
  const given = text('source', value) ?? wrong('source', 'a path or `-`', value);
  if (!isObjectAddress(given)) return given;
  const sound = parseObjectAddress(given) !== undefined && given.indexOf('/', 's3://'.length) > 0;
  return sound ? given : wrong('source', 'an address such as `s3://bucket/users.csv`', given);
}

function choice(option: string, value: unknown): boolean {
  if (value === undefined) return false;
  return typeof value === 'boolean' ? value : wrong(option, 'true or false', value);
}

/** Reads 12, '12' and '1e3', but neither '' nor '0x10' nor ' 12'. */
function numberFrom(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^-?\d+(\.\d+)?(e\d+)?$/i.test(value) ? Number(value) : Number.NaN;
}

function rate(value: unknown): Rate {
  const share = shareFrom(value);
  if (share !== undefined && share > 0 && share <= 1) return { share };
  const perSecond = numberFrom(value);
  if (perSecond > 0 && perSecond <= MOST_PER_SECOND) return { perSecond };
  const expected = `a number above 0 (requests per second, at most ${MOST_PER_SECOND}), or a share of the quota above 0% and up to 100%`;
  return wrong('rate', expected, value);
}

/** `5%` is 0.05; undefined where the value is no share. */
function shareFrom(value: unknown): number | undefined {
  const percent = typeof value === 'string' ? /^(\d+(?:\.\d+)?)%$/.exec(value)?.[1] : undefined;
  return percent === undefined ? undefined : Number(percent) / 100;
}

function wholeNumber(
  option: string,
  value: unknown,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): number {
  const number = numberFrom(value);
  if (Number.isSafeInteger(number) && number >= least && number <= most) return number;
  const bound = most === Number.MAX_SAFE_INTEGER ? `of ${least} or more` : `from ${least} to ${most}`;
  return wrong(option, `a whole number ${bound}`, value);
}

function failureBound(value: unknown): FailureBound {
  const share = shareFrom(value);
  if (share !== undefined && share <= 1) return { share };
  const rows = numberFrom(value);
  if (Number.isSafeInteger(rows) && rows >= 1) return { rows };
  return wrong('maxFailures', 'a number of rows such as `500`, or a share such as `5%`', value);
}

const UNIT_MS = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
} as const;

function durationMs(value: unknown): number {
  if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value;
  return timeMs(value) ?? wrong('maxDuration', 'a time above 0 such as `90s`, `30m` or `6h`', value);
}

/** `90s` is 90,000; undefined where the value is no time above 0. */
function timeMs(value: unknown): number | undefined {
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value) : null;
  const ms = match ? Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS] : 0;
  return ms > 0 ? ms : undefined;
}

/** S3 takes a second write to the same object within a second badly; after an hour nobody knows what a run does. */
const LEAST_FLUSH_MS = 1_000;
const MOST_FLUSH_MS = 3_600_000;

export const DEFAULT_FLUSH: Flush = { rows: 5_000, ms: 10_000 };

export const DEFAULT_LEASE_MS = 30_000;
/** A few requests must find room in it; after an hour nobody waits for a dead run any more. */
const LEAST_LEASE_MS = 2_000;
const MOST_LEASE_MS = 3_600_000;

function leaseMs(value: unknown): number {
  const ms = typeof value === 'number' ? value : timeMs(value);
  if (ms !== undefined && ms >= LEAST_LEASE_MS && ms <= MOST_LEASE_MS) return ms;
  return wrong('lease', 'a time from `2s` to `1h`', value);
}

function flush(value: unknown): Flush {
  let { ms, rows } = DEFAULT_FLUSH;
  if (value === undefined) return { ms, rows };
  for (const part of String(value).split(',')) {
    const number = numberFrom(part);
    const time = timeMs(part);
    if (Number.isSafeInteger(number) && number >= 1) rows = number;
    else if (time !== undefined && time >= LEAST_FLUSH_MS && time <= MOST_FLUSH_MS) ms = time;
    else wrong('flush', 'a number of rows, a time from 1s to 1h, or both, as `5000,10s`', value);
  }
  return { rows, ms };
}

const DELIMITERS: Readonly<Record<string, Delimiter>> = {
  ',': ',',
  ';': ';',
  '\t': '\t',
  '\\t': '\t',
  comma: ',',
  semicolon: ';',
  tab: '\t',
};

function delimiter(value: unknown): Delimiter | undefined {
  if (value === undefined) return undefined;
  const known = typeof value === 'string' && Object.hasOwn(DELIMITERS, value) ? DELIMITERS[value] : undefined;
  return known ?? wrong('delimiter', '`,`, `;` or `tab`', value);
}

/** The service's own pattern and length for UserPoolId (API reference of AdminConfirmSignUp). */
const POOL_ID = /^[\w-]+_[0-9a-zA-Z]+$/;

function poolId(value: unknown): string {
  if (value === undefined || value === '') {
    throw new OptionError('userPoolId', 'given (or COGNITO_USER_POOL_ID to be set)');
  }
  const sound = typeof value === 'string' && value.length <= 55 && POOL_ID.test(value);
  return sound ? value : wrong('userPoolId', 'a pool id such as `eu-west-1_AbC123xyz`', value);
}

function httpUrl(value: unknown): string | undefined {
  const url = text('endpointUrl', value);
  if (url === undefined) return undefined;
  const protocol = URL.canParse(url) ? new URL(url).protocol : '';
  const known = protocol === 'http:' || protocol === 'https:';
  return known ? url : wrong('endpointUrl', 'an address such as `http://127.0.0.1:9229`', url);
}

/** Takes an object, `k=v`, a JSON object as text, or a list of the last two. */
function metadata(value: RunOptions['metadata']): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  if (typeof value === 'string') return metadata([value]);
  if (!Array.isArray(value)) return metadataEntries(value);
  return Object.assign({}, ...value.map(metadataFromText));
}

function metadataFromText(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'string') return wrong('metadata', 'written as `key=value`', value);
  if (value.startsWith('{')) {
    try {
      return metadataEntries(JSON.parse(value));
    } catch (error) {
      if (error instanceof SyntaxError) return wrong('metadata', 'a JSON object or `key=value`', value);
      throw error;
    }
  }
  const at = value.indexOf('=');
  if (at < 1) return wrong('metadata', 'written as `key=value`', value);
  return { [value.slice(0, at)]: value.slice(at + 1) };
}

function metadataEntries(value: unknown): Readonly<Record<string, string>> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject || !Object.values(value).every((entry) => typeof entry === 'string')) {
    return wrong('metadata', 'an object whose values are text', value);
  }
  return { ...(value as Record<string, string>) };
}
