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
  const aborted = new Promise<'aborted'>((resolve) => {
    leave = () => resolve('aborted');
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  });
  let ended = false;
  try {
    while (true) {
      const next = await Promise.race([iterator.next(), aborted]);
      if (next === 'aborted') return;
      if (next.done === true) {
        ended = true;
        return;
      }
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', leave);
    if (!ended) void Promise.resolve(iterator.return?.()).catch(() => {});
  }
}
