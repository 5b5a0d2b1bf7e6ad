import { simulate } from './simulate.js';

/**
 * `npm run simulate -- 20000` runs so many seeds, `-- 501-1000` these, and `-- --seed 123` replays one. With
 * `--thefts` behind it jobs are also taken from processes that live.
 */

const args = process.argv.slice(2);
const scope = { thefts: args.includes('--thefts') ? 'often' : 'never' } as const;
const one = args[0] === '--seed' ? Number(args[1]) : undefined;
const [from = '1', to = from] = (args[0] ?? '1-500').includes('-')
  ? (args[0] ?? '').split('-')
  : ['1', args[0]];
const first = one ?? Number(from);
const last = one ?? Number(to);

const met = new Map<string, number>();
let failures = 0;
let runs = 0;
let rows = 0;
let calls = 0;
for (let seed = first; seed <= last; seed++) {
  try {
    const story = await simulate(seed, scope);
    runs += story.runs;
    rows += story.rows;
    calls += story.calls;
    for (const [what, count] of [...story.met, ...story.statuses])
      met.set(what, (met.get(what) ?? 0) + count);
  } catch (error) {
    failures++;
    console.log(
      `seed ${seed} fails: ${error instanceof Error ? (one === undefined ? error.message : error.stack) : error}`,
    );
    console.log(`  replay it with: npm run simulate -- --seed ${seed}`);
    process.exitCode = 1;
  }
}
console.log(`${last - first + 1} seeds, ${runs} runs, ${rows} rows, ${calls} requests, ${failures} failures`);
for (const [what, count] of [...met].sort()) console.log(`  ${what.padEnd(28)} ${count}`);
