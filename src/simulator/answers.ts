/** An error as the service puts it. */
export interface ServiceError {
  /** The name, such as `ExpiredTokenException`. */
  readonly error: string;
  readonly message: string;
  /** Default 400, as for nearly everything that Cognito refuses. */
  readonly httpStatus?: number;
}

/** What goes over the wire, but for the request id. */
export interface Answer {
  readonly httpStatus: number;
  /** Names and values in turn, as Node takes them with the least work. */
  readonly headers: readonly string[];
  readonly body: string;
}

const AWS_JSON = 'application/x-amz-json-1.1';

export const OK: Answer = {
  httpStatus: 200,
  headers: ['content-type', AWS_JSON],
  body: '{}',
};

export const okAnswer = (output: object): Answer => ({ ...OK, body: JSON.stringify(output) });

/** An answer that says all went well, and cannot be read. */
export const GARBLED: Answer = { ...OK, body: '{"\u0000\ufffd<<' };

/** What a load balancer says when there is no service behind it. */
export const HTML_503: Answer = {
  httpStatus: 503,
  headers: ['content-type', 'text/html'],
  body: '<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>',
};

export function errorAnswer({ error, message, httpStatus = 400 }: ServiceError): Answer {
  return {
    httpStatus,
    // The service ends the name with a colon; the SDK takes it off.
    headers: ['content-type', AWS_JSON, 'x-amzn-errortype', `${error}:`],
    body: JSON.stringify({ __type: error, message }),
  };
}

/** Answers to what is not a call of the API at all. */
export function plainAnswer(httpStatus: number, message: string): Answer {
  return {
    httpStatus,
    headers: ['content-type', 'application/json'],
    body: JSON.stringify({ message }),
  };
}

/** The service's own words: programs read some of them. */
export const ERRORS = {
  tooManyRequests: {
    error: 'TooManyRequestsException',
    message: 'Too many requests',
  },
  throttling: { error: 'ThrottlingException', message: 'Rate exceeded' },
  limitExceeded: {
    error: 'LimitExceededException',
    message: 'Attempt limit exceeded, please try after some time.',
  },
  internal: {
    error: 'InternalErrorException',
    message: 'Something went wrong',
    httpStatus: 500,
  },
  noAuthentication: {
    error: 'MissingAuthenticationTokenException',
    message: 'Missing Authentication Token',
  },
  unknownOperation: {
    error: 'UnknownOperationException',
    message: 'Unknown operation',
  },
  badJson: {
    error: 'SerializationException',
    message: 'The request body could not be read.',
  },
  noSuchUser: {
    error: 'UserNotFoundException',
    message: 'User does not exist.',
  },
  disabled: { error: 'NotAuthorizedException', message: 'User is disabled.' },
  triggerFailed: {
    error: 'UserLambdaValidationException',
    message: 'PostConfirmation failed with error The simulated trigger failed.',
  },
} as const satisfies Record<string, ServiceError>;

export const noSuchPool = (userPoolId: string): ServiceError => ({
  error: 'ResourceNotFoundException',
  message: `User pool ${userPoolId} does not exist.`,
});

export const cannotBeConfirmed = (status: string): ServiceError => ({
  error: 'NotAuthorizedException',
  message: `User cannot be confirmed. Current status is ${status}`,
});

/** Each problem reads "Value at 'username' failed to satisfy constraint: Member must ...". */
export const notValid = (problems: readonly string[]): ServiceError => ({
  error: 'InvalidParameterException',
  message: `${problems.length} validation error${problems.length === 1 ? '' : 's'} detected: ${problems.join('; ')}`,
});

export const isThrottling = (error: string): boolean =>
  error === ERRORS.tooManyRequests.error || error === ERRORS.throttling.error;
