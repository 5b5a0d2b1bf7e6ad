import type { StopCode } from './errors.js';

/** How a run that began came to its end. Only `finished` has answered every row. */
export type Ending =
  | 'finished'
  | 'dry-run'
  | 'limit'
  | 'max-duration'
  | 'too-many-failures'
  | 'cannot-go-on'
  | 'interrupted';

/** Every exit code of the command, in one place: scripts and schedulers rely on them. */
export const EXIT_CODE = {
  ok: 0,
  someRowsDidNotEndWell: 1,
  usage: 2,
  tooManyFailures: 3,
  cannotGoOn: 4,
  held: 5,
  stoppedEarly: 10,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT_CODE)[keyof typeof EXIT_CODE];

/** The exit code for a run that came to an end; `signal` is what interrupted it, if anything did. */
export function exitCodeOfEnding(ending: Ending, badRows: number, signal?: 'SIGINT' | 'SIGTERM'): ExitCode {
  switch (ending) {
    case 'finished':
    case 'dry-run':
      return badRows === 0 ? EXIT_CODE.ok : EXIT_CODE.someRowsDidNotEndWell;
    case 'limit':
    case 'max-duration':
      return EXIT_CODE.stoppedEarly;
    case 'too-many-failures':
      return EXIT_CODE.tooManyFailures;
    case 'cannot-go-on':
      return EXIT_CODE.cannotGoOn;
    case 'interrupted':
      return signal === 'SIGTERM' ? EXIT_CODE.terminated : EXIT_CODE.interrupted;
  }
}

/** The exit code for a run that could not start, or had to stop. */
export function exitCodeOfStop(code: StopCode): ExitCode {
  switch (code) {
    case 'SOURCE_NOT_FOUND':
    case 'SOURCE_UNREADABLE':
    case 'SOURCE_EMPTY':
    case 'SOURCE_NOT_TEXT':
    case 'SOURCE_HEADER':
    case 'SOURCE_QUOTE':
    case 'SOURCE_CHANGED':
    case 'JOB_NOT_FOUND':
    case 'JOB_UNUSABLE':
    case 'JOB_DAMAGED':
    case 'JOB_MISMATCH':
      return EXIT_CODE.usage;
    case 'JOB_UNWRITABLE':
    case 'ACCESS_DENIED':
    case 'CREDENTIALS':
    case 'POOL_NOT_FOUND':
    case 'POOL_NOT_OPERABLE':
    case 'NO_CONNECTION':
      return EXIT_CODE.cannotGoOn;
    case 'JOB_HELD':
      return EXIT_CODE.held;
  }
}

/** From good to bad. An interruption comes last: whoever interrupts wants to hear of it. */
const BY_BADNESS: readonly ExitCode[] = [
  EXIT_CODE.ok,
  EXIT_CODE.someRowsDidNotEndWell,
  EXIT_CODE.stoppedEarly,
  EXIT_CODE.held,
  EXIT_CODE.tooManyFailures,
  EXIT_CODE.usage,
  EXIT_CODE.cannotGoOn,
  EXIT_CODE.interrupted,
  EXIT_CODE.terminated,
];

/** The exit code of several runs. */
export const worstExitCode = (codes: readonly ExitCode[]): ExitCode =>
  codes.reduce<ExitCode>(
    (worst, code) => (BY_BADNESS.indexOf(code) > BY_BADNESS.indexOf(worst) ? code : worst),
    EXIT_CODE.ok,
  );
