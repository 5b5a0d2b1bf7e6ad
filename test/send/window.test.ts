import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { window } from '../../src/send/window.js';

/** Work that is done when the test says so. */
function worker() {
  const open = new Map<number, { done: () => void; fail: (error: Error) => void }>();
  return {
    started: [] as number[],
    work(item: number): Promise<string> {
      this.started.push(item);
      return new Promise((resolve, reject) => {
        open.set(item, { done: () => resolve(`${item} done`), fail: reject });
      });
    },
    finish: (...items: number[]) => {
      for (const item of items) open.get(item)?.done();
    },
    fail: (item: number, error: Error) => open.get(item)?.fail(error),
  };
}

async function* numbers(most: number, onReturn: () => void = () => {}) {
  try {
    for (let number = 1; number <= most; number++) yield number;
  } finally {
    onReturn();
  }
}

const start = (items: AsyncIterable<number>, size: number) => {
  const hands = worker();
  const results = window(items, (item) => hands.work(item), size)[Symbol.asyncIterator]();
  return { hands, results };
};

it('gives all results of what is at once done', async () => {
  const all: number[] = [];
  for await (const batch of window(numbers(1_000), async (item) => item * 2, 7)) all.push(...batch);
  expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: 1_000 }, (_, n) => (n + 1) * 2));
});

it('ends at once where there is nothing', async () => {
  const { results } = start(numbers(0), 3);
  expect(await results.next()).toEqual({ done: true, value: undefined });
});

it('has so many in hand and no more', async () => {
  const { hands, results } = start(numbers(10), 3);
  const first = results.next();
  await turnOfTheLoop();
  expect(hands.started).toEqual([1, 2, 3]);
  hands.finish(2);
  expect((await first).value).toEqual(['2 done']);
  await turnOfTheLoop();
  // The consumer has not come back yet: 2 is still in hand.
  expect(hands.started).toEqual([1, 2, 3]);
  void results.next();
  await turnOfTheLoop();
  expect(hands.started).toEqual([1, 2, 3, 4]);
});

it('gives results in the order in which they are ready, those of one moment together', async () => {
  const { hands, results } = start(numbers(4), 4);
  const first = results.next();
  await turnOfTheLoop();
  hands.finish(3);
  expect((await first).value).toEqual(['3 done']);
  hands.finish(4, 1);
  await turnOfTheLoop();
  expect((await results.next()).value).toEqual(['4 done', '1 done']);
  hands.finish(2);
  expect((await results.next()).value).toEqual(['2 done']);
  expect((await results.next()).done).toBe(true);
});

describe('an error', () => {
  it('of the items comes after the results of all that was in hand', async () => {
    async function* breaking() {
      yield 1;
      yield 2;
      throw new Error('the source was changed');
    }
    const { hands, results } = start(breaking(), 10);
    const first = results.next();
    await turnOfTheLoop();
    hands.finish(2);
    expect((await first).value).toEqual(['2 done']);
    const second = results.next();
    await turnOfTheLoop();
    hands.finish(1);
    expect((await second).value).toEqual(['1 done']);
    await expect(results.next()).rejects.toThrow('the source was changed');
  });

  it('of the work takes no more items, and comes after the results too', async () => {
    const { hands, results } = start(numbers(10), 3);
    const first = results.next();
    await turnOfTheLoop();
    hands.fail(2, new Error('a bug'));
    await turnOfTheLoop();
    hands.finish(1, 3);
    expect((await first).value).toEqual(['1 done', '3 done']);
    await expect(results.next()).rejects.toThrow('a bug');
    expect(hands.started).toEqual([1, 2, 3]);
  });

  it('of the work is the first one, where there are several', async () => {
    const { hands, results } = start(numbers(2), 3);
    const first = results.next();
    await turnOfTheLoop();
    hands.fail(2, new Error('first'));
    hands.fail(1, new Error('second'));
    await expect(first).rejects.toThrow('first');
  });
});

describe('a consumer that leaves early', () => {
  it.each([
    ['while the window is full', 3],
    ['while there is room', 100],
  ])('lets go of the items, %s', async (_when, size) => {
    let closed = false;
    async function* endless() {
      try {
        for (let number = 1; ; number++) {
          await turnOfTheLoop();
          yield number;
        }
      } finally {
        closed = true;
      }
    }
    for await (const _batch of window(endless(), async (item) => item, size)) break;
    for (let turn = 0; turn < 20 && !closed; turn++) await turnOfTheLoop();
    expect(closed).toBe(true);
  });
});
