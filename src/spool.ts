import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { StopError } from './errors.js';
import { isOneWay, openNamedSource, type SourcePlaces } from './named-source.js';
import type { Notice } from './notice.js';
import type { Source } from './read/source.js';
import { untilAborted } from './until-aborted.js';
import { folderStore, type JobStore } from './write/store.js';

/** What `-` is spooled into, so that it can be read again. */
export const SPOOL_FILE = 'source.csv';

/** Standard input can be read once only, so the job keeps a copy; a run that resumes reads the copy. */
export async function spooled(
  store: JobStore,
  source: string,
  input: Readable | undefined,
  tell: (notice: Notice) => void,
  places: SourcePlaces,
  signal: AbortSignal,
): Promise<Source> {
  const name = source === '-' ? 'standard input' : source;
  const path = store.nameOf(SPOOL_FILE);
  const hasSpool = (await store.list()).includes(SPOOL_FILE);
  const stream = source === '-' ? input : createReadStream(source);
  const chunks = stream && wholeOf(stream, signal);
  const incoming = hasSpool ? `${SPOOL_FILE}.again` : SPOOL_FILE;
  if (chunks === undefined && !hasSpool) {
    throw new StopError(
      'SOURCE_EMPTY',
      'nothing comes on standard input: pipe a CSV into it, or name a file',
    );
  }
  if (chunks !== undefined) await store.replace(incoming, chunks);
  if (!hasSpool) {
    tell({
      level: 'info',
      code: 'spooled',
      message: `${name} is kept in ${path}, to be able to resume`,
    });
    return openNamedSource(path, places, signal, name).catch(async (error) => {
      await store.remove(SPOOL_FILE);
      throw error;
    });
  }
  const kept = await openNamedSource(path, places, signal, name);
  try {
    if ((await store.size(incoming)) > 0) {
      const again = await openNamedSource(store.nameOf(incoming), places, signal, name);
      await refuseOtherInput(kept, again, store.name);
    }
    return kept;
  } catch (error) {
    await kept.close();
    throw error;
  } finally {
    await store.remove(incoming);
  }
}

/** Throws the signal's reason when it aborts: half an input is none. */
async function* wholeOf(stream: Readable, signal: AbortSignal): AsyncIterable<Uint8Array> {
  yield* untilAborted<Uint8Array>(stream, signal);
  signal.throwIfAborted();
}

async function refuseOtherInput(kept: Source, again: Source, job: string): Promise<void> {
  try {
    // By what is read, not by the identity: an object store that encrypts gives the same content another ETag.
    if ((await hashOf(kept)) === (await hashOf(again))) return;
    throw new StopError(
      'JOB_MISMATCH',
      `${job} is another job: its standard input was ${kept.bytes} bytes of other content than the ${again.bytes} bytes now; name another --job, or start over with --fresh`,
    );
  } finally {
    await again.close();
  }
}

async function hashOf(source: Source): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of source.read(0)) hash.update(chunk);
  return hash.digest('hex');
}

/** Runs `work` on the source without a job: what can be read only once is copied aside for the while. */
export async function withSource<T>(
  places: SourcePlaces,
  name: string,
  input: Readable | undefined,
  signal: AbortSignal,
  work: (source: Source) => Promise<T>,
): Promise<T> {
  const oneWay = await isOneWay(name, places.world);
  const folder = oneWay ? await mkdtemp(join(tmpdir(), 'cognito-bulk-confirm-')) : undefined;
  try {
    const source =
      folder === undefined
        ? await openNamedSource(name, places, signal)
        : await spooled(folderStore(folder), name, input, () => {}, places, signal);
    try {
      return await work(source);
    } finally {
      await source.close();
    }
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}
