import { describe, expect, it } from 'vitest';
import { simulate } from './simulate.js';

/** `npm run simulate -- 20000` runs as many seeds as one likes; a failing one is replayed with `--seed`. */

const SEEDS = process.env.CI === undefined ? 100 : 600;
const PORTION = 50;

describe('a job goes through whatever may happen, and every row is told once and rightly', () => {
  const portions = Array.from({ length: SEEDS / PORTION }, (_, index) => index * PORTION + 1);
  it.each(portions)(
    `seeds from %i, ${PORTION} of them`,
    async (first) => {
      for (let seed = first; seed < first + PORTION; seed++) {
        const failure = await simulate(seed).then(
          () => undefined,
          (error: unknown) => error,
        );
        expect(failure, `seed ${seed}; replay it with: npm run simulate -- --seed ${seed}`).toBeUndefined();
      }
    },
    120_000,
  );
});
