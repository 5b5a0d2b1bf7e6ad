import { createHash } from 'node:crypto';
import { basename, join, resolve } from 'node:path';
import { messageOf, StopError } from './errors.js';
import { type FileSystem, readChunks } from './file-system.js';
import { isJob, storeWorld } from './job.js';
import type { Notice } from './notice.js';
import {
  formatObjectAddress,
  type ObjectAddress,
  ObjectError,
  type ObjectStorage,
  parseObjectAddress,
} from './object-storage.js';
import { type RunOptions, type Settings, toSettings } from './options.js';
import { summaryWithoutJob } from './record.js';
import { type RunCallbacks, run } from './run.js';
import { shareObjects } from './shared-objects.js';
import { theWorld, type World } from './world.js';
import { isSameMetadata, parseCheckpoint } from './write/checkpoint.js';
import { CHECKPOINT_FILE } from './write/job-files.js';
import { openStore } from './write/store.js';
import type { Summary } from './write/summary.js';

/** What came of one source of an inbox. */
export interface InboxEntry {
  readonly source: string;
  readonly job: string;
  /** How its run ended, where it came to an end of its own. */
  readonly summary?: Summary;
  /** Why it could not begin, or had to stop. */
  readonly error?: StopError;
}

/** True where a source is a place for sources: `s3://bucket/prefix/`, or a folder. */
export async function isInbox(source: string, { files }: Pick<World, 'files'> = theWorld): Promise<boolean> {
  const address = parseObjectAddress(source);
  if (address !== undefined) return address.key === '' || address.key.endsWith('/');
  const found = source === '-' ? undefined : await files.stat(source).catch(() => undefined);
  return found?.isDirectory() ?? false;
}

/**
 * Runs each source in an inbox in turn, in the order of their names, each with a job of its own below `job`,
 * named after the source and its content: what is finished is passed over, and a source that has been replaced
 * is a new one. Names that begin with `.` or `_` are left alone, and so is what lies where the jobs are.
 *
 * A source that cannot be used, or whose job another run holds, is told and the next one taken. What would stop the
 * next one as well ends it: an interruption, the limits of this run (`limit` and `maxDuration` count for all of
 * them together), credentials, permission, the pool, the connection.
 *
 * Throws a TypeError for a wrong option, a StopError where the inbox cannot be read.
 */
export async function* runInbox(
  options: RunOptions,
  callbacks: RunCallbacks = {},
  world: World = theWorld,
): AsyncIterable<InboxEntry> {
  const settings = toSettings(options);
  const jobs = settings.job ?? defaultJobs(settings.source);
  const shared = shareObjects(world, settings, options.s3);
  const tell = (notice: Notice): void => callbacks.onNotice?.(notice);
  const budget = createBudget(settings, world);
  let passedOver = 0;
  try {
    const entries = await entriesOf(settings, jobs, shared.world);
    for (const [index, { job, source }] of entries.entries()) {
      if (options.signal?.aborted || options.abortSignal?.aborted) return;
      if (await isFinished(job, settings, shared.world)) {
        passedOver++;
        continue;
      }
      const spent = budget.spentBy();
      if (spent !== undefined) {
        const now = world.clock.date();
        yield { source, job, summary: summaryWithoutJob({ ...settings, source, job }, spent, now, now) };
        return;
      }
      const announced = announcing(callbacks, () =>
        tell({
          level: 'info',
          code: 'next-source',
          message: `${source} (${index + 1} of ${entries.length}), job ${job}`,
        }),
      );
      const entry = await runOne(
        { ...options, ...budget.left(), source, job },
        budget.counting(announced),
        world,
      );
      if (entry.summary?.nothingToDo) {
        passedOver++;
        continue;
      }
      yield entry;
      if (endsInbox(entry)) return;
    }
    // Whoever ends a name with a slash means an inbox, and that may be empty.
    if (entries.length === 0 && !settings.source.endsWith('/')) {
      throw new StopError(
        'SOURCE_UNREADABLE',
        `${settings.source} is a folder with no file in it: name a file, or ${settings.source}/ for an inbox that may be empty`,
      );
    }
    if (passedOver > 0 || entries.length === 0) {
      const message =
        entries.length === 0
          ? `${settings.source} is empty: there is nothing to do`
          : `${passedOver} of ${entries.length} sources in ${settings.source} are finished already`;
      tell({ level: 'info', code: 'nothing-to-do', message });
    }
  } finally {
    await shared.close();
  }
}

async function runOne(
  options: RunOptions & { readonly job: string },
  callbacks: RunCallbacks,
  world: World,
): Promise<InboxEntry> {
  const { job, source } = options;
  try {
    return { source, job, summary: await run(options, callbacks, world) };
  } catch (error) {
    if (!(error instanceof StopError)) throw error;
    return { source, job, error, ...(error.summary === undefined ? {} : { summary: error.summary }) };
  }
}

/**
 * By a look at the checkpoint alone: an inbox may hold thousands that are finished. What is about another pool, or
 * cannot be read, is for the run to refuse.
 */
async function isFinished(
  job: string,
  settings: Settings,
  world: Pick<World, 'files' | 'objects'>,
): Promise<boolean> {
  if (settings.fresh || settings.retryFailed) return false;
  try {
    const store = await openStore(job, storeWorld(settings, world));
    const text = await store.read(CHECKPOINT_FILE);
    if (text === undefined) return false;
    const { job: facts, state } = parseCheckpoint(text, store.nameOf(CHECKPOINT_FILE));
    const isTheSame =
      facts.userPoolId === settings.userPoolId &&
      facts.rehearsal === settings.rehearse &&
      isSameMetadata(facts.metadata, settings.metadata);
    return state === 'finished' && isTheSame;
  } catch (error) {
    if (error instanceof StopError) return false;
    throw error;
  }
}

/** Announces a source before its first notice, and says nothing of one that is finished already. */
function announcing(callbacks: RunCallbacks, announce: () => void): RunCallbacks {
  let announced = false;
  return {
    ...callbacks,
    onNotice(notice) {
      if (notice.code === 'nothing-to-do') return;
      if (!announced) announce();
      announced = true;
      callbacks.onNotice?.(notice);
    },
  };
}

/** Whether what ended one source would end the next one too. */
function endsInbox({ error, summary }: InboxEntry): boolean {
  switch (error?.code) {
    case 'ACCESS_DENIED':
    case 'CREDENTIALS':
    case 'POOL_NOT_FOUND':
    case 'POOL_NOT_OPERABLE':
    case 'NO_CONNECTION':
    case 'JOB_UNWRITABLE':
      return true;
    default:
      return (
        summary?.ending === 'interrupted' || summary?.ending === 'limit' || summary?.ending === 'max-duration'
      );
  }
}

/** What the limits of the run leave for the sources to come. */
function createBudget({ limit, maxDurationMs }: Settings, { clock }: World) {
  const startedMs = clock.now();
  let rows = 0;
  return {
    left: (): Pick<RunOptions, 'limit' | 'maxDuration'> => ({
      ...(limit === undefined ? {} : { limit: limit - rows }),
      ...(maxDurationMs === undefined ? {} : { maxDuration: maxDurationMs - (clock.now() - startedMs) }),
    }),
    spentBy(): 'limit' | 'max-duration' | undefined {
      if (limit !== undefined && rows >= limit) return 'limit';
      return maxDurationMs !== undefined && clock.now() - startedMs >= maxDurationMs
        ? 'max-duration'
        : undefined;
    },
    counting: (callbacks: RunCallbacks): RunCallbacks => ({
      ...callbacks,
      onOutcome(outcome) {
        rows++;
        callbacks.onOutcome?.(outcome);
      },
    }),
  };
}

async function entriesOf(
  settings: Settings,
  jobs: string,
  world: World,
): Promise<{ source: string; job: string }[]> {
  const base = jobs.endsWith('/') ? jobs : `${jobs}/`;
  const address = parseObjectAddress(settings.source);
  const found =
    address === undefined
      ? await filesIn(settings.source, world)
      : await objectsIn(address, base, await world.objects(settings, undefined));
  return found.map(({ content, name, source }) => ({ source, job: `${base}${name}-${content}/` }));
}

interface Found {
  readonly source: string;
  /** Below the inbox. */
  readonly name: string;
  /** Tells one content from another. */
  readonly content: string;
}

async function objectsIn(inbox: ObjectAddress, base: string, objects: ObjectStorage): Promise<Found[]> {
  try {
    const found: Found[] = [];
    for await (const { etag, key } of objects.list(inbox)) {
      const source = formatObjectAddress({ ...inbox, key });
      const name = key.slice(inbox.key.length);
      if (isJob([name])) throw notAnInbox(formatObjectAddress(inbox));
      // The jobs may lie in the inbox itself.
      if (isSource(name) && !source.startsWith(base)) {
        found.push({ source, name, content: etag.replaceAll('"', '') });
      }
    }
    return found;
  } catch (error) {
    throw error instanceof ObjectError ? unreadable(inbox, error) : error;
  }
}

function unreadable(inbox: ObjectAddress, { kind, message, permission }: ObjectError): StopError {
  const name = formatObjectAddress(inbox);
  switch (kind) {
    case 'denied':
      return new StopError('ACCESS_DENIED', `${name} cannot be listed (${message}): allow ${permission}`);
    case 'credentials':
      return new StopError('CREDENTIALS', `${name} cannot be listed (${message}): renew the credentials`);
    case 'unreachable':
      return new StopError('NO_CONNECTION', `${name} cannot be listed (${message}): check the network`);
    case 'missing':
    case 'no-bucket':
    case 'changed':
      return new StopError('SOURCE_NOT_FOUND', `${name} cannot be listed: ${message}`);
  }
}

async function filesIn(folder: string, { files }: World): Promise<Found[]> {
  const names = await files.readdir(folder).catch((error: unknown) => {
    throw new StopError('SOURCE_UNREADABLE', `${folder} cannot be read: ${messageOf(error)}`);
  });
  if (isJob(names)) throw notAnInbox(folder);
  const found: Found[] = [];
  for (const name of names.filter(isSource).sort()) {
    const source = join(folder, name);
    if ((await files.stat(source)).isFile())
      found.push({ source, name, content: await contentOf(source, files) });
  }
  return found;
}

/** Its report would pass for a source. */
const notAnInbox = (name: string): StopError =>
  new StopError(
    'SOURCE_UNREADABLE',
    `${name} is a job, not a folder of sources: name the source it was run with, or ask for its status`,
  );

/** What others put beside their files: `.DS_Store`, `_SUCCESS`; and what S3's console calls folders. */
const isSource = (name: string): boolean => name !== '' && !name.endsWith('/') && !/(^|\/)[._]/.test(name);

/** The beginning of its SHA-256. */
async function contentOf(path: string, files: FileSystem): Promise<string> {
  const hash = createHash('sha256');
  const file = await files.open(path, 'r');
  try {
    for await (const chunk of readChunks(file, 0)) hash.update(chunk);
  } finally {
    await file.close();
  }
  return hash.digest('hex').slice(0, 16);
}

/** Where the jobs of an inbox live when nobody says: `./incoming.jobs/`. */
function defaultJobs(inbox: string): string {
  const address = parseObjectAddress(inbox);
  const name =
    address === undefined ? basename(resolve(inbox)) : basename(`${address.bucket}/${address.key}`);
  return `./${name}.jobs/`;
}
