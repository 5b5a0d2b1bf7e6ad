import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { freePort } from './servers.js';

/** What a Post Confirmation trigger gets to see. */
export interface TriggerEvent {
  readonly triggerSource: string;
  readonly userName: string;
  readonly request: { readonly clientMetadata?: Readonly<Record<string, string>> };
}

/** The npm package cognito-local, which others wrote, as a process. */
export interface CognitoLocal {
  readonly url: string;
  /** Each call of the trigger, in order. */
  readonly triggered: readonly TriggerEvent[];
  close(): Promise<void>;
}

const TRIGGER = 'post-confirmation';

/** Starts it in a folder of its own, with a trigger that notes what it sees. */
export async function startCognitoLocal(): Promise<CognitoLocal> {
  const trigger = await startTrigger();
  const folder = await mkdtemp(join(tmpdir(), 'cognito-local-'));
  const port = await freePort();
  await mkdir(join(folder, '.cognito'));
  await writeFile(
    join(folder, '.cognito', 'config.json'),
    JSON.stringify({
      LambdaClient: {
        credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
        endpoint: trigger.url,
        region: 'local',
      },
      TriggerFunctions: { PostConfirmation: TRIGGER },
      UserPoolDefaults: { UsernameAttributes: [] },
    }),
  );
  const main = createRequire(import.meta.url).resolve('cognito-local/package.json');
  const server = spawn(process.execPath, [join(dirname(main), 'lib/bin/start.js')], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOST: '127.0.0.1',
      PORT: `${port}`,
      AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE: '1',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(server, 'close');
  await new Promise<void>((resolve, reject) => {
    let said = '';
    server.stdout.setEncoding('utf8').on('data', (more: string) => {
      said += more;
      if (said.includes('Cognito Local running on')) resolve();
    });
    server.once('close', () => reject(new Error(`cognito-local ended: ${said}`)));
  });

  return {
    url: `http://127.0.0.1:${port}`,
    triggered: trigger.events,
    async close() {
      server.kill('SIGKILL');
      await ended;
      await trigger.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** As AWS Lambda answers an invocation. */
async function startTrigger(): Promise<{ url: string; events: TriggerEvent[]; close: () => Promise<void> }> {
  const events: TriggerEvent[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    if (request.url !== `/2015-03-31/functions/${TRIGGER}/invocations`) return response.writeHead(404).end();
    const event: TriggerEvent = JSON.parse(body);
    events.push(event);
    return response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ ...event, response: {} }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    events,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
