import { describe, expect, it } from 'vitest';
import { type Verdict, verdict } from '../../src/send/verdict.js';

/** A refusal as the SDK throws it. */
const refusal = (name: string, message = 'no', httpStatusCode = 400): Error =>
  Object.assign(new Error(message), {
    name,
    $fault: 'client',
    $metadata: { httpStatusCode, requestId: 'id-1', attempts: 1 },
  });

/** An error of the system or of the SDK itself. */
const thrown = (name: string, message: string, rest: object = {}): Error =>
  Object.assign(new Error(message), { name }, rest);

/** A verdict in a word or two. */
function inWords(verdict: Verdict): string {
  switch (verdict.do) {
    case 'finish':
      return verdict.status;
    case 'retry':
      return `retry: ${verdict.why}`;
    case 'stop':
      return `stop: ${verdict.code}`;
  }
}

const states = [{ mayBeOurs: false }, { mayBeOurs: true }];

describe.each(states)('where an earlier attempt may have confirmed the user: $mayBeOurs', (state) => {
  it.each([
    ['TooManyRequestsException', 'retry: throttled'],
    ['ThrottlingException', 'retry: throttled'],
    ['Throttling', 'retry: throttled'],
    ['LimitExceededException', 'retry: limited'],
    ['UserNotFoundException', 'not-found'],
    ['InvalidParameterException', 'invalid'],
    ['SerializationException', 'invalid'],
    ['ValidationException', 'invalid'],
    ['UserLambdaValidationException', 'trigger-failed'],
    ['UnexpectedLambdaException', 'trigger-failed'],
    ['InvalidLambdaResponseException', 'trigger-failed'],
    ['ResourceNotFoundException', 'stop: POOL_NOT_FOUND'],
    ['OperationNotEnabledException', 'stop: POOL_NOT_OPERABLE'],
    ['UnknownOperationException', 'stop: POOL_NOT_OPERABLE'],
    ['AccessDeniedException', 'stop: ACCESS_DENIED'],
    ['AccessDenied', 'stop: ACCESS_DENIED'],
    ['OptInRequired', 'stop: ACCESS_DENIED'],
    ['ExpiredTokenException', 'stop: CREDENTIALS'],
    ['ExpiredToken', 'stop: CREDENTIALS'],
    ['RequestExpired', 'stop: CREDENTIALS'],
    ['TokenRefreshRequired', 'stop: CREDENTIALS'],
    ['UnrecognizedClientException', 'stop: CREDENTIALS'],
    ['InvalidClientTokenId', 'stop: CREDENTIALS'],
    ['InvalidSignatureException', 'stop: CREDENTIALS'],
    ['SignatureDoesNotMatch', 'stop: CREDENTIALS'],
    ['IncompleteSignature', 'stop: CREDENTIALS'],
    ['IncompleteSignatureException', 'stop: CREDENTIALS'],
    ['MissingAuthenticationToken', 'stop: CREDENTIALS'],
    ['MissingAuthenticationTokenException', 'stop: CREDENTIALS'],
    ['CredentialsProviderError', 'stop: CREDENTIALS'],
    ['TokenProviderError', 'stop: CREDENTIALS'],
    ['InternalErrorException', 'retry: transient'],
    ['ServiceUnavailable', 'retry: transient'],
    ['NobodyHasSeenThisException', 'retry: transient'],
  ])('%s means %s, whatever the HTTP status', (name, expected) => {
    for (const httpStatus of [400, 403, 429, 500, 503]) {
      expect(inWords(verdict(refusal(name, 'no', httpStatus), state))).toBe(expected);
    }
  });

  it.each([
    ['User cannot be confirmed. Current status is FORCE_CHANGE_PASSWORD', 'not-confirmable'],
    ['User cannot be confirmed. Current status is RESET_REQUIRED', 'not-confirmable'],
    ['User cannot be confirmed. Current status is EXTERNAL_PROVIDER', 'not-confirmable'],
    ['User cannot be confirmed. Current status is UNCONFIRMED_OR_NEW', 'not-confirmable'],
    ['User cannot confirm because user status is not UNCONFIRMED.', 'not-confirmable'],
    ['User is disabled.', 'not-confirmable'],
    ['', 'not-confirmable'],
  ])('NotAuthorizedException "%s" means %s', (message, expected) => {
    expect(inWords(verdict(refusal('NotAuthorizedException', message), state))).toBe(expected);
  });

  it.each([
    'User cannot be confirmed. Current status is CONFIRMED',
    'User cannot be confirm. Current status is CONFIRMED',
    'User cannot be confirmed. Current status is CONFIRMED.',
    'User cannot be confirmed. current status is: CONFIRMED',
    'Current Status is Confirmed',
  ])('NotAuthorizedException "%s" means that the user is confirmed, by whomever', (message) => {
    const expected = state.mayBeOurs ? 'presumed-confirmed' : 'already-confirmed';
    expect(inWords(verdict(refusal('NotAuthorizedException', message), state))).toBe(expected);
  });

  it.each([
    [
      'a time-out on a connection',
      thrown('TimeoutError', 'read ECONNRESET', { code: 'ECONNRESET' }),
      'retry: transient',
    ],
    ['a time-out of the SDK', thrown('TimeoutError', 'timed out after 25000 ms'), 'retry: transient'],
    [
      'a reply that broke off',
      thrown('Error', 'aborted', { code: 'ECONNRESET', $metadata: { httpStatusCode: 200 } }),
      'retry: transient',
    ],
    ['a reset', thrown('Error', 'socket hang up', { code: 'ECONNRESET' }), 'retry: transient'],
    [
      'a time-out of the system',
      thrown('Error', 'connect ETIMEDOUT', { code: 'ETIMEDOUT' }),
      'retry: transient',
    ],
    ['a broken pipe', thrown('Error', 'write EPIPE', { code: 'EPIPE' }), 'retry: transient'],
    [
      'a page of a proxy in place of an answer',
      thrown('SyntaxError', 'Unexpected token <', { $metadata: { httpStatusCode: 503 } }),
      'retry: transient',
    ],
    [
      'half an answer',
      thrown('SyntaxError', 'Unexpected end of JSON input', { $metadata: { httpStatusCode: 200 } }),
      'retry: transient',
    ],
    [
      'a refused connection',
      thrown('Error', 'connect ECONNREFUSED', { code: 'ECONNREFUSED' }),
      'retry: unreachable',
    ],
    [
      'a connection refused at each address',
      Object.assign(new AggregateError([new Error('a'), new Error('b')], ''), { code: 'ECONNREFUSED' }),
      'retry: unreachable',
    ],
    [
      'a refused connection wrapped in another error',
      new Error('fetch failed', { cause: thrown('Error', 'x', { code: 'ECONNREFUSED' }) }),
      'retry: unreachable',
    ],
    [
      'a host without a name',
      thrown('Error', 'getaddrinfo ENOTFOUND', { code: 'ENOTFOUND' }),
      'retry: unreachable',
    ],
    [
      'a name server that is out',
      thrown('Error', 'getaddrinfo', { code: 'EAI_AGAIN' }),
      'retry: unreachable',
    ],
    ['no way to the host', thrown('Error', 'connect', { code: 'EHOSTUNREACH' }), 'retry: unreachable'],
    ['no way to the network', thrown('Error', 'connect', { code: 'ENETUNREACH' }), 'retry: unreachable'],
    [
      'a clock that was wrong and is corrected',
      thrown('InvalidSignatureException', 'Signature expired', {
        $metadata: { httpStatusCode: 400, clockSkewCorrected: true },
      }),
      'retry: unreachable',
    ],
    ['no credentials', thrown('CredentialsProviderError', 'Could not load credentials'), 'stop: CREDENTIALS'],
    [
      'a certificate of its own',
      thrown('Error', 'x', { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
      'stop: NO_CONNECTION',
    ],
    [
      'a certificate in a chain of its own',
      thrown('Error', 'x', { code: 'SELF_SIGNED_CERT_IN_CHAIN' }),
      'stop: NO_CONNECTION',
    ],
    ['an expired certificate', thrown('Error', 'x', { code: 'CERT_HAS_EXPIRED' }), 'stop: NO_CONNECTION'],
    [
      'a certificate for another host',
      thrown('Error', 'x', { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }),
      'stop: NO_CONNECTION',
    ],
    [
      'an issuer nobody knows',
      thrown('Error', 'x', { code: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY' }),
      'stop: NO_CONNECTION',
    ],
    ['no TLS at the other end', thrown('Error', 'x', { code: 'EPROTO' }), 'stop: NO_CONNECTION'],
    ['something that is no error', 'a word', 'retry: transient'],
    ['nothing', undefined, 'retry: transient'],
    ['null', null, 'retry: transient'],
  ])('%s means to %s', (_what, error, expected) => {
    expect(inWords(verdict(error, state))).toBe(expected);
  });
});

describe('what the report keeps of an error', () => {
  const factsOf = (error: unknown) => verdict(error, { mayBeOurs: false }).error;

  it.each([
    [
      'is its name, message, request id and HTTP status',
      refusal('UserNotFoundException', 'User does not exist.'),
      { name: 'UserNotFoundException', message: 'User does not exist.', requestId: 'id-1', httpStatus: 400 },
    ],
    [
      'has no id and status where no answer came',
      thrown('TimeoutError', 'read ECONNRESET', { code: 'ECONNRESET' }),
      { name: 'TimeoutError', message: 'read ECONNRESET', requestId: '', httpStatus: undefined },
    ],
    [
      'leaves out what the SDK says to programmers',
      thrown(
        'SyntaxError',
        "Unexpected token '<'\n  Deserialization error: to see the raw response, inspect the hidden field {error}.$response on this object.",
        { $metadata: { httpStatusCode: 503 } },
      ),
      { name: 'SyntaxError', message: "Unexpected token '<'", requestId: '', httpStatus: 503 },
    ],
    [
      'keeps the lines of a trigger',
      refusal('UserLambdaValidationException', 'PostConfirmation failed with error a\nb.'),
      {
        name: 'UserLambdaValidationException',
        message: 'PostConfirmation failed with error a\nb.',
        requestId: 'id-1',
        httpStatus: 400,
      },
    ],
    [
      'is called Error where it has no name',
      { message: 'x' },
      { name: 'Error', message: 'x', requestId: '', httpStatus: undefined },
    ],
    [
      'is the thing itself where it is a word',
      'a word',
      { name: 'Error', message: 'a word', requestId: '', httpStatus: undefined },
    ],
    [
      'takes nothing of the wrong kind',
      { name: 5, message: 'x', $metadata: { requestId: 7, httpStatusCode: '200' } },
      { name: 'Error', message: 'x', requestId: '', httpStatus: undefined },
    ],
  ])('%s', (_what, error, facts) => {
    expect(factsOf(error)).toEqual(facts);
  });
});
