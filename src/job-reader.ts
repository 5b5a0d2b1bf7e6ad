import type { RunOptions } from './options.js';
import { shareObjects } from './shared-objects.js';
import type { World } from './world.js';
import { type JobStore, openStore } from './write/store.js';

/** How to reach a job that lies on S3. */
export type JobOptions = Pick<RunOptions, 'region' | 'profile' | 's3'>;

/** A job to be looked at. */
export interface OpenJob {
  readonly store: JobStore;
  /** What the job's own copy of its source is opened with. */
  readonly world: World;
  close(): Promise<void>;
}

/** Opens a job that is only read: nothing is taken, nothing is written. */
export async function openForReading(
  job: string,
  { profile, region, s3 }: JobOptions,
  world: World,
): Promise<OpenJob> {
  const settings = { profile, region, sseKmsKeyId: undefined };
  const shared = shareObjects(world, settings, s3);
  const { files, objects } = shared.world;
  const store = await openStore(job, { files, objects: () => objects(settings, s3) });
  return { store, world: shared.world, close: shared.close };
}
