import type { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { type Clock, systemClock } from './clock.js';
import { connect, connectToRehearsal, type Service } from './connect.js';
import { type FileSystem, systemFiles } from './file-system.js';
import type { Settings } from './options.js';
import { type Processes, systemProcesses } from './write/hold.js';

/** All that a run needs of the world outside, in one place, so that a simulation can stand in for it. */
export interface World {
  readonly clock: Clock;
  /** Numbers from 0 to 1. */
  readonly random: () => number;
  readonly files: FileSystem;
  readonly processes: Processes;
  connect(settings: Settings, own: CognitoIdentityProviderClient | undefined): Promise<Service>;
}

export const theWorld: World = {
  clock: systemClock,
  random: Math.random,
  files: systemFiles,
  processes: systemProcesses,
  connect: (settings, own) => (settings.rehearse ? connectToRehearsal(settings) : connect(settings, own)),
};
