/**
 * Works on items as they come, up to `size` of them in hand at a time, and gives the results in the order in
 * which they are ready, those ready at the same time together. An item is in hand until the consumer has
 * come back for more after its result, so a slow consumer holds the reading back.
 *
 * An error from `items` is thrown after the results of all that was in hand. Where the consumer leaves early,
 * `items` is left as well, when its next item comes.
 */
export async function* window<T, R>(
  items: AsyncIterable<T>,
  work: (item: T) => Promise<R>,
  size: number,
): AsyncIterable<R[]> {
  let inHand = 0;
  let ready: R[] = [];
  let ended = false;
  let left = false;
  let failure: { readonly error: unknown } | undefined;
  const room = createBell();
  const news = createBell();

  async function pull(): Promise<void> {
    for await (const item of items) {
      inHand++;
      work(item).then(
        (result) => {
          ready.push(result);
          news.ring();
        },
        (error: unknown) => {
          failure ??= { error };
          inHand--;
          news.ring();
        },
      );
      while (inHand >= size && failure === undefined && !left) await room.rings();
      if (failure !== undefined || left) return;
    }
  }

  pull()
    .catch((error: unknown) => {
      failure ??= { error };
    })
    .finally(() => {
      ended = true;
      news.ring();
    });

  try {
    while (true) {
      if (ready.length > 0) {
        const batch = ready;
        ready = [];
        yield batch;
        inHand -= batch.length;
        room.ring();
      } else if (ended && inHand === 0) {
        break;
      } else {
        if (failure !== undefined) room.ring();
        await news.rings();
      }
    }
  } finally {
    // A consumer that leaves early would keep the reading waiting for room, and its file open, for ever.
    left = true;
    room.ring();
  }
  if (failure !== undefined) throw failure.error;
}

/** Wakes the one who waits; rung while nobody waits, it wakes the next who comes. */
function createBell(): { ring(): void; rings(): Promise<void> } {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      wake?.();
    },
    async rings() {
      if (!rung) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        wake = undefined;
      }
      rung = false;
    },
  };
}
