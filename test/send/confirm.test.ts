import type { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { expect, it } from 'vitest';
import { createConfirm } from '../../src/send/confirm.js';

/** A client that keeps what it is given. What goes over the wire is for the tests against a server. */
function clientThat(answers: () => Promise<unknown>) {
  const sent: { input: unknown; options: unknown }[] = [];
  const client = {
    send(command: { input: unknown }, options: unknown) {
      sent.push({ input: command.input, options });
      return answers();
    },
  };
  return { sent, client: client as unknown as CognitoIdentityProviderClient };
}

const { signal } = new AbortController();
const ok = async () => ({ $metadata: { requestId: 'id-1' } });

it.each([
  ['none', {}, {}, undefined],
  ['that of the run', { batch: '7' }, {}, { batch: '7' }],
  ['that of the row', {}, { lang: 'de' }, { lang: 'de' }],
  [
    'both, of which the row’s own wins',
    { batch: '7', lang: 'en' },
    { lang: 'de' },
    { batch: '7', lang: 'de' },
  ],
])('asks for the user in the pool, with metadata: %s', async (_what, forAll, metadata, expected) => {
  const { client, sent } = clientThat(ok);
  const reply = await createConfirm(
    client,
    'eu-west-1_AbC',
    forAll,
  )({ row: 1, username: 'anna', metadata }, signal);
  expect(reply).toEqual({ ok: true, requestId: 'id-1' });
  expect(sent).toEqual([
    {
      input: {
        UserPoolId: 'eu-west-1_AbC',
        Username: 'anna',
        ...(expected === undefined ? {} : { ClientMetadata: expected }),
      },
      options: { abortSignal: signal },
    },
  ]);
});

it('makes a reply of an error', async () => {
  const error = new Error('socket hang up');
  const { client } = clientThat(() => Promise.reject(error));
  const confirm = createConfirm(client, 'eu-west-1_AbC', {});
  expect(await confirm({ row: 1, username: 'anna', metadata: {} }, signal)).toEqual({ ok: false, error });
});

it('does without a request id', async () => {
  const { client } = clientThat(async () => ({ $metadata: {} }));
  const confirm = createConfirm(client, 'eu-west-1_AbC', {});
  expect(await confirm({ row: 1, username: 'anna', metadata: {} }, signal)).toEqual({
    ok: true,
    requestId: '',
  });
});
