import { isObjectAddress, parseObjectAddress } from './object-storage.js';
import { OptionError, type Settings } from './options.js';
import { isOneWayFile } from './read/file-bytes.js';
import { openObjectSource, openSource, type Source } from './read/source.js';
import type { World } from './world.js';

/** What a source is opened with. */
export interface SourcePlaces {
  readonly settings: Pick<Settings, 'region' | 'profile'>;
  /** Its object store is connected when an address asks for it. */
  readonly world: Pick<World, 'files' | 'objects'>;
}

/** True for what can be read only once, and from its start: standard input, a pipe, a process substitution. */
export async function isOneWay(source: string, { files }: Pick<World, 'files'>): Promise<boolean> {
  if (isObjectAddress(source)) return false;
  return source === '-' || isOneWayFile(source, files);
}

/**
 * Opens the source at a path or an address. `name` is what messages call it, where that is not its place. Throws
 * the signal's reason when it aborts.
 */
export async function openNamedSource(
  place: string,
  { settings, world }: SourcePlaces,
  signal: AbortSignal,
  name: string = place,
): Promise<Source> {
  if (!isObjectAddress(place)) return openSource(place, name, world.files);
  const at = parseObjectAddress(place);
  if (at === undefined) throw new OptionError('source', 'an address such as `s3://bucket/key.csv`');
  return openObjectSource(at, name, await world.objects(settings, undefined), signal);
}
