import type { Hash } from 'node:crypto';
import type { Clock } from '../clock.js';
import { type JobRows, noteDone, saveRows } from '../job-rows.js';
import type { Outcome } from '../outcome.js';
import { type Checkpoint, formatCheckpoint } from './checkpoint.js';
import { REPORT_HEADER, reportLine } from './report.js';
import type { JobStore } from './store.js';

export const CHECKPOINT_FILE = 'checkpoint.json';
export const REPORT_FILE = 'report.csv';

/** What only the run knows of the checkpoint; the rest is kept here. */
export type CheckpointFacts = Omit<Checkpoint, 'reportBytes' | 'reportSha256' | 'rows' | 'sentUpTo'>;

/** Report and checkpoint of a job while a run goes on. */
export interface JobFiles {
  /** Writes the lines; when it resolves, the journal has taken them over, and the rows are noted as done. */
  append(outcomes: readonly Outcome[]): Promise<void>;
  /** Awaited before a row is sent: makes sure that the checkpoint says it may have been. */
  beforeSend(row: number): Promise<void>;
  /** Syncs the report and brings the checkpoint up to it. */
  save(): Promise<void>;
  /** Saves as often as the store would have it until the signal aborts. Rejects where a save fails. */
  saveRegularly(clock: Clock, signal: AbortSignal): Promise<void>;
  /** The last save of the run: says exactly which rows are in doubt, or that the job is finished. */
  close(): Promise<void>;
  /** Ends without a last save, as a kill would: the next run takes what was in hand for in doubt. */
  abandon(): Promise<void>;
}

export interface JobFilesOptions {
  readonly store: JobStore;
  /** The length up to which the report is sound, and what a SHA-256 over it has come to. */
  readonly report: { readonly bytes: number; readonly hash: Hash };
  readonly rows: JobRows;
  /** How many rows beyond the one being sent the checkpoint speaks for: those of some two saves. */
  readonly sendAhead: number;
  readonly facts: () => CheckpointFacts;
}

/**
 * The order is what makes a kill harmless: a row is sent only when a checkpoint in the store says that it may
 * have been; its line is in the report before the row counts as done; the report is synced before a
 * checkpoint counts its lines.
 */
export async function openJobFiles(options: JobFilesOptions): Promise<JobFiles> {
  const { facts, rows, sendAhead, store } = options;
  const { hash } = options.report;
  const journal = await store.openJournal(REPORT_FILE, options.report.bytes);

  let reportBytes = journal.length;
  let highestSent = 0;
  let sentUpToSaved = 0;
  let changed = true;
  let unsavedRows = 0;
  let wake = new AbortController();
  let closing = false;
  let syncFailure: { readonly error: unknown } | undefined;
  let current: Promise<void> = Promise.resolve();
  let queued: Promise<void> | undefined;

  async function append(text: string, outcomes: readonly Outcome[]): Promise<void> {
    await journal.append(text);
    // All at one moment: a checkpoint written meanwhile must not have a part of it.
    reportBytes = journal.length;
    hash.update(text);
    for (const outcome of outcomes) noteDone(rows, outcome);
    changed = true;
    unsavedRows += outcomes.length;
    if (unsavedRows >= store.flush.rows) wake.abort();
    // Lines may come faster than the store takes them, and they would all be held in memory.
    if (unsavedRows >= 2 * store.flush.rows) await save();
  }

  /**
   * After a sync has failed, a later one may succeed without the lines being on the disk (the system forgets
   * the pages it could not write), so nothing is believed any more.
   */
  async function believing(work: () => Promise<void>): Promise<void> {
    if (syncFailure !== undefined) throw syncFailure.error;
    try {
      await work();
    } catch (error) {
      syncFailure = { error };
      throw error;
    }
  }

  async function write(): Promise<void> {
    const sentUpTo = closing || highestSent === 0 ? 0 : Math.max(sentUpToSaved, highestSent + sendAhead);
    const checkpoint: Checkpoint = {
      ...facts(),
      reportBytes,
      reportSha256: hash.copy().digest('hex'),
      rows: saveRows(rows),
      sentUpTo,
    };
    changed = false;
    unsavedRows = 0;
    await believing(journal.sync);
    await store.replace(CHECKPOINT_FILE, formatCheckpoint(checkpoint));
    sentUpToSaved = sentUpTo;
  }

  if (journal.length === 0) await append(REPORT_HEADER, []);

  /** One save at a time; those who ask while one goes on share the next. */
  function save(): Promise<void> {
    queued ??= current
      .catch(() => {})
      .then(() => {
        queued = undefined;
        current = write();
        return current;
      });
    return queued;
  }

  return {
    append: (outcomes) => append(outcomes.map(reportLine).join(''), outcomes),
    async beforeSend(row) {
      highestSent = Math.max(highestSent, row);
      while (row > sentUpToSaved) await save();
    },
    save,
    async saveRegularly(clock, signal) {
      // Woken early by many lines, or by the end of the run, which makes the last save itself.
      signal.addEventListener('abort', () => wake.abort(), { once: true });
      while (!signal.aborted) {
        wake = new AbortController();
        if (unsavedRows >= store.flush.rows) wake.abort();
        await clock.sleep(store.flush.ms, wake.signal).catch(() => {});
        if (changed && !signal.aborted) await save();
      }
    },
    async close() {
      closing = true;
      try {
        // Before the checkpoint says that the job is finished: a run that finds it so does nothing.
        if (facts().state === 'finished') {
          await current.catch(() => {});
          await believing(journal.finish);
        }
        await save();
      } finally {
        await journal.close();
      }
    },
    async abandon() {
      syncFailure ??= { error: new Error('abandoned') };
      await current.catch(() => {});
      await journal.close();
    },
  };
}
