import pLimit from 'p-limit';

/** The places for requests in flight. */
export interface InFlight {
  run<T>(work: () => Promise<T>): Promise<T>;
  count(): number;
}

/** p-limit alone does not push back (fed from an iterable it pulls it empty): `window` bounds the rows in hand. */
export function createInFlight(concurrency: number): InFlight {
  const limit = pLimit(concurrency);
  return { run: (work) => limit(work), count: () => limit.activeCount };
}
