import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createInFlight } from '../../src/send/in-flight.js';

it('has so many at work at a time, in the order in which they came, and passes on what they give', async () => {
  const inFlight = createInFlight(2);
  const atWork: number[] = [];
  const ends: (() => void)[] = [];
  const all = [1, 2, 3, 4].map((number) =>
    inFlight(async () => {
      atWork.push(number);
      await new Promise<void>((resolve) => ends.push(resolve));
      if (number === 2) throw new Error('of 2');
      return number;
    }),
  );
  const settled = Promise.allSettled(all);
  await turnOfTheLoop();
  expect(atWork).toEqual([1, 2]);
  ends[1]?.();
  await turnOfTheLoop();
  expect(atWork).toEqual([1, 2, 3]);
  ends[0]?.();
  await turnOfTheLoop();
  expect(atWork).toEqual([1, 2, 3, 4]);
  for (const end of ends) end();
  expect((await settled).map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
  ]);
});
