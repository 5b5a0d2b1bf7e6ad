import { fileURLToPath } from 'node:url';
import { openBench } from './bench.js';

/**
 * The rate asked for, and what the service counts, with and without stalls of the event loop (0.3 s and 1 s in
 * turn, every 4 s). What a stall has cost is not caught up, so the average is told of the time without it.
 */

const SECONDS = 12;
const STALLS = fileURLToPath(new URL('stalls.cjs', import.meta.url));
const STALLED_SHARE = 0.65 / (4 + 0.65);

const rates = process.argv.slice(2).map(Number);

console.log(
  '| asked for | kept on average | most in any second | allowed | with stalls: average | most in any second |',
);
console.log('| ---: | ---: | ---: | ---: | ---: | ---: |');
for (const rate of rates.length > 0 ? rates : [10, 50, 120, 200, 500, 1_000, 2_000]) {
  const cells: string[] = [];
  for (const node of [[], ['--require', STALLS]]) {
    const bench = await openBench();
    const { service, summary } = await bench.run(
      rate * SECONDS,
      ['--rate', `${rate}`, '--concurrency', '500'],
      node,
    );
    const awake = node.length === 0 ? 1 : 1 - STALLED_SHARE;
    cells.push(`${(summary.requestsPerSecond / awake).toFixed(1)}/s`, `${service.worstSecond}`);
    await bench.close();
  }
  const [average, most, stalledAverage, stalledMost] = cells;
  const allowed = Math.floor(rate * 1.02 + 1);
  console.log(`| ${rate}/s | ${average} | ${most} | ${allowed} | ${stalledAverage} | ${stalledMost} |`);
}
