import type { RunOptions } from '../../src/options.js';
import type { ServiceFaults, State } from './service.js';

/** What happens to the process or its machine in one run. */
export type Mishap =
  | { readonly kind: 'none' }
  | { readonly kind: 'kill-at-operation'; readonly operation: number; readonly power: 'stays' | 'goes' }
  | { readonly kind: 'kill-at-time'; readonly afterMs: number; readonly power: 'stays' | 'goes' }
  | { readonly kind: 'interrupt'; readonly afterMs: number; readonly twiceAfterMs: number | undefined }
  | { readonly kind: 'credentials'; readonly afterMs: number }
  | {
      readonly kind: 'disk-full';
      readonly afterBytes: number;
      /** So many writes fail; then there is room again. */
      readonly writes: number;
    }
  | { readonly kind: 'sync-fails'; readonly sync: number }
  | { readonly kind: 'stalls'; readonly times: number; readonly everyMs: number; readonly stallMs: number }
  | { readonly kind: 'clock-step'; readonly afterMs: number; readonly stepMs: number };

/** Everything a seed decides before the first run. */
export interface Plan {
  readonly csv: string;
  readonly rows: readonly { readonly username: string; readonly usable: boolean }[];
  readonly users: ReadonlyMap<string, State>;
  readonly ratePerSecond: number;
  readonly concurrency: number;
  readonly options: Omit<RunOptions, 'source' | 'userPoolId'>;
  readonly serviceFaults: ServiceFaults;
  /** Draws what happens in the next run. */
  mishap(random: () => number): Mishap;
}

type Random = () => number;

const pick = <T>(random: Random, values: readonly T[]): T =>
  values[Math.floor(random() * values.length)] as T;
const whole = (random: Random, least: number, most: number): number =>
  least + Math.floor(random() * (most - least + 1));
const chance = (random: Random, share: number): boolean => random() < share;

export function drawPlan(random: Random): Plan {
  const { csv, rows, users } = drawFile(random);
  const ratePerSecond = pick(random, [5, 10, 37.5, 50, 120, 200, 500, 1_000]);
  const concurrency = pick(random, [1, 3, 10, 100]);
  const options = {
    rate: ratePerSecond,
    concurrency,
    maxAttempts: pick(random, [1, 2, 4, 10]),
    maxFailures: '100%',
    maxFailuresInARow: 0,
    ...(chance(random, 0.15) ? { limit: whole(random, 5, 60) } : {}),
    ...(chance(random, 0.1) ? { maxDuration: whole(random, 500, 20_000) } : {}),
  };
  return {
    csv,
    rows,
    users,
    ratePerSecond,
    concurrency,
    options,
    serviceFaults: drawServiceFaults(random),
    mishap: (next) => drawMishap(next, rows.length / ratePerSecond),
  };
}

function drawFile(random: Random): Pick<Plan, 'csv' | 'rows' | 'users'> {
  const count = pick(random, [0, 1, 2, 5, 20, 60, 150, 300]);
  const badShare = pick(random, [0, 0, 0.1, 0.5]);
  const wide = chance(random, 0.2);
  const lineEnd = pick(random, ['\n', '\r\n']);
  const rows: { username: string; usable: boolean }[] = [];
  const users = new Map<string, State>();
  let csv = `username,note${lineEnd}`;
  for (let number = 1; number <= count; number++) {
    // Now and then the same user comes twice.
    const twin = chance(random, 0.03) ? pick(random, rows)?.username : undefined;
    const usable = twin !== undefined ? !/\s/.test(twin) : !chance(random, badShare);
    const username = twin ?? (usable ? `user-${number}@example.com` : `bad "${number}"\nname`);
    rows.push({ username, usable });
    const note = wide ? 'wide '.repeat(whole(random, 0, 800)) : 'n';
    const quoted = usable ? username : `"${username.replaceAll('"', '""')}"`;
    csv += `${quoted},"${note}${chance(random, 0.1) ? lineEnd : ''}"${lineEnd}`;
    if (usable && twin === undefined) {
      const state = pick<State | undefined>(random, [
        ...Array.from({ length: 12 }, () => 'UNCONFIRMED' as const),
        'CONFIRMED',
        'FORCE_CHANGE_PASSWORD',
        undefined,
      ]);
      if (state !== undefined) users.set(username, state);
    }
  }
  return { csv, rows, users };
}

function drawServiceFaults(random: Random): ServiceFaults {
  const share = (): number => (chance(random, 0.4) ? random() * pick(random, [0.01, 0.05, 0.15]) : 0);
  return {
    throttled: share(),
    serverError: share(),
    serverErrorAfter: share(),
    resetBefore: share(),
    resetAfter: share(),
    hangBefore: share() / 4,
    hangAfter: share() / 4,
    refused: share(),
    triggerFails: share(),
    slowTrigger: share(),
  };
}

/** `seconds` is how long the job takes where nothing goes wrong. */
function drawMishap(random: Random, seconds: number): Mishap {
  const afterMs = random() * (seconds * 1_000 + 500);
  const power = pick(random, ['stays', 'goes'] as const);
  switch (whole(random, 0, 11)) {
    case 0:
    case 1:
    case 2:
      // The first operations are those of the start: kills there must not be rare.
      return {
        kind: 'kill-at-operation',
        operation: whole(random, 1, pick(random, [30, 100, 1_000])),
        power,
      };
    case 3:
    case 4:
      return { kind: 'kill-at-time', afterMs, power };
    case 5:
      return { kind: 'interrupt', afterMs, twiceAfterMs: undefined };
    case 6:
      return { kind: 'interrupt', afterMs, twiceAfterMs: random() * 2_000 };
    case 7:
      return { kind: 'credentials', afterMs };
    case 8:
      return {
        kind: 'disk-full',
        afterBytes: whole(random, 0, 20_000),
        writes: pick(random, [1, 2, 5, 1_000]),
      };
    case 9:
      return { kind: 'sync-fails', sync: whole(random, 1, 30) };
    case 10:
      return {
        kind: 'stalls',
        times: whole(random, 1, 5),
        everyMs: 700,
        stallMs: pick(random, [50, 300, 1_000, 5_000]),
      };
    default:
      return { kind: 'clock-step', afterMs, stepMs: pick(random, [-3_600_000, -5_000, 5_000, 3_600_000]) };
  }
}
