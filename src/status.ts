import { StopError } from './errors.js';
import { loadedRows, replayReport } from './job.js';
import { type Counts, countBad } from './outcome.js';
import { refuseNoJob } from './report.js';
import { doubtAfterKill } from './select/replay.js';
import { parseCheckpoint, type RunRecord } from './write/checkpoint.js';
import { currentHolder, type Holder } from './write/hold.js';
import { CHECKPOINT_FILE } from './write/job-files.js';
import { eta } from './write/progress.js';
import { folderStore } from './write/store.js';

/** Where a job stands, from its files. */
export interface JobStatus {
  /** `killed`: a run goes on by the checkpoint's word, but nobody holds the job. */
  readonly state: 'running' | 'stopped' | 'killed' | 'finished';
  readonly job: string;
  readonly source: string;
  readonly userPoolId: string;
  readonly rehearsal: boolean;
  readonly total: number;
  readonly done: number;
  readonly counts: Counts;
  readonly badRows: number;
  /** Rows without an answer that may have been sent. */
  readonly inDoubt: number;
  readonly throttled: number;
  readonly activeMs: number;
  /** Requests per second in force when the checkpoint was written. */
  readonly pacePerSecond: number;
  /** Milliseconds left at that pace. */
  readonly leftMs: number | undefined;
  readonly updatedAt: string;
  readonly holder: Pick<Holder, 'pid' | 'host' | 'user' | 'since'> | undefined;
  readonly runs: readonly RunRecord[];
}

/** Reads where a job stands, also while a run goes on; changes nothing. Throws JOB_NOT_FOUND or JOB_DAMAGED. */
export async function status(job: string): Promise<JobStatus> {
  const store = folderStore(job);
  await refuseNoJob(store);
  const text = await store.read(CHECKPOINT_FILE);
  if (text === undefined)
    throw new StopError(
      'JOB_DAMAGED',
      `${store.name} has no ${CHECKPOINT_FILE}: put it back, or start over with --fresh`,
    );
  const checkpoint = parseCheckpoint(text, store.nameOf(CHECKPOINT_FILE));
  const { job: facts, pacePerSecond } = checkpoint;
  const rows = loadedRows(checkpoint, store);
  await replayReport(store, checkpoint, rows, () => {});
  const holder = await currentHolder(store);
  const killed = holder === undefined && checkpoint.state === 'running';
  if (killed) doubtAfterKill(rows, { sentUpTo: checkpoint.sentUpTo, total: facts.total });
  return {
    state: holder !== undefined ? 'running' : killed ? 'killed' : checkpoint.state,
    job: store.name,
    source: facts.source.name,
    userPoolId: facts.userPoolId,
    rehearsal: facts.rehearsal,
    total: facts.total,
    done: rows.done.size,
    counts: rows.counts,
    badRows: countBad(rows.counts),
    inDoubt: rows.inDoubt.size,
    throttled: checkpoint.throttled,
    activeMs: checkpoint.activeMs,
    pacePerSecond,
    leftMs: eta(facts.total - rows.done.size, pacePerSecond),
    updatedAt: checkpoint.updatedAt,
    holder: holder && {
      pid: holder.pid,
      host: holder.host,
      user: holder.user,
      since: holder.since,
    },
    runs: checkpoint.runs,
  };
}
