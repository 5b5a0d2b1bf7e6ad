/** Time in the simulation's hands: the clocks and timers that the program, csv-parse and bottleneck see. */
export interface SimulatedTime {
  /** Milliseconds since the seed began; never goes back. */
  now(): number;
  /** Fires the next timer, after everything that can go on without one. Returns false where there is none. */
  step(): Promise<boolean>;
  /** Lets what can go on without a timer go on. */
  settle(): Promise<void>;
  /** Calls `work` when so much time is gone. For the simulation's own events: they outlive the process. */
  after(ms: number, work: () => void): void;
  /** The event loop is blocked: time goes by and no timer is heard. */
  stall(ms: number): void;
  /** The time of day jumps; what measures does not. */
  shiftDate(ms: number): void;
  /** A process dies, and its timers with it. */
  forgetTimers(): void;
  restore(): void;
}

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly fire: () => void;
  readonly outlives: boolean;
}

/** 2026-11-05T10:00:00Z */
const START = 1_793_872_800_000;

export function takeOverTime(): SimulatedTime {
  const timers = new Map<number, Timer>();
  const realImmediate = setImmediate;
  let nowMs = 0;
  let dateMs = START;
  let lastId = 0;
  const restores: (() => void)[] = [];

  function replace(owner: object, name: string, by: unknown): void {
    const before = Object.getOwnPropertyDescriptor(owner, name);
    Object.defineProperty(owner, name, { value: by, configurable: true, writable: true });
    restores.push(() => {
      if (before === undefined) Reflect.deleteProperty(owner, name);
      else Object.defineProperty(owner, name, before);
    });
  }

  function add(ms: number, fire: () => void, outlives: boolean): number {
    // As Node does it: whole milliseconds, one at least.
    timers.set(++lastId, { atMs: nowMs + Math.max(1, Math.trunc(ms)), order: lastId, fire, outlives });
    return lastId;
  }

  replace(Date, 'now', () => dateMs);
  replace(performance, 'now', () => nowMs);
  replace(globalThis, 'setTimeout', (work: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
    add(ms, () => work(...args), false),
  );
  replace(globalThis, 'clearTimeout', (id: number) => timers.delete(id));

  function next(): [number, Timer] | undefined {
    let first: [number, Timer] | undefined;
    for (const entry of timers) {
      const [, { atMs, order }] = entry;
      if (first === undefined || atMs < first[1].atMs || (atMs === first[1].atMs && order < first[1].order)) {
        first = entry;
      }
    }
    return first;
  }

  // Streams go on by way of nextTick, so turns of the real event loop are taken, as many as it may need.
  async function settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => realImmediate(resolve));
  }

  function pass(ms: number): void {
    nowMs += ms;
    dateMs += ms;
  }

  return {
    now: () => nowMs,
    settle,
    async step() {
      await settle();
      const due = next();
      if (due === undefined) return false;
      const [id, timer] = due;
      timers.delete(id);
      pass(Math.max(0, timer.atMs - nowMs));
      timer.fire();
      return true;
    },
    after: (ms, work) => {
      add(ms, work, true);
    },
    stall: pass,
    shiftDate(ms) {
      dateMs += ms;
    },
    forgetTimers() {
      for (const [id, { outlives }] of timers) if (!outlives) timers.delete(id);
    },
    restore() {
      for (const undo of restores.reverse()) undo();
    },
  };
}
