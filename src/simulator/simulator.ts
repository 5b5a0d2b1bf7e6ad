import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answer, plainAnswer } from './answers.js';
import type { Fault, Reaction } from './faults.js';
import type { SimulatedSecond } from './history.js';
import {
  type Change,
  checkOptions,
  type QuotaOperation,
  type SimulatedCall,
  type SimulatorOptions,
} from './options.js';
import { createRandom, nextUuid } from './random.js';
import { Service } from './service.js';
import type { UserStatus } from './users.js';

export type { ServiceError } from './answers.js';
export { FAULTS, type Fault, type FaultShares } from './faults.js';
export type { SimulatedSecond } from './history.js';
export type {
  Change,
  LatencyMs,
  QuotaOperation,
  Refusals,
  ScriptedStep,
  SimulatedCall,
  SimulatorOptions,
} from './options.js';
export type { QuotaForm } from './quota.js';
export type { SimulatedUser, UnknownUsers, UserStatus } from './users.js';

/** Counts on the server's side, of AdminConfirmSignUp unless they say otherwise. */
export interface SimulatorStats {
  readonly requests: number;
  /** Those that took a token of the quota. */
  readonly granted: number;
  /** Those answered with TooManyRequestsException or ThrottlingException, for whatever reason. */
  readonly throttled: number;
  /** Users confirmed by these calls, each of them once. */
  readonly confirmed: number;
  /** Live sign-ups until now, throttled or not. */
  readonly liveSignUps: number;
  readonly liveSignUpsThrottled: number;
  /** The most requests that arrived in any second, wherever it starts. */
  readonly worstSecond: number;
  /** Calls of the operations that tell the quota, refused or not. They are in no other count. */
  readonly quotaCalls: Readonly<Record<QuotaOperation, number>>;
  /** Requests that wait for their answer now; those that hang are among them. */
  readonly inFlight: number;
  readonly mostInFlight: number;
  /** Requests that met each fault. */
  readonly faults: Readonly<Record<Fault, number>>;
}

export interface Simulator {
  /** The endpoint to hand to the SDK. */
  readonly url: string;
  readonly userPoolId: string;
  /** Keys for the SDK to sign with. They open nothing, and signatures are not checked. */
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
  };
  /** Changes what goes wrong from the next request on. */
  set(change: Change): void;
  /** Undefined where there is no such user. */
  statusOf(username: string): UserStatus | undefined;
  stats(): SimulatorStats;
  /** Each second since the start, of the last four hours; the last one may not be over. */
  history(): readonly SimulatedSecond[];
  /** Each call of AdminConfirmSignUp in order of arrival; empty unless `recordCalls` is on. */
  calls(): readonly SimulatedCall[];
  /** Ends every connection, with whatever hangs on it. A second call waits for the same end. */
  close(): Promise<void>;
}

/** Far above what any request needs: it keeps a runaway client from filling the memory. */
const LARGEST_BODY_BYTES = 8 * 1024 * 1024;

/** Longer than the SDK keeps a connection it does not use: a reset here is always one that was asked for. */
const KEEP_ALIVE_MS = 600_000;

/**
 * Starts a server on 127.0.0.1 that behaves like Amazon Cognito's AdminConfirmSignUp, and tells the quota as
 * Cognito's GetProvisionedLimit and the GetServiceQuota of Service Quotas do. All who talk to it are in one
 * account and share its quota.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  checkOptions(options);
  const { port = 0, seed = 1, userPoolId = 'us-east-1_Simulator' } = options;
  const service = new Service(
    {
      seed,
      userPoolId,
      users: options.users ?? [],
      unknownUsers: options.unknownUsers ?? 'missing',
      quotaPerSecond: options.quotaPerSecond ?? 50,
      quotaForm: options.quotaForm ?? 'token-bucket',
      quotaBurst: options.quotaBurst ?? 5,
      accountMaximumPerSecond: options.accountMaximumPerSecond,
      refuse: options.refuse ?? {},
      liveTrafficPerSecond: options.liveTrafficPerSecond ?? 0,
      latencyMs: options.latencyMs ?? 0,
      faults: options.faults ?? {},
      script: options.script ?? {},
      recordCalls: options.recordCalls ?? false,
    },
    performance.now(),
  );
  const requestIds = createRandom(seed, 'request ids');
  // A number: from a set that lives on, the collector frees what was in it late, and at some cost.
  let inFlight = 0;
  let mostInFlight = 0;
  let closing: Promise<void> | undefined;

  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    // A client may go away at any time, which is its own affair.
    request.on('error', ignore);
    response.on('error', ignore);
    if (request.url === '/health' && request.method === 'GET') return send(response, plainAnswer(200, 'ok'));
    if (request.url !== '/' || request.method !== 'POST') {
      return send(response, plainAnswer(404, 'There is nothing here. The API takes POST /.'));
    }
    readBody(request, (body) => answer(request, response, body));
  });

  function answer(request: IncomingMessage, response: ServerResponse, body: string): void {
    let waits = true;
    const waitsNoMore = () => {
      if (waits) inFlight--;
      waits = false;
    };
    inFlight++;
    mostInFlight = Math.max(mostInFlight, inFlight);
    const requestId = ['x-amzn-requestid', nextUuid(requestIds)];
    const { 'x-amz-target': target, authorization } = request.headers;
    const plan = service.answer({
      target: typeof target === 'string' ? target : undefined,
      body,
      authorization,
      atMs: performance.now(),
    });
    const react = () => {
      // Out of the count before the client can see the answer and send the next request.
      if (plan.reaction.kind !== 'hang') waitsNoMore();
      perform(plan.reaction, response, requestId);
    };
    const timer = plan.latencyMs > 0 ? setTimeout(react, plan.latencyMs) : undefined;
    response.on('close', () => {
      clearTimeout(timer);
      waitsNoMore();
    });
    if (timer === undefined) react();
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    userPoolId,
    credentials: { accessKeyId: 'SIMULATOR', secretAccessKey: 'opens-nothing' },
    set(change) {
      checkOptions(change);
      service.set(change, performance.now());
    },
    statusOf: (username) => service.users.find(username)?.status,
    stats: () => ({
      ...service.stats(performance.now()),
      // The responses hear of the end a little later than the client does.
      inFlight: closing === undefined ? inFlight : 0,
      mostInFlight,
    }),
    history: () => service.history(performance.now()),
    calls: () => service.calls(),
    close() {
      closing ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closing;
    },
  };
}

/** Hands over the whole body, and nothing where the client does not send it to the end. */
function readBody(request: IncomingMessage, whole: (body: string) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > LARGEST_BODY_BYTES) request.destroy();
    else chunks.push(chunk);
  });
  request.on('end', () => whole(Buffer.concat(chunks).toString()));
}

/** Closures of their own would be two for each request. */
const ignore = (): void => {};

/** `more` are the headers that are this answer's alone. */
function perform(reaction: Reaction, response: ServerResponse, more: readonly string[]): void {
  switch (reaction.kind) {
    case 'answer':
      send(response, reaction.answer, more);
      return;
    case 'cut': {
      const { httpStatus, headers, body } = reaction.answer;
      const bytes = Buffer.from(body);
      response.writeHead(httpStatus, [...headers, ...more, 'content-length', bytes.length]);
      response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
      return;
    }
    case 'reset':
      response.destroy();
      return;
    case 'hang':
      return;
  }
}

function send(
  response: ServerResponse,
  { httpStatus, headers, body }: Answer,
  more: readonly string[] = [],
): void {
  response.writeHead(httpStatus, [...headers, ...more, 'content-length', Buffer.byteLength(body)]);
  response.end(body);
}
