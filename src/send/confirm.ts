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
    try {
      const { $metadata } = await client.send(command, { abortSignal });
      return { ok: true, requestId: $metadata.requestId ?? '' };
    } catch (error) {
      return { ok: false, error };
    }
  };
}
