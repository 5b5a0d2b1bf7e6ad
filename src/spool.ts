import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { StopError } from './errors.js';
import { type FileSystem, systemFiles } from './file-system.js';
import type { Notice } from './notice.js';
import type { Settings } from './options.js';
import { isOneWay, openSource, type Source } from './read/source.js';
import { untilAborted } from './until-aborted.js';
import { folderStore, type JobStore } from './write/store.js';

/** What `-` is spooled into, so that it can be read again. */
export const SPOOL_FILE = 'source.csv';

/** Standard input can be read once only, so the job keeps a copy; a run that resumes reads the copy. */
export async function spooled(
  store: JobStore,
  { source }: Settings,
  input: Readable | undefined,
  tell: (notice: Notice) => void,
  files: FileSystem,
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
    return openSource(path, name, files).catch(async (error) => {
      await store.remove(SPOOL_FILE);
      throw error;
    });
  }
  const kept = await openSource(path, name, files);
  try {
    if ((await store.size(incoming)) > 0) {
      const again = await openSource(store.nameOf(incoming), name, files);
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
    const [was, is] = [await kept.identity(), await again.identity()];
    if (was.sha256 === is.sha256) return;
    throw new StopError(
      'JOB_MISMATCH',
      `${job} is another job: its standard input was ${was.bytes} bytes of other content than the ${is.bytes} bytes now; name another --job, or start over with --fresh`,
    );
  } finally {
    await again.close();
  }
}

/** Runs `work` on the source without a job: what can be read only once is copied aside for the while. */
export async function withSource<T>(
  settings: Settings,
  input: Readable | undefined,
  signal: AbortSignal,
  work: (source: Source) => Promise<T>,
): Promise<T> {
  const oneWay = settings.source === '-' || (await isOneWay(settings.source));
  const folder = oneWay ? await mkdtemp(join(tmpdir(), 'cognito-bulk-confirm-')) : undefined;
  try {
    const source =
      folder === undefined
        ? await openSource(settings.source)
        : await spooled(folderStore(folder), settings, input, () => {}, systemFiles, signal);
    try {
      return await work(source);
    } finally {
      await source.close();
    }
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}
