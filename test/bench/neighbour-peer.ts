import { readFile } from 'node:fs/promises';
import {
  AdminConfirmSignUpCommand,
  CognitoIdentityProviderClient,
} from '@aws-sdk/client-cognito-identity-provider';
import Bottleneck from 'bottleneck';
import pLimit from 'p-limit';

/** What people write: all rows at once into a limiter, and whatever the SDK does about errors. */

const [kind = '', endpoint = '', poolId = '', names = ''] = process.argv.slice(2);
const { client, schedule } = peer(kind);
let failed = 0;

process.on('SIGTERM', tell);
const usernames = (await readFile(names, 'utf8')).trimEnd().split('\n');
await Promise.all(usernames.map((username) => schedule(() => confirm(username))));
tell();

function peer(name: string): {
  client: CognitoIdentityProviderClient;
  schedule: (work: () => Promise<void>) => Promise<void>;
} {
  switch (name) {
    case 'standard':
    case 'adaptive':
      return {
        client: new CognitoIdentityProviderClient({ endpoint, retryMode: name }),
        schedule: pLimit(50),
      };
    case 'bottleneck': {
      const limiter = new Bottleneck({ minTime: 20 });
      return {
        client: new CognitoIdentityProviderClient({ endpoint, maxAttempts: 1 }),
        schedule: (work) => limiter.schedule(work),
      };
    }
    default:
      throw new TypeError(`Expected a peer, got \`${name}\``);
  }
}

async function confirm(username: string): Promise<void> {
  try {
    await client.send(new AdminConfirmSignUpCommand({ UserPoolId: poolId, Username: username }));
  } catch {
    failed++;
  }
}

function tell(): void {
  process.stdout.write(`${JSON.stringify({ failed })}\n`, () => process.exit());
}
