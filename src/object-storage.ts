/** Where an object lies; with an empty key or one that ends in `/`, where objects lie. */
export interface ObjectAddress {
  readonly bucket: string;
  readonly key: string;
}

const ADDRESS = /^s3:\/\/([^/]+)(?:\/(.*))?$/s;

/** True for what is meant to be an address in an object store, well formed or not. */
export const isObjectAddress = (text: string): boolean => /^s3:/i.test(text);

/** Reads `s3://bucket/key`; undefined where the text is no such address. */
export function parseObjectAddress(text: string): ObjectAddress | undefined {
  const [, bucket, key = ''] = ADDRESS.exec(text) ?? [];
  return bucket === undefined ? undefined : { bucket, key };
}

export const formatObjectAddress = ({ bucket, key }: ObjectAddress): string => `s3://${bucket}/${key}`;

/** What the store says of an object. */
export interface ObjectFacts {
  /** With its quotes, as the store gives it. */
  readonly etag: string;
  readonly bytes: number;
  /** Where the bucket keeps versions. */
  readonly versionId: string | undefined;
  /** By the store's own clock; whole seconds. */
  readonly modifiedAtMs: number;
  /** The store's own clock when it answered, in milliseconds; whole seconds. */
  readonly storeNowMs: number;
  /** User metadata, its names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface StoredObject extends ObjectFacts {
  readonly body: Buffer;
}

/** A write takes place only where this holds. */
export type WriteCondition =
  /** There is no object of that name. */
  | { readonly ifNone: true }
  /** The object still is the one of this ETag. */
  | { readonly ifMatch: string }
  | undefined;

export interface WriteOptions {
  readonly condition?: WriteCondition;
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What came of a write: its ETag, or that the condition did not hold (412, 409, for `ifMatch` 404 as well). */
export type Written = { readonly etag: string } | 'condition-failed';

export interface ListedObject {
  readonly key: string;
  readonly etag: string;
  readonly bytes: number;
}

/**
 * What the program asks of an object store: a part of S3. Each request is tried again on its own where it is
 * worth it, within `signal`; what cannot be mended is thrown as an ObjectError, and an abort as the signal's
 * reason. A write whose reply was lost may come back as `condition-failed` against itself: who writes puts
 * something of his own into the body or the metadata and reads it back.
 */
export interface ObjectStorage {
  /** Undefined where there is no such object. */
  head(at: ObjectAddress, signal?: AbortSignal): Promise<ObjectFacts | undefined>;
  /** The whole of a small object; undefined where there is none. */
  get(at: ObjectAddress, signal?: AbortSignal): Promise<StoredObject | undefined>;
  /**
   * The bytes from `start` up to `end` (not included), held in memory. Throws an ObjectError `changed` where
   * the object is not the one of `etag` any more, `missing` where there is none.
   */
  getRange(
    at: ObjectAddress,
    range: {
      readonly start: number;
      readonly end: number;
      readonly etag: string;
      readonly versionId?: string | undefined;
    },
    signal?: AbortSignal,
  ): Promise<Buffer>;
  /** Writes an object whose content is small and in hand. */
  put(at: ObjectAddress, body: string | Uint8Array, options?: WriteOptions): Promise<Written>;
  /** Writes an object of any size as its content comes, in parts; nothing is there before the last part is. */
  upload(
    at: ObjectAddress,
    chunks: AsyncIterable<string | Uint8Array>,
    options?: WriteOptions,
  ): Promise<Written>;
  /** The objects whose keys begin with the address's key, in the order of their keys. */
  list(prefix: ObjectAddress, signal?: AbortSignal): AsyncIterable<ListedObject>;
  /** No error where there is none. */
  remove(at: ObjectAddress): Promise<void>;
  close(): void;
}

/**
 * - `missing`: no such object. - `no-bucket`: no such bucket.
 * - `denied`: `permission` says which one is missing, such as `s3:GetObject`.
 * - `credentials`: none, or not accepted. - `changed`: not the version that was asked for.
 * - `unreachable`: no answer that can be trusted, however often it was tried.
 */
export type ObjectErrorKind = 'missing' | 'no-bucket' | 'denied' | 'credentials' | 'changed' | 'unreachable';

/** What an object store refused. Its message is one line, and has the store's own words. */
export class ObjectError extends Error {
  override readonly name = 'ObjectError';
  readonly kind: ObjectErrorKind;
  /** The IAM action to look at, such as `s3:GetObject`. */
  readonly permission: string;

  constructor(kind: ObjectErrorKind, permission: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
    this.permission = permission;
  }
}
