import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { type FaultProxy, type ProxyFaultShares, startFaultProxy } from '../support/fault-proxy.js';
import { type S3Server, type S3ServerOptions, startS3 } from '../support/s3-server.js';
import type { Place } from './sandbox.js';

const BUCKET = 'bucket';

/** A bucket with `incoming/users.csv` and `jobs/users/`, seen past whatever goes wrong on the command's own way. */
export interface S3Place extends Place {
  /** In the order of a listing. */
  keys(): Promise<string[]>;
  /** Undefined where there is no such object. */
  text(key: string): Promise<string | undefined>;
  put(key: string, text: string): Promise<void>;
  close(): Promise<void>;
}

export interface S3Way {
  /** The way of the test, and the way of the command. */
  readonly directUrl: string;
  readonly url: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly requests?: () => number;
}

export async function createS3Place(way: S3Way): Promise<S3Place> {
  const client = new S3Client({
    endpoint: way.directUrl,
    region: 'us-east-1',
    credentials: way.credentials,
    forcePathStyle: true,
  });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));

  async function object(key: string) {
    try {
      const { Body, Metadata } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
      return { text: (await Body?.transformToString()) ?? '', metadata: Metadata ?? {} };
    } catch (error) {
      if (error instanceof NoSuchKey) return undefined;
      throw error;
    }
  }

  /** A page is enough: nothing here has a thousand objects. */
  async function keys(): Promise<string[]> {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET }));
    return Contents.flatMap(({ Key }) => (Key === undefined ? [] : [Key]));
  }

  async function put(key: string, text: string): Promise<void> {
    await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: text }));
  }

  return {
    source: `s3://${BUCKET}/incoming/users.csv`,
    job: `s3://${BUCKET}/jobs/users/`,
    options: ['--job', `s3://${BUCKET}/jobs/users/`, '--flush', '1s'],
    env: {
      AWS_ENDPOINT_URL_S3: way.url,
      AWS_ACCESS_KEY_ID: way.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: way.credentials.secretAccessKey,
    },
    writeSource: (text) => put('incoming/users.csv', text),
    /** A reading of its own: report.csv, then the parts that it does not have yet. */
    async report() {
      const base = await object('jobs/users/report.csv');
      const through = Number(base?.metadata['through-part'] ?? 0);
      let text = base?.text ?? '';
      for (const key of await keys()) {
        const number = Number(/^jobs\/users\/report\/(\d+)\.csv$/.exec(key)?.[1] ?? 0);
        if (number > through) text += (await object(key))?.text ?? '';
      }
      return text;
    },
    requests: () => way.requests?.() ?? 0,
    keys,
    text: async (key) => (await object(key))?.text,
    put,
    async close() {
      client.destroy();
    },
  };
}

export interface MemoryPlace extends S3Place {
  readonly server: S3Server;
  readonly proxy: FaultProxy;
}

/** A bucket in memory; the command reaches it by a way on which some requests go wrong. */
export async function createMemoryPlace(
  options: S3ServerOptions & { readonly seed?: number; readonly shares?: ProxyFaultShares } = {},
): Promise<MemoryPlace> {
  const server = await startS3(options);
  const proxy = await startFaultProxy(server.url, { seed: options.seed ?? 1, shares: options.shares ?? {} });
  const { credentials } = server;
  const requests = (): number => Object.values(proxy.counts()).reduce((sum, count) => sum + count, 0);
  const place = await createS3Place({ directUrl: server.url, url: proxy.url, credentials, requests });
  return {
    ...place,
    server,
    proxy,
    async close() {
      await place.close();
      await proxy.close();
      await server.close();
    },
  };
}
