import { closest, distance } from 'fastest-levenshtein';
import yargs from 'yargs';
import { type MetricFacts, type OptionDoc, RUN_OPTIONS, STATUSES, VERSION } from '../index.js';

/** A mistake on the command line, in the environment or in the configuration file. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export type CommandName = 'run' | 'status' | 'report' | 'iam-policy' | 'demo';

/** What the command line asks for. Values are as given; the library checks them. */
export interface Command {
  readonly name: CommandName;
  /** The source or the job. */
  readonly operand: string;
  /** The options by the names the library has for them. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly noProgress: boolean;
  /** What the metrics of the run are of, where they are asked for. */
  readonly emf: MetricFacts | undefined;
}

export interface ArgumentSources {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads the file that --config names. */
  readonly readFile: (path: string) => string;
  readonly print: (text: string) => void;
  readonly width: number;
}

const ENV_PREFIX = 'COGNITO_BULK_CONFIRM_';

const SCREEN_OPTIONS: readonly OptionDoc[] = [
  {
    name: 'json',
    type: 'switch',
    describe: 'JSON lines instead of words, on the same streams',
    group: 'Modes',
  },
  {
    name: 'no-progress',
    type: 'switch',
    describe: 'no progress bar and no progress lines',
    group: 'Modes',
  },
  {
    name: 'quiet',
    type: 'switch',
    describe: 'print errors only',
    group: 'Modes',
  },
  {
    name: 'emf',
    type: 'switch',
    describe: 'CloudWatch metrics on standard output: a line a minute and one at the end',
    group: 'Modes',
  },
];

const CONFIG_OPTION: OptionDoc = {
  name: 'config',
  type: 'text',
  value: 'FILE',
  describe: 'options from a JSON file; environment and command line win',
  group: 'Modes',
};

/** To reach a job on S3. */
const AWS_OPTIONS: readonly OptionDoc[] = RUN_OPTIONS.filter(({ name }) =>
  ['region', 'profile'].includes(name),
);

const STATUS_OPTIONS: readonly OptionDoc[] = [
  {
    name: 'verify',
    type: 'switch',
    describe: "check the job's files against each other and its source; exit 1 on any difference",
    group: 'Job',
  },
];

const REPORT_OPTIONS: readonly OptionDoc[] = [
  {
    name: 'only',
    type: 'text',
    value: 'STATUS,...',
    describe: `only rows with these statuses (${STATUSES.join(', ')})`,
    group: 'Job',
  },
  {
    name: 'format',
    type: 'text',
    value: 'csv|jsonl',
    describe: 'how the lines are written',
    default: 'csv',
    group: 'Job',
  },
];

const POLICY_OPTIONS: readonly OptionDoc[] = [
  {
    name: 'account-id',
    type: 'text',
    value: 'ID',
    describe: 'the account that the run is in: 12 digits',
    default: '111122223333, an example',
    group: 'AWS',
  },
];

/** Every option of `run`, those of the command among them: for the help and the README. */
export const ALL_RUN_OPTIONS: readonly OptionDoc[] = [...RUN_OPTIONS, CONFIG_OPTION, ...SCREEN_OPTIONS];

const OPTIONS: Readonly<Record<CommandName, readonly OptionDoc[]>> = {
  run: ALL_RUN_OPTIONS,
  status: [...STATUS_OPTIONS, ...AWS_OPTIONS, CONFIG_OPTION, ...SCREEN_OPTIONS.slice(0, 1)],
  report: [...REPORT_OPTIONS, ...AWS_OPTIONS, CONFIG_OPTION],
  'iam-policy': [...POLICY_OPTIONS, ...ALL_RUN_OPTIONS],
  demo: [CONFIG_OPTION, ...SCREEN_OPTIONS],
};

/** The names of all options of all commands: environment and configuration file serve all of them. */
const EVERYWHERE = [...new Set(Object.values(OPTIONS).flatMap((options) => options.map(({ name }) => name)))];

interface CommandDoc {
  readonly usage: string;
  readonly describe: string;
  /** What is named after the command, if anything. */
  readonly operand?: { readonly name: string; readonly needed: boolean };
}

const COMMANDS: Readonly<Record<CommandName, CommandDoc>> = {
  run: {
    usage: 'run <source>',
    describe: 'confirm every row of a CSV (a path, or - for standard input); also the default command',
    operand: { name: 'source', needed: true },
  },
  status: {
    usage: 'status <job>',
    describe: 'say where a job stands',
    operand: { name: 'job', needed: true },
  },
  report: {
    usage: 'report <job>',
    describe: "write a job's report to standard output",
    operand: { name: 'job', needed: true },
  },
  'iam-policy': {
    usage: 'iam-policy [<source>]',
    describe: 'print the least IAM policy for a run with these options; touches no AWS',
    operand: { name: 'source', needed: false },
  },
  demo: {
    usage: 'demo',
    describe: 'a whole run against the built-in simulator; touches no AWS',
  },
};

const COMMAND_NAMES = Object.keys(COMMANDS) as CommandName[];

/** Reads command line, environment and configuration file. Undefined where help or version was all. Throws UsageError. */
export function readArguments(sources: ArgumentSources): Command | undefined {
  const { argv, env, print, readFile, width } = sources;
  const named = commandName(argv);
  const name = named ?? 'run';
  const known = OPTIONS[name];
  const parser = yargs()
    .scriptName('cognito-bulk-confirm')
    .usage(usageOf(named))
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    })
    .help()
    .alias('help', 'h')
    .version(VERSION)
    .wrap(Math.min(width, 110))
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message, error) => {
      throw error ?? new UsageError(message);
    });
  for (const option of known) {
    const { group } = option;
    const shown = option.default === undefined ? option.describe : `${option.describe} [${option.default}]`;
    const value = option.value === undefined ? '' : `${option.value}  `;
    parser.option(option.name, {
      describe: value + shown,
      group: `${group}:`,
      ...(option.type === 'switch' ? { boolean: true } : { string: true, requiresArg: true }),
    });
  }
  let wasHelp = false;
  refuseOddSwitches(argv, known);
  const parsed = parse(() =>
    parser.parseSync([...argv], {}, (_error, _argv, output) => {
      if (output === '') return;
      wasHelp = true;
      print(output);
    }),
  );
  if (wasHelp) return undefined;

  refuseUnknown(Object.keys(parsed), known);
  const fromLine = pick(parsed, known);
  const config = fromLine.config ?? env[`${ENV_PREFIX}CONFIG`];
  const given = {
    ...(typeof config === 'string' ? fromConfig(config, readFile, name) : {}),
    ...fromEnvironment(env, known),
    ...fromLine,
  };
  const operand = operandOf(name, parsed._);
  return {
    name,
    operand,
    options: Object.fromEntries(Object.entries(given).map(([key, value]) => [camelCase(key), value])),
    json: given.json === true,
    quiet: given.quiet === true,
    noProgress: given['no-progress'] === true,
    emf: given.emf === true ? metricFacts(name, operand, given) : undefined,
  };
}

/** The command that a word comes near to, if any: for the message about a file of that name. */
export const nearestCommand = (word: string): string | undefined => nearest(word, COMMAND_NAMES);

/** The command is the first word that is neither an option nor the value of one. */
function commandName(argv: readonly string[]): CommandName | undefined {
  const takesValue = new Set(
    Object.values(OPTIONS).flatMap((options) =>
      options.filter(({ type }) => type !== 'switch').map(({ name }) => `--${name}`),
    ),
  );
  const first = argv.find((word, at) => !word.startsWith('-') && !takesValue.has(argv[at - 1] ?? ''));
  return COMMAND_NAMES.find((command) => command === first);
}

function usageOf(name: CommandName | undefined): string {
  if (name !== undefined) return `$0 ${COMMANDS[name].usage}\n\n${COMMANDS[name].describe}`;
  const commands = COMMAND_NAMES.map(
    (each) => `  $0 ${COMMANDS[each].usage.padEnd(21)}  ${COMMANDS[each].describe}`,
  );
  return [
    'Confirms the users of an Amazon Cognito user pool that a CSV names: at the rate the quota allows,',
    'with a report line for each row, resumable after any stop.',
    '',
    ...commands,
    '',
    `Each option can come from the environment too: ${ENV_PREFIX}RATE=20. The options of run:`,
  ].join('\n');
}

function operandOf(name: CommandName, positionals: readonly string[]): string {
  const operands = positionals[0] === name ? positionals.slice(1) : positionals;
  const { operand, usage } = COMMANDS[name];
  const [first, second] = operands;
  const surplus = operand === undefined ? first : second;
  if (surplus !== undefined) {
    const command = nearestCommand(first ?? '');
    const hint = command === undefined ? '' : `; did you mean the command \`${command}\`?`;
    throw new UsageError(`\`${surplus}\` is one argument too many: cognito-bulk-confirm ${usage}${hint}`);
  }
  if (operand?.needed && first === undefined) {
    throw new UsageError(`Name the ${operand.name}: cognito-bulk-confirm ${usage} (--help tells more)`);
  }
  return first ?? '';
}

/** What is done to the simulator is not put down to a pool, so that nobody is alarmed by it. */
function metricFacts(
  name: CommandName,
  operand: string,
  given: Readonly<Record<string, unknown>>,
): MetricFacts {
  const isText = (value: unknown): value is string => typeof value === 'string';
  const pool = given['user-pool-id'];
  const stoodIn = name === 'demo' ? 'demo' : given.rehearse === true ? 'rehearsal' : undefined;
  return {
    userPoolId: stoodIn ?? (isText(pool) ? pool : ''),
    ...(name === 'run' ? { source: operand } : {}),
    ...(isText(given.job) ? { job: given.job } : {}),
  };
}

/** Yargs throws some of what is wrong with the arguments as an error of its own, whatever `fail` says. */
function parse(work: () => unknown): Record<string, unknown> & { _: string[] } {
  try {
    return work() as Record<string, unknown> & { _: string[] };
  } catch (error) {
    if (error instanceof Error && error.name === 'YError') throw new UsageError(error.message);
    throw error;
  }
}

/** Yargs reads `--dry-run=yes` as false: nothing is confirmed by mistake. */
function refuseOddSwitches(argv: readonly string[], known: readonly OptionDoc[]): void {
  for (const word of argv) {
    const [, name, value = ''] = /^--([^=]+)=(.*)$/s.exec(word) ?? [];
    const isSwitch = known.some((option) => option.name === name && option.type === 'switch');
    if (isSwitch && value !== 'true' && value !== 'false') {
      throw new UsageError(`Expected \`--${name}\` to be true or false, got \`${value}\``);
    }
  }
}

function refuseUnknown(keys: readonly string[], known: readonly OptionDoc[]): void {
  const names = known.map((option) => option.name);
  const always = ['_', '$0', 'help', 'h', 'version'];
  for (const key of keys) {
    if (names.includes(key) || always.includes(key)) continue;
    throw new UsageError(
      key.length === 1
        ? `There is no option \`-${key}\`; a file whose name starts with - is written ./-name`
        : `There is no option \`--${key}\`${didYouMean(key, names, '--')}`,
    );
  }
}

/** The options that were given, each once. */
function pick(
  parsed: Readonly<Record<string, unknown>>,
  known: readonly OptionDoc[],
): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const { name, type } of known) {
    const value = parsed[name];
    if (value === undefined) continue;
    if (Array.isArray(value) && type === 'text') {
      throw new UsageError(`\`--${name}\` is given ${value.length} times: give it once`);
    }
    picked[name] = Array.isArray(value) && type === 'switch' ? value.at(-1) : value;
  }
  return picked;
}

function fromEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  known: readonly OptionDoc[],
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith(ENV_PREFIX) || value === undefined || value === '') continue;
    const name = variable.slice(ENV_PREFIX.length).toLowerCase().replaceAll('_', '-');
    if (!EVERYWHERE.includes(name)) {
      throw new UsageError(
        `${variable} in the environment is no option${didYouMean(name, EVERYWHERE, '--')}`,
      );
    }
    const option = known.find((each) => each.name === name);
    if (option !== undefined) values[name] = option.type === 'switch' ? switchOf(variable, value) : value;
  }
  const pool = env.COGNITO_USER_POOL_ID;
  if (pool !== undefined && pool !== '' && known.some(({ name }) => name === 'user-pool-id'))
    values['user-pool-id'] ??= pool;
  return values;
}

function switchOf(variable: string, value: string): boolean {
  switch (value.toLowerCase()) {
    case '1':
    case 'true':
    case 'yes':
      return true;
    case '0':
    case 'false':
    case 'no':
      return false;
    default:
      throw new UsageError(`Expected ${variable} to be true or false, got \`${value}\``);
  }
}

function fromConfig(
  path: string,
  readFile: (path: string) => string,
  name: CommandName,
): Record<string, unknown> {
  const known = OPTIONS[name].map((option) => option.name);
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFile(path));
  } catch (error) {
    const why = error instanceof SyntaxError ? 'is not valid JSON' : 'cannot be read';
    throw new UsageError(`${path} ${why}: --config takes a JSON file such as { "rate": 20 }`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new UsageError(`${path} is not a JSON object: --config takes a file such as { "rate": 20 }`);
  }
  for (const key of Object.keys(parsed)) {
    if (!EVERYWHERE.includes(key)) {
      throw new UsageError(`${path} has \`${key}\`, which is no option${didYouMean(key, EVERYWHERE, '')}`);
    }
  }
  return Object.fromEntries(Object.entries(parsed).filter(([key]) => known.includes(key)));
}

function didYouMean(word: string, names: readonly string[], prefix: string): string {
  const near = nearest(word, names);
  return near === undefined ? '; --help lists them' : `; did you mean \`${prefix}${near}\`?`;
}

function nearest(word: string, names: readonly string[]): string | undefined {
  const near = closest(word, names);
  return distance(word, near) <= Math.max(2, word.length / 3) && near !== word ? near : undefined;
}

const camelCase = (name: string): string =>
  name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
