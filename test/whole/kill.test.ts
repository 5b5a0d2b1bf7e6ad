import { describe, expect, it } from 'vitest';
import { type Kill, killLoop } from './kill-loop.js';

/** `npm run kill -- 1000` kills as often as one likes. */

const KILLS = process.env.CI === undefined ? 5 : 12;

describe('a command that is killed again and again loses no row and doubles none', () => {
  it.concurrent.each<[Kill, number]>([
    ['SIGKILL', 1],
    ['SIGTERM', 2],
    ['SIGINT', 3],
    ['SIGSTOP', 4],
  ])(
    '%s',
    async (way, seed) => {
      const { kills, statuses } = await killLoop(seed, KILLS, KILLS * 40, [way]);
      expect(kills).toBe(KILLS);
      expect(statuses.get('confirmed')).toBeGreaterThan(0);
      if (way === 'SIGKILL') expect(statuses.get('presumed-confirmed')).toBeGreaterThan(0);
    },
    120_000,
  );
});
