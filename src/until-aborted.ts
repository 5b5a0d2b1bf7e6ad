/**
 * Gives the items until the signal aborts, and then ends, also while the next item is waited for: a pipe may be
 * silent for ever. The source of the items is left, but not waited for.
 */
export async function* untilAborted<T>(
  items: AsyncIterable<T> | Iterable<T>,
  signal: AbortSignal,
): AsyncIterable<T> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let leave: () => void = () => {};
  const onAbort = (): void => leave();
  signal.addEventListener('abort', onAbort, { once: true });

  // A promise for each item: a race against one that lasts would keep every item until the end.
  const next = (): Promise<IteratorResult<T> | 'aborted'> =>
    new Promise((resolve, reject) => {
      leave = () => resolve('aborted');
      if (signal.aborted) leave();
      else Promise.resolve(iterator.next()).then(resolve, reject);
    });

  let ended = false;
  try {
    while (true) {
      const item = await next();
      if (item === 'aborted') return;
      if (item.done === true) {
        ended = true;
        return;
      }
      yield item.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    if (!ended) void Promise.resolve(iterator.return?.()).catch(() => {});
  }
}
