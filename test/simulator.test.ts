import {
  AdminConfirmSignUpCommand,
  CognitoIdentityProviderClient,
  ListUsersCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { afterEach, describe, expect, test } from 'vitest';
import { BusiestSecond } from '../src/simulator/busiest-second.js';
import { chooseFault } from '../src/simulator/faults.js';
import { createRandom, hashOf, nextUuid } from '../src/simulator/random.js';
import {
  FAULTS,
  type Fault,
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../src/simulator/simulator.js';

describe('random', () => {
  const take = (seed: number, purpose: string) => {
    const random = createRandom(seed, purpose);
    return Array.from({ length: 1000 }, () => random());
  };

  test('the same seed and purpose give the same numbers, another of either gives others', () => {
    expect(take(1, 'a')).toEqual(take(1, 'a'));
    expect(take(1, 'a')).not.toEqual(take(2, 'a'));
    expect(take(1, 'a')).not.toEqual(take(1, 'b'));
  });

  test('the numbers are spread over 0 to 1', () => {
    const numbers = take(1, 'a');
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(1);
    expect(numbers.reduce((sum, number) => sum + number, 0) / numbers.length).toBeCloseTo(0.5, 1);
  });

  test.each([
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['foobar', 0xbf9cf968],
  ])('FNV-1a of %j is the published one', (text, hash) => expect(hashOf(text)).toBe(hash));

  test('ids look like random UUIDs and do not repeat', () => {
    const random = createRandom(1, 'ids');
    const ids = Array.from({ length: 1000 }, () => nextUuid(random));
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new Set(ids).size).toBe(1000);
  });

  test('the first id of a seed stays what it has always been', () => {
    expect(nextUuid(createRandom(1, 'request ids'))).toBe('e9277cba-f641-4687-bd65-afcb7a728a74');
  });
});

describe('busiest second', () => {
  test.each<[string, number[], number]>([
    ['nobody', [], 0],
    ['one after the other', [0, 1000, 2000], 1],
    ['just within a second', [0, 999.9], 2],
    ['over the border of a clock second', [900, 950, 1000, 1050, 3000], 4],
    ['a crowd, long ago', [0, 0, 0, 5000, 5001], 3],
    ['a crowd that thins out and comes back', [0, 1, 2, 3, 1001, 1002, 1003, 1004, 1005, 1005], 6],
  ])('%s', (_what, timesMs, worst) => {
    const busiest = new BusiestSecond();
    for (const atMs of timesMs) busiest.add(atMs);
    expect(busiest.worst).toBe(worst);
  });

  test('is what counting every window by hand gives', () => {
    const random = createRandom(1, 'arrivals');
    const timesMs: number[] = [];
    const busiest = new BusiestSecond();
    for (let atMs = 0; timesMs.length < 500; atMs += random() ** 3 * 100) {
      timesMs.push(atMs);
      busiest.add(atMs);
    }
    const counts = timesMs.map((start) => timesMs.filter((t) => t >= start && t < start + 1000).length);
    expect(busiest.worst).toBe(Math.max(...counts));
  });
});

describe('faults', () => {
  const shares = { 'limit-exceeded': 0.1, 'internal-error': 0.2, hang: 0.3 };

  test.each<[number, Fault | undefined]>([
    [0, 'internal-error'],
    [0.19, 'internal-error'],
    [0.21, 'hang'],
    [0.49, 'hang'],
    [0.51, 'limit-exceeded'],
    [0.59, 'limit-exceeded'],
    [0.61, undefined],
    [0.99, undefined],
  ])('%f stands for %s, in whatever order the shares were written', (draw, fault) => {
    expect(chooseFault(shares, draw)).toBe(fault);
    expect(chooseFault(Object.fromEntries(Object.entries(shares).reverse()), draw)).toBe(fault);
  });

  test.each<[SimulatorOptions, string]>([
    [{ faults: { hang: 1.5 } }, 'Expected `faults.hang` to be a share from 0 to 1, got `1.5`'],
    [{ faults: { hang: Number.NaN } }, 'Expected `faults.hang` to be a share from 0 to 1, got `NaN`'],
    [{ faults: { hang: 0.6, garbled: 0.6 } }, 'Expected `faults` to add up to 1 at most, got `1.2`'],
    [
      { quotaForm: 'leaky' as 'token-bucket' },
      'Expected `quotaForm` to be token-bucket or fixed-window, got `leaky`',
    ],
    [{ quotaPerSecond: -1 }, 'Expected `quotaPerSecond` to be a number, 0 or more, got `-1`'],
    [
      { accountMaximumPerSecond: Number.NaN },
      'Expected `accountMaximumPerSecond` to be a number, 0 or more, got `NaN`',
    ],
    [{ quotaBurst: 0 }, 'Expected `quotaBurst` to be a finite number, 1 or more, got `0`'],
    [{ latencyMs: [5, 2] }, 'Expected `latencyMs` to be milliseconds, the smaller number first, got `2`'],
    [
      { liveTrafficPerSecond: Number.POSITIVE_INFINITY },
      'Expected `liveTrafficPerSecond` to be a finite number, 0 or more, got `Infinity`',
    ],
  ])('%j is refused', async (options, message) => {
    await expect(startSimulator(options)).rejects.toThrow(new TypeError(message));
  });

  test('ten shares of a tenth are everything, not too much', async () => {
    const tenths = Object.fromEntries(FAULTS.slice(0, 10).map((fault) => [fault, 0.1]));
    await (await startSimulator({ faults: tenths })).close();
  });
});

describe('the server, seen through the SDK', () => {
  const open: { close(): unknown }[] = [];

  afterEach(async () => {
    for (const resource of open.splice(0)) await resource.close();
  });

  const start = async (options: SimulatorOptions = {}): Promise<Simulator> => {
    const simulator = await startSimulator({
      recordCalls: true,
      quotaPerSecond: Number.POSITIVE_INFINITY,
      users: [{ username: 'ada' }],
      ...options,
    });
    open.push(simulator);
    return simulator;
  };

  const clientOf = (simulator: Simulator, requestTimeout = 5000): CognitoIdentityProviderClient => {
    const client = new CognitoIdentityProviderClient({
      region: 'us-east-1',
      endpoint: simulator.url,
      credentials: simulator.credentials,
      maxAttempts: 1,
      requestHandler: { requestTimeout, throwOnRequestTimeout: true },
    });
    open.push({ close: () => client.destroy() });
    return client;
  };

  /** What the SDK makes of the answer: the parts of its error that a program can tell faults apart by. */
  interface Seen {
    name: string;
    message: string;
    code?: string | undefined;
    httpStatus?: number | undefined;
    fault?: string | undefined;
    hasRequestId: boolean;
  }

  interface SdkError extends Error {
    code?: string;
    $fault?: string;
    $metadata?: { httpStatusCode?: number; requestId?: string };
  }

  const confirm = async (
    simulator: Simulator,
    username = 'ada',
    input: {
      UserPoolId?: string;
      ClientMetadata?: Record<string, string>;
    } = {},
    client = clientOf(simulator),
  ): Promise<Seen> => {
    const command = new AdminConfirmSignUpCommand({
      UserPoolId: simulator.userPoolId,
      Username: username,
      ...input,
    });
    try {
      const { $metadata, ...rest } = await client.send(command);
      expect(rest).toEqual({});
      return {
        name: 'ok',
        message: '',
        httpStatus: $metadata.httpStatusCode,
        hasRequestId: !!$metadata.requestId,
      };
    } catch (error) {
      const { name, message, code, $fault, $metadata } = error as SdkError;
      const httpStatus = $metadata?.httpStatusCode;
      return {
        name,
        message,
        code,
        httpStatus,
        fault: $fault,
        hasRequestId: !!$metadata?.requestId,
      };
    }
  };

  test('confirms a user once', async () => {
    const simulator = await start();
    expect(await confirm(simulator, 'ada', { ClientMetadata: { origin: 'bulk' } })).toEqual({
      name: 'ok',
      message: '',
      httpStatus: 200,
      hasRequestId: true,
    });
    expect(simulator.statusOf('ada')).toBe('CONFIRMED');
    expect(await confirm(simulator)).toMatchObject({
      name: 'NotAuthorizedException',
    });
    expect(simulator.stats()).toMatchObject({
      requests: 2,
      granted: 2,
      throttled: 0,
      confirmed: 1,
    });
    expect(simulator.calls()).toMatchObject([
      {
        username: 'ada',
        clientMetadata: { origin: 'bulk' },
        result: 'ok',
        confirmed: true,
      },
      {
        username: 'ada',
        clientMetadata: {},
        result: 'NotAuthorizedException',
        confirmed: false,
      },
    ]);
  });

  const PATTERN = '[\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+';
  test.each<[string, string, string, string]>([
    ['nobody', '', 'UserNotFoundException', 'User does not exist.'],
    ['ada', 'us-east-1_Other', 'ResourceNotFoundException', 'User pool us-east-1_Other does not exist.'],
    ['off', '', 'NotAuthorizedException', 'User is disabled.'],
    ['done', '', 'NotAuthorizedException', 'User cannot be confirmed. Current status is CONFIRMED'],
    [
      'forced',
      '',
      'NotAuthorizedException',
      'User cannot be confirmed. Current status is FORCE_CHANGE_PASSWORD',
    ],
    ['reset', '', 'NotAuthorizedException', 'User cannot be confirmed. Current status is RESET_REQUIRED'],
    [
      'external',
      '',
      'NotAuthorizedException',
      'User cannot be confirmed. Current status is EXTERNAL_PROVIDER',
    ],
    [
      'unlucky',
      '',
      'UserLambdaValidationException',
      'PostConfirmation failed with error The simulated trigger failed.',
    ],
    [
      'two words',
      '',
      'InvalidParameterException',
      `1 validation error detected: Value at 'username' failed to satisfy constraint: Member must satisfy regular expression pattern: ${PATTERN}`,
    ],
    [
      'x'.repeat(129),
      '',
      'InvalidParameterException',
      "1 validation error detected: Value at 'username' failed to satisfy constraint: Member must have length less than or equal to 128",
    ],
    [
      '',
      '',
      'InvalidParameterException',
      `2 validation errors detected: Value at 'username' failed to satisfy constraint: Member must have length greater than or equal to 1; Value at 'username' failed to satisfy constraint: Member must satisfy regular expression pattern: ${PATTERN}`,
    ],
    [
      'ada',
      'nowhere',
      'InvalidParameterException',
      "1 validation error detected: Value 'nowhere' at 'userPoolId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w-]+_[0-9a-zA-Z]+",
    ],
  ])('user %j, pool %j: %s', async (username, pool, name, message) => {
    const simulator = await start({
      users: [
        { username: 'ada' },
        { username: 'off', enabled: false },
        { username: 'done', status: 'CONFIRMED' },
        { username: 'forced', status: 'FORCE_CHANGE_PASSWORD' },
        { username: 'reset', status: 'RESET_REQUIRED' },
        { username: 'external', status: 'EXTERNAL_PROVIDER' },
        { username: 'unlucky', trigger: 'fails' },
      ],
    });
    expect(await confirm(simulator, username, pool === '' ? {} : { UserPoolId: pool })).toEqual({
      name,
      message,
      code: undefined,
      httpStatus: 400,
      fault: 'client',
      hasRequestId: true,
    });
    expect(simulator.stats().confirmed).toBe(username === 'unlucky' ? 1 : 0);
    expect(simulator.calls()).toMatchObject([{ username, result: name, confirmed: username === 'unlucky' }]);
  });

  test('a trigger that failed has confirmed its user, and does not run again', async () => {
    const simulator = await start({
      users: [{ username: 'unlucky', trigger: 'fails' }],
    });
    expect(await confirm(simulator, 'unlucky')).toMatchObject({
      name: 'UserLambdaValidationException',
    });
    expect(simulator.statusOf('unlucky')).toBe('CONFIRMED');
    expect(await confirm(simulator, 'unlucky')).toMatchObject({
      name: 'NotAuthorizedException',
    });
  });

  const CUT = 'aborted\n  Deserialization error: to see the raw response';
  const TIMED_OUT = 'a request has exceeded the configured 100 ms requestTimeout';
  const of = (seen: Partial<Seen>): Seen => ({
    name: '',
    message: '',
    code: undefined,
    httpStatus: undefined,
    fault: undefined,
    hasRequestId: false,
    ...seen,
  });
  const INTERNAL = of({
    name: 'InternalErrorException',
    message: 'Something went wrong',
    httpStatus: 500,
    fault: 'server',
    hasRequestId: true,
  });
  const RESET = of({
    name: 'TimeoutError',
    message: 'socket hang up',
    code: 'ECONNRESET',
  });
  const HANGS = of({
    name: 'TimeoutError',
    message: TIMED_OUT,
    code: 'ETIMEDOUT',
  });
  const REFUSED = { httpStatus: 400, fault: 'client', hasRequestId: true };
  const faultCases: Record<Fault, { seen: Seen; confirmed: boolean }> = {
    'internal-error': { seen: INTERNAL, confirmed: false },
    'internal-error-after': { seen: INTERNAL, confirmed: true },
    'html-503': {
      seen: of({
        name: 'SyntaxError',
        message: 'JSON',
        httpStatus: 503,
        hasRequestId: true,
      }),
      confirmed: false,
    },
    'reset-before': { seen: RESET, confirmed: false },
    'reset-after': { seen: RESET, confirmed: true },
    hang: { seen: HANGS, confirmed: false },
    'hang-after': { seen: HANGS, confirmed: true },
    truncated: {
      seen: of({
        name: 'Error',
        message: CUT,
        code: 'ECONNRESET',
        httpStatus: 200,
        hasRequestId: true,
      }),
      confirmed: true,
    },
    garbled: {
      seen: of({
        name: 'SyntaxError',
        message: 'JSON',
        httpStatus: 200,
        hasRequestId: true,
      }),
      confirmed: true,
    },
    throttle: {
      seen: of({
        name: 'TooManyRequestsException',
        message: 'Too many requests',
        ...REFUSED,
      }),
      confirmed: false,
    },
    'throttling-exception': {
      seen: of({
        name: 'ThrottlingException',
        message: 'Rate exceeded',
        ...REFUSED,
      }),
      confirmed: false,
    },
    'limit-exceeded': {
      seen: of({
        name: 'LimitExceededException',
        message: 'Attempt limit exceeded',
        ...REFUSED,
      }),
      confirmed: false,
    },
  };

  test.each(FAULTS)('fault %s', async (fault) => {
    const simulator = await start({ faults: { [fault]: 1 } });
    const client = clientOf(simulator, fault.startsWith('hang') ? 100 : 5000);
    const seen = await confirm(simulator, 'ada', {}, client);
    const { confirmed, seen: expected } = faultCases[fault];
    // The ends of some messages belong to the version of Node and of the SDK.
    expect(seen).toEqual({
      ...expected,
      message: expect.stringContaining(expected.message),
    });
    expect(simulator.statusOf('ada')).toBe(confirmed ? 'CONFIRMED' : 'UNCONFIRMED');
    expect(simulator.calls()).toMatchObject([{ username: 'ada', result: fault, confirmed }]);
    const throttled = fault === 'throttle' || fault === 'throttling-exception' ? 1 : 0;
    expect(simulator.stats()).toMatchObject({
      granted: 1 - throttled,
      throttled,
      confirmed: confirmed ? 1 : 0,
      faults: { [fault]: 1 },
    });
  });

  test.each([
    'ExpiredTokenException',
    'AccessDeniedException',
    'UnrecognizedClientException',
    'InvalidSignatureException',
    'OperationNotEnabledException',
    'SomethingNobodyHasSeenYetException',
  ])('every request gets %s, until it ends', async (error) => {
    const simulator = await start();
    simulator.set({ everyRequest: { error, message: 'It is so.' } });
    const seen = {
      name: error,
      message: 'It is so.',
      code: undefined,
      httpStatus: 400,
      fault: 'client',
    };
    expect(await confirm(simulator)).toEqual({ ...seen, hasRequestId: true });
    simulator.set({ latencyMs: 0 });
    expect(await confirm(simulator)).toMatchObject({ name: error });
    simulator.set({ everyRequest: undefined });
    expect(await confirm(simulator)).toMatchObject({ name: 'ok' });
    expect(simulator.stats()).toMatchObject({ requests: 3, granted: 1 });
  });

  test('an error of the service can have another HTTP status', async () => {
    const simulator = await start();
    simulator.set({
      everyRequest: {
        error: 'AccessDeniedException',
        message: 'No.',
        httpStatus: 403,
      },
    });
    expect(await confirm(simulator)).toMatchObject({
      name: 'AccessDeniedException',
      httpStatus: 403,
    });
  });

  test('a script is gone through, and then all is as usual', async () => {
    const simulator = await start({
      users: [{ username: 'ada' }, { username: 'bob' }],
      script: {
        ada: [
          'throttle',
          { error: 'AliasExistsException', message: 'Taken.' },
          'reset-after',
          { latencyMs: 1 },
        ],
        bob: ['ok', 'internal-error'],
      },
      faults: { 'html-503': 1 },
    });
    for (const _ of [1, 2, 3, 4, 5]) await confirm(simulator, 'ada');
    for (const _ of [1, 2, 3]) await confirm(simulator, 'bob');
    expect(simulator.calls().map(({ username, result }) => [username, result])).toEqual([
      ['ada', 'throttle'],
      ['ada', 'AliasExistsException'],
      ['ada', 'reset-after'],
      ['ada', 'NotAuthorizedException'],
      ['ada', 'html-503'],
      ['bob', 'ok'],
      ['bob', 'internal-error'],
      ['bob', 'html-503'],
    ]);
  });

  test('what is over the quota is throttled, costs nothing, and leaves the script as it was', async () => {
    const simulator = await start({
      users: [{ username: 'ada' }, { username: 'bob' }],
      quotaPerSecond: 0,
      quotaBurst: 1,
      script: { bob: ['limit-exceeded'] },
    });
    expect(await confirm(simulator, 'ada')).toMatchObject({ name: 'ok' });
    const throttled = {
      name: 'TooManyRequestsException',
      message: 'Too many requests',
      httpStatus: 400,
    };
    expect(await confirm(simulator, 'bob')).toMatchObject(throttled);
    // Validation comes after the quota.
    expect(await confirm(simulator, 'two words')).toMatchObject(throttled);
    expect(simulator.stats()).toMatchObject({
      requests: 3,
      granted: 1,
      throttled: 2,
      worstSecond: 3,
    });
    simulator.set({ quotaPerSecond: Number.POSITIVE_INFINITY });
    expect(await confirm(simulator, 'bob')).toMatchObject({
      name: 'LimitExceededException',
    });
    expect(await confirm(simulator, 'bob')).toMatchObject({ name: 'ok' });
  });

  test('the quota is per pool and operation, not per user: many calls at once share it', async () => {
    const simulator = await start({
      unknownUsers: 'unconfirmed',
      quotaPerSecond: 0,
      quotaBurst: 7,
    });
    const client = clientOf(simulator);
    const seen = await Promise.all(
      Array.from({ length: 20 }, (_, index) => confirm(simulator, `user-${index}`, {}, client)),
    );
    expect(seen.filter(({ name }) => name === 'ok')).toHaveLength(7);
    expect(simulator.stats()).toMatchObject({
      requests: 20,
      granted: 7,
      throttled: 13,
      confirmed: 7,
    });
  });

  test('in a rehearsal every name is a user, but for those that are said to be otherwise', async () => {
    const simulator = await start({
      unknownUsers: 'unconfirmed',
      users: [{ username: 'off', enabled: false }],
    });
    expect(await confirm(simulator, 'anybody')).toMatchObject({ name: 'ok' });
    expect(await confirm(simulator, 'anybody')).toMatchObject({
      name: 'NotAuthorizedException',
    });
    expect(await confirm(simulator, 'constructor')).toMatchObject({
      name: 'ok',
    });
    expect(await confirm(simulator, 'off')).toMatchObject({
      message: 'User is disabled.',
    });
    expect(simulator.statusOf('anybody')).toBe('CONFIRMED');
    expect(simulator.statusOf('somebody')).toBe('UNCONFIRMED');
    expect((await start()).statusOf('somebody')).toBeUndefined();
  });

  test('the same seed gives the same answers, another one gives others', async () => {
    const play = async (seed: number) => {
      const simulator = await start({
        seed,
        unknownUsers: 'unconfirmed',
        faults: {
          throttle: 0.2,
          'html-503': 0.2,
          'internal-error-after': 0.2,
          'reset-before': 0.1,
        },
      });
      const client = clientOf(simulator);
      for (let index = 0; index < 40; index++) await confirm(simulator, `user-${index}`, {}, client);
      return simulator.calls().map(({ result }) => result);
    };
    const first = await play(1);
    expect(await play(1)).toEqual(first);
    expect(await play(2)).not.toEqual(first);
    expect(new Set(first).size).toBe(5);
  });

  test('live sign-ups are counted when somebody looks', async () => {
    const simulator = await start({
      liveTrafficPerSecond: 100_000,
      quotaPerSecond: 1,
      quotaBurst: 1,
    });
    await confirm(simulator);
    const { liveSignUps, liveSignUpsThrottled, requests } = simulator.stats();
    expect(liveSignUps).toBeGreaterThan(0);
    expect(liveSignUps - liveSignUpsThrottled).toBeGreaterThan(0);
    expect(requests).toBe(1);
  });

  test('calls are not kept unless asked for', async () => {
    const simulator = await start({ recordCalls: false });
    await confirm(simulator);
    expect(simulator.calls()).toEqual([]);
  });

  test('requests that wait for their answer are in flight', async () => {
    const simulator = await start({
      unknownUsers: 'unconfirmed',
      latencyMs: [1, 5],
    });
    const client = clientOf(simulator);
    for (let index = 0; index < 3; index++) await confirm(simulator, `first-${index}`, {}, client);
    expect(simulator.stats()).toMatchObject({ inFlight: 0, mostInFlight: 1 });
    const hanging = Array.from({ length: 4 }, (_, index) =>
      confirm(simulator, `second-${index}`, {}, client),
    );
    simulator.set({ faults: { hang: 1 } });
    await expect.poll(() => simulator.stats().inFlight).toBe(4);
    expect(simulator.stats().mostInFlight).toBe(4);
    await simulator.close();
    await simulator.close();
    for (const seen of await Promise.all(hanging)) expect(seen).toEqual({ ...RESET, fault: undefined });
    expect(simulator.stats().inFlight).toBe(0);
    expect(await confirm(simulator)).toMatchObject({
      name: 'Error',
      code: 'ECONNREFUSED',
    });
  });

  test('a client that goes away leaves no trace but its work', async () => {
    const simulator = await start({ latencyMs: 60_000 });
    const stop = new AbortController();
    const command = new AdminConfirmSignUpCommand({
      UserPoolId: simulator.userPoolId,
      Username: 'ada',
    });
    const gone = clientOf(simulator).send(command, {
      abortSignal: stop.signal,
    });
    gone.catch(() => {});
    await expect.poll(() => simulator.stats().inFlight).toBe(1);
    stop.abort();
    await expect(gone).rejects.toMatchObject({ name: 'AbortError' });
    await expect.poll(() => simulator.stats().inFlight).toBe(0);
    expect(simulator.statusOf('ada')).toBe('CONFIRMED');
  });

  test('another operation is unknown, and no call', async () => {
    const simulator = await start();
    const command = new ListUsersCommand({ UserPoolId: simulator.userPoolId });
    await expect(clientOf(simulator).send(command)).rejects.toMatchObject({
      name: 'UnknownOperationException',
    });
    expect(simulator.stats().requests).toBe(0);
  });

  describe('by hand', () => {
    const TARGET = 'AWSCognitoIdentityProviderService.AdminConfirmSignUp';
    const INPUT = '{"UserPoolId":"us-east-1_Simulator","Username":"ada"}';
    const post = (
      simulator: Simulator,
      body: string,
      headers: Record<string, string> = {
        authorization: 'AWS4-HMAC-SHA256 ...',
      },
    ) =>
      fetch(simulator.url, {
        method: 'POST',
        body,
        headers: { 'x-amz-target': TARGET, ...headers },
      });

    test('an answer looks like the service’s', async () => {
      const simulator = await start();
      const good = await post(simulator, INPUT);
      expect([good.status, await good.text()]).toEqual([200, '{}']);
      expect(good.headers.get('content-type')).toBe('application/x-amz-json-1.1');
      const bad = await post(simulator, INPUT);
      expect([bad.status, await bad.json()]).toEqual([
        400,
        {
          __type: 'NotAuthorizedException',
          message: 'User cannot be confirmed. Current status is CONFIRMED',
        },
      ]);
      expect(bad.headers.get('x-amzn-errortype')).toBe('NotAuthorizedException:');
      expect(bad.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      expect(bad.headers.get('x-amzn-requestid')).not.toBe(good.headers.get('x-amzn-requestid'));
    });

    test.each<[string, string, Record<string, string> | undefined, string]>([
      ['without a signature', INPUT, {}, 'MissingAuthenticationTokenException'],
      ['that is no JSON', '{"UserPool', undefined, 'SerializationException'],
      ['that is no object', '[]', undefined, 'SerializationException'],
      ['with a name that is a number', '{"Username":7}', undefined, 'SerializationException'],
      [
        'with metadata that is no text',
        '{"Username":"ada","ClientMetadata":{"a":1}}',
        undefined,
        'SerializationException',
      ],
      ['with nothing in it', '{}', undefined, 'InvalidParameterException'],
    ])('a request %s', async (_what, body, headers, error) => {
      const simulator = await start();
      const response = await post(simulator, body, headers);
      expect([response.status, await response.json()]).toMatchObject([400, { __type: error }]);
      expect(simulator.calls()).toMatchObject([{ result: error, confirmed: false }]);
    });

    test.each([
      ['GET', '/health', 200],
      ['GET', '/', 404],
      ['PUT', '/', 404],
      ['POST', '/somewhere', 404],
    ])('%s %s is %i', async (method, path, status) => {
      const simulator = await start();
      const response = await fetch(`${simulator.url}${path}`, { method });
      expect(response.status).toBe(status);
      expect(await response.json()).toHaveProperty('message');
      expect(simulator.stats().requests).toBe(0);
    });

    test('a port that is taken is said to be so', async () => {
      const { url } = await start();
      await expect(start({ port: Number(new URL(url).port) })).rejects.toThrow('EADDRINUSE');
    });
  });
});
