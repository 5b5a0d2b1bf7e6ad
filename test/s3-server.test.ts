import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type S3ServerOptions, startS3 } from './support/s3-server.js';

const MIB = 1024 * 1024;

async function start(options: S3ServerOptions = {}, versions?: 'versioned') {
  const server = await startS3(options);
  server.createBucket('bucket', versions);
  const clientOf = (credentials: { accessKeyId: string; secretAccessKey: string }) => {
    const { url: endpoint } = server;
    const client = new S3Client({
      endpoint,
      credentials,
      region: 'eu-west-1',
      forcePathStyle: true,
      maxAttempts: 1,
    });
    onTestFinished(() => client.destroy());
    return client;
  };
  onTestFinished(() => server.close());
  return { server, clientOf, client: clientOf(server.credentials) };
}

/** The status and the code of the error that comes, or the word `none`. */
const refusal = (sent: Promise<unknown>): Promise<string> =>
  sent.then(
    () => 'none',
    (error: unknown) =>
      error instanceof S3ServiceException ? `${error.$metadata.httpStatusCode} ${error.name}` : String(error),
  );

const at = (Key: string) => ({ Bucket: 'bucket', Key });

interface Changeable {
  headers: Record<string, string>;
  body: unknown;
}

/** Puts an object, and changes the request before (`build`) or after (`finalizeRequest`) it is signed. */
async function tampered(
  client: S3Client,
  step: 'build' | 'finalizeRequest',
  change: (request: Changeable) => void,
): Promise<string> {
  const command = new PutObjectCommand({ ...at('tampered'), Body: 'hello' });
  if (step === 'build') {
    command.middlewareStack.add(
      (next) => (args) => {
        change(args.request as Changeable);
        return next(args);
      },
      { step, priority: 'low' },
    );
  } else {
    command.middlewareStack.add(
      (next) => (args) => {
        change(args.request as Changeable);
        return next(args);
      },
      { step, priority: 'low' },
    );
  }
  return refusal(client.send(command));
}

describe('the S3 in memory: objects', () => {
  it('gives back what was put, with its metadata and its ETag', async () => {
    const { server, client } = await start();
    const put = await client.send(
      new PutObjectCommand({ ...at("a/ü&<'(1)>+ .csv"), Body: 'hello', Metadata: { owner: 'us' } }),
    );
    expect(put.ETag).toBe('"5d41402abc4b2a76b9719d911017c592"');
    const got = await client.send(new GetObjectCommand(at("a/ü&<'(1)>+ .csv")));
    expect(await got.Body?.transformToString()).toBe('hello');
    expect(got).toMatchObject({ ETag: put.ETag, Metadata: { owner: 'us' }, ContentLength: 5 });
    const head = await client.send(new HeadObjectCommand(at("a/ü&<'(1)>+ .csv")));
    expect(head).toMatchObject({ ETag: put.ETag, Metadata: { owner: 'us' }, ContentLength: 5 });
    expect(server.object('bucket', "a/ü&<'(1)>+ .csv")?.body.toString()).toBe('hello');
  });

  it('takes a stream in chunks with a checksum behind them', async () => {
    const { server, client } = await start();
    const Body = Readable.from([Buffer.from('hel'), Buffer.from('lo')]);
    await client.send(new PutObjectCommand({ ...at('streamed'), Body, ContentLength: 5 }));
    expect(server.object('bucket', 'streamed')?.body.toString()).toBe('hello');
  });

  it('gives ranges, and refuses one behind the end', async () => {
    const { server, client } = await start();
    server.put('bucket', 'k', '0123456789');
    const read = async (Range: string) => {
      const { Body, ContentRange } = await client.send(new GetObjectCommand({ ...at('k'), Range }));
      return [await Body?.transformToString(), ContentRange];
    };
    expect(await read('bytes=2-4')).toEqual(['234', 'bytes 2-4/10']);
    expect(await read('bytes=8-')).toEqual(['89', 'bytes 8-9/10']);
    expect(await read('bytes=-3')).toEqual(['789', 'bytes 7-9/10']);
    expect(await read('bytes=8-99')).toEqual(['89', 'bytes 8-9/10']);
    expect(await refusal(read('bytes=10-12'))).toBe('416 InvalidRange');
  });

  it('keeps versions where it is told to', async () => {
    const { server, client } = await start({}, 'versioned');
    const first = await client.send(new PutObjectCommand({ ...at('k'), Body: 'one' }));
    await client.send(new PutObjectCommand({ ...at('k'), Body: 'two' }));
    const { VersionId } = first;
    const old = await client.send(new GetObjectCommand({ ...at('k'), VersionId }));
    expect(await old.Body?.transformToString()).toBe('one');
    await client.send(new DeleteObjectCommand(at('k')));
    expect(server.keys('bucket')).toEqual([]);
    expect(await refusal(client.send(new GetObjectCommand(at('k'))))).toBe('404 NoSuchKey');
    expect(await refusal(client.send(new GetObjectCommand({ ...at('k'), VersionId })))).toBe('none');
  });

  it('lists by prefix and page by page, in the order of the bytes', async () => {
    const { server, client } = await start({ keysPerPage: 2 });
    for (const key of ['b', 'a/1', 'a/&', 'a/é', 'a/Z']) server.put('bucket', key, key);
    const pages: (string | undefined)[][] = [];
    let token: string | undefined;
    do {
      const page = await client.send(
        new ListObjectsV2Command({ Bucket: 'bucket', Prefix: 'a/', ContinuationToken: token }),
      );
      pages.push((page.Contents ?? []).map(({ Key }) => Key));
      token = page.NextContinuationToken;
    } while (token !== undefined);
    expect(pages).toEqual([
      ['a/&', 'a/1'],
      ['a/Z', 'a/é'],
    ]);
  });

  it('deletes one and many, and does not mind what is not there', async () => {
    const { server, client } = await start();
    for (const key of ['1', '2', '3']) server.put('bucket', key, key);
    await client.send(new DeleteObjectCommand(at('1')));
    await client.send(new DeleteObjectCommand(at('1')));
    await client.send(
      new DeleteObjectsCommand({ Bucket: 'bucket', Delete: { Objects: [{ Key: '2' }, { Key: 'gone' }] } }),
    );
    expect(server.keys('bucket')).toEqual(['3']);
  });

  it('keeps and gives back what a key of KMS was asked for', async () => {
    const { server, client } = await start();
    const encryption = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'alias/k' } as const;
    const put = await client.send(new PutObjectCommand({ ...at('k'), Body: 'x', ...encryption }));
    expect(put).toMatchObject(encryption);
    expect(server.object('bucket', 'k')?.headers).toMatchObject({
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': 'alias/k',
    });
  });
});

describe('the S3 in memory: conditions', () => {
  it('creates only what is not there, and replaces only what it was', async () => {
    const { server, client } = await start();
    const put = (Body: string, condition: { IfNoneMatch?: string; IfMatch?: string }) =>
      client.send(new PutObjectCommand({ ...at('k'), Body, ...condition }));
    expect(await refusal(put('early', { IfMatch: '"0"' }))).toBe('404 NoSuchKey');
    const { ETag = '' } = await put('one', { IfNoneMatch: '*' });
    expect(await refusal(put('two', { IfNoneMatch: '*' }))).toBe('412 PreconditionFailed');
    expect(await refusal(put('two', { IfMatch: '"0"' }))).toBe('412 PreconditionFailed');
    expect(server.object('bucket', 'k')?.body.toString()).toBe('one');
    await put('two', { IfMatch: ETag });
    await put('three', { IfMatch: server.object('bucket', 'k')?.etag.replaceAll('"', '') ?? '' });
    expect(server.object('bucket', 'k')?.body.toString()).toBe('three');
    expect(server.requests().at(-1)).toMatchObject({ operation: 'PutObject', status: 200, code: undefined });
    expect(server.requests()[0]).toMatchObject({ conditions: { 'if-match': '"0"' }, code: 'NoSuchKey' });
  });

  it('lets one of twenty racers win', async () => {
    const { client } = await start();
    const put = (Body: string) => client.send(new PutObjectCommand({ ...at('k'), Body, IfNoneMatch: '*' }));
    const all = await Promise.all(Array.from({ length: 20 }, (_, racer) => refusal(put(`${racer}`))));
    expect(all.filter((each) => each === 'none')).toHaveLength(1);
    expect(all.filter((each) => each === '412 PreconditionFailed')).toHaveLength(19);
  });

  it('pins a reading', async () => {
    const { server, client } = await start();
    const { etag } = server.put('bucket', 'k', 'one');
    const get = () => client.send(new GetObjectCommand({ ...at('k'), IfMatch: etag }));
    expect(await refusal(get())).toBe('none');
    server.put('bucket', 'k', 'two');
    expect(await refusal(get())).toBe('412 PreconditionFailed');
    const head = client.send(new HeadObjectCommand({ ...at('k'), IfMatch: etag }));
    expect(await refusal(head)).toMatch(/^412 /);
  });
});

describe('the S3 in memory: uploads in parts', () => {
  const upload = (client: S3Client, Body: Buffer, more: { IfNoneMatch?: string } = {}) =>
    new Upload({ client, params: { ...at('k'), Body, ...more } }).done();

  it('puts the parts together when the last is named, under a condition', async () => {
    const { server, client } = await start();
    const body = Buffer.alloc(11 * MIB, 'abc');
    const { ETag } = await upload(client, body, { IfNoneMatch: '*' });
    expect(server.object('bucket', 'k')?.body.equals(body)).toBe(true);
    expect(ETag).toMatch(/^"[0-9a-f]{32}-3"$/);
    expect(await refusal(upload(client, body, { IfNoneMatch: '*' }))).toBe('412 PreconditionFailed');
    expect(server.unfinishedUploads('bucket')).toBe(0);
  });

  it('refuses small parts but for the last, unknown uploads and parts, and a wrong order', async () => {
    const { server, client } = await start();
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(at('k')));
    const { UploadPartCommand, CompleteMultipartUploadCommand } = await import('@aws-sdk/client-s3');
    const part = async (PartNumber: number, Body: Buffer) => {
      const { ETag } = await client.send(new UploadPartCommand({ ...at('k'), UploadId, PartNumber, Body }));
      return { ETag, PartNumber };
    };
    const complete = (...Parts: Awaited<ReturnType<typeof part>>[]) =>
      refusal(
        client.send(new CompleteMultipartUploadCommand({ ...at('k'), UploadId, MultipartUpload: { Parts } })),
      );
    const [small, large] = [await part(1, Buffer.from('a')), await part(2, Buffer.alloc(5 * MIB))];
    expect(await complete(small, large)).toBe('400 EntityTooSmall');
    expect(await complete({ ...large, ETag: '"0"' })).toBe('400 InvalidPart');
    expect(await complete(large, small)).toBe('400 InvalidPartOrder');
    expect(server.unfinishedUploads('bucket')).toBe(1);
    await client.send(new AbortMultipartUploadCommand({ ...at('k'), UploadId }));
    expect(server.unfinishedUploads('bucket')).toBe(0);
    expect(await complete(large)).toBe('404 NoSuchUpload');
    expect(server.object('bucket', 'k')).toBeUndefined();
  });
});

describe('the S3 in memory: what it refuses', () => {
  it('keys it does not know, and signatures that are not right', async () => {
    const { clientOf, server, client } = await start();
    const { accessKeyId, secretAccessKey } = server.credentials;
    const put = (other: S3Client) =>
      refusal(other.send(new PutObjectCommand({ ...at('k'), Body: 'x', IfNoneMatch: '*' })));
    expect(await put(clientOf({ accessKeyId: 'AKIASOMEBODYELSE0000', secretAccessKey }))).toBe(
      '403 InvalidAccessKeyId',
    );
    expect(await put(clientOf({ accessKeyId, secretAccessKey: 'guessed' }))).toBe(
      '403 SignatureDoesNotMatch',
    );
    expect((await fetch(`${server.url}/bucket/k`)).status).toBe(403);
    expect(
      await tampered(client, 'finalizeRequest', ({ headers }) => {
        headers['x-amz-meta-a'] = 'b';
      }),
    ).toBe('403 SignatureDoesNotMatch');
    expect(server.keys('bucket')).toEqual([]);
  });

  it('a body that is not the one that was announced', async () => {
    const { client, server } = await start();
    expect(
      await tampered(client, 'build', ({ headers }) => {
        headers['x-amz-checksum-crc32'] = 'AAAAAA==';
      }),
    ).toBe('400 BadDigest');
    expect(
      await tampered(client, 'finalizeRequest', (request) => {
        request.body = Buffer.from('hullo');
      }),
    ).toBe('400 XAmzContentSHA256Mismatch');
    expect(server.keys('bucket')).toEqual([]);
  });

  it('a bucket that is not there, what it does not know, and a Region that is not its own', async () => {
    const { client } = await start();
    expect(await refusal(client.send(new HeadObjectCommand(at('nothing'))))).toBe('404 NotFound');
    expect(await refusal(client.send(new GetObjectCommand({ Bucket: 'other', Key: 'k' })))).toBe(
      '404 NoSuchBucket',
    );
    const { GetObjectAclCommand } = await import('@aws-sdk/client-s3');
    expect(await refusal(client.send(new GetObjectAclCommand(at('k'))))).toMatch(/^501 /);
    expect(await refusal(client.send(new CreateBucketCommand({ Bucket: 'other' })))).toBe('none');

    const elsewhere = await start({ region: 'ap-south-1' });
    expect(await refusal(elsewhere.client.send(new GetObjectCommand(at('k'))))).toBe('301 PermanentRedirect');
  });

  it('what a test denies', async () => {
    const { client, server } = await start({
      deny: (operation, key) =>
        operation === 'PutObject' && key === 'k' ? 'ConditionalRequestConflict' : undefined,
    });
    const put = (key: string) => refusal(client.send(new PutObjectCommand({ ...at(key), Body: 'x' })));
    expect(await put('k')).toBe('409 ConditionalRequestConflict');
    expect(await put('other')).toBe('none');
    expect(server.keys('bucket')).toEqual(['other']);
  });
});
