import { StopError } from './errors.js';
import { isJob, reportLines } from './job.js';
import { type JobOptions, openForReading } from './job-reader.js';
import { isObjectAddress } from './object-storage.js';
import type { Outcome, Status } from './outcome.js';
import { theWorld, type World } from './world.js';
import { CHECKPOINT_FILE, REPORT_FILE } from './write/job-files.js';
import { endOfLastWholeLine } from './write/report.js';
import type { JobStore } from './write/store.js';

/**
 * The lines of a job's report, in the order in which the rows were done; those with a status in `only`, where
 * it is given. May be read while a run goes on. Throws JOB_NOT_FOUND where there is no job.
 */
export async function* report(
  job: string,
  only?: readonly Status[],
  options: JobOptions = {},
  world: World = theWorld,
): AsyncIterable<Outcome> {
  const { close, store } = await openForReading(job, options, world);
  try {
    await refuseNoJob(store);
    const size = await store.size(REPORT_FILE);
    const end = await endOfLastWholeLine(store.readFrom(REPORT_FILE, 0, size));
    for await (const outcome of reportLines(store, 0, end)) {
      if (only === undefined || only.includes(outcome.status)) yield outcome;
    }
  } finally {
    await close();
  }
}

export async function refuseNoJob(store: JobStore): Promise<void> {
  const files = await store.list().catch((error: unknown): string[] => {
    // A file, most often the source itself: it has no option to name another.
    if (error instanceof StopError && error.code === 'JOB_UNUSABLE' && !isObjectAddress(store.name))
      return [];
    throw error;
  });
  if (isJob(files)) return;
  throw new StopError(
    'JOB_NOT_FOUND',
    files.length === 0
      ? `there is no job ${store.name}: name the folder that the run wrote to (./<source name>.job), or its address on S3`
      : `${store.name} is not a job: it has no ${CHECKPOINT_FILE}`,
  );
}
