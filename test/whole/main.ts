import { killLoop } from './kill-loop.js';

/** `npm run kill -- 1000`: so many kills, in jobs of 50 kills each. */

const PER_JOB = 50;
const jobs = Math.ceil(Number(process.argv[2] ?? 100) / PER_JOB);
const statuses = new Map<string, number>();
let kills = 0;
let requests = 0;
let rows = 0;
for (let seed = 1; seed <= jobs; seed++) {
  const story = await killLoop(seed, PER_JOB, PER_JOB * 20, [
    'SIGKILL',
    'SIGKILL',
    'SIGSTOP',
    'SIGTERM',
    'SIGINT',
  ]);
  kills += story.kills;
  requests += story.requests;
  rows += story.rows;
  for (const [status, count] of story.statuses) statuses.set(status, (statuses.get(status) ?? 0) + count);
}
const told = [...statuses].map(([status, count]) => `${status} ${count}`).join(', ');
console.log(
  `${kills} kills in ${jobs} jobs of ${rows} rows in all, ${requests} requests; ${told}; none lost, none twice`,
);
