import {
  AdminConfirmSignUpCommand,
  AdminCreateUserCommand,
  AdminGetUserCommand,
  CognitoIdentityProviderClient,
  CreateUserPoolClientCommand,
  CreateUserPoolCommand,
  ListUsersCommand,
  SignUpCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CognitoLocal, startCognitoLocal } from './cognito-local.js';
import { createFolder, reportOf, statusesOf } from './folder.js';
import { people } from './people.js';

/** The command against a Cognito that others wrote: no more than a handful of rows, for it is slow. */

const SIGNED_UP = people(60);
const CONFIRMED = 'early-bird';
const INVITED = 'invited-guest';
const UNKNOWN = 'nobody';

let server: CognitoLocal;
let client: CognitoIdentityProviderClient;
let userPoolId: string;

beforeAll(async () => {
  server = await startCognitoLocal();
  client = new CognitoIdentityProviderClient({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  const { UserPool } = await client.send(new CreateUserPoolCommand({ PoolName: 'customers' }));
  userPoolId = UserPool?.Id ?? '';
  const { UserPoolClient } = await client.send(
    new CreateUserPoolClientCommand({ UserPoolId: userPoolId, ClientName: 'shop' }),
  );
  // One after the other: writes at the same time would corrupt its file.
  for (const Username of [...SIGNED_UP, CONFIRMED]) {
    await client.send(
      new SignUpCommand({
        ClientId: UserPoolClient?.ClientId,
        Username,
        Password: 'Passw0rd!',
        UserAttributes: [],
      }),
    );
  }
  await client.send(new AdminConfirmSignUpCommand({ UserPoolId: userPoolId, Username: CONFIRMED }));
  await client.send(
    new AdminCreateUserCommand({ UserPoolId: userPoolId, Username: INVITED, MessageAction: 'SUPPRESS' }),
  );
}, 60_000);

afterAll(async () => {
  client?.destroy();
  await server?.close();
});

const argsFor = (pool: string): string[] => [
  'users.csv',
  '--user-pool-id',
  pool,
  '--endpoint-url',
  server.url,
  '--rate',
  '500',
  '--concurrency',
  '1',
  '--metadata',
  'source=bulk',
];

describe('against cognito-local', () => {
  it('confirms who can be, tells of the others, and the trigger gets the metadata', {
    timeout: 60_000,
  }, async () => {
    const folder = await createFolder();
    const lines = SIGNED_UP.map((name, index) => `${name},plan-${index},"{""n"": ""${index}""}"`);
    const others = [CONFIRMED, INVITED, UNKNOWN].map((name) => `${name},,`);
    await folder.write(
      'users.csv',
      ['username,metadata.plan,clientMetadata', ...lines, ...others, ''].join('\n'),
    );
    const triggeredBefore = server.triggered.length;

    const { exitCode, stderr, stdout } = await folder.run(argsFor(userPoolId));
    expect(exitCode, stderr).toBe(1);
    expect(stdout).toMatch(/^confirmed +60$/m);

    // The service would say UserNotFoundException for the last one, which is `not-found`.
    expect(await statusesOf(folder, 'users.csv.job')).toEqual([
      ...SIGNED_UP.map(() => 'confirmed'),
      'already-confirmed',
      'not-confirmable',
      'not-confirmable',
    ]);
    const report = await reportOf(folder, 'users.csv.job');
    expect(report.map(({ username }) => username)).toEqual([...SIGNED_UP, CONFIRMED, INVITED, UNKNOWN]);
    expect(report[61]?.errorMessage).toContain('FORCE_CHANGE_PASSWORD');

    const { Users = [] } = await client.send(new ListUsersCommand({ UserPoolId: userPoolId }));
    const statuses = Object.fromEntries(Users.map(({ Username = '', UserStatus }) => [Username, UserStatus]));
    expect(statuses).toEqual({
      ...Object.fromEntries(SIGNED_UP.map((name) => [name, 'CONFIRMED'])),
      [CONFIRMED]: 'CONFIRMED',
      [INVITED]: 'FORCE_CHANGE_PASSWORD',
    });
    const [Username] = SIGNED_UP;
    const user = await client.send(new AdminGetUserCommand({ UserPoolId: userPoolId, Username }));
    expect(user.UserStatus).toBe('CONFIRMED');

    const seen = server.triggered.slice(triggeredBefore);
    expect(seen.map(({ request, userName }) => ({ userName, metadata: request.clientMetadata }))).toEqual(
      SIGNED_UP.map((userName, index) => ({
        userName,
        metadata: { plan: `plan-${index}`, n: `${index}`, source: 'bulk' },
      })),
    );
    expect(new Set(seen.map(({ triggerSource }) => triggerSource))).toEqual(
      new Set(['PostConfirmation_ConfirmSignUp']),
    );
  });

  it('stops at a pool that there is not', { timeout: 30_000 }, async () => {
    const folder = await createFolder();
    await folder.write('users.csv', 'username\nann\nbob\n');
    const { exitCode, stderr } = await folder.run(argsFor('local_missing1'));
    expect(exitCode, stderr).toBe(4);
    expect(stderr).toMatch(/^error: there is no such pool/m);
    expect(await statusesOf(folder, 'users.csv.job')).toEqual([]);
  });
});
