import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Simulator } from '../../src/simulator/simulator.js';

/**
 * What a container's credentials endpoint hands out. The SDK asks again with every request where fewer than
 * five minutes are left, and goes on with what it has until the new keys are there; keys that are past their
 * time it sends once, and asks before the next request (memoizeChain of @aws-sdk/credential-provider-node).
 * - `short-lived`: four minutes are left on each, and there are new ones whenever those in use are half used up.
 * - `long-lived`: hours are left, so nobody asks again before they are used up.
 * - `one`: four minutes are left, and the endpoint fails from then on.
 * - `expired`: their time is over, and the service knows it.
 */
export type Keys = 'short-lived' | 'long-lived' | 'one' | 'expired';

/** What is around a command in a container of ECS: an endpoint for credentials, and a service that knows them. */
export interface Container {
  readonly port: number;
  /** The service: the simulator, for those who come with keys that are good. */
  readonly url: string;
  /** How many keys have been handed out, and with how many of them somebody was confirmed. */
  keys(): { readonly handedOut: number; readonly used: number };
  /** Requests for keys that came without the container's token. */
  strangers(): number;
  close(): Promise<void>;
}

/** The service takes so many calls of AdminConfirmSignUp signed with one key: what time does elsewhere, without a clock. */
export const GOOD_FOR = 100;

/** The endpoint has new keys so early that a slow machine too can fetch them before the old ones are used up. */
const RENEWED_AFTER = 20;

const TOKEN = 'token-of-this-container';
const PATH = '/v2/credentials';

/** What leads the SDK to the endpoint on a port, and away from the keys that the tests have otherwise. */
export const inContainer = (port: number): Record<string, string | undefined> => ({
  AWS_ACCESS_KEY_ID: undefined,
  AWS_SECRET_ACCESS_KEY: undefined,
  AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}${PATH}`,
  AWS_CONTAINER_AUTHORIZATION_TOKEN: TOKEN,
});

export async function startContainer(
  keys: Keys,
  simulator: Pick<Simulator, 'url'>,
  port = 0,
): Promise<Container> {
  const uses = new Map<string, number>();
  let generation = 0;
  let strangers = 0;
  const keyId = (): string => `ASIA${String(generation).padStart(16, '0')}`;
  const usesOf = (id: string): number => uses.get(id) ?? 0;

  const server = createServer((incoming, outgoing) => {
    if (incoming.url === PATH) return handOut(incoming, outgoing);
    const id = /Credential=([^/]+)\//.exec(incoming.headers.authorization ?? '')?.[1] ?? 'nobody';
    if (keys === 'expired' || usesOf(id) >= GOOD_FOR) return refuse(incoming, outgoing);
    if (isConfirm(incoming)) uses.set(id, usesOf(id) + 1);
    forward(simulator.url, incoming, outgoing);
  });

  function handOut({ headers }: IncomingMessage, outgoing: ServerResponse): void {
    if (headers.authorization !== TOKEN) {
      strangers += 1;
      return void outgoing.writeHead(403).end();
    }
    if (keys === 'one' && generation > 0) return void outgoing.writeHead(500).end();
    if (generation === 0 || usesOf(keyId()) >= RENEWED_AFTER) generation += 1;
    outgoing.writeHead(200, { 'content-type': 'application/json' }).end(
      JSON.stringify({
        RoleArn: 'arn:aws:iam::111122223333:role/task',
        AccessKeyId: keyId(),
        SecretAccessKey: 'opens-nothing',
        Token: `session-${generation}`,
        // In whole seconds, as ECS writes it.
        Expiration: new Date(Date.now() + minutesLeft(keys) * 60_000).toISOString().replace(/\.\d+/, ''),
      }),
    );
  }

  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const { port: listening } = server.address() as AddressInfo;
  return {
    port: listening,
    url: `http://127.0.0.1:${listening}`,
    keys: () => ({ handedOut: generation, used: uses.size }),
    strangers: () => strangers,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const isConfirm = ({ headers }: IncomingMessage): boolean =>
  String(headers['x-amz-target']).endsWith('.AdminConfirmSignUp');

function minutesLeft(keys: Keys): number {
  switch (keys) {
    case 'short-lived':
    case 'one':
      return 4;
    case 'long-lived':
      return 360;
    case 'expired':
      return -1;
  }
}

/** As Cognito puts it. */
function refuse(incoming: IncomingMessage, outgoing: ServerResponse): void {
  incoming.resume();
  const message = 'The security token included in the request is expired';
  outgoing
    .writeHead(400, {
      'content-type': 'application/x-amz-json-1.1',
      'x-amzn-errortype': 'ExpiredTokenException:',
      'x-amzn-requestid': '6f1c2f4e-0000-4000-8000-000000000000',
    })
    .end(JSON.stringify({ __type: 'ExpiredTokenException', message }));
}

function forward(target: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { headers, method, url } = incoming;
  const asked = request(new URL(url ?? '/', target), { headers, method }, (reply) => {
    outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
    reply.pipe(outgoing);
  });
  asked.on('error', () => outgoing.destroy());
  incoming.pipe(asked);
}
