import { expect, it } from 'vitest';
import { STATUSES } from '../../src/outcome.js';
import { createMemoryPlace } from './s3-place.js';
import { createSandbox, type Ended, until } from './sandbox.js';

/** Nobody's name is among the words that a run says of itself. */
const USERS = {
  confirmed: 'klara.abendroth@mail.test',
  'already-confirmed': 'ludwig.birnbaum@mail.test',
  'presumed-confirmed': 'martha.cornelius@mail.test',
  'trigger-failed': 'norbert.dachstein@mail.test',
  'not-found': 'ottilie.ebersbach@mail.test',
  'not-confirmable': 'philipp.fassbinder@mail.test',
  invalid: 'quirin grünewald@mail.test',
  failed: 'rosalind.hochstetter@mail.test',
} as const;
const HANGS = 'sebastian.immenhof@mail.test';
/** What each request for the one that fails is answered with; the service's own words have no names in them. */
const BROKEN = { error: 'InternalErrorException', message: 'Something broke', httpStatus: 500 };

it.skipIf(process.env.CI === undefined).each([
  { name: 'words', more: [] },
  { name: 'JSON lines', more: ['--json', '--emf'] },
])(
  'no username gets into the streams, whatever becomes of it: $name',
  async ({ more }) => {
    const place = await createMemoryPlace();
    const waiting = (username: string) => ({ username });
    const sandbox = await createSandbox(
      0,
      {
        users: [
          waiting(USERS.confirmed),
          { username: USERS['already-confirmed'], status: 'CONFIRMED' },
          waiting(USERS['presumed-confirmed']),
          { username: USERS['trigger-failed'], trigger: 'fails' },
          { username: USERS['not-confirmable'], status: 'FORCE_CHANGE_PASSWORD' },
          waiting(USERS.failed),
          waiting(HANGS),
        ],
        script: {
          [USERS['presumed-confirmed']]: ['reset-after'],
          [USERS.failed]: [BROKEN, BROKEN],
          [HANGS]: ['hang-after'],
        },
      },
      place,
    );
    const args = [...more, '--max-attempts', '2', '--max-failures', '100', '--max-failures-in-a-row', '0'];
    const heard: Ended[] = [];
    try {
      await place.writeSource(`username\n${[...Object.values(USERS), HANGS].join('\n')}\n`);
      // Interrupted twice, so that what hangs is given up.
      const { child, ended } = sandbox.start(args);
      let said = '';
      child.stderr?.on('data', (chunk) => {
        said += chunk;
      });
      await until(() => sandbox.simulator.calls().length === 10 && sandbox.simulator.stats().inFlight === 1);
      child.kill('SIGINT');
      await until(() => said.includes('Ctrl-C again'));
      child.kill('SIGINT');
      const interrupted = await ended;
      expect(interrupted.exitCode).toBe(130);
      heard.push(interrupted);

      const finished = await sandbox.start(args).ended;
      expect(finished.exitCode).toBe(1);
      heard.push(finished);
      heard.push(await sandbox.command(['status', place.job]).ended);
      heard.push(await sandbox.command(['status', place.job, '--verify']).ended);

      const told = new Map((await sandbox.report()).map(({ status, username }) => [username, status]));
      expect(Object.fromEntries(told)).toEqual({
        ...Object.fromEntries(Object.entries(USERS).map(([status, username]) => [username, status])),
        [HANGS]: 'presumed-confirmed',
      });
      expect(new Set(told.values())).toEqual(new Set(STATUSES));

      for (const { stderr, stdout } of heard) {
        expect(stdout).not.toBe('');
        for (const username of [...Object.values(USERS), HANGS]) {
          const [localPart = ''] = username.split('@');
          expect(stdout.toLowerCase()).not.toContain(localPart);
          expect(stderr.toLowerCase()).not.toContain(localPart);
        }
      }
    } finally {
      await sandbox.close();
      await place.close();
    }
  },
  120_000,
);
