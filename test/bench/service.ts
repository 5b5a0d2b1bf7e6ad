import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Change, SimulatedSecond, SimulatorOptions, SimulatorStats } from '../../src/index.js';

/** What the process of the simulator is asked; one question at a time. */
export type Question =
  | { readonly ask: 'stats' }
  | { readonly ask: 'history' }
  | { readonly ask: 'rows-tried' }
  | { readonly ask: 'late-ms' }
  | { readonly ask: 'set'; readonly change: Change };

/** A simulator in a process of its own. */
export interface Service {
  readonly url: string;
  readonly userPoolId: string;
  readonly pid: number | undefined;
  stats(): Promise<SimulatorStats>;
  history(): Promise<readonly SimulatedSecond[]>;
  /** For how many users there was a call at all; with the option `recordCalls`. */
  rowsTried(): Promise<number>;
  /** How late it is at what it has to do, in 99 of 100 moments at most: it shows whether the machine is too busy. */
  lateMs(): Promise<number>;
  set(change: Change): Promise<void>;
  close(): void;
}

/** Options go over as JSON, which has no Infinity: that is what the process takes where no quota is named. */
export async function startService(options: SimulatorOptions = {}): Promise<Service> {
  const file = fileURLToPath(new URL('simulator-process.ts', import.meta.url));
  const simulator = fork(file, [JSON.stringify(options)], { stdio: 'inherit' });
  const died = once(simulator, 'exit').then(([code]) => {
    throw new Error(`the simulator ended by itself (${code})`);
  });
  died.catch(() => {});
  const [{ url, userPoolId }] = await Promise.race([once(simulator, 'message'), died]);
  async function ask(question: Question) {
    simulator.send(question);
    const [answer] = await Promise.race([once(simulator, 'message'), died]);
    return answer;
  }
  return {
    url,
    userPoolId,
    pid: simulator.pid,
    stats: () => ask({ ask: 'stats' }),
    history: () => ask({ ask: 'history' }),
    rowsTried: () => ask({ ask: 'rows-tried' }),
    lateMs: () => ask({ ask: 'late-ms' }),
    set: (change) => ask({ ask: 'set', change }),
    close: () => simulator.disconnect(),
  };
}
