import { onTestFinished } from 'vitest';

/**
 * Time that stands still unless it is told to go on. Vitest's own fake timers cannot stall (let time go by
 * while nobody hears a timer), which is what the limiter must bear.
 */
export interface FakeTime {
  now(): number;
  /** Lets time go by; each timer fires when it is due, overdue ones at once. */
  run(ms: number): Promise<void>;
  /** Lets time go by without a timer, as when the event loop is blocked. */
  stall(ms: number): void;
  timerCount(): number;
}

/** Deeper than any chain of promises here; a turn of the real event loop would take ten times as long. */
const HOPS = 50;

async function settle(): Promise<void> {
  for (let hop = 0; hop < HOPS; hop++) await undefined;
}

/** Takes over Date.now, performance.now and the timers until the test is over. */
export function fakeTime(): FakeTime {
  const timers = new Map<number, { readonly atMs: number; readonly fire: () => void }>();
  const start = 1_000_000;
  let nowMs = start;
  let lastId = 0;

  // No spies of Vitest's: they keep every call.
  replace(Date, 'now', () => nowMs);
  replace(performance, 'now', () => nowMs - start);
  replace(globalThis, 'setTimeout', (work: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
    // As Node does it: whole milliseconds, one at least.
    const atMs = nowMs + Math.max(1, Math.trunc(ms));
    timers.set(++lastId, { atMs, fire: () => work(...args) });
    return lastId;
  });
  replace(globalThis, 'clearTimeout', (id: number) => timers.delete(id));

  function nextDue(untilMs: number): number | undefined {
    let next: { id: number; atMs: number } | undefined;
    for (const [id, { atMs }] of timers) {
      if (atMs <= untilMs && (next === undefined || atMs < next.atMs)) next = { id, atMs };
    }
    return next?.id;
  }

  return {
    now: () => nowMs - start,
    async run(ms) {
      const untilMs = nowMs + ms;
      await settle();
      for (let id = nextDue(untilMs); id !== undefined; id = nextDue(untilMs)) {
        const timer = timers.get(id);
        timers.delete(id);
        nowMs = Math.max(nowMs, timer?.atMs ?? 0);
        timer?.fire();
        await settle();
      }
      nowMs = untilMs;
    },
    stall(ms) {
      nowMs += ms;
    },
    timerCount: () => timers.size,
  };
}

function replace(owner: object, name: string, by: unknown): void {
  const before = Object.getOwnPropertyDescriptor(owner, name);
  Object.defineProperty(owner, name, { value: by, configurable: true, writable: true });
  onTestFinished(() => {
    if (before === undefined) Reflect.deleteProperty(owner, name);
    else Object.defineProperty(owner, name, before);
  });
}
