import { openBench } from './bench.js';

/** The rate asked for, and the rate that the service counts. */

const SECONDS = 20;

console.log('| asked for | kept on average | most in any second |');
console.log('| ---: | ---: | ---: |');
for (const rate of [10, 50, 200]) {
  const bench = await openBench();
  const { service, summary } = await bench.run(rate * SECONDS, ['--rate', `${rate}`]);
  console.log(`| ${rate}/s | ${summary.requestsPerSecond.toFixed(1)}/s | ${service.worstSecond} |`);
  await bench.close();
}
