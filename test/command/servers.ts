import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';

/** A server that misbehaves in one way, whatever it is asked. */
export interface BadServer {
  readonly port: number;
  readonly url: string;
  requests(): number;
  /** Requests that came in after the first answer was out. */
  requestsAfterFirstAnswer(): number;
  close(): Promise<void>;
}

/** Long enough that every place in flight is taken when the first answer goes out. */
const ANSWER_AFTER_MS = 30;

type Answer = (response: ServerResponse) => void;

const html =
  (httpStatus: number): Answer =>
  (response) =>
    response
      .writeHead(httpStatus, { 'content-type': 'text/html' })
      .end('<html><body>Welcome to nginx!</body></html>');

/** As the service puts an error. */
const serviceError =
  (name: string, message: string, httpStatus = 400): Answer =>
  (response) => {
    const body = JSON.stringify({ __type: name, message });
    response
      .writeHead(httpStatus, {
        'content-type': 'application/x-amz-json-1.1',
        'x-amzn-errortype': `${name}:`,
        'x-amzn-requestid': '6f1c2f4e-0000-4000-8000-000000000000',
      })
      .end(body);
  };

/** Well, but not what was asked for: a proxy, a health check, another service. */
const ok =
  (contentType: string, body: string): Answer =>
  (response) =>
    response.writeHead(200, { 'content-type': contentType }).end(body);

/** By how they misbehave. */
export const ANSWERS = {
  'answers-html-200': html(200),
  'answers-nothing-200': ok('text/plain', ''),
  'answers-json-200': ok('application/json', '{"status":"ok"}'),
  'answers-html-404': html(404),
  'answers-html-500': html(500),
  'hangs-up': (response) => response.destroy(),
  'always-500': serviceError('InternalErrorException', 'Something went wrong', 500),
  'access-denied-403': serviceError(
    'AccessDeniedException',
    'User: arn:aws:iam::123456789012:user/ann is not authorized to perform: cognito-idp:AdminConfirmSignUp',
    403,
  ),
  'access-denied': serviceError('AccessDeniedException', 'User is not authorized to perform the action'),
  'token-expired': serviceError(
    'ExpiredTokenException',
    'The security token included in the request is expired',
  ),
  'no-such-pool': serviceError('ResourceNotFoundException', 'User pool us-east-1_Simulator does not exist.'),
  'client-unrecognized': serviceError(
    'UnrecognizedClientException',
    'The security token included in the request is invalid.',
  ),
} satisfies Record<string, Answer>;

export type BadServerName = keyof typeof ANSWERS;

export async function startBadServer(name: BadServerName): Promise<BadServer> {
  let requests = 0;
  let late = 0;
  let answered = false;
  const { port, close } = await listen(async (request, response) => {
    requests++;
    if (answered) late++;
    request.resume();
    await after(ANSWER_AFTER_MS);
    answered = true;
    ANSWERS[name](response);
  });
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    requests: () => requests,
    requestsAfterFirstAnswer: () => late,
    close,
  };
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const { port, close } = await listen(() => {});
  await close();
  return port;
}

async function listen(listener: RequestListener): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
