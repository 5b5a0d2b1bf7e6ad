import pLimit from 'p-limit';

/** Runs the work when one of the places for requests in flight is free. */
export type InFlight = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * The places for requests in flight. p-limit alone does not push back (fed from an iterable it pulls it
 * empty): `window` bounds the rows in hand.
 */
export const createInFlight = (concurrency: number): InFlight => {
  const limit = pLimit(concurrency);
  return (work) => limit(work);
};
