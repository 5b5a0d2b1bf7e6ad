#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { type Command, nearestCommand, readArguments, UsageError } from './command/arguments.js';
import { reportText } from './command/report-text.js';
import { createScreen, type Screen } from './command/screen.js';
import { resumeCommand } from './command/words.js';
import { EXIT_CODE, type ExitCode, exitCodeOfEnding, exitCodeOfStop, worstExitCode } from './exit-code.js';
import {
  demo,
  iamPolicy,
  isInbox,
  OptionError,
  type PolicyOptions,
  type RunOptions,
  run,
  runInbox,
  StopError,
  type Summary,
  status,
  systemCode,
  verify,
} from './index.js';

/**
 * ECS kills 30 s after SIGTERM. The end comes within 20 s of it, whatever a trigger takes: five of them are for what
 * is in flight to be given up and written down.
 */
const DRAIN_MS = 15_000;

/** The signals that end a run: the first Ctrl-C or SIGTERM drains, the second one aborts. */
function catchSignals(screen: Screen) {
  const drain = new AbortController();
  const abort = new AbortController();
  let caught: 'SIGINT' | 'SIGTERM' | undefined;
  let timer: NodeJS.Timeout | undefined;

  function onSignal(name: 'SIGINT' | 'SIGTERM'): void {
    if (caught !== undefined) {
      abort.abort();
      return;
    }
    caught = name;
    const message =
      name === 'SIGINT'
        ? 'the requests in flight are answered first; Ctrl-C again gives them up'
        : `the requests in flight have ${DRAIN_MS / 1_000} s to be answered`;
    screen.onNotice({ level: 'info', code: 'draining', message });
    if (name === 'SIGTERM') timer = setTimeout(() => abort.abort(), DRAIN_MS);
    drain.abort();
  }
  const onInt = (): void => onSignal('SIGINT');
  const onTerm = (): void => onSignal('SIGTERM');
  // A terminal that closes says SIGHUP; what it was watching should end as orderly as for SIGTERM.
  process.on('SIGINT', onInt).on('SIGTERM', onTerm).on('SIGHUP', onTerm);

  return {
    signal: drain.signal,
    abortSignal: abort.signal,
    caught: () => caught,
    release() {
      clearTimeout(timer);
      process.off('SIGINT', onInt).off('SIGTERM', onTerm).off('SIGHUP', onTerm);
    },
  };
}

/** Runs what ends with a summary, and tells how it ended. */
async function toTheEnd(
  screen: Screen,
  start: (signals: { signal: AbortSignal; abortSignal: AbortSignal }) => Promise<Summary>,
  resume: string | undefined,
): Promise<ExitCode> {
  const signals = catchSignals(screen);
  try {
    const summary = await start(signals);
    screen.ended(summary);
    const { badRows, ending, nothingToDo, runs } = summary;
    // Interrupted while the source was read: there is nothing to sum up.
    if (ending !== 'interrupted' || runs.length > 0) screen.summary(summary);
    if (resume !== undefined && ending !== 'finished' && ending !== 'dry-run') screen.resume(resume);
    return nothingToDo ? EXIT_CODE.ok : exitCodeOfEnding(ending, badRows, signals.caught());
  } catch (error) {
    // A wrong option is no end of a run: none began.
    if (!(error instanceof OptionError)) screen.ended(error instanceof StopError ? error.summary : undefined);
    // What had not begun has no summary, and is told where the arguments are known.
    if (!(error instanceof StopError) || error.summary === undefined) throw error;
    screen.summary(error.summary);
    const exitCode = exitCodeOfStop(error.code);
    screen.error(error.message, error.code, exitCode);
    if (resume !== undefined) screen.resume(resume);
    return exitCode;
  } finally {
    signals.release();
  }
}

/** Runs all that lies in an inbox, and tells how each ended. The exit code is the worst of them. */
async function throughInbox(screen: Screen, options: RunOptions, resume: string): Promise<ExitCode> {
  const signals = catchSignals(screen);
  const codes: ExitCode[] = [];
  let unfinished = false;
  try {
    for await (const { error, job, source, summary } of runInbox({ ...options, ...signals }, screen)) {
      screen.ended(summary, { source, job });
      if (summary !== undefined && summary.runs.length > 0) screen.summary(summary);
      const code =
        error === undefined && summary !== undefined
          ? exitCodeOfEnding(summary.ending, summary.badRows, signals.caught())
          : exitCodeOfStop(error?.code ?? 'SOURCE_UNREADABLE');
      if (error !== undefined) screen.error(error.message, error.code, code);
      unfinished ||= summary !== undefined && summary.ending !== 'finished' && summary.ending !== 'dry-run';
      codes.push(code);
    }
  } catch (error) {
    // An inbox that cannot be read is an end as well; a wrong option is none, for nothing began.
    if (!(error instanceof OptionError)) screen.ended(undefined);
    throw error;
  } finally {
    signals.release();
  }
  // Between two sources there is no run that could tell of it.
  const caught = signals.caught();
  if (caught !== undefined) codes.push(exitCodeOfEnding('interrupted', 0, caught));
  if (unfinished || caught !== undefined) screen.resume(resume);
  return worstExitCode(codes);
}

async function execute({ name, operand, options }: Command, screen: Screen): Promise<ExitCode> {
  switch (name) {
    case 'run': {
      const input = process.stdin.isTTY ? undefined : process.stdin;
      const given = {
        ...options,
        source: operand,
        ...(operand === '-' ? { input } : {}),
      };
      const resume = resumeCommand(process.argv.slice(2), options.fresh === true);
      if (await isInbox(operand)) return throughInbox(screen, given as RunOptions, resume);
      const start = (signals: object): Promise<Summary> =>
        run({ ...given, ...signals } as RunOptions, screen);
      return toTheEnd(screen, start, resume);
    }
    case 'demo':
      return toTheEnd(screen, (signals) => demo(screen, signals), undefined);
    case 'status': {
      if (options.verify !== true) {
        screen.status(await status(operand, options));
        return EXIT_CODE.ok;
      }
      const differences = await verify(operand, options);
      screen.verified(operand, differences);
      return differences.length === 0 ? EXIT_CODE.ok : EXIT_CODE.someRowsDidNotEndWell;
    }
    case 'iam-policy': {
      const source = operand === '' ? {} : { source: operand };
      const policy = iamPolicy({ ...options, ...source } as PolicyOptions);
      process.stdout.write(`${JSON.stringify(policy, null, 2)}\n`);
      return EXIT_CODE.ok;
    }
    case 'report':
      await pipeline(reportText(operand, options), process.stdout, { end: false }).catch(unlessClosed);
      return EXIT_CODE.ok;
  }
}

/** Whoever reads the report may have read enough: `report JOB | head`. */
function unlessClosed(error: unknown): void {
  if (systemCode(error) !== 'EPIPE') throw error;
}

async function main(): Promise<ExitCode> {
  // A run goes on when nobody listens any more: what counts stands in the job's files.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});

  let screen = createScreen(process, {
    json: asksForJson(process),
    quiet: false,
    noProgress: false,
  });
  try {
    const command = readArguments({
      argv: process.argv.slice(2),
      env: process.env,
      readFile: (path) => readFileSync(path, 'utf8'),
      print: (text) => process.stdout.write(`${text}\n`),
      width: process.stdout.columns ?? 100,
    });
    if (command === undefined) return EXIT_CODE.ok;
    screen = createScreen(process, command);
    return await execute(command, screen);
  } catch (error) {
    if (error instanceof StopError) {
      screen.error(error.message + commandHint(error), error.code, exitCodeOfStop(error.code));
      return exitCodeOfStop(error.code);
    }
    if (error instanceof UsageError || error instanceof OptionError) {
      screen.error(usageMessage(error), 'USAGE', EXIT_CODE.usage);
      return EXIT_CODE.usage;
    }
    const bug = error instanceof Error ? error.stack : String(error);
    screen.error(
      `this is a bug in cognito-bulk-confirm, please report it: ${bug}`,
      'BUG',
      EXIT_CODE.cannotGoOn,
    );
    return EXIT_CODE.cannotGoOn;
  }
}

/** Before the arguments are read: a mistake in them should be told in JSON too. */
const asksForJson = ({ argv, env }: NodeJS.Process): boolean =>
  argv.includes('--json') || /^(1|true|yes)$/i.test(env.COGNITO_BULK_CONFIRM_JSON ?? '');

/** `statsu` is taken for a file, for `run` is the default command. */
function commandHint({ code }: StopError): string {
  const near = code === 'SOURCE_NOT_FOUND' ? nearestCommand(process.argv[2] ?? '') : undefined;
  return near === undefined ? '' : `; did you mean the command \`${near}\`?`;
}

/** The library names its options as a program does; the command as its user does. */
const usageMessage = (error: UsageError | OptionError): string =>
  error instanceof OptionError
    ? error.message.replace(`\`${error.option}\``, `\`--${kebabCase(error.option)}\``)
    : error.message;

const kebabCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

// The SDK's word on Node 20 is for the README, not for the middle of a run.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

process.exitCode = await main();
// It may still be open, with nobody to read it: the process would wait for it.
process.stdin.destroy();
