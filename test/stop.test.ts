import { describe, expect, it } from 'vitest';
import { StopError } from '../src/errors.js';
import { createBrake, type StopReason, stopOfError } from '../src/stop.js';

const limit: StopReason = { ending: 'limit', message: '5 rows are taken' };
const failures: StopReason = { ending: 'too-many-failures', message: '5 rows failed' };

function brakeOf({ signal, abortSignal }: { signal?: AbortSignal; abortSignal?: AbortSignal } = {}) {
  const pulled: StopReason[] = [];
  return { brake: createBrake(signal, abortSignal, (reason) => pulled.push(reason)), pulled };
}

describe('the brake', () => {
  it('is told why by the one who pulls it first', () => {
    const { brake, pulled } = brakeOf();
    brake.pull(limit);
    brake.pull(failures);
    expect(brake.reason).toBe(limit);
    expect(pulled).toEqual([limit]);
    expect(brake.draining.aborted).toBe(true);
    expect(brake.aborting.aborted).toBe(false);
  });

  it.each(['before', 'after'] as const)('drains on the signal, which comes %s it is made', (when) => {
    const controller = new AbortController();
    if (when === 'before') controller.abort();
    const { brake } = brakeOf({ signal: controller.signal });
    if (when === 'after') controller.abort();
    expect(brake.reason?.ending).toBe('interrupted');
    expect(brake.draining.aborted).toBe(true);
    expect(brake.aborting.aborted).toBe(false);
  });

  it.each(['before', 'after'] as const)('aborts on the other signal, which comes %s it is made', (when) => {
    const controller = new AbortController();
    if (when === 'before') controller.abort();
    const { brake } = brakeOf({ abortSignal: controller.signal });
    if (when === 'after') controller.abort();
    expect(brake.reason?.ending).toBe('interrupted');
    expect(brake.draining.aborted).toBe(true);
    expect(brake.aborting.aborted).toBe(true);
  });

  it('aborts what drains already, and keeps the reason', () => {
    const controller = new AbortController();
    const { brake } = brakeOf({ abortSignal: controller.signal });
    brake.pull(limit);
    controller.abort();
    expect(brake.aborting.aborted).toBe(true);
    expect(brake.reason).toBe(limit);
  });

  it('does not listen any more when it is released', () => {
    const signal = new AbortController();
    const abortSignal = new AbortController();
    const { brake, pulled } = brakeOf({ signal: signal.signal, abortSignal: abortSignal.signal });
    brake.release();
    signal.abort();
    abortSignal.abort();
    expect(pulled).toEqual([]);
    expect(brake.aborting.aborted).toBe(false);
  });
});

it('takes a StopError as a reason, and a bug as one without an error of its own', () => {
  const error = new StopError('ACCESS_DENIED', 'AWS denies the call');
  expect(stopOfError(error)).toEqual({ ending: 'cannot-go-on', message: 'AWS denies the call', error });
  const bug = new TypeError('x is not a function');
  expect(stopOfError(bug)).toEqual({ ending: 'cannot-go-on', message: 'x is not a function' });
});
