import { createHash } from 'node:crypto';
import { StopError } from './errors.js';
import { existingCheckpoint, loadedRows, replayReport, reportLines } from './job.js';
import { type JobOptions, openForReading } from './job-reader.js';
import { noRows, saveRows } from './job-rows.js';
import { isSameContent } from './layout.js';
import { openNamedSource, type SourcePlaces } from './named-source.js';
import { readCsv } from './read/csv.js';
import { readRows } from './read/rows.js';
import { refuseNoJob } from './report.js';
import { replay } from './select/replay.js';
import { SPOOL_FILE } from './spool.js';
import { theWorld, type World } from './world.js';
import { type Checkpoint, contentInWords } from './write/checkpoint.js';
import { CHECKPOINT_FILE, REPORT_FILE } from './write/job-files.js';
import type { JobStore } from './write/store.js';
import { FAILED_FILE, SUMMARY_FILE, type Summary } from './write/summary.js';

/**
 * Checks a job's files against each other and against its source; changes nothing. Gives what differs, in
 * words, each with its file; nothing where all is sound. Throws JOB_NOT_FOUND where there is no job.
 */
export async function verify(
  job: string,
  options: JobOptions = {},
  world: World = theWorld,
): Promise<string[]> {
  const { close, store, world: shared } = await openForReading(job, options, world);
  const { profile, region } = options;
  const places = { settings: { profile, region }, world: shared };
  const differences: string[] = [];
  try {
    await refuseNoJob(store);
    for await (const difference of differencesOf(store, places)) differences.push(difference);
  } catch (error) {
    // What keeps a run from resuming is a difference too, and the last one that can be looked for.
    if (!(error instanceof StopError) || error.code === 'JOB_NOT_FOUND') throw error;
    differences.push(error.message);
  } finally {
    await close();
  }
  return differences;
}

async function* differencesOf(store: JobStore, places: SourcePlaces): AsyncIterable<string> {
  const checkpoint = await existingCheckpoint(store);
  const believed = loadedRows(checkpoint, store);
  const torn: string[] = [];
  const { bytes } = await replayReport(store, checkpoint, believed, ({ message }) => torn.push(message));
  yield* torn;

  const found = noRows();
  const usernames = new Uint32Array(checkpoint.job.total + 1);
  for await (const line of reportLines(store, 0, bytes)) {
    if (replay(found, [line]) !== undefined) yield `${store.nameOf(REPORT_FILE)} has row ${line.row} twice`;
    if (line.row > checkpoint.job.total) {
      yield `${store.nameOf(REPORT_FILE)} has row ${line.row}, the source has ${checkpoint.job.total}`;
    } else usernames[line.row] = fingerprint(line.username);
  }
  const [says, is] = [saveRows(believed), saveRows(found)];
  if (says.done !== is.done)
    yield `${store.nameOf(CHECKPOINT_FILE)} and ${REPORT_FILE} differ in the rows done`;
  if (JSON.stringify(says.counts) !== JSON.stringify(is.counts)) {
    yield `${store.nameOf(CHECKPOINT_FILE)} and ${REPORT_FILE} differ in the rows by status`;
  }
  yield* sourceDifferences(store, checkpoint, usernames, places);
  if (checkpoint.state === 'finished') yield* endDifferences(store, checkpoint, found.failed.size);
}

/** The report's lines name the users that the source names. */
async function* sourceDifferences(
  store: JobStore,
  { job }: Checkpoint,
  usernames: Uint32Array,
  places: SourcePlaces,
): AsyncIterable<string> {
  const spooled = (await store.list()).includes(SPOOL_FILE);
  const { name } = job.source;
  const source = await openNamedSource(spooled ? store.nameOf(SPOOL_FILE) : name, places, NEVER, name);
  try {
    const now = await source.identity();
    if (!isSameContent(job.source, now)) {
      const contents = `${contentInWords(job.source)}, now ${contentInWords(now)}`;
      yield `${name} is not the source of ${store.name} any more: its content differs (${contents})`;
      return;
    }
    for await (const { row } of readRows(source, job.layout, job.layout.firstRow)) {
      const told = usernames[row.row];
      if (told !== 0 && told !== fingerprint(row.username)) {
        yield `${store.nameOf(REPORT_FILE)} tells row ${row.row} with another username than ${source.name} has`;
      }
    }
  } finally {
    await source.close();
  }
}

/** What a finished job has beside its report. */
async function* endDifferences(store: JobStore, { job }: Checkpoint, failed: number): AsyncIterable<string> {
  const name = store.nameOf(FAILED_FILE);
  const { delimiter, firstRow } = job.layout;
  const chunks = store.readFrom(FAILED_FILE, 0, await store.size(FAILED_FILE));
  let lines = firstRow.offset === 0 ? 0 : -1;
  for await (const _ of readCsv(chunks, { name, delimiter })) lines++;
  if (lines !== failed) yield `${name} has ${Math.max(lines, 0)} rows, the report has ${failed} that failed`;
  const summary = JSON.parse((await store.read(SUMMARY_FILE)) ?? '{}') as Partial<Summary>;
  if (summary.done !== job.total) {
    yield `${store.nameOf(SUMMARY_FILE)} counts ${summary.done ?? 'no'} rows done of ${job.total}`;
  }
}

const NEVER = new AbortController().signal;

/** A number that stands for a text, never 0: four bytes a row, where the text would take fifty. */
const fingerprint = (text: string): number => createHash('sha1').update(text).digest().readUInt32BE(0) || 1;
