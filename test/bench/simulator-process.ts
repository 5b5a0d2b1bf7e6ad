import { startSimulator } from '../../src/index.js';

/** A simulator in a process of its own, so that it does not share the measured one's event loop and memory. */
const { stats, url, userPoolId } = await startSimulator({
  unknownUsers: 'unconfirmed',
  quotaPerSecond: Number.POSITIVE_INFINITY,
  latencyMs: 20,
});
process.on('message', () => process.send?.(stats()));
process.on('disconnect', () => process.exit());
process.send?.({ url, userPoolId });
