import { existingCheckpoint, loadedRows, replayReport } from './job.js';
import { type JobOptions, openForReading } from './job-reader.js';
import { tallyOf } from './record.js';
import { refuseNoJob } from './report.js';
import { doubtAfterKill } from './select/replay.js';
import { theWorld, type World } from './world.js';
import type { Holder } from './write/hold.js';
import { eta } from './write/progress.js';
import type { JobStore } from './write/store.js';
import type { JobTally } from './write/summary.js';

/** Where a job stands, from its files. */
export interface JobStatus extends JobTally {
  /** `killed`: a run goes on by the checkpoint's word, but nobody holds the job. */
  readonly state: 'running' | 'stopped' | 'killed' | 'finished';
  /** Rows without an answer that may have been sent. */
  readonly inDoubt: number;
  /** Requests per second in force when the checkpoint was written. */
  readonly pacePerSecond: number;
  /** Milliseconds left at that pace. */
  readonly leftMs: number | undefined;
  readonly updatedAt: string;
  readonly holder: Pick<Holder, 'pid' | 'host' | 'user' | 'since'> | undefined;
}

/** Reads where a job stands, also while a run goes on; changes nothing. Throws JOB_NOT_FOUND or JOB_DAMAGED. */
export async function status(
  job: string,
  options: JobOptions = {},
  world: World = theWorld,
): Promise<JobStatus> {
  const { close, store } = await openForReading(job, options, world);
  try {
    return await statusOf(store, world);
  } finally {
    await close();
  }
}

async function statusOf(store: JobStore, { processes }: World): Promise<JobStatus> {
  await refuseNoJob(store);
  const checkpoint = await existingCheckpoint(store);
  const { job: facts, pacePerSecond } = checkpoint;
  const rows = loadedRows(checkpoint, store);
  await replayReport(store, checkpoint, rows, () => {});
  const holder = await store.holder(processes);
  const killed = holder === undefined && checkpoint.state === 'running';
  if (killed) doubtAfterKill(rows, { sentUpTo: checkpoint.sentUpTo, total: facts.total });
  return {
    state: holder !== undefined ? 'running' : killed ? 'killed' : checkpoint.state,
    ...tallyOf({ before: checkpoint, facts, rows, store }),
    inDoubt: rows.inDoubt.size,
    pacePerSecond,
    leftMs: eta(facts.total - rows.done.size, pacePerSecond),
    updatedAt: checkpoint.updatedAt,
    holder: holder && {
      pid: holder.pid,
      host: holder.host,
      user: holder.user,
      since: holder.since,
    },
  };
}
