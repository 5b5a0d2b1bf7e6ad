import {
  AdminConfirmSignUpCommand,
  type CognitoIdentityProviderClient,
} from '@aws-sdk/client-cognito-identity-provider';
import type { Row } from '../row.js';

/** What came of one request. */
export type Reply =
  | { readonly ok: true; readonly requestId: string }
  | { readonly ok: false; readonly error: unknown };

/** Sends one request for a row. Never throws: an error is a reply. */
export type Confirm = (row: Row, signal: AbortSignal) => Promise<Reply>;

export function createConfirm(
  client: CognitoIdentityProviderClient,
  userPoolId: string,
  metadataForAll: Readonly<Record<string, string>>,
): Confirm {
  return async ({ username, metadata }, abortSignal) => {
    const clientMetadata = { ...metadataForAll, ...metadata };
    const command = new AdminConfirmSignUpCommand({
      UserPoolId: userPoolId,
      Username: username,
      ...(Object.keys(clientMetadata).length === 0 ? {} : { ClientMetadata: clientMetadata }),
    });
    command.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        await refuseStranger(result.response as Answer);
        return result;
      },
      // Between the wire and the SDK's own deserializer.
      { step: 'deserialize', priority: 'low', name: 'refuseStranger' },
    );
    try {
      const { $metadata } = await client.send(command, { abortSignal });
      return { ok: true, requestId: $metadata.requestId ?? '' };
    } catch (error) {
      return { ok: false, error };
    }
  };
}

interface Answer {
  readonly statusCode: number;
  body: AsyncIterable<Uint8Array> | Uint8Array;
}

/**
 * The SDK takes any 200 for a yes, that of a proxy or a health check too: the answer has no content that it
 * could miss. The service says yes with an empty object (API reference of AdminConfirmSignUp), and with nothing
 * else. The body can be read once only, so the deserializer gets a copy.
 */
async function refuseStranger(answer: Answer): Promise<void> {
  if (answer.statusCode !== 200 || answer.body instanceof Uint8Array) return;
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  answer.body = new Uint8Array(body);
  if (/^\s*\{\s*\}\s*$/.test(body.toString())) return;
  throw Object.assign(new Error('the answer is not one of Cognito'), {
    name: 'UnknownAnswer',
    $metadata: { httpStatusCode: answer.statusCode },
  });
}
