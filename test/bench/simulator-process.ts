import { monitorEventLoopDelay } from 'node:perf_hooks';
import { startSimulator } from '../../src/simulator/simulator.js';
import type { Question } from './service.js';

/**
 * A simulator in a process of its own, so that it does not share the measured one's event loop and memory. The
 * options that are not the usual ones come as JSON.
 */
const simulator = await startSimulator({
  unknownUsers: 'unconfirmed',
  quotaPerSecond: Number.POSITIVE_INFINITY,
  latencyMs: 20,
  ...JSON.parse(process.argv[2] ?? '{}'),
});
const resolutionMs = 1;
const delay = monitorEventLoopDelay({ resolution: resolutionMs });
delay.enable();
process.on('message', (question: Question) => process.send?.(answer(question)));
process.on('disconnect', () => process.exit());
process.send?.({ url: simulator.url, userPoolId: simulator.userPoolId });

function answer(question: Question): unknown {
  switch (question.ask) {
    case 'stats':
      return simulator.stats();
    case 'history':
      return simulator.history();
    case 'rows-tried':
      return new Set(simulator.calls().map(({ username }) => username)).size;
    case 'late-ms':
      return Math.max(0, delay.percentile(99) / 1e6 - resolutionMs);
    case 'set':
      simulator.set(question.change);
      return null;
  }
}
