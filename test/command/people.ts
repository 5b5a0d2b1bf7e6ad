import { afterAll } from 'vitest';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/simulator.js';

/** So many usernames, and nobody's. */
export const people = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `person-${index + 1}@example.com`);

/** A CSV of usernames alone. */
export const csvOf = (usernames: readonly string[]): string => `username\n${usernames.join('\n')}\n`;

// Tests run side by side, so what they leave is closed together.
const started: Simulator[] = [];
afterAll(() => Promise.all(started.splice(0).map((simulator) => simulator.close())));

/** A simulator in which they all wait to be confirmed, with no quota in the way; closed when the tests of the file are over. */
export async function simulatorOf(
  usernames: readonly string[],
  options: SimulatorOptions = {},
): Promise<Simulator> {
  const simulator = await startSimulator({
    users: usernames.map((username) => ({ username })),
    quotaPerSecond: Number.POSITIVE_INFINITY,
    recordCalls: true,
    ...options,
  });
  started.push(simulator);
  return simulator;
}

/** The options that lead the command to it, fast. */
export const toSimulator = ({ url, userPoolId }: Pick<Simulator, 'url' | 'userPoolId'>): string[] => [
  '--user-pool-id',
  userPoolId,
  '--endpoint-url',
  url,
  '--rate',
  '200',
];
