import { type ChildProcess, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

export const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** No test needs so long; a command that hangs should not hold up the others. */
const KILL_AFTER_MS = 60_000;

export interface CommandOptions {
  /** On top of a clean environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What comes on standard input. Default: nothing, as from /dev/null. */
  readonly input?: string | Buffer;
  /** Also the home folder. */
  readonly cwd?: string;
  /** Sends the signal once, when a line of standard error looks like this. */
  readonly signalAfter?: { readonly line: RegExp; readonly signal: NodeJS.Signals };
}

export interface CommandResult {
  readonly exitCode: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
  /** Those of standard error. */
  readonly lines: readonly string[];
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<CommandResult>;
}

/** Runs the built command to its end. */
export const command = (args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> =>
  start(args, options).ended;

/** Starts the built command. */
export const start = (args: readonly string[], options: CommandOptions = {}): Started =>
  spawned(process.execPath, [CLI, ...args], options);

/** Runs a command line as the command prints it, through a shell. */
export const commandLine = (line: string, options: CommandOptions = {}): Promise<CommandResult> =>
  spawned('sh', ['-c', line.replace(/^cognito-bulk-confirm/, '"$NODE" "$CLI"')], {
    ...options,
    env: { ...options.env, NODE: process.execPath, CLI },
  }).ended;

/** What is around the command: keys that open nothing, and nothing of the machine's own AWS configuration. */
const environment = ({ cwd, env }: CommandOptions): Record<string, string> => {
  const all: Record<string, string | undefined> = {
    PATH: process.env.PATH,
    HOME: cwd ?? tmpdir(),
    AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'opens-nothing',
    AWS_EC2_METADATA_DISABLED: 'true',
    ...env,
  };
  return Object.fromEntries(
    Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
};

function spawned(program: string, args: readonly string[], options: CommandOptions): Started {
  const { cwd = tmpdir(), input, signalAfter } = options;
  const child = spawn(program, args, {
    cwd,
    env: environment(options),
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    timeout: KILL_AFTER_MS,
    killSignal: 'SIGKILL',
  });
  // A command that refuses its arguments does not read its input.
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);

  const ended = new Promise<CommandResult>((resolve, reject) => {
    let stdout = '';
    let stderr = '';
    let signalled = false;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      if (signalAfter === undefined || signalled || !signalAfter.line.test(stderr)) return;
      signalled = true;
      child.kill(signalAfter.signal);
    });
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve({
        exitCode: code ?? signal ?? 'SIGKILL',
        stdout,
        stderr,
        lines: stripVTControlCharacters(stderr).split('\n').slice(0, -1),
      }),
    );
  });
  return { child, ended };
}
