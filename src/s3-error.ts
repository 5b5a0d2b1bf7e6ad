import { messageOf, systemCode } from './errors.js';
import { inOneLine } from './in-words.js';
import {
  formatObjectAddress,
  type ObjectAddress,
  ObjectError,
  type ObjectErrorKind,
} from './object-storage.js';
import { regionOfBucket } from './s3-client.js';

/** What S3 and its SDK say when the credentials are missing, out of date or not right. */
const ABOUT_CREDENTIALS: readonly string[] = [
  'CredentialsProviderError',
  'TokenProviderError',
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'InvalidSecurity',
  'InvalidToken',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
  'TokenRefreshRequired',
  'UnrecognizedClientException',
];

/** What the SDK threw, as much of it as decides. */
interface Failure {
  /** S3's own code, where it sent one: an answer to HEAD has none. */
  readonly code: string;
  readonly status: number | undefined;
  readonly attempts: number;
  /** Where the store says that the bucket lies. */
  readonly region: string | undefined;
  /** In the words of the store, or of the network. */
  readonly words: string;
}

/** Says what a request to S3 ended with, in the terms of ours. */
export function objectErrorOf(error: unknown, at: ObjectAddress, permission: string): ObjectError {
  const failure = failureOf(error);
  const kind = kindOf(failure);
  const message = `${formatObjectAddress(at)}: ${sentence(kind, failure, at, permission)}`;
  return new ObjectError(kind, permission, message, { cause: error });
}

/** Undefined where there was no answer. */
export const statusOf = (error: unknown): number | undefined => failureOf(error).status;

export const codeOf = (error: unknown): string => failureOf(error).code;

function failureOf(error: unknown): Failure {
  const { $metadata, name } = error as {
    name?: unknown;
    $metadata?: { httpStatusCode?: number; attempts?: number };
  };
  const status = $metadata?.httpStatusCode;
  const code = typeof name === 'string' ? name : 'Error';
  // The SDK's own word for an answer that has none; a failed connection to several addresses has only a code.
  const said = [messageOf(error), systemCode(error)].find((text) => text !== '' && text !== 'UnknownError');
  const words = [status === undefined ? code : `${status} ${code}`, said]
    .filter((text) => text !== undefined)
    .join(': ');
  return {
    code,
    status,
    attempts: $metadata?.attempts ?? 1,
    region: regionOfBucket(error),
    words: inOneLine(words),
  };
}

function kindOf({ code, status }: Failure): ObjectErrorKind {
  if (ABOUT_CREDENTIALS.includes(code)) return 'credentials';
  if (code === 'NoSuchBucket') return 'no-bucket';
  // Somebody ended the upload, or a rule of the bucket did.
  if (code === 'NoSuchUpload') return 'unreachable';
  // A key of KMS that is disabled, not there or not ours answers 400.
  if (code.startsWith('KMS.')) return 'denied';
  switch (status) {
    case 401:
    case 403:
      return 'denied';
    case 404:
      return 'missing';
    case 412:
      return 'changed';
    default:
      return 'unreachable';
  }
}

function sentence(
  kind: ObjectErrorKind,
  { attempts, region, status, words }: Failure,
  { bucket }: ObjectAddress,
  permission: string,
): string {
  switch (kind) {
    case 'missing':
      return `there is no such object (${words})`;
    case 'no-bucket':
      return `there is no bucket named ${bucket} (${words}): check its name`;
    case 'denied':
      return permission === 's3:GetObject'
        ? `not allowed (${words}): the credentials need ${permission}, or there is no such object, which S3 ` +
            'tells only those who have s3:ListBucket'
        : `not allowed (${words}): the credentials need ${permission}`;
    case 'credentials':
      return `the credentials are missing or were not accepted (${words}): sign in again, or name another profile`;
    case 'changed':
      return `the object is not the one that was asked for any more (${words})`;
    case 'unreachable':
      if (status !== undefined && status < 400 && region !== undefined) {
        return `the bucket lies in ${region} (${words}): give the S3 client that Region`;
      }
      if (status !== undefined && status < 500) return `S3 refused the request (${words})`;
      return `no answer of use from S3 in ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'} (${words})`;
  }
}
