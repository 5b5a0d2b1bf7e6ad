import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answer, plainAnswer } from './answers.js';
import type { Fault, Reaction } from './faults.js';
import { type Change, checkOptions, type SimulatedCall, type SimulatorOptions } from './options.js';
import { createRandom, nextUuid } from './random.js';
import { Service } from './service.js';
import type { UserStatus } from './users.js';

export type { ServiceError } from './answers.js';
export { FAULTS, type Fault, type FaultShares } from './faults.js';
export type {
  Change,
  LatencyMs,
  ScriptedStep,
  SimulatedCall,
  SimulatorOptions,
} from './options.js';
export type { SimulatedUser, UnknownUsers, UserStatus } from './users.js';

/** Counts of AdminConfirmSignUp on the server's side. */
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
  /** Each call of AdminConfirmSignUp in order of arrival; empty unless `recordCalls` is on. */
  calls(): readonly SimulatedCall[];
  /** Ends every connection, with whatever hangs on it. A second call waits for the same end. */
  close(): Promise<void>;
}

const TARGET = 'AWSCognitoIdentityProviderService.';

/** Far above what any request needs: it keeps a runaway client from filling the memory. */
const LARGEST_BODY_BYTES = 8 * 1024 * 1024;

/** Longer than the SDK keeps a connection it does not use: a reset here is always one that was asked for. */
const KEEP_ALIVE_MS = 600_000;

/** Starts a server on 127.0.0.1 that behaves like Amazon Cognito's AdminConfirmSignUp. */
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
      quotaBurst: options.quotaBurst ?? 5,
      liveTrafficPerSecond: options.liveTrafficPerSecond ?? 0,
      latencyMs: options.latencyMs ?? 0,
      faults: options.faults ?? {},
      script: options.script ?? {},
      recordCalls: options.recordCalls ?? false,
    },
    performance.now(),
  );
  const requestIds = createRandom(seed, 'request ids');
  const waiting = new Set<ServerResponse>();
  let mostInFlight = 0;

  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    // A client may go away at any time, which is its own affair.
    request.on('error', () => {});
    response.on('error', () => {});
    if (request.url === '/health' && request.method === 'GET') return send(response, plainAnswer(200, 'ok'));
    if (request.url !== '/' || request.method !== 'POST') {
      return send(response, plainAnswer(404, 'There is nothing here. The API takes POST /.'));
    }
    readBody(request, (body) => answer(request, response, body));
  });

  function answer(request: IncomingMessage, response: ServerResponse, body: string): void {
    waiting.add(response);
    mostInFlight = Math.max(mostInFlight, waiting.size);
    response.setHeader('x-amzn-requestid', nextUuid(requestIds));
    const target = request.headers['x-amz-target'];
    const plan = service.answer({
      operation: typeof target === 'string' && target.startsWith(TARGET) ? target.slice(TARGET.length) : '',
      body,
      authorization: request.headers.authorization,
      atMs: performance.now(),
    });
    const react = () => {
      // Out of the count before the client can see the answer and send the next request.
      if (plan.reaction.kind !== 'hang') waiting.delete(response);
      perform(plan.reaction, response);
    };
    const timer = plan.latencyMs > 0 ? setTimeout(react, plan.latencyMs) : undefined;
    response.on('close', () => {
      clearTimeout(timer);
      waiting.delete(response);
    });
    if (timer === undefined) react();
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  let closing: Promise<void> | undefined;

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
      inFlight: waiting.size,
      mostInFlight,
    }),
    calls: () => service.calls(),
    close() {
      closing ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        // The responses hear of it a little later than the client does.
        waiting.clear();
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

function perform(reaction: Reaction, response: ServerResponse): void {
  switch (reaction.kind) {
    case 'answer':
      send(response, reaction.answer);
      return;
    case 'cut': {
      const body = Buffer.from(reaction.answer.body);
      response.writeHead(reaction.answer.httpStatus, {
        ...reaction.answer.headers,
        'content-length': body.length,
      });
      response.write(body.subarray(0, body.length / 2), () => response.destroy());
      return;
    }
    case 'reset':
      response.destroy();
      return;
    case 'hang':
      return;
  }
}

function send(response: ServerResponse, { httpStatus, headers, body }: Answer): void {
  response.writeHead(httpStatus, {
    ...headers,
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}
