import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRandom } from '../../src/simulator/random.js';

/**
 * - `slow-down`: 503 with S3's own XML; the server never sees the request.
 * - `reset-before`: the connection ends, and the server never sees the request.
 * - `reset-after`: the server has done what it was asked for; its reply is lost.
 * - `truncated`: half of the reply's body arrives, then the connection ends.
 * - `stalled`: half of the reply's body arrives, and nothing more, until the client gives up.
 * - `slow`: the second half of the reply comes a moment later.
 */
export type ProxyFault = 'slow-down' | 'reset-before' | 'reset-after' | 'truncated' | 'stalled' | 'slow';

/** The share of requests that meet each fault; together 1 at most. */
export type ProxyFaultShares = Partial<Record<ProxyFault, number>>;

/** An HTTP server that passes on what it is asked to another one, and does that badly. */
export interface FaultProxy {
  readonly url: string;
  /** Changes what goes wrong from the next request on. */
  set(shares: ProxyFaultShares): void;
  /** How many requests met each fault, and how many passed well. */
  counts(): Readonly<Record<ProxyFault | 'passed', number>>;
  close(): Promise<void>;
}

const SLOW_MS = 20;
const SLOW_DOWN =
  '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>';

export async function startFaultProxy(
  target: string,
  options: { readonly seed: number; readonly shares?: ProxyFaultShares },
): Promise<FaultProxy> {
  const random = createRandom(options.seed, 'fault-proxy');
  let shares = options.shares ?? {};
  const counts: Record<ProxyFault | 'passed', number> = {
    'slow-down': 0,
    'reset-before': 0,
    'reset-after': 0,
    truncated: 0,
    stalled: 0,
    slow: 0,
    passed: 0,
  };

  function drawn(): ProxyFault | 'passed' {
    let left = random();
    for (const [fault, share] of Object.entries(shares)) {
      left -= share;
      if (left < 0) return fault as ProxyFault;
    }
    return 'passed';
  }

  const server = createServer((incoming, outgoing) => {
    const fault = drawn();
    counts[fault] += 1;
    answer(target, incoming, outgoing, fault).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    set: (changed) => {
      shares = changed;
    },
    counts: () => counts,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  target: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  fault: ProxyFault | 'passed',
): Promise<void> {
  if (fault === 'reset-before') return void incoming.socket.destroy();
  const asked = await bytesOf(incoming);
  if (fault === 'slow-down') return void outgoing.writeHead(503).end(SLOW_DOWN);
  const reply = await forward(target, incoming, asked);
  const body = await bytesOf(reply);
  if (fault === 'reset-after') return void incoming.socket.destroy();
  const headers = { ...reply.headers };
  // The whole body goes out at once, whatever came in how.
  delete headers['transfer-encoding'];
  if (body.length > 0) headers['content-length'] = String(body.length);
  outgoing.writeHead(reply.statusCode ?? 502, headers);
  if (fault === 'passed') return void outgoing.end(body);
  outgoing.write(body.subarray(0, body.length / 2), () => {
    if (fault === 'truncated') incoming.socket.destroy();
    if (fault === 'slow') setTimeout(() => outgoing.end(body.subarray(body.length / 2)), SLOW_MS);
  });
}

/** The request as it came: what was signed is the same. */
const forward = (target: string, { headers, method, url }: IncomingMessage, body: Buffer) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    request(new URL(url ?? '/', target), { headers: { ...headers, connection: 'close' }, method })
      .on('response', resolve)
      .on('error', reject)
      .end(body);
  });

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
