import type { S3Client } from '@aws-sdk/client-s3';
import type { ObjectStorage } from './object-storage.js';
import type { Settings } from './options.js';

/** Amazon S3, and whatever speaks like it. */
export async function connectS3(
  _settings: Pick<Settings, 'region' | 'profile'>,
  _own: S3Client | undefined,
): Promise<ObjectStorage> {
  throw new Error('not written yet');
}
