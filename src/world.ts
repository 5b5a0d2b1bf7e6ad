import type { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import type { S3Client } from '@aws-sdk/client-s3';
import { type Clock, systemClock } from './clock.js';
import { connect, connectToRehearsal, type Service } from './connect.js';
import { type FileSystem, systemFiles } from './file-system.js';
import type { ObjectStorage } from './object-storage.js';
import type { Settings } from './options.js';
import { type Processes, systemProcesses } from './write/hold.js';

/** All that a run needs of the world outside, in one place, so that a simulation can stand in for it. */
export interface World {
  readonly clock: Clock;
  /** Numbers from 0 to 1. */
  readonly random: () => number;
  readonly files: FileSystem;
  readonly processes: Processes;
  /** The object store, connected only when a source or a job lies there. */
  objects(settings: Pick<Settings, 'region' | 'profile'>, own: S3Client | undefined): Promise<ObjectStorage>;
  connect(settings: Settings, own: CognitoIdentityProviderClient | undefined): Promise<Service>;
}

export const theWorld: World = {
  clock: systemClock,
  random: Math.random,
  files: systemFiles,
  processes: systemProcesses,
  // Loaded when it is needed: the client takes a third of a second.
  objects: async (settings, own) => (await import('./s3.js')).connectS3(settings, own),
  connect: (settings, own) => (settings.rehearse ? connectToRehearsal(settings) : connect(settings, own)),
};
