import type { S3Client } from '@aws-sdk/client-s3';
import type { ObjectStorage } from './object-storage.js';
import type { Settings } from './options.js';
import type { World } from './world.js';

/** A world whose object store is connected once, for the source and the job alike, and only when one is asked for. */
export interface SharedObjects {
  readonly world: World;
  close(): Promise<void>;
}

export function shareObjects(
  world: World,
  settings: Pick<Settings, 'region' | 'profile' | 'sseKmsKeyId'>,
  own: S3Client | undefined,
): SharedObjects {
  let connected: Promise<ObjectStorage> | undefined;
  return {
    world: {
      ...world,
      objects: () => {
        connected ??= world.objects(settings, own);
        return connected;
      },
    },
    async close() {
      (await connected?.catch(() => undefined))?.close();
    },
  };
}
