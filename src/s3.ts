import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandInput,
  type GetObjectCommandOutput,
  HeadBucketCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { systemClock } from './clock.js';
import type {
  ObjectAddress,
  ObjectFacts,
  ObjectStorage,
  StoredObject,
  WriteCondition,
  WriteOptions,
  Written,
} from './object-storage.js';
import type { Settings } from './options.js';
import { backoffMs, createClients, MAX_ATTEMPTS } from './s3-client.js';
import { codeOf, objectErrorOf, statusOf } from './s3-error.js';

/** S3's smallest. As an upload has 10,000 parts at most, no object is larger than 48 GiB. */
const PART_BYTES = 5 * 1024 * 1024;
/**
 * One part goes out while the next is put together, from chunks that are held until they are copied into it:
 * some 20 MiB of memory for an upload of any size (measured with 200 MiB in chunks of 64 KiB).
 */
const PARTS_IN_FLIGHT = 2;
/** For the whole body of one answer: 8 MiB at 600 kbit/s. */
const BODY_TIMEOUT_MS = 120_000;
/** Tells an upload from another one of the same content, where its last reply was lost. */
const UPLOAD_MARK = 'upload';

type S3Settings = Pick<Settings, 'region' | 'profile'> & {
  /** Everything that is written is encrypted with this key of KMS. */
  readonly sseKmsKeyId?: string | undefined;
};

interface Reading {
  readonly output: GetObjectCommandOutput;
  readonly body: Buffer;
  readonly storeNowMs: number;
}

type Send<Output> = (client: S3Client, options: { abortSignal?: AbortSignal }) => Promise<Output>;

/** Amazon S3, and whatever speaks like it. */
export async function connectS3(settings: S3Settings, own: S3Client | undefined): Promise<ObjectStorage> {
  const { sseKmsKeyId } = settings;
  const clients = await createClients(settings, own);
  const knownBuckets = new Set<string>();

  /** Sends to where the bucket lies, and throws what comes of it as it is. */
  async function send<Output>(
    { bucket }: ObjectAddress,
    request: Send<Output>,
    signal: AbortSignal | undefined,
  ): Promise<Output> {
    signal?.throwIfAborted();
    const options = signal === undefined ? {} : { abortSignal: signal };
    try {
      const output = await request(clients.for(bucket), options).catch(async (error: unknown) => {
        if (!(await clients.learn(bucket, error))) throw error;
        return request(clients.for(bucket), options);
      });
      knownBuckets.add(bucket);
      return output;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  }

  /** An answer with its whole body. The SDK tries a request again, but not the reading of its answer's body. */
  async function read(
    at: ObjectAddress,
    input: Partial<GetObjectCommandInput>,
    signal: AbortSignal | undefined,
  ): Promise<Reading> {
    for (let attempt = 1; ; attempt += 1) {
      const reading = await readOnce(at, input, signal);
      if (!('brokeOff' in reading)) return reading;
      signal?.throwIfAborted();
      if (attempt === MAX_ATTEMPTS) {
        throw Object.assign(toError(reading.brokeOff), { $metadata: { attempts: attempt } });
      }
      await systemClock.sleep(backoffMs(attempt), signal ?? NEVER);
    }
  }

  async function readOnce(
    at: ObjectAddress,
    input: Partial<GetObjectCommandInput>,
    signal: AbortSignal | undefined,
  ): Promise<Reading | { readonly brokeOff: unknown }> {
    const command = new GetObjectCommand({ ...toInput(at), ...input });
    const clock = storeClock();
    command.middlewareStack.add(clock.watch, { step: 'deserialize' });
    const ending = endingWith(signal);
    try {
      const output = await send(at, (client, options) => client.send(command, options), ending.signal);
      ending.startIn(BODY_TIMEOUT_MS);
      try {
        const bytes = (await output.Body?.transformToByteArray()) ?? new Uint8Array();
        const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        if (body.length !== (output.ContentLength ?? body.length)) throw new Error('the body broke off');
        return { output, body, storeNowMs: clock.storeNowMs() };
      } catch (error) {
        return { brokeOff: error };
      }
    } finally {
      ending.forget();
    }
  }

  const toWriteInput = (at: ObjectAddress, { condition, contentType, metadata }: WriteOptions) => ({
    ...toInput(at),
    ...toCondition(condition),
    ...(contentType === undefined ? {} : { ContentType: contentType }),
    ...(metadata === undefined ? {} : { Metadata: { ...metadata } }),
    ...(sseKmsKeyId === undefined
      ? {}
      : { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: sseKmsKeyId }),
  });

  async function head(at: ObjectAddress, signal: AbortSignal | undefined): Promise<ObjectFacts> {
    const command = new HeadObjectCommand(toInput(at));
    const clock = storeClock();
    command.middlewareStack.add(clock.watch, { step: 'deserialize' });
    const output = await send(at, (client, options) => client.send(command, options), signal);
    return toFacts(output, clock.storeNowMs());
  }

  /** An answer to HEAD has no body that could say why; the first byte of the object has. */
  async function reasonOf(refusal: unknown, at: ObjectAddress, signal: AbortSignal | undefined) {
    if (statusOf(refusal) !== 400 && statusOf(refusal) !== 403) return refusal;
    return read(at, { Range: 'bytes=0-0' }, signal).then(
      () => refusal,
      (reason: unknown) => reason,
    );
  }

  /** Nor does a HEAD tell a missing object from a missing bucket. */
  async function refuseMissingBucket(at: ObjectAddress, signal: AbortSignal | undefined): Promise<void> {
    if (knownBuckets.has(at.bucket)) return;
    const command = new HeadBucketCommand({ Bucket: at.bucket });
    try {
      await send(at, (client, options) => client.send(command, options), signal);
    } catch (error) {
      signal?.throwIfAborted();
      // Whoever may not see the bucket is told of the object alone.
      if (statusOf(error) !== 404) return;
      throw objectErrorOf(Object.assign(toError(error), { name: 'NoSuchBucket' }), at, 's3:ListBucket');
    }
  }

  /**
   * A look before an upload: a stream can neither be sent to the wrong Region first and then to the right one,
   * nor should all of it be sent in vain. The condition counts at the end all the same; but there older
   * versions of radosgw (16) do not look at it.
   */
  async function isLostBefore(at: ObjectAddress, condition: WriteCondition): Promise<boolean> {
    await refuseMissingBucket(at, undefined);
    if (condition === undefined) return false;
    try {
      const { etag } = await head(at, undefined);
      return 'ifNone' in condition || etag !== quoted(condition.ifMatch);
    } catch (error) {
      // Whoever may write need not be allowed to look.
      return statusOf(error) === 404 && 'ifMatch' in condition;
    }
  }

  return {
    async head(at, signal) {
      try {
        return await head(at, signal);
      } catch (error) {
        signal?.throwIfAborted();
        if (statusOf(error) !== 404) {
          throw objectErrorOf(await reasonOf(error, at, signal), at, 's3:GetObject');
        }
      }
      await refuseMissingBucket(at, signal);
      return undefined;
    },

    async get(at, signal): Promise<StoredObject | undefined> {
      try {
        const { body, output, storeNowMs } = await read(at, {}, signal);
        return { ...toFacts(output, storeNowMs), bytes: body.length, body };
      } catch (error) {
        signal?.throwIfAborted();
        const failure = objectErrorOf(error, at, 's3:GetObject');
        if (failure.kind === 'missing') return undefined;
        throw failure;
      }
    },

    async getRange(at, { end, etag, start, versionId }, signal) {
      if (start >= end) return Buffer.alloc(0);
      try {
        const { body } = await read(
          at,
          {
            Range: `bytes=${start}-${end - 1}`,
            IfMatch: unquoted(etag),
            ...(versionId === undefined ? {} : { VersionId: versionId }),
          },
          signal,
        );
        return body;
      } catch (error) {
        signal?.throwIfAborted();
        // The object is the one of the ETag, and ends before `start`.
        if (statusOf(error) === 416) return Buffer.alloc(0);
        throw objectErrorOf(error, at, versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion');
      }
    },

    async put(at, body, options = {}) {
      // A body of known length: its checksum goes into a header, and it can be sent again.
      const command = new PutObjectCommand({ ...toWriteInput(at, options), Body: Buffer.from(body) });
      try {
        const { ETag = '' } = await send(at, (client) => client.send(command), undefined);
        return { etag: quoted(ETag) };
      } catch (error) {
        return afterRefusal(error, at, options.condition);
      }
    },

    async upload(at, chunks, options = {}) {
      if (await isLostBefore(at, options.condition)) return 'condition-failed';
      const mark = randomUUID();
      const metadata = { ...options.metadata, [UPLOAD_MARK]: mark };
      const source = remembering(chunks);
      const upload = new Upload({
        client: clients.for(at.bucket),
        params: {
          ...toWriteInput(at, { ...options, metadata }),
          Body: Readable.from(source.chunks, { highWaterMark: 1 }),
        },
        partSize: PART_BYTES,
        queueSize: PARTS_IN_FLIGHT,
      });
      try {
        const { ETag = '' } = await upload.done();
        // radosgw has not worked it out by then.
        return { etag: ETag === '' ? (await head(at, undefined)).etag : quoted(ETag) };
      } catch (error) {
        source.rethrow();
        // The reply to the last request of an upload may have been lost, and the second time it is refused.
        const facts = await head(at, undefined).catch(() => undefined);
        if (facts?.metadata[UPLOAD_MARK] === mark) return { etag: facts.etag };
        return afterRefusal(error, at, options.condition);
      }
    },

    async *list(prefix, signal) {
      let token: string | undefined;
      do {
        const command = new ListObjectsV2Command({
          Bucket: prefix.bucket,
          Prefix: prefix.key,
          ...(token === undefined ? {} : { ContinuationToken: token }),
        });
        const page = await send(prefix, (client, options) => client.send(command, options), signal).catch(
          (error: unknown) => {
            signal?.throwIfAborted();
            throw objectErrorOf(error, prefix, 's3:ListBucket');
          },
        );
        for (const { ETag = '', Key = '', Size = 0 } of page.Contents ?? []) {
          signal?.throwIfAborted();
          yield { key: Key, etag: quoted(ETag), bytes: Size };
        }
        token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
      } while (token !== undefined);
    },

    async remove(at) {
      const command = new DeleteObjectCommand(toInput(at));
      try {
        await send(at, (client) => client.send(command), undefined);
      } catch (error) {
        const failure = objectErrorOf(error, at, 's3:DeleteObject');
        if (failure.kind !== 'missing') throw failure;
      }
    },

    close: () => clients.close(),
  };
}

const toInput = ({ bucket, key }: ObjectAddress) => ({ Bucket: bucket, Key: key });

function toCondition(condition: WriteCondition) {
  if (condition === undefined) return {};
  return 'ifNone' in condition ? { IfNoneMatch: '*' } : { IfMatch: unquoted(condition.ifMatch) };
}

/**
 * Amazon S3 takes an ETag with and without its quotes (its own guide to conditional writes has one without);
 * radosgw and DigitalOcean's Spaces hold a quoted one for another than the object's.
 */
const unquoted = (etag: string): string => etag.replace(/^"(.*)"$/, '$1');

const quoted = (etag: string): string => `"${unquoted(etag)}"`;

function afterRefusal(error: unknown, at: ObjectAddress, condition: WriteCondition): Written {
  if (isLost(error, condition)) return 'condition-failed';
  throw objectErrorOf(error, at, 's3:PutObject');
}

/** The race for the object was lost: 412, or 409 while others write, or what was to be replaced is gone. */
function isLost(error: unknown, condition: WriteCondition): boolean {
  if (condition === undefined) return false;
  const status = statusOf(error);
  if (status === 412 || status === 409) return true;
  return status === 404 && 'ifMatch' in condition && codeOf(error) !== 'NoSuchBucket';
}

function toFacts(output: HeadObjectCommandOutput | GetObjectCommandOutput, storeNowMs: number): ObjectFacts {
  const { ContentLength, ETag, LastModified, Metadata, VersionId } = output;
  return {
    etag: quoted(ETag ?? ''),
    bytes: ContentLength ?? 0,
    versionId: VersionId,
    modifiedAtMs: LastModified?.getTime() ?? storeNowMs,
    storeNowMs,
    metadata: Metadata ?? {},
  };
}

/** Reads the store's own clock off its answers. */
function storeClock() {
  let storeNowMs = Date.now();
  return {
    storeNowMs: () => storeNowMs,
    watch:
      <Args, Result extends { response: unknown }>(next: (args: Args) => Promise<Result>) =>
      async (args: Args): Promise<Result> => {
        const result = await next(args);
        const { headers } = result.response as { headers?: Record<string, string> };
        const date = Date.parse(headers?.date ?? '');
        if (!Number.isNaN(date)) storeNowMs = date;
        return result;
      },
  };
}

/** A signal that aborts with the other one, and from `startIn` on by itself in a while. */
function endingWith(other: AbortSignal | undefined) {
  const controller = new AbortController();
  const abort = () => controller.abort(other?.reason);
  other?.addEventListener('abort', abort, { once: true });
  if (other?.aborted === true) abort();
  let timer: NodeJS.Timeout | undefined;
  return {
    signal: controller.signal,
    startIn(ms: number): void {
      timer = setTimeout(() => controller.abort(), ms);
    },
    forget(): void {
      clearTimeout(timer);
      other?.removeEventListener('abort', abort);
    },
  };
}

/** Keeps what went wrong in the making of the chunks apart from what goes wrong with S3. */
function remembering(chunks: AsyncIterable<string | Uint8Array>) {
  let failure: { readonly error: unknown } | undefined;
  async function* noted(): AsyncIterable<string | Uint8Array> {
    try {
      yield* chunks;
    } catch (error) {
      failure = { error };
      throw error;
    }
  }
  return {
    chunks: noted(),
    rethrow(): void {
      if (failure !== undefined) throw failure.error;
    },
  };
}

const NEVER = new AbortController().signal;

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
