import {
  type Answer,
  cannotBeConfirmed,
  ERRORS,
  errorAnswer,
  isThrottling,
  noSuchPool,
  notValid,
  OK,
  type ServiceError,
} from './answers.js';
import { BusiestSecond } from './busiest-second.js';
import { chooseFault, FAULTS, type Fault, isThrottlingFault, type Reaction, reactionTo } from './faults.js';
import { History, type SimulatedSecond } from './history.js';
import { type Input, parseInput, problemsOf } from './input.js';
import { LiveTraffic } from './live-traffic.js';
import type {
  Change,
  LatencyMs,
  QuotaOperation,
  ScriptedStep,
  ServiceOptions,
  SimulatedCall,
} from './options.js';
import { getProvisionedLimit } from './provisioned-limit.js';
import { createQuota, type Quota } from './quota.js';
import { createRandom, type Random } from './random.js';
import { getServiceQuota } from './service-quota.js';
import { TokenBucket } from './token-bucket.js';
import { Users } from './users.js';

/** A call as it came in. */
export interface Call {
  /** The value of X-Amz-Target, which names service and operation. */
  readonly target: string | undefined;
  readonly body: string;
  /** The value of the Authorization header. That it is there is all that is looked at. */
  readonly authorization: string | undefined;
  readonly atMs: number;
}

/** What the client will see, and how long after its call. */
export interface Plan {
  readonly reaction: Reaction;
  readonly latencyMs: number;
}

/** JSON has no Infinity: this stands for it, and is more than anybody can send. */
const NO_QUOTA_PER_SECOND = 1_000_000;

/** The service without its wire. Whatever a call does is done when it arrives; the answer may take its time. */
export class Service {
  readonly users: Users;
  readonly #options: ServiceOptions;
  readonly #script: ReadonlyMap<string, ScriptedStep[]>;
  readonly #quota: Quota;
  /** GetProvisionedLimit has a quota of its own. */
  readonly #limitQuota: Quota;
  readonly #history: History;
  readonly #live: LiveTraffic;
  readonly #faultDraws: Random;
  readonly #latencyDraws: Random;
  readonly #quotaCallLatencyDraws: Random;
  readonly #busiest = new BusiestSecond();
  readonly #faultCounts = Object.fromEntries(FAULTS.map((fault) => [fault, 0])) as Record<Fault, number>;
  readonly #calls: SimulatedCall[] = [];
  readonly #quotaCalls: Record<QuotaOperation, number> = { GetProvisionedLimit: 0, GetServiceQuota: 0 };
  #quotaPerSecond: number;
  #accountMaximumPerSecond: number | undefined;
  #refuse: ServiceOptions['refuse'];
  #faults: ServiceOptions['faults'];
  #latencyMs: LatencyMs;
  #everyRequest: ServiceError | undefined;
  #requests = 0;
  #granted = 0;
  #throttled = 0;

  /** Every operation that there is, by the name in X-Amz-Target. */
  readonly #operations: ReadonlyMap<string, (call: Call) => Plan> = new Map([
    ['AWSCognitoIdentityProviderService.AdminConfirmSignUp', (call: Call) => this.#adminConfirmSignUp(call)],
    [
      'AWSCognitoIdentityProviderService.GetProvisionedLimit',
      (call: Call) => this.#getProvisionedLimit(call),
    ],
    ['ServiceQuotasV20190624.GetServiceQuota', (call: Call) => this.#getServiceQuota(call)],
  ]);

  constructor(options: ServiceOptions, atMs: number) {
    const { seed, liveTrafficPerSecond } = options;
    this.#options = options;
    this.users = new Users(options.users, options.unknownUsers);
    this.#script = new Map(Object.entries(options.script).map(([username, steps]) => [username, [...steps]]));
    this.#quota = createQuota(options, atMs);
    this.#limitQuota = new TokenBucket(1, 1, atMs);
    this.#history = new History(atMs);
    const liveDraws = createRandom(seed, 'live');
    this.#live = new LiveTraffic(this.#quota, liveDraws, this.#history, liveTrafficPerSecond, atMs);
    this.#faultDraws = createRandom(seed, 'faults');
    this.#latencyDraws = createRandom(seed, 'latency');
    this.#quotaCallLatencyDraws = createRandom(seed, 'latency of quota calls');
    this.#quotaPerSecond = options.quotaPerSecond;
    this.#accountMaximumPerSecond = options.accountMaximumPerSecond;
    this.#refuse = options.refuse;
    this.#faults = options.faults;
    this.#latencyMs = options.latencyMs;
  }

  answer(call: Call): Plan {
    const operation = this.#operations.get(call.target ?? '');
    if (operation !== undefined) return operation(call);
    return {
      reaction: {
        kind: 'answer',
        answer: errorAnswer(ERRORS.unknownOperation),
      },
      latencyMs: 0,
    };
  }

  set(change: Change, atMs: number): void {
    // The quota of the time before counts for those who came before.
    this.#live.advance(atMs);
    if (change.quotaPerSecond !== undefined) {
      this.#quotaPerSecond = change.quotaPerSecond;
      this.#quota.setRate(change.quotaPerSecond, atMs);
    }
    if (change.accountMaximumPerSecond !== undefined) {
      this.#accountMaximumPerSecond = change.accountMaximumPerSecond;
    }
    if (change.refuse !== undefined) this.#refuse = change.refuse;
    if (change.liveTrafficPerSecond !== undefined) this.#live.setRate(change.liveTrafficPerSecond, atMs);
    if (change.faults !== undefined) this.#faults = change.faults;
    if (change.latencyMs !== undefined) this.#latencyMs = change.latencyMs;
    if ('everyRequest' in change) this.#everyRequest = change.everyRequest;
  }

  stats(atMs: number) {
    this.#live.advance(atMs);
    return {
      requests: this.#requests,
      granted: this.#granted,
      throttled: this.#throttled,
      confirmed: this.users.confirmed,
      liveSignUps: this.#live.signUps,
      liveSignUpsThrottled: this.#live.throttled,
      worstSecond: this.#busiest.worst,
      quotaCalls: { ...this.#quotaCalls },
      faults: { ...this.#faultCounts },
    };
  }

  history(atMs: number): SimulatedSecond[] {
    this.#live.advance(atMs);
    return this.#history.until(atMs);
  }

  calls(): readonly SimulatedCall[] {
    return this.#calls;
  }

  #adminConfirmSignUp(call: Call): Plan {
    // Those who came before are counted before, in the seconds that are theirs.
    this.#live.advance(call.atMs);
    const tally = this.#history.at(call.atMs);
    tally.requests++;
    this.#requests++;
    this.#busiest.add(call.atMs);
    // Each request draws once of each, needed or not, so that the next one's luck hangs on the order alone.
    const drawn = chooseFault(this.#faults, this.#faultDraws());
    const latencyMs = this.#drawLatencyMs(this.#latencyDraws);

    const input = parseInput(call.body);
    const username = input?.username ?? '';
    let confirmed = false;
    const plan = (result: string, reaction: Reaction, afterMs = latencyMs): Plan => {
      if (confirmed) tally.confirmed++;
      if (isThrottling(result) || isThrottlingFault(result)) {
        this.#throttled++;
        tally.throttled++;
      }
      if (this.#options.recordCalls) {
        const clientMetadata = input?.clientMetadata ?? {};
        this.#calls.push({
          atMs: call.atMs,
          username,
          clientMetadata,
          result,
          confirmed,
        });
      }
      return { reaction, latencyMs: afterMs };
    };
    const refuse = (error: ServiceError): Plan =>
      plan(error.error, { kind: 'answer', answer: errorAnswer(error) });

    if (this.#everyRequest !== undefined) return refuse(this.#everyRequest);
    if (call.authorization === undefined) return refuse(ERRORS.noAuthentication);
    if (input === undefined) return refuse(ERRORS.badJson);

    const script = this.#script.get(username);
    const step = script?.[0] ?? drawn ?? 'ok';
    if (!(typeof step === 'string' && isThrottlingFault(step))) {
      if (!this.#quota.take(call.atMs)) return refuse(ERRORS.tooManyRequests);
      this.#granted++;
      tally.granted++;
    }
    script?.shift();
    if (typeof step === 'object' && 'error' in step) return refuse(step);

    const work = (): { result: string; answer: Answer } => {
      const confirmedBefore = this.users.confirmed;
      const error = this.#confirm(input);
      confirmed = this.users.confirmed > confirmedBefore;
      return error === undefined
        ? { result: 'ok', answer: OK }
        : { result: error.error, answer: errorAnswer(error) };
    };
    if (step === 'ok' || typeof step === 'object') {
      const { result, answer } = work();
      return plan(result, { kind: 'answer', answer }, step === 'ok' ? latencyMs : step.latencyMs);
    }
    this.#faultCounts[step]++;
    const reaction = reactionTo(step, () => work().answer);
    return plan(step, reaction);
  }

  /** What there is to say against it; undefined where the user was confirmed and all is well. */
  #confirm(input: Input): ServiceError | undefined {
    const problems = problemsOf(input);
    const { userPoolId, username } = input;
    if (problems.length > 0 || userPoolId === undefined || username === undefined) return notValid(problems);
    if (userPoolId !== this.#options.userPoolId) return noSuchPool(userPoolId);
    const user = this.users.find(username);
    if (user === undefined) return ERRORS.noSuchUser;
    if (!user.enabled) return ERRORS.disabled;
    if (user.status !== 'UNCONFIRMED') return cannotBeConfirmed(user.status);
    this.users.confirm(username);
    // The trigger runs after the fact: what it says does not undo anything.
    return user.trigger === 'fails' ? ERRORS.triggerFailed : undefined;
  }

  #getProvisionedLimit(call: Call): Plan {
    return this.#quotaCall('GetProvisionedLimit', call, () =>
      this.#limitQuota.take(call.atMs)
        ? getProvisionedLimit(call.body, toJsonNumber(this.#quotaPerSecond))
        : errorAnswer(ERRORS.tooManyRequests),
    );
  }

  #getServiceQuota(call: Call): Plan {
    const [region = ''] = this.#options.userPoolId.split('_');
    const maximumPerSecond = this.#accountMaximumPerSecond ?? this.#quotaPerSecond;
    return this.#quotaCall('GetServiceQuota', call, () =>
      getServiceQuota(call.body, region, toJsonNumber(maximumPerSecond)),
    );
  }

  /** Draws nothing that calls of AdminConfirmSignUp draw: their luck hangs on their own order alone. */
  #quotaCall(operation: QuotaOperation, { authorization }: Call, work: () => Answer): Plan {
    this.#quotaCalls[operation]++;
    const refusal =
      this.#everyRequest ?? (authorization === undefined ? ERRORS.noAuthentication : this.#refuse[operation]);
    const answer = refusal === undefined ? work() : errorAnswer(refusal);
    return {
      reaction: { kind: 'answer', answer },
      latencyMs: this.#drawLatencyMs(this.#quotaCallLatencyDraws),
    };
  }

  #drawLatencyMs(draws: Random): number {
    const draw = draws();
    if (typeof this.#latencyMs === 'number') return this.#latencyMs;
    const [min, max] = this.#latencyMs;
    return min + draw * (max - min);
  }
}

const toJsonNumber = (perSecond: number): number =>
  perSecond === Number.POSITIVE_INFINITY ? NO_QUOTA_PER_SECOND : perSecond;
