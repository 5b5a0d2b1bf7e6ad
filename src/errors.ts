import type { Summary } from './write/summary.js';

/** Why a run could not start, or had to stop. The union is closed: branch on it without a default. */
export type StopCode =
  | 'SOURCE_NOT_FOUND'
  | 'SOURCE_UNREADABLE'
  | 'SOURCE_EMPTY'
  | 'SOURCE_NOT_TEXT'
  | 'SOURCE_HEADER'
  | 'SOURCE_QUOTE'
  | 'SOURCE_CHANGED'
  | 'JOB_NOT_FOUND'
  | 'JOB_UNUSABLE'
  | 'JOB_DAMAGED'
  | 'JOB_MISMATCH'
  | 'JOB_HELD'
  | 'JOB_UNWRITABLE'
  | 'ACCESS_DENIED'
  | 'CREDENTIALS'
  | 'POOL_NOT_FOUND'
  | 'POOL_NOT_OPERABLE'
  | 'NO_CONNECTION';

/**
 * Ends a run, with a message that says what happened, where, and what to do.
 * Its message is meant for the person who started the run and needs no stack.
 */
export class StopError extends Error {
  override readonly name = 'StopError';
  readonly code: StopCode;
  /** What the run had done by then; missing where it had not begun. */
  summary?: Summary;

  constructor(code: StopCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The `code` that Node's own errors carry (`ENOENT`), if any. */
export const systemCode = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
