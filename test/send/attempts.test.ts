import { describe, expect, it } from 'vitest';
import { StopError } from '../../src/errors.js';
import type { Row } from '../../src/row.js';
import { type AttemptContext, attemptRow } from '../../src/send/attempts.js';
import type { Reply } from '../../src/send/confirm.js';
import { fakeClock } from '../support/fake-clock.js';

const anna = { row: 7, username: 'anna', metadata: {} };

const refusal = (name: string, message = 'no'): Reply => ({
  ok: false,
  error: Object.assign(new Error(message), {
    name,
    $metadata: { httpStatusCode: 400, requestId: `id of ${name}` },
  }),
});
const broken = (code: string): Reply => ({ ok: false, error: Object.assign(new Error(code), { code }) });

const OK: Reply = { ok: true, requestId: 'id of OK' };
const LOST = broken('ECONNRESET');
const UNREACHED = broken('ECONNREFUSED');
const THROTTLED = refusal('TooManyRequestsException');
const LIMITED = refusal('LimitExceededException');
const INTERNAL = refusal('InternalErrorException');
const CONFIRMED = refusal('NotAuthorizedException', 'User cannot be confirmed. Current status is CONFIRMED');
const INVITED = refusal(
  'NotAuthorizedException',
  'User cannot be confirmed. Current status is FORCE_CHANGE_PASSWORD',
);

interface Scene extends Partial<AttemptContext> {
  readonly mayHaveBeenSent?: boolean;
  /** What happens while the row waits for its next attempt. */
  readonly onSleep?: (scene: { drain: () => void }) => void;
}

/** Plays the replies to one row, the last of them again and again, and notes all that happens. */
async function play(replies: readonly Reply[], scene: Scene = {}, row: Row = anna) {
  const draining = new AbortController();
  const aborting = new AbortController();
  const drain = () => draining.abort(new Error('the run ends'));
  const happened: string[] = [];
  const stops: StopError[] = [];
  const clock = fakeClock(() => scene.onSleep?.({ drain }));
  let requests = 0;
  const context: AttemptContext = {
    clock,
    random: () => 1,
    maxAttempts: 5,
    endpoint: 'https://cognito-idp.eu-west-1.amazonaws.com',
    limiter: {
      async ticket() {
        happened.push('ticket');
      },
      stop() {},
    },
    async confirm() {
      happened.push('request');
      const reply = replies[Math.min(requests, replies.length - 1)] ?? OK;
      requests++;
      return reply;
    },
    inFlight: async (work) => {
      happened.push('place');
      try {
        return await work();
      } finally {
        happened.push('left');
      }
    },
    async beforeSend(row) {
      happened.push(`before ${row}`);
    },
    claim: { sure: async () => {}, isSure: () => true },
    onThrottled: () => happened.push('throttled'),
    draining: draining.signal,
    aborting: aborting.signal,
    stop: (error) => {
      stops.push(error);
      drain();
    },
    contact: { made: true },
    ...scene,
  };
  const sent = await attemptRow(row, scene.mayHaveBeenSent ?? false, context);
  return { sent, happened, stops, sleeps: clock.sleeps, requests, contact: context.contact };
}

/** The status of a row and the number of its attempts, in short. */
const inShort = ({ sent }: Awaited<ReturnType<typeof play>>): string =>
  sent.status === 'unanswered'
    ? `unanswered, ${sent.inDoubt ? 'in doubt' : 'not in doubt'}`
    : `${sent.status} after ${sent.attempts}`;

describe('a row', () => {
  it.each([
    ['is confirmed', [OK], 'confirmed after 1'],
    ['is confirmed in the end', [THROTTLED, LOST, INTERNAL, OK], 'confirmed after 4'],
    ['that was confirmed before', [CONFIRMED], 'already-confirmed after 1'],
    ['that was throttled and is confirmed before', [THROTTLED, CONFIRMED], 'already-confirmed after 2'],
    ['that was limited and is confirmed before', [LIMITED, CONFIRMED], 'already-confirmed after 2'],
    ['that was never reached and is confirmed before', [UNREACHED, CONFIRMED], 'already-confirmed after 2'],
    ['whose reply was lost and is confirmed', [LOST, CONFIRMED], 'presumed-confirmed after 2'],
    ['that met an internal error and is confirmed', [INTERNAL, CONFIRMED], 'presumed-confirmed after 2'],
    ['whose reply was lost a while ago', [LOST, THROTTLED, CONFIRMED], 'presumed-confirmed after 3'],
    ['whose reply was lost and who was invited', [LOST, INVITED], 'not-confirmable after 2'],
    ['who was invited', [INVITED], 'not-confirmable after 1'],
    ['nobody knows', [refusal('UserNotFoundException')], 'not-found after 1'],
    ['the service finds bad', [refusal('InvalidParameterException')], 'invalid after 1'],
    ['whose trigger fails', [refusal('UserLambdaValidationException')], 'trigger-failed after 1'],
    ['that is throttled for ever', [THROTTLED], 'failed after 5'],
    ['whose replies are all lost', [LOST], 'failed after 5'],
    ['that is limited three times', [LIMITED], 'failed after 3'],
    ['that is limited late', [THROTTLED, THROTTLED, LIMITED], 'failed after 3'],
  ])('%s', async (_what, replies, expected) => {
    expect(inShort(await play(replies))).toBe(expected);
  });

  it('that may have been sent by an earlier run and is confirmed is presumed confirmed', async () => {
    expect(inShort(await play([CONFIRMED], { mayHaveBeenSent: true }))).toBe('presumed-confirmed after 1');
    expect(inShort(await play([THROTTLED, CONFIRMED], { mayHaveBeenSent: true }))).toBe(
      'presumed-confirmed after 2',
    );
  });

  it.each([
    [1, LIMITED, 'failed after 1'],
    [1, THROTTLED, 'failed after 1'],
    [2, LIMITED, 'failed after 2'],
    [10, LIMITED, 'failed after 3'],
  ])('gets %i attempts at most', async (maxAttempts, reply, expected) => {
    expect(inShort(await play([reply], { maxAttempts }))).toBe(expected);
  });

  it('is told with all that is known of it', async () => {
    expect((await play([LOST, OK])).sent).toEqual({
      row: 7,
      username: 'anna',
      status: 'confirmed',
      attempts: 2,
      errorName: '',
      errorMessage: '',
      requestId: 'id of OK',
      finishedAt: '2026-11-05T00:00:00.100Z',
    });
    expect((await play([THROTTLED])).sent).toMatchObject({
      errorName: 'TooManyRequestsException',
      errorMessage: 'no',
      requestId: 'id of TooManyRequestsException',
    });
  });
});

describe('an attempt', () => {
  it('takes a place, is noted, takes its ticket and is sent at once; so does the next', async () => {
    const once = ['place', 'before 7', 'ticket', 'request', 'left'];
    expect((await play([THROTTLED, OK])).happened).toEqual([...once, 'throttled', ...once]);
  });

  it.each([
    ['throttled', THROTTLED, ['throttled']],
    ['limited', LIMITED, []],
    ['lost', LOST, []],
  ])('that is %s tells the pace what the pace should know', async (_what, reply, expected) => {
    const { happened } = await play([reply, INVITED]);
    const events = happened.filter((what) => what === 'throttled');
    expect(events).toEqual(expected);
  });

  it('waits longer each time, longest for the service that throttles', async () => {
    expect((await play([LOST])).sleeps).toEqual([100, 200, 400, 800]);
    expect((await play([THROTTLED])).sleeps).toEqual([1_000, 2_000, 4_000, 8_000]);
  });
});

describe('a stop', () => {
  it.each([
    [
      'AccessDeniedException',
      'ACCESS_DENIED',
      /allow cognito-idp:AdminConfirmSignUp on the pool, then resume/,
    ],
    ['ExpiredTokenException', 'CREDENTIALS', /renew them .*, then resume/],
    ['ResourceNotFoundException', 'POOL_NOT_FOUND', /check --user-pool-id, --region and --profile/],
    ['OperationNotEnabledException', 'POOL_NOT_OPERABLE', /a replica's Region/],
  ])('by %s marks no row', async (name, code, message) => {
    const { requests, sent, stops } = await play([refusal(name, 'because')]);
    expect(sent).toEqual({ row: 7, status: 'unanswered', inDoubt: false });
    expect(requests).toBe(1);
    expect(stops).toEqual([expect.objectContaining({ code, message: expect.stringMatching(message) })]);
    expect(stops[0]?.message).toContain(`(${name}: because)`);
  });

  it.each([
    ['anna', 'User anna is banned by anna-policy', 'User (the username) is banned by (the username)-policy'],
    ['a', 'a user has a role', '(the username) user has (the username) role'],
    ['x.y+z-1@[a].com', 'no x.y+z-1@[a].com, no xxy+z-1@[a].com', 'no (the username), no xxy+z-1@[a].com'],
    ['\\d|.*', 'a \\d|.* b', 'a (the username) b'],
    ['😀', '😀: no', '(the username): no'],
  ])('tells the words of the service without the username: %s', async (username, says, told) => {
    const { stops } = await play([refusal('AccessDeniedException', says)], {}, { ...anna, username });
    expect(stops[0]?.message).toContain(`(AccessDeniedException: ${told})`);
  });

  it('leaves in doubt what a lost reply has put there', async () => {
    expect(inShort(await play([LOST, refusal('ExpiredTokenException')]))).toBe('unanswered, in doubt');
  });

  it('by a certificate that nobody trusts names the endpoint', async () => {
    const { stops } = await play([broken('CERT_HAS_EXPIRED')]);
    expect(stops[0]).toMatchObject({
      code: 'NO_CONNECTION',
      message:
        'no answer from https://cognito-idp.eu-west-1.amazonaws.com (Error: CERT_HAS_EXPIRED): check network, --region and --endpoint-url, then resume',
    });
  });
});

describe('until the service has answered once', () => {
  const contact = () => ({ made: false });
  const html: Reply = {
    ok: false,
    error: Object.assign(new SyntaxError('Unexpected token <'), { $metadata: { httpStatusCode: 503 } }),
  };

  it.each([
    ['that cannot be reached', UNREACHED, 'unanswered, not in doubt', /^no answer from .*ECONNREFUSED/],
    ['that breaks every connection', LOST, 'unanswered, in doubt', /^no answer from .*ECONNRESET/],
    ['that is not Cognito', html, 'unanswered, in doubt', /does not answer as Cognito does \(HTTP 503\)/],
  ])(
    'four attempts at a service %s end the run, and mark no row',
    async (_what, reply, expected, message) => {
      const played = await play([reply], { contact: contact(), maxAttempts: 10 });
      expect(inShort(played)).toBe(expected);
      expect(played.requests).toBe(4);
      expect(played.stops).toEqual([
        expect.objectContaining({ code: 'NO_CONNECTION', message: expect.stringMatching(message) }),
      ]);
    },
  );

  it('fewer attempts are enough where fewer are allowed', async () => {
    const played = await play([LOST], { contact: contact(), maxAttempts: 2 });
    expect(played.requests).toBe(2);
    expect(played.stops).toHaveLength(1);
  });

  it.each([
    ['OK', OK],
    ['a throttled answer', THROTTLED],
    ['a limit', LIMITED],
    ['a refusal', INVITED],
    ['an internal error with a request id', INTERNAL],
    ['a stop', refusal('AccessDeniedException')],
  ])('%s is contact', async (_what, reply) => {
    expect((await play([reply, OK], { contact: contact() })).contact.made).toBe(true);
  });

  it('contact counts for all rows from then on', async () => {
    const shared = contact();
    await play([THROTTLED, OK], { contact: shared });
    expect(inShort(await play([LOST], { contact: shared }))).toBe('failed after 5');
  });
});

it('ends the run where nothing can be reached any more, though it once was', async () => {
  const played = await play([THROTTLED, UNREACHED]);
  expect(inShort(played)).toBe('unanswered, not in doubt');
  expect(played.requests).toBe(5);
  expect(played.stops).toEqual([expect.objectContaining({ code: 'NO_CONNECTION' })]);
});

describe('the end of the run', () => {
  it.each([
    ['after a throttled attempt', [THROTTLED], {}, 'unanswered, not in doubt'],
    ['after a limited attempt', [LIMITED], {}, 'unanswered, not in doubt'],
    ['after a lost reply', [LOST], {}, 'unanswered, in doubt'],
    [
      'after a throttled attempt at a row in doubt',
      [THROTTLED],
      { mayHaveBeenSent: true },
      'unanswered, in doubt',
    ],
  ] as const)('while the row waits, %s, leaves it unanswered', async (_what, replies, scene, expected) => {
    const played = await play(replies, { ...scene, onSleep: ({ drain }) => drain() });
    expect(inShort(played)).toBe(expected);
    expect(played.requests).toBe(1);
    expect(played.stops).toEqual([]);
  });

  it('before the first attempt costs nothing', async () => {
    const played = await play([OK], { draining: AbortSignal.abort() });
    expect(inShort(played)).toBe('unanswered, not in doubt');
    expect(played.happened).toEqual(['place', 'left']);
  });

  it('before the first attempt leaves a row in doubt as it was', async () => {
    expect(inShort(await play([OK], { draining: AbortSignal.abort(), mayHaveBeenSent: true }))).toBe(
      'unanswered, in doubt',
    );
  });

  it('while the row waits for its ticket costs no request', async () => {
    const draining = new AbortController();
    const played = await play([OK], {
      draining: draining.signal,
      limiter: {
        async ticket() {
          draining.abort(new Error('the run ends'));
          draining.signal.throwIfAborted();
        },
        stop() {},
      },
    });
    expect(inShort(played)).toBe('unanswered, not in doubt');
    expect(played.requests).toBe(0);
  });

  it('lets a request in flight be answered', async () => {
    const draining = new AbortController();
    const drained = {
      confirm: async () => {
        draining.abort();
        return OK;
      },
      draining: draining.signal,
    };
    expect(inShort(await play([OK], drained))).toBe('confirmed after 1');
  });

  it('does not try again what was in flight and did not come to its end', async () => {
    const draining = new AbortController();
    const drained = (reply: Reply) => ({
      confirm: async () => {
        draining.abort(new Error('the run ends'));
        return reply;
      },
      draining: draining.signal,
    });
    expect(inShort(await play([], drained(LOST)))).toBe('unanswered, in doubt');
    expect(inShort(await play([], drained(THROTTLED)))).toBe('unanswered, not in doubt');
  });
});

describe('an abort while the request is in flight', () => {
  const aborted = (reply: Reply) => {
    const aborting = new AbortController();
    return {
      aborting: aborting.signal,
      confirm: async () => {
        aborting.abort();
        return reply;
      },
    };
  };

  it('leaves the row in doubt', async () => {
    const abortError: Reply = {
      ok: false,
      error: Object.assign(new Error('Request aborted'), { name: 'AbortError' }),
    };
    const played = await play([], aborted(abortError));
    expect(inShort(played)).toBe('unanswered, in doubt');
    expect(played.stops).toEqual([]);
    expect(played.sleeps).toEqual([]);
  });

  it('takes an answer that came all the same', async () => {
    expect(inShort(await play([], aborted(OK)))).toBe('confirmed after 1');
  });

  it('hands the signal to the request', async () => {
    const { signal } = new AbortController();
    let given: AbortSignal | undefined;
    await play([], {
      aborting: signal,
      confirm: async (_row, aborting) => {
        given = aborting;
        return OK;
      },
    });
    expect(given).toBe(signal);
  });
});

describe('what goes wrong before the request', () => {
  it('ends the run where it is a StopError, and marks no row', async () => {
    const full = new StopError('JOB_UNWRITABLE', 'the disk is full');
    const played = await play([OK], { beforeSend: () => Promise.reject(full) });
    expect(inShort(played)).toBe('unanswered, not in doubt');
    expect(played.requests).toBe(0);
    expect(played.stops).toEqual([full]);
  });

  it('ends the run where the job was lost while the row waited for its ticket, and sends nothing', async () => {
    const lost = new StopError('JOB_HELD', 'another run has the job');
    let hasTicket = false;
    const played = await play([OK], {
      limiter: {
        async ticket() {
          hasTicket = true;
        },
        stop() {},
      },
      claim: {
        async sure() {
          if (hasTicket) throw lost;
        },
        isSure: () => !hasTicket,
      },
    });
    expect(played.stops).toEqual([lost]);
    expect(played.requests).toBe(0);
    expect(inShort(played)).toBe('unanswered, not in doubt');
  });

  it('is thrown on where it is a bug', async () => {
    const bug = new TypeError('x is not a function');
    await expect(play([OK], { beforeSend: () => Promise.reject(bug) })).rejects.toBe(bug);
  });
});
