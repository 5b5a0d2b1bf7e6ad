import { gzipSync } from 'node:zlib';
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

/** How a process starts, and what happens to it. */
export interface Start {
  readonly host: string;
  /** A number is used again sooner or later; in a container each run may have the same one. */
  readonly pid: 'new' | 'of-the-dead';
  readonly fresh: boolean;
  readonly mishap: Mishap;
  /** What comes on standard input, where that is the source. */
  readonly input: Input;
  readonly disk: DiskPace;
}

/** `other` is another file than the job was begun with. */
export type Input = 'same' | 'none' | 'other';

/** How long a process waits for its disk: it is what lets two of them come in each other's way. */
export interface DiskPace {
  /** So many operations are slow, and after them one in fifty. */
  readonly slowOperations: number;
  readonly share: number;
  readonly mostMs: number;
}

/** When another process starts the same job. */
export type Entrance =
  | { readonly kind: 'together' }
  | { readonly kind: 'meanwhile'; readonly afterMs: number }
  /** When the first is over, however that came. */
  | { readonly kind: 'follows'; readonly afterMs: number };

/** Somebody takes a job from a process that lives: its hold is deleted, or its folder put elsewhere. */
export interface Theft {
  readonly kind: 'hold-deleted' | 'folder-moved';
  readonly afterMs: number;
}

/** What happens from the start of a process until it and those that came in meanwhile are over. */
export interface Episode {
  readonly first: Start;
  readonly others: readonly (Start & { readonly entrance: Entrance })[];
  readonly theft: Theft | undefined;
}

/** Everything a seed decides before the first run. */
export interface Plan {
  readonly source: PlannedSource;
  /** Whether the system says when a process was started. */
  readonly birthsKnown: boolean;
  readonly rows: readonly { readonly username: string; readonly usable: boolean }[];
  readonly users: ReadonlyMap<string, State>;
  readonly ratePerSecond: number;
  readonly concurrency: number;
  readonly options: Omit<RunOptions, 'source' | 'userPoolId'>;
  readonly serviceFaults: ServiceFaults;
  /** Draws what happens next. */
  episode(random: () => number): Episode;
}

/** The CSV, as it lies on the disk or comes on standard input. */
export interface PlannedSource {
  readonly comes: 'as-file' | 'on-standard-input';
  readonly form: 'plain' | 'gzip' | 'utf-16' | 'gzipped utf-16';
  readonly bytes: Buffer;
}

/** What may be drawn: a job that is taken from a living process is asked for. */
export interface Scope {
  readonly thefts: 'never' | 'often';
}

export const HOME = 'host-a';
const ELSEWHERE = 'host-b';

type Random = () => number;

const pick = <T>(random: Random, values: readonly T[]): T =>
  values[Math.floor(random() * values.length)] as T;
const whole = (random: Random, least: number, most: number): number =>
  least + Math.floor(random() * (most - least + 1));
const chance = (random: Random, share: number): boolean => random() < share;

export function drawPlan(random: Random, scope: Scope): Plan {
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
  const serviceFaults = drawServiceFaults(random);
  const source = drawSource(random, csv);
  const birthsKnown = chance(random, 0.9);
  return {
    source,
    birthsKnown,
    rows,
    users,
    ratePerSecond,
    concurrency,
    options,
    serviceFaults,
    episode: (next) => drawEpisode(next, rows.length / ratePerSecond, birthsKnown, scope),
  };
}

/** Nothing goes wrong, and nobody else is there. */
export const CALM: Episode = {
  first: {
    host: HOME,
    pid: 'new',
    fresh: false,
    mishap: { kind: 'none' },
    input: 'same',
    disk: { slowOperations: 0, share: 0, mostMs: 0 },
  },
  others: [],
  theft: undefined,
};

function drawSource(random: Random, csv: string): PlannedSource {
  const form = pick(random, ['plain', 'plain', 'gzip', 'utf-16', 'gzipped utf-16'] as const);
  const comes = chance(random, 0.3) ? 'on-standard-input' : 'as-file';
  const utf16 = (): Buffer => Buffer.from(`\ufeff${csv}`, 'utf16le');
  switch (form) {
    case 'plain':
      return { comes, form, bytes: Buffer.from(csv) };
    case 'gzip':
      return { comes, form, bytes: gzipSync(csv) };
    case 'utf-16':
      return { comes, form, bytes: utf16() };
    case 'gzipped utf-16':
      return { comes, form, bytes: gzipSync(utf16()) };
  }
}

/** `seconds` is how long the job takes where nothing goes wrong. */
function drawEpisode(random: Random, seconds: number, birthsKnown: boolean, scope: Scope): Episode {
  const mishap = drawMishap(random, seconds);
  const start = { ...CALM.first, mishap, input: pick(random, ['same', 'same', 'none', 'other'] as const) };
  const first: Start = { ...start, fresh: chance(random, 0.03) };
  if (scope.thefts === 'often' && chance(random, 0.5)) {
    const afterMs = random() * (seconds * 1_000 + 500);
    const taker: Start = { ...CALM.first, host: pick(random, [HOME, ELSEWHERE]) };
    return {
      first: { ...CALM.first, disk: drawDiskPace(random, 20) },
      others: [{ ...taker, entrance: { kind: 'meanwhile', afterMs: afterMs + whole(random, 200, 3_000) } }],
      theft: { kind: pick(random, ['hold-deleted', 'folder-moved']), afterMs },
    };
  }
  if (!chance(random, 0.35)) return { first, others: [], theft: undefined };
  if (chance(random, 0.15)) return drawCrowd(random, birthsKnown);
  const others = Array.from({ length: chance(random, 0.3) ? 2 : 1 }, () => ({
    host: chance(random, 0.15) ? ELSEWHERE : HOME,
    pid: birthsKnown && chance(random, 0.4) ? ('of-the-dead' as const) : ('new' as const),
    fresh: chance(random, 0.15),
    mishap: drawMishapOfOther(random, seconds),
    input: 'same' as const,
    disk: drawDiskPace(random, 2_000),
    entrance: drawEntrance(random, seconds),
  }));
  return {
    first: {
      ...first,
      host: chance(random, 0.05) ? ELSEWHERE : HOME,
      input: 'same',
      disk: drawDiskPace(random, 2_000),
    },
    others,
    theft: undefined,
  };
}

/** Many come and go while some of them are slow: what these have seen is long past when they act on it. */
function drawCrowd(random: Random, birthsKnown: boolean): Episode {
  const start = (): Start => ({
    ...CALM.first,
    pid: birthsKnown && chance(random, 0.4) ? 'of-the-dead' : 'new',
    fresh: chance(random, 0.2),
    mishap: chance(random, 0.5)
      ? { kind: 'interrupt', afterMs: pick(random, [1, 20, 200]), twiceAfterMs: undefined }
      : { kind: 'kill-at-operation', operation: whole(random, 1, 80), power: 'stays' },
    disk: { slowOperations: 30, share: pick(random, [0, 0.1, 0.3]), mostMs: pick(random, [200, 3_000]) },
  });
  const entrance = (): Entrance =>
    chance(random, 0.5)
      ? { kind: 'follows', afterMs: whole(random, 0, 50) }
      : { kind: 'meanwhile', afterMs: random() * 2_000 };
  return {
    first: start(),
    others: Array.from({ length: whole(random, 3, 7) }, () => ({ ...start(), entrance: entrance() })),
    theft: undefined,
  };
}

function drawEntrance(random: Random, seconds: number): Entrance {
  switch (whole(random, 0, 3)) {
    case 0:
      return { kind: 'together' };
    case 1:
      return { kind: 'follows', afterMs: 0 };
    case 2:
      return { kind: 'follows', afterMs: whole(random, 1, 20) };
    default:
      return { kind: 'meanwhile', afterMs: random() * (seconds * 1_000 + 500) };
  }
}

/** What is done to the whole machine is left to the first process. */
function drawMishapOfOther(random: Random, seconds: number): Mishap {
  const power = chance(random, 0.2) ? 'goes' : 'stays';
  const afterMs = random() * (seconds * 1_000 + 500);
  switch (whole(random, 0, 5)) {
    case 0:
    case 1:
      return { kind: 'kill-at-operation', operation: whole(random, 1, pick(random, [30, 60, 300])), power };
    case 2:
      return { kind: 'interrupt', afterMs: pick(random, [1, 5, 50, afterMs]), twiceAfterMs: undefined };
    case 3:
      return { kind: 'disk-full', afterBytes: whole(random, 0, 3_000), writes: pick(random, [1, 5]) };
    default:
      return { kind: 'none' };
  }
}

/** Half of the processes never wait. */
function drawDiskPace(random: Random, mostMs: number): DiskPace {
  const slow = chance(random, 0.5);
  return {
    slowOperations: slow ? whole(random, 5, 60) : 0,
    share: slow ? pick(random, [0.1, 0.5, 1]) : 0,
    mostMs: Math.min(mostMs, pick(random, [1, 5, 50, 2_000])),
  };
}

function drawFile(random: Random): Pick<Plan, 'rows' | 'users'> & { readonly csv: string } {
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
