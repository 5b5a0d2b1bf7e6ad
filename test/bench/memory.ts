import { openBench } from './bench.js';

/** Memory must not grow with the file: the same run over 10 thousand and 1 million rows. */

const sizes = process.argv.slice(2).map(Number);

console.log('| rows | most memory | rows/s |');
console.log('| ---: | ---: | ---: |');
for (const rows of sizes.length > 0 ? sizes : [10_000, 1_000_000]) {
  const bench = await openBench();
  const { peakMb, summary } = await bench.run(rows, ['--rate', '10000']);
  console.log(`| ${rows.toLocaleString('en-US')} | ${peakMb} MB | ${Math.round(summary.rowsPerSecond)} |`);
  await bench.close();
}
