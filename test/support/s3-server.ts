import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';

/**
 * A small S3 in memory, for tests in process: path-style, on a free port of 127.0.0.1.
 *
 * What it checks of a request, and refuses with S3's own status and code:
 * - the Signature Version 4 of the headers, in full, by its one pair of keys (not the age of its date);
 * - the body against `x-amz-content-sha256`, `Content-MD5`, `x-amz-decoded-content-length` and the checksum
 *   in a header or a trailer (CRC32, SHA1, SHA256; others are refused as not implemented), with the frames of
 *   `aws-chunked` taken off (signatures of single chunks are not checked);
 * - the Region of the signature, where the server was given one (301 PermanentRedirect);
 * - conditions: If-Match and If-None-Match on GET, HEAD, PUT and the completion of an upload in parts (412; for
 *   If-Match on a missing key 404). An ETag may come with or without its quotes;
 * - parts: their number, order and ETag, and that all but the last have 5 MiB;
 * - that there is the bucket, the key, the version, the range.
 *
 * What it does not know (ACLs, tags, copies, and so on) is answered with 501, so that no test leans on it.
 */
export interface S3Server {
  readonly url: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  createBucket(name: string, versions?: 'versioned'): void;
  /** Puts an object there without a request. */
  put(bucket: string, key: string, body: string | Uint8Array): StoredVersion;
  /** The object as it is now. */
  object(bucket: string, key: string): StoredVersion | undefined;
  /** In the order of a listing. */
  keys(bucket: string): string[];
  /** Uploads in parts that were neither completed nor aborted. */
  unfinishedUploads(bucket: string): number;
  /** What was asked and answered so far, in the order of the answers. */
  requests(): readonly LoggedRequest[];
  close(): Promise<void>;
}

export interface S3ServerOptions {
  /** Requests signed for another Region are sent there. */
  readonly region?: string;
  /** The code to refuse a request with, such as `AccessDenied`, `SlowDown` or `ConditionalRequestConflict`. */
  readonly deny?: (operation: S3Operation, key: string) => string | undefined;
  /** How many keys a page of a listing has at most; 1,000 unless told. */
  readonly keysPerPage?: number;
}

export interface StoredVersion {
  readonly body: Buffer;
  /** With its quotes. */
  readonly etag: string;
  readonly versionId: string | undefined;
  readonly modifiedAtMs: number;
  readonly metadata: Readonly<Record<string, string>>;
  /** What else was said of it: content-type, cache-control and all of x-amz-server-side-encryption. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface LoggedRequest {
  readonly operation: S3Operation;
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: Readonly<Record<string, string>>;
  /** `if-match`, `if-none-match` and `range`. */
  readonly conditions: Readonly<Record<string, string>>;
  readonly status: number;
  /** Of an error. */
  readonly code: string | undefined;
}

export type S3Operation =
  | 'HeadBucket'
  | 'CreateBucket'
  | 'ListObjectsV2'
  | 'HeadObject'
  | 'GetObject'
  | 'PutObject'
  | 'DeleteObject'
  | 'DeleteObjects'
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'Other';

interface Bucket {
  readonly isVersioned: boolean;
  /** Of each key, the oldest first; undefined is a delete marker. */
  readonly objects: Map<string, (StoredVersion | undefined)[]>;
  readonly uploads: Map<string, Upload>;
}

interface Upload {
  readonly key: string;
  readonly about: Pick<StoredVersion, 'metadata' | 'headers'>;
  readonly parts: Map<number, { readonly body: Buffer; readonly etag: string }>;
}

interface Request {
  readonly method: string;
  readonly operation: S3Operation;
  readonly bucket: string;
  readonly key: string;
  /** As it was sent. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
}

const SMALLEST_PART_BYTES = 5 * 1024 * 1024;

/** What S3 answers with each code. */
const STATUSES: Readonly<Record<string, number>> = {
  AccessDenied: 403,
  AuthorizationHeaderMalformed: 400,
  BadDigest: 400,
  BucketAlreadyOwnedByYou: 409,
  ConditionalRequestConflict: 409,
  EntityTooSmall: 400,
  ExpiredToken: 400,
  IncompleteBody: 400,
  InternalError: 500,
  InvalidAccessKeyId: 403,
  InvalidArgument: 400,
  InvalidPart: 400,
  InvalidPartOrder: 400,
  InvalidRange: 416,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NoSuchUpload: 404,
  NoSuchVersion: 404,
  NotImplemented: 501,
  PermanentRedirect: 301,
  PreconditionFailed: 412,
  RequestTimeout: 400,
  ServiceUnavailable: 503,
  SignatureDoesNotMatch: 403,
  SlowDown: 503,
  XAmzContentSHA256Mismatch: 400,
};

class Refusal extends Error {
  readonly code: string;
  readonly headers: Record<string, string>;

  constructor(code: string, message = code, headers: Record<string, string> = {}) {
    super(message);
    this.code = code;
    this.headers = headers;
  }
}

export async function startS3(options: S3ServerOptions = {}): Promise<S3Server> {
  const credentials = { accessKeyId: 'AKIAINMEMORYSERVER00', secretAccessKey: 'a-secret-of-the-tests' };
  const buckets = new Map<string, Bucket>();
  const log: LoggedRequest[] = [];
  let lastId = 0;

  function bucketOf(name: string): Bucket {
    const bucket = buckets.get(name);
    if (bucket === undefined) throw new Refusal('NoSuchBucket', 'The specified bucket does not exist');
    return bucket;
  }

  function store(bucket: Bucket, key: string, what: Omit<StoredVersion, 'versionId' | 'modifiedAtMs'>) {
    lastId += 1;
    const stored = {
      ...what,
      versionId: bucket.isVersioned ? `version-${lastId}` : undefined,
      modifiedAtMs: Math.floor(Date.now() / 1000) * 1000,
    };
    bucket.objects.set(key, [...(bucket.isVersioned ? (bucket.objects.get(key) ?? []) : []), stored]);
    return stored;
  }

  function read(request: Request): Answer {
    const found = findVersion(bucketOf(request.bucket), request.key, request.query.versionId);
    refuseUnlessConditionsHold(request, found);
    const headers = {
      ...headersOf(found),
      'last-modified': new Date(found.modifiedAtMs).toUTCString(),
      'accept-ranges': 'bytes',
    };
    const range = rangeOf(request.headers.range, found.body.length);
    if (range === undefined) return { status: 200, headers, body: found.body };
    const [start, end] = range;
    return {
      status: 206,
      headers: { ...headers, 'content-range': `bytes ${start}-${end - 1}/${found.body.length}` },
      body: found.body.subarray(start, end),
    };
  }

  function write(request: Request): Answer {
    if (request.headers['x-amz-copy-source'] !== undefined) throw new Refusal('NotImplemented');
    const bucket = bucketOf(request.bucket);
    refuseUnlessWritable(request, currentOf(bucket, request.key));
    const stored = store(bucket, request.key, {
      ...aboutOf(request.headers),
      body: request.body,
      etag: `"${md5(request.body)}"`,
    });
    return { status: 200, headers: { ...writtenHeadersOf(stored), ...echoedChecksumOf(request.headers) } };
  }

  function startUpload(request: Request): Answer {
    lastId += 1;
    const uploadId = `upload-${lastId}`;
    const about = aboutOf(request.headers);
    bucketOf(request.bucket).uploads.set(uploadId, { key: request.key, about, parts: new Map() });
    return xml(
      'InitiateMultipartUploadResult',
      tag('Bucket', request.bucket) + tag('Key', request.key) + tag('UploadId', uploadId),
      encryptionOf(about.headers),
    );
  }

  function uploadOf(request: Request): Upload {
    const upload = bucketOf(request.bucket).uploads.get(request.query.uploadId ?? '');
    if (upload === undefined || upload.key !== request.key) {
      throw new Refusal('NoSuchUpload', 'The specified upload does not exist.');
    }
    return upload;
  }

  function writePart(request: Request): Answer {
    const number = Number(request.query.partNumber);
    if (!Number.isInteger(number) || number < 1 || number > 10_000) throw new Refusal('InvalidArgument');
    const etag = `"${md5(request.body)}"`;
    uploadOf(request).parts.set(number, { body: request.body, etag });
    return { status: 200, headers: { etag, ...echoedChecksumOf(request.headers) } };
  }

  function completeUpload(request: Request): Answer {
    const bucket = bucketOf(request.bucket);
    const upload = uploadOf(request);
    const named = [...request.body.toString().matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = '']) => ({
      number: Number(/<PartNumber>(\d+)</.exec(part)?.[1]),
      etag: unescaped(/<ETag>(.*?)<\/ETag>/.exec(part)?.[1] ?? ''),
    }));
    if (named.length === 0) throw new Refusal('InvalidArgument', 'An upload has at least one part');
    const parts = named.map(({ number, etag }, index) => {
      const part = upload.parts.get(number);
      if (part === undefined || !isSameEtag(part.etag, etag)) throw new Refusal('InvalidPart');
      if (index > 0 && number <= (named[index - 1]?.number ?? 0)) throw new Refusal('InvalidPartOrder');
      if (index < named.length - 1 && part.body.length < SMALLEST_PART_BYTES) {
        throw new Refusal('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size');
      }
      return part;
    });
    refuseUnlessWritable(request, currentOf(bucket, request.key));
    const digests = parts.map(({ body }) => Buffer.from(md5(body), 'hex'));
    const stored = store(bucket, request.key, {
      ...upload.about,
      body: Buffer.concat(parts.map(({ body }) => body)),
      etag: `"${md5(Buffer.concat(digests))}-${parts.length}"`,
    });
    bucket.uploads.delete(request.query.uploadId ?? '');
    return xml(
      'CompleteMultipartUploadResult',
      tag('Bucket', request.bucket) + tag('Key', request.key) + tag('ETag', stored.etag),
      writtenHeadersOf(stored),
    );
  }

  function abortUpload(request: Request): Answer {
    uploadOf(request);
    bucketOf(request.bucket).uploads.delete(request.query.uploadId ?? '');
    return { status: 204 };
  }

  function remove(bucket: Bucket, key: string, versionId: string | undefined): void {
    const versions = bucket.objects.get(key) ?? [];
    if (versionId !== undefined) {
      bucket.objects.set(
        key,
        versions.filter((version) => version?.versionId !== versionId),
      );
    } else if (bucket.isVersioned) bucket.objects.set(key, [...versions, undefined]);
    else bucket.objects.delete(key);
  }

  function removeMany(request: Request): Answer {
    const bucket = bucketOf(request.bucket);
    const keys = [...request.body.toString().matchAll(/<Key>(.*?)<\/Key>/gs)].map(([, key = '']) =>
      unescaped(key),
    );
    for (const key of keys) remove(bucket, key, undefined);
    return xml('DeleteResult', keys.map((key) => tag('Deleted', tag('Key', key), 'inner')).join(''));
  }

  function list(request: Request): Answer {
    const { query } = request;
    const bucket = bucketOf(request.bucket);
    if (query.delimiter !== undefined && query.delimiter !== '') throw new Refusal('NotImplemented');
    const token = query['continuation-token'];
    const after = token === undefined ? query['start-after'] : Buffer.from(token, 'base64url').toString();
    const all = keysOf(bucket).filter(
      (key) => key.startsWith(query.prefix ?? '') && (after === undefined || compare(key, after) > 0),
    );
    const wanted = query['max-keys'] === undefined ? 1000 : Number(query['max-keys']);
    const page = all.slice(0, Math.min(wanted, options.keysPerPage ?? 1000));
    const encode = query['encoding-type'] === 'url' ? encodeURIComponent : (key: string) => key;
    const more = page.length < all.length && page.length > 0;
    return xml(
      'ListBucketResult',
      tag('Name', request.bucket) +
        tag('Prefix', encode(query.prefix ?? '')) +
        tag('KeyCount', String(page.length)) +
        tag('MaxKeys', String(wanted)) +
        (query['encoding-type'] === 'url' ? tag('EncodingType', 'url') : '') +
        tag('IsTruncated', String(more)) +
        (more ? tag('NextContinuationToken', Buffer.from(page.at(-1) ?? '').toString('base64url')) : '') +
        page
          .map((key) => {
            const found = findVersion(bucket, key, undefined);
            return tag(
              'Contents',
              tag('Key', encode(key)) +
                tag('LastModified', new Date(found.modifiedAtMs).toISOString()) +
                tag('ETag', found.etag) +
                tag('Size', String(found.body.length)) +
                tag('StorageClass', 'STANDARD'),
              'inner',
            );
          })
          .join(''),
    );
  }

  function perform(request: Request): Answer {
    switch (request.operation) {
      case 'HeadBucket':
        bucketOf(request.bucket);
        return { status: 200 };
      case 'CreateBucket':
        if (buckets.has(request.bucket)) throw new Refusal('BucketAlreadyOwnedByYou');
        createBucket(request.bucket);
        return { status: 200, headers: { location: `/${request.bucket}` } };
      case 'ListObjectsV2':
        return list(request);
      case 'HeadObject':
      case 'GetObject':
        return read(request);
      case 'PutObject':
        return write(request);
      case 'DeleteObject':
        remove(bucketOf(request.bucket), request.key, request.query.versionId);
        return { status: 204 };
      case 'DeleteObjects':
        return removeMany(request);
      case 'CreateMultipartUpload':
        return startUpload(request);
      case 'UploadPart':
        return writePart(request);
      case 'CompleteMultipartUpload':
        return completeUpload(request);
      case 'AbortMultipartUpload':
        return abortUpload(request);
      case 'Other':
        throw new Refusal('NotImplemented', 'This server does not know such a request');
    }
  }

  function createBucket(name: string, versions?: 'versioned'): void {
    buckets.set(name, { isVersioned: versions === 'versioned', objects: new Map(), uploads: new Map() });
  }

  function answer(request: Request): Answer & { readonly code?: string } {
    try {
      refuseUnlessSigned(request, credentials, options.region);
      const denied = options.deny?.(request.operation, request.key);
      if (denied !== undefined) throw new Refusal(denied);
      return perform({ ...request, body: contentOf(request) });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return {
        status: STATUSES[error.code] ?? 400,
        code: error.code,
        ...xmlOf('Error', tag('Code', error.code) + tag('Message', error.message), error.headers),
      };
    }
  }

  const server = createServer((incoming, outgoing) => {
    const { method = 'GET' } = incoming;
    bodyOf(incoming)
      .then((body) => {
        const request = requestOf(incoming, body);
        const { status, headers = {}, body: content = '', code } = answer(request);
        const { bucket, key, operation, query } = request;
        log.push({ operation, method, bucket, key, query, conditions: conditionsOf(request), status, code });
        const length = String(Buffer.byteLength(content));
        outgoing.writeHead(status, {
          'x-amz-request-id': `request-${log.length}`,
          ...(status === 204 ? {} : { 'content-length': length }),
          ...headers,
        });
        outgoing.end(method === 'HEAD' ? undefined : content);
      })
      // Who sent the request went away in the middle of it, or sent what cannot be read.
      .catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials,
    createBucket,
    put: (bucket, key, body) =>
      store(bucketOf(bucket), key, {
        body: Buffer.from(body),
        etag: `"${md5(Buffer.from(body))}"`,
        metadata: {},
        headers: {},
      }),
    object: (bucket, key) => currentOf(bucketOf(bucket), key),
    keys: (bucket) => keysOf(bucketOf(bucket)),
    unfinishedUploads: (bucket) => bucketOf(bucket).uploads.size,
    requests: () => log,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function requestOf({ method = 'GET', url = '/', headers }: IncomingMessage, body: Buffer): Request {
  const [path = '/', search = ''] = url.split(/\?(.*)/s);
  const [, bucket = '', key = ''] = /^\/([^/]*)\/?(.*)$/s.exec(decodeURIComponent(path)) ?? [];
  const query = Object.fromEntries(new URLSearchParams(search));
  return { method, operation: operationOf(method, key, query), bucket, key, path, query, headers, body };
}

function operationOf(method: string, key: string, query: Readonly<Record<string, string>>): S3Operation {
  const has = (name: string) => name in query;
  // Acl, tagging, versioning and so on.
  const known = ['uploads', 'uploadId', 'partNumber', 'versionId', 'x-id', 'delete', 'list-type', 'prefix'];
  const paging = [
    'max-keys',
    'continuation-token',
    'start-after',
    'encoding-type',
    'delimiter',
    'fetch-owner',
  ];
  if (Object.keys(query).some((name) => !known.includes(name) && !paging.includes(name))) return 'Other';
  if (key === '') {
    if (method === 'GET' && query['list-type'] === '2') return 'ListObjectsV2';
    if (method === 'POST' && has('delete')) return 'DeleteObjects';
    if (method === 'HEAD') return 'HeadBucket';
    if (method === 'PUT') return 'CreateBucket';
    return 'Other';
  }
  switch (method) {
    case 'HEAD':
      return 'HeadObject';
    case 'GET':
      return has('uploadId') ? 'Other' : 'GetObject';
    case 'PUT':
      return has('uploadId') ? 'UploadPart' : 'PutObject';
    case 'DELETE':
      return has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject';
    case 'POST':
      if (has('uploads')) return 'CreateMultipartUpload';
      return has('uploadId') ? 'CompleteMultipartUpload' : 'Other';
    default:
      return 'Other';
  }
}

const textOf = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header.join(',') : header;

function refuseUnlessSigned(
  { headers, method, path, query }: Request,
  credentials: S3Server['credentials'],
  region: string | undefined,
): void {
  const parts =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    );
  if (parts === null) throw new Refusal('AccessDenied', 'Access Denied');
  const [, keyId, day = '', signedFor = '', signedHeaders = '', signature = ''] = parts;
  if (keyId !== credentials.accessKeyId) {
    throw new Refusal(
      'InvalidAccessKeyId',
      'The AWS Access Key Id you provided does not exist in our records.',
    );
  }
  const names = signedHeaders.split(';');
  const mustBeSigned = Object.keys(headers).filter((name) => name === 'host' || name.startsWith('x-amz-'));
  const canonical = [
    method,
    decodeURIComponent(path).split('/').map(encoded).join('/'),
    Object.entries(query)
      .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
      .sort(compare)
      .join('&'),
    ...names.map((name) => `${name}:${(textOf(headers[name]) ?? '').trim().replace(/ +/g, ' ')}`),
    '',
    signedHeaders,
    textOf(headers['x-amz-content-sha256']) ?? '',
  ].join('\n');
  const scope = `${day}/${signedFor}/s3/aws4_request`;
  const text = `AWS4-HMAC-SHA256\n${textOf(headers['x-amz-date'])}\n${scope}\n${sha256(canonical)}`;
  const key = [day, signedFor, 's3', 'aws4_request'].reduce<string | Buffer>(
    (under, part) => createHmac('sha256', under).update(part).digest(),
    `AWS4${credentials.secretAccessKey}`,
  );
  const expected = createHmac('sha256', key).update(text).digest();
  if (
    mustBeSigned.some((name) => !names.includes(name)) ||
    !timingSafeEqual(expected, Buffer.from(signature, 'hex'))
  ) {
    throw new Refusal('SignatureDoesNotMatch', 'The request signature we calculated does not match');
  }
  if (region !== undefined && signedFor !== region) {
    throw new Refusal('PermanentRedirect', 'The bucket you are attempting to access is elsewhere.', {
      'x-amz-bucket-region': region,
    });
  }
}

/** The body without the frames of `aws-chunked`, and as it was meant to arrive. */
function contentOf({ body, headers }: Request): Buffer {
  const hash = textOf(headers['x-amz-content-sha256']) ?? '';
  if (!hash.startsWith('STREAMING-')) {
    if (hash !== 'UNSIGNED-PAYLOAD' && hash !== sha256(body)) {
      throw new Refusal('XAmzContentSHA256Mismatch');
    }
    refuseUnlessIntact(body, headers);
    return body;
  }
  const { content, trailers } = unframed(body);
  if (Number(headers['x-amz-decoded-content-length']) !== content.length) throw new Refusal('IncompleteBody');
  const promised = (textOf(headers['x-amz-trailer']) ?? '').split(',').filter((name) => name !== '');
  if (promised.some((name) => trailers[name.trim()] === undefined)) throw new Refusal('IncompleteBody');
  refuseUnlessIntact(content, { ...headers, ...trailers });
  return content;
}

/** Chunks of `<hexadecimal length>[;chunk-signature=...]\r\n<bytes>\r\n`, one of length 0, then trailers. */
function unframed(body: Buffer): { content: Buffer; trailers: Record<string, string> } {
  const chunks: Buffer[] = [];
  let at = 0;
  while (true) {
    const endOfLine = body.indexOf('\r\n', at);
    const bytes = Number.parseInt(body.subarray(at, endOfLine).toString(), 16);
    if (endOfLine < 0 || Number.isNaN(bytes)) throw new Refusal('IncompleteBody');
    at = endOfLine + 2;
    if (bytes === 0) break;
    chunks.push(body.subarray(at, at + bytes));
    at += bytes;
    if (body.subarray(at, at + 2).toString() !== '\r\n') throw new Refusal('IncompleteBody');
    at += 2;
  }
  const lines = body.subarray(at).toString().split('\r\n');
  const trailers = lines.filter((line) => line.includes(':')).map((line) => line.split(/:\s*(.*)/s));
  return {
    content: Buffer.concat(chunks),
    trailers: Object.fromEntries(trailers.map(([name = '', value = '']) => [name.toLowerCase(), value])),
  };
}

function refuseUnlessIntact(content: Buffer, headers: IncomingHttpHeaders): void {
  const digest = textOf(headers['content-md5']);
  if (digest !== undefined && Buffer.from(digest, 'base64').toString('hex') !== md5(content)) {
    throw new Refusal('BadDigest');
  }
  for (const [name, value] of Object.entries(headers)) {
    const [, algorithm] = /^x-amz-checksum-(.+)$/.exec(name) ?? [];
    if (algorithm === undefined || ['type', 'mode', 'algorithm'].includes(algorithm)) continue;
    const expected = checksum(content, algorithm);
    if (expected !== textOf(value))
      throw new Refusal('BadDigest', `The ${algorithm} you specified did not match`);
  }
}

function checksum(content: Buffer, algorithm: string): string {
  switch (algorithm) {
    case 'crc32': {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(crc32(content));
      return bytes.toString('base64');
    }
    case 'sha1':
    case 'sha256':
      return createHash(algorithm).update(content).digest('base64');
    default:
      throw new Refusal('NotImplemented', `This server does not know the checksum ${algorithm}`);
  }
}

/** The checksum of a content, as S3 gives it back; the SDK compares nothing where it is missing. */
function echoedChecksumOf(headers: IncomingHttpHeaders): Record<string, string> {
  const value = textOf(headers['x-amz-checksum-crc32']);
  return value === undefined ? {} : { 'x-amz-checksum-crc32': value };
}

function aboutOf(headers: IncomingHttpHeaders): Pick<StoredVersion, 'metadata' | 'headers'> {
  const all = Object.entries(headers).map(([name, value]) => [name, textOf(value) ?? ''] as const);
  const kept = /^(content-type|cache-control|content-disposition|x-amz-server-side-encryption.*)$/;
  return {
    metadata: Object.fromEntries(
      all
        .filter(([name]) => name.startsWith('x-amz-meta-'))
        .map(([name, value]) => [name.slice('x-amz-meta-'.length), value]),
    ),
    headers: Object.fromEntries(all.filter(([name]) => kept.test(name))),
  };
}

function headersOf({ etag, headers, metadata, versionId }: StoredVersion): Record<string, string> {
  return {
    etag,
    ...headers,
    ...(versionId === undefined ? {} : { 'x-amz-version-id': versionId }),
    ...Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name}`, value])),
  };
}

const encryptionOf = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.startsWith('x-amz-server-side-encryption')),
  );

const writtenHeadersOf = ({ etag, headers, versionId }: StoredVersion): Record<string, string> => ({
  etag,
  ...encryptionOf(headers),
  ...(versionId === undefined ? {} : { 'x-amz-version-id': versionId }),
});

const currentOf = (bucket: Bucket, key: string): StoredVersion | undefined => bucket.objects.get(key)?.at(-1);

const keysOf = (bucket: Bucket): string[] =>
  [...bucket.objects.keys()].filter((key) => currentOf(bucket, key) !== undefined).sort(compare);

function findVersion(bucket: Bucket, key: string, versionId: string | undefined): StoredVersion {
  if (versionId === undefined) {
    const current = currentOf(bucket, key);
    if (current === undefined) throw new Refusal('NoSuchKey', 'The specified key does not exist.');
    return current;
  }
  const version = bucket.objects.get(key)?.find((each) => each?.versionId === versionId);
  if (version === undefined) throw new Refusal('NoSuchVersion', 'The specified version does not exist.');
  return version;
}

function conditionsOf({ headers }: Request): Record<string, string> {
  const all = ['if-match', 'if-none-match', 'range'].map((name) => [name, textOf(headers[name])] as const);
  return Object.fromEntries(all.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

const bare = (etag: string): string => etag.replace(/^"(.*)"$/, '$1');
const isSameEtag = (one: string, other: string): boolean => bare(one) === bare(other);

const FAILED = 'At least one of the pre-conditions you specified did not hold';

function refuseUnlessConditionsHold(request: Request, found: StoredVersion): void {
  const conditions = conditionsOf(request);
  const [match, noneMatch] = [conditions['if-match'], conditions['if-none-match']];
  if (match !== undefined && match !== '*' && !isSameEtag(match, found.etag)) {
    throw new Refusal('PreconditionFailed', FAILED);
  }
  // Nothing of ours asks so; what S3 answers (304) is left out.
  if (noneMatch !== undefined) throw new Refusal('NotImplemented');
}

function refuseUnlessWritable(request: Request, current: StoredVersion | undefined): void {
  const conditions = conditionsOf(request);
  const [match, noneMatch] = [conditions['if-match'], conditions['if-none-match']];
  if (match !== undefined && current === undefined) {
    throw new Refusal('NoSuchKey', 'The specified key does not exist.');
  }
  if (match !== undefined && current !== undefined && !isSameEtag(match, current.etag)) {
    throw new Refusal('PreconditionFailed', FAILED);
  }
  if (noneMatch !== undefined && noneMatch !== '*') throw new Refusal('NotImplemented');
  if (noneMatch === '*' && current !== undefined) throw new Refusal('PreconditionFailed', FAILED);
}

/** From, and up to but not including; undefined for the whole. */
function rangeOf(header: string | undefined, bytes: number): [number, number] | undefined {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (from === '' && to === '') return undefined;
  const start = from === '' ? Math.max(0, bytes - Number(to)) : Number(from);
  const end = from === '' || to === '' ? bytes : Math.min(bytes, Number(to) + 1);
  if (start >= end) throw new Refusal('InvalidRange', 'The requested range is not satisfiable');
  return [start, end];
}

const md5 = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex');
const sha256 = (content: Buffer | string): string => createHash('sha256').update(content).digest('hex');

/** By their bytes, as S3 sorts keys. */
const compare = (one: string, other: string): number => Buffer.compare(Buffer.from(one), Buffer.from(other));

const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

const ENTITIES: Readonly<Record<string, string>> = { '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot' };

const escaped = (text: string): string =>
  text
    .replace(/[&<>"]/g, (char) => `&${ENTITIES[char]};`)
    .replace(/[\r\n\t]/g, (char) => `&#${char.charCodeAt(0)};`);

const unescaped = (text: string): string =>
  text
    .replace(/&#(?:x([0-9a-f]+)|(\d+));/gi, (_all, hex: string | undefined, decimal: string | undefined) =>
      String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)),
    )
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');

const tag = (name: string, content: string, kind: 'text' | 'inner' = 'text'): string =>
  `<${name}>${kind === 'inner' ? content : escaped(content)}</${name}>`;

function xmlOf(name: string, inner: string, headers: Record<string, string> = {}) {
  return {
    headers: { 'content-type': 'application/xml', ...headers },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n${tag(name, inner, 'inner')}`,
  };
}

const xml = (name: string, inner: string, headers?: Record<string, string>): Answer => ({
  status: 200,
  ...xmlOf(name, inner, headers),
});
