import { fileURLToPath } from 'node:url';
import type { SimulatedSecond } from '../../src/index.js';
import { openBench } from './bench.js';

/**
 * The rate asked for, and what the service counts in the seconds between the first request and the last, with and
 * without stalls of the event loop (0.3 s and 1 s in turn, every 4 s). What a stall has cost is not caught up, so
 * the average is told of the time without it.
 */

const SECONDS = 20;
const STALLS = fileURLToPath(new URL('stalls.cjs', import.meta.url));
const STALLED_SHARE = 0.65 / (4 + 0.65);

const rates = process.argv.slice(2).map(Number);

/** Over the whole seconds in which requests came: those of the first and the last request are parts of one. */
function averageOf(history: readonly SimulatedSecond[]): number {
  const first = history.findIndex(({ requests }) => requests > 0);
  const last = history.findLastIndex(({ requests }) => requests > 0);
  const whole = history.slice(first + 1, last);
  return whole.reduce((sum, { requests }) => sum + requests, 0) / whole.length;
}

console.log(
  '| asked for | kept on average | share | most in any second | allowed | with stalls: average | most in any second |',
);
console.log('| ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
for (const rate of rates.length > 0 ? rates : [10, 50, 120, 200, 500, 1_000, 2_000]) {
  const cells: string[] = [];
  for (const node of [[], ['--require', STALLS]]) {
    const bench = await openBench();
    const { history, service } = await bench.run(
      rate * SECONDS,
      ['--rate', `${rate}`, '--concurrency', '500'],
      node,
    );
    const average = averageOf(history) / (node.length === 0 ? 1 : 1 - STALLED_SHARE);
    cells.push(
      `${average.toFixed(1)}/s`,
      `${((100 * average) / rate).toFixed(1)} %`,
      `${service.worstSecond}`,
    );
    await bench.close();
  }
  const [average, share, most, stalledAverage, , stalledMost] = cells;
  const allowed = Math.floor(rate * 1.02 + 1);
  console.log(
    `| ${rate}/s | ${average} | ${share} | ${most} | ${allowed} | ${stalledAverage} | ${stalledMost} |`,
  );
}
