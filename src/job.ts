import { createHash, type Hash } from 'node:crypto';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { StopError } from './errors.js';
import { counted, grouped } from './in-words.js';
import { type JobRows, loadRows, noRows, saveRows } from './job-rows.js';
import { isSameContent } from './layout.js';
import { isOneWay, openNamedSource } from './named-source.js';
import type { Notice } from './notice.js';
import type { Settings } from './options.js';
import { readCsv } from './read/csv.js';
import type { Source } from './read/source.js';
import { damageInWords } from './read/spreadsheet.js';
import { findLayout, type Survey, survey } from './read/survey.js';
import type { Position } from './row.js';
import { doubtAfterKill, replay } from './select/replay.js';
import { spooled } from './spool.js';
import type { World } from './world.js';
import {
  CHECKPOINT_VERSION,
  type Checkpoint,
  difference,
  formatCheckpoint,
  type JobFacts,
  parseCheckpoint,
  type RunRecord,
} from './write/checkpoint.js';
import type { Hold } from './write/hold.js';
import { CHECKPOINT_FILE, REPORT_FILE } from './write/job-files.js';
import {
  endOfLastWholeLine,
  parseReportLine,
  REPORT_COLUMNS,
  REPORT_HEADER,
  reportLine,
} from './write/report.js';
import { type JobStore, openStore, type StoreWorld } from './write/store.js';

/** A job that is ours for this run, brought up to date with its report. */
export interface Job {
  readonly store: JobStore;
  readonly hold: Hold;
  readonly source: Source;
  readonly facts: JobFacts;
  readonly rows: JobRows;
  /** Where to begin reading. */
  readonly position: Position;
  readonly report: SoundReport;
  readonly finished: boolean;
  /** What the runs before this one have come to. */
  readonly before: Pick<Checkpoint, 'throttled' | 'activeMs' | 'runs'>;
  /** Gives the job back. */
  close(): Promise<void>;
}

export type Tell = (notice: Notice) => void;

/** Where a job lives when nobody says. */
export function defaultJob({ rehearse, source }: Pick<Settings, 'source' | 'rehearse'>): string {
  const name = source === '-' ? 'stdin' : basename(source);
  return `./${name}${rehearse ? '.rehearsal' : ''}.job`;
}

/** Opens the source and the job, takes the hold, and resumes or begins. Throws the signal's reason when it aborts. */
export async function openJob(
  settings: Settings,
  input: Readable | undefined,
  tell: Tell,
  world: World,
  signal: AbortSignal,
): Promise<Job> {
  const path = settings.job ?? defaultJob(settings);
  const places = { settings, world };
  const oneWay = await isOneWay(settings.source, world);
  // A source that cannot be read should leave no folder behind.
  let source = oneWay ? undefined : await openNamedSource(settings.source, places, signal);
  let release = async (): Promise<void> => {};
  try {
    const store = await openStore(path, storeWorld(settings, world), settings);
    const isNew = settings.fresh || !isJob(await store.list());
    let facts =
      isNew && source !== undefined ? (await surveyed(source, settings, tell, signal)).facts : undefined;
    const { hold, wasEmpty } = await takeJob(store, settings, tell, world);
    // What came in on standard input and cannot be used should leave no folder behind either.
    release = wasEmpty ? store.discard : hold.release;
    const before = await readCheckpoint(store);
    source ??= await spooled(store, settings.source, input, tell, places, signal);
    facts ??= before === undefined ? (await surveyed(source, settings, tell, signal)).facts : before.job;
    const opened =
      before === undefined
        ? await begin(store, facts, world)
        : await resume(store, source, settings, before, tell, signal);
    const openSourceFile = source;
    return {
      ...opened,
      store,
      hold,
      source,
      async close() {
        await openSourceFile.close();
        await hold.release();
      },
    };
  } catch (error) {
    await source?.close();
    await release();
    throw error;
  }
}

/** By the names of its files: whether a run has left anything in a folder. */
export const isJob = (names: readonly string[]): boolean =>
  names.includes(CHECKPOINT_FILE) || names.includes(REPORT_FILE);

async function takeJob(
  store: JobStore,
  { fresh }: Settings,
  tell: Tell,
  { clock, processes }: World,
): Promise<{ hold: Hold; wasEmpty: boolean }> {
  const before = await store.list();
  await store.create();
  const hold = await store.take(clock, processes);
  try {
    // Another run may have come and gone since the first look.
    const isThere = isJob(await store.list());
    if (!isThere || !fresh) return { hold, wasEmpty: before.length === 0 && !isThere };
    const aside = await hold.startOver();
    tell({
      level: 'info',
      code: 'put-aside',
      message: `the earlier job is put aside as ${aside}`,
    });
    return { hold, wasEmpty: true };
  } catch (error) {
    await hold.release();
    throw error;
  }
}

/** What a store is opened with: the object store is connected when the first address asks for it. */
export const storeWorld = (
  settings: Pick<Settings, 'region' | 'profile' | 'sseKmsKeyId'>,
  { files, objects }: Pick<World, 'files' | 'objects'>,
): StoreWorld => ({ files, objects: () => objects(settings, undefined) });

async function readCheckpoint(store: JobStore): Promise<Checkpoint | undefined> {
  const text = await store.read(CHECKPOINT_FILE);
  if (text !== undefined) return parseCheckpoint(text, store.nameOf(CHECKPOINT_FILE));
  if ((await store.size(REPORT_FILE)) > 0) throw noCheckpoint(store);
  return undefined;
}

/** The checkpoint of a folder that is a job. */
export async function existingCheckpoint(store: JobStore): Promise<Checkpoint> {
  const checkpoint = await readCheckpoint(store);
  if (checkpoint === undefined) throw noCheckpoint(store);
  return checkpoint;
}

const noCheckpoint = ({ name }: JobStore): StopError =>
  new StopError(
    'JOB_DAMAGED',
    `${name} has a ${REPORT_FILE} but no ${CHECKPOINT_FILE}: put it back, or start over with --fresh`,
  );

/** The bookmark at the report's very beginning. */
const NO_REPORT = { reportBytes: 0, reportSha256: createHash('sha256').digest('hex') };

type Opened = Omit<Job, 'store' | 'hold' | 'source' | 'close'>;

async function begin(store: JobStore, facts: JobFacts, { clock }: World): Promise<Opened> {
  const position = facts.layout.firstRow;
  const checkpoint: Checkpoint = {
    version: CHECKPOINT_VERSION,
    state: 'stopped',
    job: facts,
    position,
    ...NO_REPORT,
    rows: saveRows(noRows()),
    sentUpTo: 0,
    throttled: 0,
    activeMs: 0,
    pacePerSecond: 0,
    updatedAt: clock.date().toISOString(),
    runs: [],
  };
  await store.replace(CHECKPOINT_FILE, formatCheckpoint(checkpoint));
  return {
    facts,
    rows: noRows(),
    position,
    report: { bytes: 0, hash: createHash('sha256') },
    finished: false,
    before: checkpoint,
  };
}

/**
 * Reads the whole source once and says what was found. A first run does so before it sends anything: what is
 * wrong with the source should not come up at row 900,000.
 */
export async function surveyed(
  source: Source,
  settings: Settings,
  tell: Tell,
  signal: AbortSignal,
): Promise<{ facts: JobFacts; found: Survey }> {
  const { metadata, rehearse, userPoolId } = settings;
  const layout = await findLayout(source, settings);
  const found = await survey(source, layout, signal, (rows) => {
    tell({
      level: 'info',
      code: 'reading',
      message: `reading ${source.name}: ${grouped(rows)} rows so far`,
    });
  });
  for (const notice of noticesOf(found, source.name)) tell(notice);
  const identity = { ...(await source.identity(signal)), name: source.name };
  return {
    facts: {
      source: identity,
      userPoolId,
      metadata,
      layout,
      rehearsal: rehearse,
      total: found.rows,
    },
    found,
  };
}

function* noticesOf({ damaged, invalid, problems, rows }: Survey, name: string): Iterable<Notice> {
  const unusable = invalid === 0 ? '' : `, ${grouped(invalid)} of them cannot be used`;
  yield {
    level: 'info',
    code: 'source-read',
    message: `${name}: ${rows} rows${unusable}`,
  };
  const [first] = problems;
  if (first !== undefined) {
    yield {
      level: 'warning',
      code: 'invalid-rows',
      message: `${name}: ${counted(invalid, 'row')} cannot be used, the first is row ${first.row} (line ${first.line}): ${first.problem}`,
    };
  }
  for (const [damage, { count, rows: examples }] of damaged) {
    const more = count > examples.length ? ` and ${count - examples.length} more` : '';
    yield {
      level: 'warning',
      code: 'spreadsheet-damage',
      message: `${name}: ${damageInWords(damage)} (row ${examples.join(', ')}${more}); they are sent as they stand`,
    };
  }
}

async function resume(
  store: JobStore,
  source: Source,
  settings: Settings,
  checkpoint: Checkpoint,
  tell: Tell,
  signal: AbortSignal,
): Promise<Opened> {
  const facts = checkpoint.job;
  await refuseOtherJob(store, source, settings, facts, signal);
  let position = checkpoint.position;
  let rows = loadedRows(checkpoint, store);
  let report = await replayReport(store, checkpoint, rows, tell);
  doubtAfterKill(rows, { sentUpTo: checkpoint.sentUpTo, total: facts.total });

  const allDone = rows.done.size === facts.total;
  if (settings.retryFailed && allDone && rows.failed.size > 0) {
    tell({
      level: 'info',
      code: 'retrying-failed',
      message: `sending the ${rows.failed.size} failed rows of ${store.name} again`,
    });
    rows = await forgetFailed(store, checkpoint, rows);
    position = facts.layout.firstRow;
    report = await replayReport(store, NO_REPORT, rows, tell);
  } else if (!allDone) {
    const doubtful = rows.inDoubt.size === 0 ? '' : `, ${grouped(rows.inDoubt.size)} of the others in doubt`;
    tell({
      level: 'info',
      code: 'resuming',
      message: `resuming ${store.name}: ${grouped(rows.done.size)} of ${grouped(facts.total)} rows are done${doubtful}`,
    });
  }
  const finished = checkpoint.state === 'finished' && rows.done.size === facts.total;
  return {
    facts,
    rows,
    position,
    report,
    finished,
    before: { ...checkpoint, runs: endedRuns(checkpoint) },
  };
}

/** A run that left no ending behind was killed. */
const endedRuns = ({ runs, updatedAt }: Checkpoint): RunRecord[] =>
  runs.map((run) => (run.ending === 'running' ? { ...run, ending: 'killed', endedAt: updatedAt } : run));

async function refuseOtherJob(
  store: JobStore,
  source: Source,
  settings: Settings,
  before: JobFacts,
  signal: AbortSignal,
): Promise<void> {
  const { metadata, rehearse, userPoolId } = settings;
  const identity = { ...(await source.identity(signal)), name: source.name };
  // Another content may have no header we can use, so what differs there is told first.
  const sameContent = isSameContent(identity, before.source);
  const layout = sameContent ? await findLayout(source, settings) : before.layout;
  const other = difference(before, {
    source: identity,
    userPoolId,
    metadata,
    layout,
    rehearsal: rehearse,
  });
  if (other === undefined) return;
  throw new StopError(
    'JOB_MISMATCH',
    `${store.name} is another job: ${other}; name another --job, or start over with --fresh`,
  );
}

export function loadedRows(checkpoint: Checkpoint, store: JobStore): JobRows {
  try {
    return loadRows(checkpoint.rows);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new StopError(
      'JOB_DAMAGED',
      `${store.nameOf(CHECKPOINT_FILE)}: ${error.message}; put back a good copy, or start over with --fresh`,
    );
  }
}

/** A report up to a length, and what a running hash over it has come to. */
export interface SoundReport {
  readonly bytes: number;
  readonly hash: Hash;
}

/** Checks the report up to the bookmark, and reads it from there on into `rows`. */
export async function replayReport(
  store: JobStore,
  { reportBytes, reportSha256 }: Pick<Checkpoint, 'reportBytes' | 'reportSha256'>,
  rows: JobRows,
  tell: Tell,
): Promise<SoundReport> {
  const name = store.nameOf(REPORT_FILE);
  const size = await store.size(REPORT_FILE);
  if (size < reportBytes) {
    const says = `${CHECKPOINT_FILE} says ${reportBytes}`;
    throw damagedReport(`${name} has been cut: it has ${size} bytes, ${says}`);
  }
  const hash = createHash('sha256');
  for await (const chunk of store.readFrom(REPORT_FILE, 0, reportBytes)) hash.update(chunk);
  if (hash.copy().digest('hex') !== reportSha256) throw damagedReport(`${name} has been edited`);

  const bytes = reportBytes + (await endOfLastWholeLine(store.readFrom(REPORT_FILE, reportBytes, size)));
  if (bytes < size) {
    tell({
      level: 'warning',
      code: 'torn-line',
      message: `${name}: its last line was torn by a kill and is dropped (${size - bytes} bytes); its row is answered again`,
    });
  }
  for await (const chunk of store.readFrom(REPORT_FILE, reportBytes, bytes)) hash.update(chunk);
  for await (const outcome of reportLines(store, reportBytes, bytes)) {
    const twice = replay(rows, [outcome]);
    if (twice !== undefined) throw damagedReport(`${name} has row ${twice} twice`);
  }
  return { bytes, hash };
}

const damagedReport = (what: string): StopError =>
  new StopError('JOB_DAMAGED', `${what}: put it back as it was, or start over with --fresh`);

/** The lines of a job's report between two offsets that are ends of lines. */
export async function* reportLines(store: JobStore, from: number, end: number) {
  const name = store.nameOf(REPORT_FILE);
  const chunks = store.readFrom(REPORT_FILE, from, end);
  let isHeader = from === 0;
  for await (const { fields, line } of readCsv(chunks, {
    name,
    delimiter: ',',
    // An unusable row may hold as much as a record of the source may, and its line has more than that.
    maxRecordBytes: 0,
  })) {
    if (isHeader && fields.join() === REPORT_COLUMNS.join()) isHeader = false;
    else
      yield parseReportLine(
        fields,
        from === 0 ? `${name}, line ${line}` : `${name}, line ${line} after byte ${from}`,
      );
  }
}

/**
 * Takes the failed lines out of the report, so that their rows can be sent and told again. The bookmark goes
 * back to the report's start first: whatever a kill leaves, the report is read whole on the next run.
 */
async function forgetFailed(store: JobStore, checkpoint: Checkpoint, { failed }: JobRows): Promise<JobRows> {
  const rows: JobRows = { ...noRows(), inDoubt: failed };
  const { firstRow } = checkpoint.job.layout;
  const back: Checkpoint = {
    ...checkpoint,
    state: 'stopped',
    position: firstRow,
    ...NO_REPORT,
    rows: saveRows(rows),
    sentUpTo: 0,
  };
  await store.replace(CHECKPOINT_FILE, formatCheckpoint(back));
  const size = await store.size(REPORT_FILE);
  async function* kept() {
    yield REPORT_HEADER;
    for await (const outcome of reportLines(store, 0, size)) {
      if (outcome.status !== 'failed') yield reportLine(outcome);
    }
  }
  await store.replace(REPORT_FILE, kept());
  return rows;
}
