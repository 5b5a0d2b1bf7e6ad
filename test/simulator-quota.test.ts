import {
  AdminConfirmSignUpCommand,
  CognitoIdentityProviderClient,
  GetProvisionedLimitCommand,
  type GetProvisionedLimitCommandInput,
} from '@aws-sdk/client-cognito-identity-provider';
import { GetServiceQuotaCommand, ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { afterEach, describe, expect, test } from 'vitest';
import { BusiestSecond } from '../src/simulator/busiest-second.js';
import { FixedWindow } from '../src/simulator/fixed-window.js';
import type { ServiceOptions } from '../src/simulator/options.js';
import { getProvisionedLimit } from '../src/simulator/provisioned-limit.js';
import { createQuota, type Quota, type QuotaForm } from '../src/simulator/quota.js';
import { type Plan, Service } from '../src/simulator/service.js';
import { getServiceQuota } from '../src/simulator/service-quota.js';
import {
  type Refusals,
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../src/simulator/simulator.js';
import { TokenBucket } from '../src/simulator/token-bucket.js';

const granted = (quota: Quota, ...timesMs: number[]) => timesMs.map((atMs) => quota.take(atMs));

describe('token bucket', () => {
  test.each<[string, number, number, number[], boolean[]]>([
    ['a full bucket at the start', 50, 3, [0, 0, 0, 0], [true, true, true, false]],
    ['one token each 20 ms', 50, 1, [0, 19, 20, 39, 40], [true, false, true, false, true]],
    ['a refused call costs nothing', 10, 1, [0, 50, 60, 70, 100], [true, false, false, false, true]],
    ['no more than the bucket holds', 50, 2, [0, 60000, 60000, 60000], [true, true, true, false]],
    ['no quota', Number.POSITIVE_INFINITY, 1, [0, 0, 0, 0], [true, true, true, true]],
    ['nothing at all after the burst', 0, 1, [0, 1e9], [true, false]],
  ])('%s', (_what, perSecond, burst, timesMs, expected) => {
    expect(granted(new TokenBucket(perSecond, burst, 0), ...timesMs)).toEqual(expected);
  });

  test.each([3, 7, 30, 40, 50, 120])('at the exact pace of %i/s nothing is refused', (perSecond) => {
    const quota = new TokenBucket(perSecond, 1, 0);
    for (let call = 0; call < 10_000; call++) expect(quota.take((call * 1000) / perSecond)).toBe(true);
  });

  test('a new rate counts from now on', () => {
    const quota = new TokenBucket(10, 1, 0);
    expect(quota.take(0)).toBe(true);
    quota.setRate(1, 50);
    expect(granted(quota, 100, 549, 550)).toEqual([false, false, true]);
    quota.setRate(Number.POSITIVE_INFINITY, 550);
    expect(granted(quota, 550, 550)).toEqual([true, true]);
    quota.setRate(10, 550);
    // Without a quota the bucket is always full.
    expect(granted(quota, 550, 649, 650)).toEqual([true, false, true]);
  });
});

describe('fixed window', () => {
  test.each<[string, number, number[], boolean[]]>([
    ['all at once, and then no more', 2, [0, 0, 0, 999.9], [true, true, false, false]],
    ['twice as many where two seconds meet', 2, [999, 999, 1000, 1000], [true, true, true, true]],
    ['nothing is saved up', 2, [60_000, 60_000, 60_000], [true, true, false]],
    ['a refused call costs nothing', 1, [0, 1, 2, 1000], [true, false, false, true]],
    ['whole requests only', 1.5, [0, 0, 1000, 1000], [true, false, true, false]],
    ['no quota', Number.POSITIVE_INFINITY, [0, 0, 0], [true, true, true]],
    ['nothing at all', 0, [0, 1e9], [false, false]],
  ])('%s', (_what, perSecond, timesMs, expected) => {
    expect(granted(new FixedWindow(perSecond, 0), ...timesMs)).toEqual(expected);
  });

  test('starts where it is told to, in whole seconds from there', () => {
    expect(granted(new FixedWindow(1, -300), 0, 699, 700, 1699, 1700)).toEqual([
      true,
      false,
      true,
      false,
      true,
    ]);
  });

  test('a new rate holds for the second that has begun, with what was granted there', () => {
    const quota = new FixedWindow(3, 0);
    expect(granted(quota, 0, 0)).toEqual([true, true]);
    quota.setRate(2);
    expect(granted(quota, 500, 1000, 1000, 1000)).toEqual([false, true, true, false]);
    quota.setRate(4);
    expect(granted(quota, 1500, 1500, 1500)).toEqual([true, true, false]);
  });
});

describe('the form of the quota', () => {
  const options = { seed: 1, quotaPerSecond: 10, quotaBurst: 3 };

  test.each<[QuotaForm, number]>([
    // The burst, and what is earned until just before the second is over.
    ['token-bucket', 12],
    // All of the second that had begun at the start, and all of the next.
    ['fixed-window', 20],
  ])('a %s of 10/s grants someone who never stops asking %i in one second at most', (quotaForm, worst) => {
    const quota = createQuota({ ...options, quotaForm }, 0);
    const busiest = new BusiestSecond();
    for (let atMs = 0; atMs < 20_000; atMs++) while (quota.take(atMs)) busiest.add(atMs);
    expect(busiest.worst).toBe(worst);
  });

  test.each([1, 2, 3])('the seconds of seed %i are their own, and whole ones', (seed) => {
    const quota = createQuota({ ...options, seed, quotaForm: 'fixed-window', quotaPerSecond: 1 }, 5000);
    const grants: number[] = [];
    for (let atMs = 5000; atMs < 10_000; atMs++) if (quota.take(atMs)) grants.push(atMs);
    const [first, second = 0, ...others] = grants;
    expect(first).toBe(5000);
    expect(second).toBeGreaterThan(5000);
    expect(second % 1000).not.toBe(0);
    expect(others).toEqual([second + 1000, second + 2000, second + 3000, second + 4000]);
  });
});

describe('GetProvisionedLimit', () => {
  const DEFINITION = { LimitClass: 'API_CATEGORY', Attributes: { Category: 'UserCreation' } };
  const ask = (input: unknown, perSecond = 50) => {
    const { httpStatus, body } = getProvisionedLimit(JSON.stringify(input), perSecond);
    return { httpStatus, output: JSON.parse(body) };
  };

  test.each([
    [50, 50, 50],
    [120, 120, 50],
    [120.7, 120, 50],
    [30, 30, 30],
    [0, 0, 0],
  ])('with %f/s in force it tells %i, of which %i are free', (perSecond, inForce, free) => {
    expect(ask({ LimitDefinition: DEFINITION }, perSecond)).toEqual({
      httpStatus: 200,
      output: {
        Limit: { LimitDefinition: DEFINITION, ProvisionedLimitValue: inForce, FreeLimitValue: free },
      },
    });
  });

  const FAILED = 'failed to satisfy constraint: Member must';
  test.each<[unknown, string]>([
    [{}, `1 validation error detected: Value at 'limitDefinition' ${FAILED} not be null`],
    [
      { LimitDefinition: {} },
      `2 validation errors detected: Value at 'limitDefinition.limitClass' ${FAILED} not be null; Value at 'limitDefinition.attributes' ${FAILED} not be null`,
    ],
    [
      { LimitDefinition: { ...DEFINITION, LimitClass: 'API' } },
      `1 validation error detected: Value 'API' at 'limitDefinition.limitClass' ${FAILED} satisfy enum value set: [API_CATEGORY]`,
    ],
    [
      { LimitDefinition: { ...DEFINITION, Attributes: { Category: 'UserRead' } } },
      `1 validation error detected: Value 'UserRead' at 'limitDefinition.attributes.Category' ${FAILED} satisfy enum value set: [UserCreation]`,
    ],
    [
      { LimitDefinition: { ...DEFINITION, Attributes: {} } },
      `1 validation error detected: Value at 'limitDefinition.attributes.Category' ${FAILED} not be null`,
    ],
  ])('%j is refused', (input, message) => {
    expect(ask(input)).toEqual({
      httpStatus: 400,
      output: { __type: 'InvalidParameterException', message },
    });
  });

  test.each<unknown>([
    null,
    { LimitDefinition: 'API_CATEGORY' },
    { LimitDefinition: { ...DEFINITION, LimitClass: 7 } },
    { LimitDefinition: { ...DEFINITION, Attributes: { Category: 7 } } },
  ])('%j cannot be read', (input) => {
    expect(ask(input)).toMatchObject({ httpStatus: 400, output: { __type: 'SerializationException' } });
  });
});

describe('GetServiceQuota', () => {
  const CODES = { ServiceCode: 'cognito-idp', QuotaCode: 'L-5987B8A0' };

  test('tells the maximum it is given', () => {
    const { httpStatus, body } = getServiceQuota(JSON.stringify(CODES), 'eu-west-1', 120.5);
    expect([httpStatus, JSON.parse(body)]).toMatchObject([
      200,
      {
        Quota: {
          ...CODES,
          QuotaArn: 'arn:aws:servicequotas:eu-west-1:123456789012:cognito-idp/L-5987B8A0',
          Value: 120.5,
        },
      },
    ]);
  });

  test.each<[unknown, string, string]>([
    [{ ...CODES, ServiceCode: 'sqs' }, 'NoSuchResourceException', 'the specified service does not exist'],
    [{ ...CODES, QuotaCode: 'L-00000000' }, 'NoSuchResourceException', 'the specified quota does not exist'],
    [{ ServiceCode: 'cognito-idp' }, 'IllegalArgumentException', 'ServiceCode and QuotaCode are required'],
    [[], 'SerializationException', 'could not be read'],
  ])('%j is refused', (input, error, message) => {
    const { httpStatus, body } = getServiceQuota(JSON.stringify(input), 'us-east-1', 50);
    expect([httpStatus, JSON.parse(body)]).toEqual([
      400,
      { __type: error, message: expect.stringContaining(message) },
    ]);
  });
});

describe('the service, at times that are handed in', () => {
  const serviceOf = (options: Partial<ServiceOptions> = {}): Service =>
    new Service(
      {
        seed: 1,
        userPoolId: 'us-east-1_Simulator',
        users: [],
        unknownUsers: 'unconfirmed',
        quotaPerSecond: 50,
        quotaForm: 'token-bucket',
        quotaBurst: 5,
        accountMaximumPerSecond: undefined,
        refuse: {},
        liveTrafficPerSecond: 0,
        latencyMs: 0,
        faults: {},
        script: {},
        recordCalls: false,
        ...options,
      },
      0,
    );

  const call = (service: Service, target: string, input: object, atMs: number): Plan =>
    service.answer({ target, body: JSON.stringify(input), authorization: 'AWS4-HMAC-SHA256 ...', atMs });

  const askLimit = (service: Service, atMs: number): Plan =>
    call(
      service,
      'AWSCognitoIdentityProviderService.GetProvisionedLimit',
      { LimitDefinition: { LimitClass: 'API_CATEGORY', Attributes: { Category: 'UserCreation' } } },
      atMs,
    );

  const askMaximum = (service: Service, atMs: number): Plan =>
    call(
      service,
      'ServiceQuotasV20190624.GetServiceQuota',
      { ServiceCode: 'cognito-idp', QuotaCode: 'L-5987B8A0' },
      atMs,
    );

  const confirm = (service: Service, username: string, atMs: number): Plan =>
    call(
      service,
      'AWSCognitoIdentityProviderService.AdminConfirmSignUp',
      { UserPoolId: 'us-east-1_Simulator', Username: username },
      atMs,
    );

  const outputOf = ({ reaction }: Plan) => {
    if (reaction.kind !== 'answer') throw new Error(`Expected an answer, got ${reaction.kind}`);
    return JSON.parse(reaction.answer.body);
  };

  test('the limit can be asked for once a second; a refused call costs nothing', () => {
    const service = serviceOf();
    const answers = [0, 1, 999, 1000, 1500, 2000, 9000, 9000].map(
      (atMs) => outputOf(askLimit(service, atMs)).__type ?? 'ok',
    );
    const refused = 'TooManyRequestsException';
    expect(answers).toEqual(['ok', refused, refused, 'ok', refused, 'ok', 'ok', refused]);
  });

  test('asking takes nothing from the quota, and is in no count but its own', () => {
    const service = serviceOf({ quotaPerSecond: 0, quotaBurst: 1 });
    for (let atMs = 0; atMs < 5000; atMs += 1000) {
      askLimit(service, atMs);
      askMaximum(service, atMs);
    }
    expect(service.stats(5000)).toMatchObject({
      requests: 0,
      granted: 0,
      throttled: 0,
      worstSecond: 0,
      quotaCalls: { GetProvisionedLimit: 5, GetServiceQuota: 5 },
    });
    expect(outputOf(confirm(service, 'ada', 5000))).toEqual({});
  });

  test.each<[Partial<ServiceOptions>, number, number]>([
    [{}, 50, 50],
    [{ accountMaximumPerSecond: 120 }, 50, 120],
    [{ quotaPerSecond: Number.POSITIVE_INFINITY }, 1e6, 1e6],
    [{ accountMaximumPerSecond: Number.POSITIVE_INFINITY }, 50, 1e6],
  ])('%j: %i in force, %i at most', (options, inForce, maximum) => {
    const service = serviceOf(options);
    expect(outputOf(askLimit(service, 0)).Limit.ProvisionedLimitValue).toBe(inForce);
    expect(outputOf(askMaximum(service, 0)).Quota.Value).toBe(maximum);
  });

  test('asking does not change the luck of the calls that confirm', () => {
    const luck = (asks: 'asks' | 'does not ask') => {
      const service = serviceOf({
        latencyMs: [10, 100],
        liveTrafficPerSecond: 20,
        faults: { 'internal-error': 0.2, throttle: 0.1, hang: 0.1 },
      });
      return Array.from({ length: 300 }, (_, index) => {
        if (asks === 'asks' && index % 3 === 0) {
          askLimit(service, index * 15);
          askMaximum(service, index * 15);
        }
        return confirm(service, `user-${index}`, index * 15);
      });
    };
    const alone = luck('does not ask');
    expect(luck('asks')).toEqual(alone);
    expect(new Set(alone.map(({ reaction }) => reaction.kind))).toEqual(new Set(['answer', 'hang']));
  });

  test.each(['token-bucket', 'fixed-window'] as const)('a %s is shared with live sign-ups', (quotaForm) => {
    const service = serviceOf({ quotaForm, quotaPerSecond: 20, quotaBurst: 1, liveTrafficPerSecond: 15 });
    for (let atMs = 0; atMs < 60_000; atMs += 10) confirm(service, `user-${atMs}`, atMs);
    const { granted: ours, liveSignUps, liveSignUpsThrottled } = service.stats(60_000);
    const all = ours + liveSignUps - liveSignUpsThrottled;
    expect(liveSignUpsThrottled).toBeGreaterThan(0);
    expect(all).toBeGreaterThan(20 * 59);
    expect(all).toBeLessThanOrEqual(20 * 61);
  });

  describe('history', () => {
    test('has each second, the quiet ones too, and adds up to the totals', () => {
      const service = serviceOf({
        quotaPerSecond: 10,
        quotaBurst: 1,
        liveTrafficPerSecond: 8,
        users: [{ username: 'done', status: 'CONFIRMED' }],
        faults: { throttle: 0.1, 'reset-after': 0.1 },
      });
      for (let atMs = 0; atMs < 30_000; atMs += 70) confirm(service, `user-${atMs}`, atMs);
      service.set({ faults: {}, liveTrafficPerSecond: 0 }, 30_000);
      confirm(service, 'done', 45_000);
      const history = service.history(60_999);
      expect(history.map(({ second }) => second)).toEqual(Array.from({ length: 61 }, (_, second) => second));
      const counts = [
        'requests',
        'granted',
        'throttled',
        'confirmed',
        'liveSignUps',
        'liveSignUpsThrottled',
      ] as const;
      const stats = service.stats(60_999);
      for (const count of counts) {
        const sum = history.reduce((before, second) => before + second[count], 0);
        expect([count, sum]).toEqual([count, stats[count]]);
        expect(sum).toBeGreaterThan(0);
      }
      expect(history[45]).toMatchObject({ requests: 1, granted: 1, confirmed: 0 });
      expect(history[50]).toMatchObject({ requests: 0, granted: 0, throttled: 0, confirmed: 0 });
    });

    test('puts live sign-ups in the second they came in, however late one looks', () => {
      const watched = serviceOf({ liveTrafficPerSecond: 30, quotaPerSecond: 20 });
      const unwatched = serviceOf({ liveTrafficPerSecond: 30, quotaPerSecond: 20 });
      for (let atMs = 0; atMs < 20_000; atMs += 100) watched.history(atMs);
      expect(unwatched.history(19_999)).toEqual(watched.history(19_999));
      expect(watched.history(19_999).every(({ liveSignUps }) => liveSignUps > 0)).toBe(true);
    });

    test('follows a traffic that changes', () => {
      const service = serviceOf({ quotaPerSecond: Number.POSITIVE_INFINITY });
      service.set({ liveTrafficPerSecond: 100 }, 2000);
      service.set({ liveTrafficPerSecond: 0 }, 4000);
      const came = service.history(5999).map(({ liveSignUps }) => liveSignUps > 0);
      expect(came).toEqual([false, false, true, true, false, false]);
    });

    test('keeps the last four hours', () => {
      const service = serviceOf();
      const HOUR = 3600;
      for (const second of [0, 1, 4 * HOUR - 1]) confirm(service, `user-${second}`, second * 1000);
      const requests = (atSecond: number) =>
        service
          .history(atSecond * 1000)
          .filter((second) => second.requests > 0)
          .map(({ second }) => second);
      expect(service.history((4 * HOUR - 1) * 1000)).toHaveLength(4 * HOUR);
      expect(requests(4 * HOUR - 1)).toEqual([0, 1, 4 * HOUR - 1]);
      expect(requests(4 * HOUR)).toEqual([1, 4 * HOUR - 1]);
      confirm(service, 'user-late', (4 * HOUR + 1) * 1000);
      expect(requests(4 * HOUR + 1)).toEqual([4 * HOUR - 1, 4 * HOUR + 1]);
      expect(service.history(9 * HOUR * 1000)).toHaveLength(4 * HOUR);
      expect(service.history(9 * HOUR * 1000)[0]).toMatchObject({ second: 5 * HOUR + 1, requests: 0 });
    });

    test('is a copy, which stays as it was', () => {
      const service = serviceOf();
      const before = service.history(0);
      confirm(service, 'ada', 0);
      expect(before).toMatchObject([{ second: 0, requests: 0 }]);
      const after = service.history(0);
      confirm(service, 'bob', 0);
      expect(after).toMatchObject([{ second: 0, requests: 1 }]);
    });
  });
});

describe('the server, seen through the SDK', () => {
  const open: { close(): unknown }[] = [];

  afterEach(async () => {
    for (const resource of open.splice(0)) await resource.close();
  });

  const start = async (options: SimulatorOptions = {}): Promise<Simulator> => {
    const simulator = await startSimulator({ unknownUsers: 'unconfirmed', ...options });
    open.push(simulator);
    return simulator;
  };

  const settingsOf = ({ url, credentials }: Simulator) => ({
    region: 'us-east-1',
    endpoint: url,
    credentials,
    maxAttempts: 1,
  });

  const cognitoOf = (simulator: Simulator): CognitoIdentityProviderClient => {
    const client = new CognitoIdentityProviderClient(settingsOf(simulator));
    open.push({ close: () => client.destroy() });
    return client;
  };

  const askLimit = async (simulator: Simulator, category = 'UserCreation') => {
    const input: GetProvisionedLimitCommandInput = {
      LimitDefinition: { LimitClass: 'API_CATEGORY', Attributes: { Category: category } },
    };
    const { Limit } = await cognitoOf(simulator).send(new GetProvisionedLimitCommand(input));
    return Limit;
  };

  const askMaximum = async (simulator: Simulator, QuotaCode = 'L-5987B8A0') => {
    const client = new ServiceQuotasClient(settingsOf(simulator));
    open.push({ close: () => client.destroy() });
    const command = new GetServiceQuotaCommand({ ServiceCode: 'cognito-idp', QuotaCode });
    const { Quota } = await client.send(command);
    return Quota;
  };

  test('tells what is in force, and what could be', async () => {
    const simulator = await start({ quotaPerSecond: 80, accountMaximumPerSecond: 120 });
    expect(await askLimit(simulator)).toEqual({
      LimitDefinition: { LimitClass: 'API_CATEGORY', Attributes: { Category: 'UserCreation' } },
      ProvisionedLimitValue: 80,
      FreeLimitValue: 50,
    });
    expect(await askMaximum(simulator)).toEqual({
      ServiceCode: 'cognito-idp',
      ServiceName: 'Amazon Cognito User Pools',
      QuotaArn: 'arn:aws:servicequotas:us-east-1:123456789012:cognito-idp/L-5987B8A0',
      QuotaCode: 'L-5987B8A0',
      QuotaName: 'Rate of UserCreation requests',
      Value: 120,
      Unit: 'None',
      Adjustable: true,
      GlobalQuota: false,
      QuotaAppliedAtLevel: 'ACCOUNT',
    });
    expect(simulator.stats()).toMatchObject({
      requests: 0,
      quotaCalls: { GetProvisionedLimit: 1, GetServiceQuota: 1 },
    });
  });

  test('tells what has been set since', async () => {
    const simulator = await start();
    simulator.set({ quotaPerSecond: 25 });
    expect(await askLimit(simulator)).toMatchObject({ ProvisionedLimitValue: 25, FreeLimitValue: 25 });
    expect(await askMaximum(simulator)).toMatchObject({ Value: 25 });
    simulator.set({ accountMaximumPerSecond: 200 });
    expect(await askMaximum(simulator)).toMatchObject({ Value: 200 });
  });

  test('knows one category and one quota', async () => {
    const simulator = await start();
    await expect(askLimit(simulator, 'UserRead')).rejects.toMatchObject({
      name: 'InvalidParameterException',
      $metadata: { httpStatusCode: 400 },
    });
    await expect(askMaximum(simulator, 'L-00000000')).rejects.toMatchObject({
      name: 'NoSuchResourceException',
      $metadata: { httpStatusCode: 400 },
    });
  });

  const DENIED = { error: 'AccessDeniedException', message: 'Not allowed.' };
  const UNKNOWN = { error: 'UnknownOperationException', message: 'Unknown operation' };
  test.each<[Refusals, string, string]>([
    [{ GetProvisionedLimit: DENIED }, 'AccessDeniedException', 'ok'],
    [{ GetProvisionedLimit: UNKNOWN }, 'UnknownOperationException', 'ok'],
    [{ GetServiceQuota: DENIED }, 'ok', 'AccessDeniedException'],
    [
      { GetProvisionedLimit: UNKNOWN, GetServiceQuota: DENIED },
      'UnknownOperationException',
      'AccessDeniedException',
    ],
  ])('refuses %j, until it ends', async (refuse, limit, maximum) => {
    const nameOf = (asked: Promise<unknown>) =>
      asked.then(
        () => 'ok',
        (error: Error) => error.name,
      );
    const inOptions = await start({ refuse });
    expect(await nameOf(askLimit(inOptions))).toBe(limit);
    expect(await nameOf(askMaximum(inOptions))).toBe(maximum);

    const later = await start();
    later.set({ refuse });
    expect(await nameOf(askMaximum(later))).toBe(maximum);
    later.set({ refuse: {} });
    expect(await nameOf(askLimit(later))).toBe('ok');
    expect(await nameOf(askMaximum(later))).toBe('ok');
  });

  test('what every request gets, these get too', async () => {
    const simulator = await start({ refuse: { GetServiceQuota: DENIED } });
    simulator.set({ everyRequest: { error: 'ExpiredTokenException', message: 'Expired.' } });
    await expect(askLimit(simulator)).rejects.toMatchObject({ name: 'ExpiredTokenException' });
    await expect(askMaximum(simulator)).rejects.toMatchObject({ name: 'ExpiredTokenException' });
  });

  test('two clients share one quota, of either form', async () => {
    const simulator = await start({ quotaForm: 'fixed-window', quotaPerSecond: 0 });
    const clients = [cognitoOf(simulator), cognitoOf(simulator)];
    const confirm = (client: CognitoIdentityProviderClient, username: string) =>
      client.send(new AdminConfirmSignUpCommand({ UserPoolId: simulator.userPoolId, Username: username }));
    for (const client of clients) {
      await expect(confirm(client, 'ada')).rejects.toMatchObject({ name: 'TooManyRequestsException' });
    }
    simulator.set({ quotaPerSecond: 1e6 });
    for (const [index, client] of clients.entries()) await confirm(client, `user-${index}`);
    const sum = { requests: 0, granted: 0, throttled: 0, confirmed: 0 };
    for (const second of simulator.history()) {
      for (const count of ['requests', 'granted', 'throttled', 'confirmed'] as const) {
        sum[count] += second[count];
      }
    }
    expect(sum).toEqual({ requests: 4, granted: 2, throttled: 2, confirmed: 2 });
  });

  test('without a signature nothing is told', async () => {
    const { url } = await start();
    const response = await fetch(url, {
      method: 'POST',
      body: '{}',
      headers: { 'x-amz-target': 'ServiceQuotasV20190624.GetServiceQuota' },
    });
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { __type: 'MissingAuthenticationTokenException' },
    ]);
  });
});
