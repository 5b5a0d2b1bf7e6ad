import type { Clock } from '../clock.js';
import { StopError } from '../errors.js';
import {
  type ObjectAddress,
  ObjectError,
  type ObjectFacts,
  type ObjectStorage,
  type StoredObject,
  type WriteCondition,
} from '../object-storage.js';
import { type Holder, holderInWords, isSurelyDead, newHolder, type Processes } from './hold.js';
import { stopOfObject, told } from './object-stop.js';

/** The right to a job in an object store: it ends by itself where it is not renewed. */
export interface Lease {
  /** How the one before it ended. */
  readonly former: 'none' | 'released' | 'lapsed';
  /** What the one before it was about. */
  readonly clearing: boolean;
  /** Aborts when the job is ours no more. */
  readonly lost: AbortSignal;
  /** Resolves at once while the lease runs; else it is renewed first. Throws where it cannot be. */
  sure(): Promise<void>;
  isSure(): boolean;
  /** Renews it now: when it resolves, nobody has had the job since it was taken. */
  verify(): Promise<void>;
  /** Writes down that the job counts as empty, or that it is. */
  noteClearing(clearing: boolean): Promise<void>;
  release(): Promise<void>;
}

export interface LeaseOptions {
  readonly storage: ObjectStorage;
  readonly at: ObjectAddress;
  /** The job, for messages. */
  readonly name: string;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly processes: Processes;
}

/** What the object says. Each writing of it differs from every other, so its ETag never comes back. */
interface Written extends Holder {
  readonly leaseMs: number;
  readonly writes: number;
  /** A job is being put aside: its objects are copied, what is still there is to be cleared away. */
  readonly clearing: boolean;
}

/** What the holder takes off the time its lease runs: a request has a way to go to the service. */
const MARGIN_SHARE = 1 / 6;
/** What others add to it: the store tells whole seconds, and by more than one clock. */
const GRACE_MS = 5_000;
const RENEW_SHARE = 1 / 3;
const RETRY_MS = 1_000;
/** A condition can fail because others write at the same moment (409), with nothing changed. */
const MOST_CONFLICTS = 5;
const CONFLICT_MS = 200;

/**
 * Takes the job, or throws JOB_HELD where another run has it.
 *
 * The lease is one object, made where there is none and replaced only where it still is the one last seen, so of
 * many who come at once one wins. Its age is told by the store alone (the time it was written, and the time of
 * the answer), so no host's clock counts. The holder measures from before it asked for a renewal, which the
 * store cannot have done earlier: so it stops first, whatever the network does. It goes by the clock of the
 * machine and by the time of day, whichever is later: the first stands still while a machine sleeps.
 *
 * A holder whose lease ran out while it was stopped, or the store away, does not send, but asks for a renewal:
 * where that succeeds nobody can have had the job meanwhile, and it goes on.
 */
export async function takeLease(options: LeaseOptions): Promise<Lease> {
  const { at, clock, leaseMs, name, processes, storage } = options;
  const there = await told('read', () => storage.get(at));
  const before = there && readBack(there);
  if (there !== undefined && before !== undefined && (await isInForce(before, there, processes))) {
    throw held(name, before, there);
  }

  let body: Written = {
    ...(await newHolder(processes, clock.date())),
    leaseMs,
    writes: 0,
    clearing: before?.clearing ?? false,
  };
  let etag = there?.etag;
  let renewedAt = { nowMs: 0, dateMs: 0 };
  let renewing: Promise<void> | undefined;
  const lost = new AbortController();
  const ending = new AbortController();

  /** Only one at a time. The reply may be lost, and the second try refused: what is there tells whose it is. */
  async function write(change: Partial<Written>): Promise<void> {
    const startedAt = { nowMs: clock.now(), dateMs: clock.date().getTime() };
    const next = { ...body, ...change, writes: body.writes + 1 };
    const text = json(next);
    for (let conflicts = 0; ; conflicts++) {
      const condition: WriteCondition = etag === undefined ? { ifNone: true } : { ifMatch: etag };
      const written = await storage.put(at, text, { condition, contentType: 'application/json' });
      if (written !== 'condition-failed') {
        etag = written.etag;
        break;
      }
      const found = await storage.get(at);
      if (found?.body.toString() === text) {
        etag = found.etag;
        break;
      }
      if (found?.etag !== etag || conflicts === MOST_CONFLICTS) throw taken(name, found && readBack(found));
      await clock.sleep(CONFLICT_MS, ending.signal).catch(() => {});
    }
    body = next;
    renewedAt = startedAt;
  }

  const isRunning = (): boolean => {
    const mostMs = leaseMs * (1 - MARGIN_SHARE);
    return clock.now() - renewedAt.nowMs < mostMs && clock.date().getTime() - renewedAt.dateMs < mostMs;
  };

  function renew(change: Partial<Written> = {}): Promise<void> {
    lost.signal.throwIfAborted();
    renewing = write(change)
      .catch((error: unknown) => {
        const stop = error instanceof ObjectError ? stopOfObject(error, 'write') : error;
        // Without an answer from the store the job is ours until the lease has run out.
        const isTaken = stop instanceof StopError && stop.code === 'JOB_HELD';
        if (isTaken || !isRunning()) lost.abort(stop);
        throw stop;
      })
      .finally(() => {
        renewing = undefined;
      });
    return renewing;
  }

  async function renewNow(change: Partial<Written> = {}): Promise<void> {
    while (renewing !== undefined) await renewing.catch(() => {});
    await renew(change);
  }

  async function keep(): Promise<void> {
    let waitMs = leaseMs * RENEW_SHARE;
    while (true) {
      await clock.sleep(waitMs, ending.signal).catch(() => {});
      if (ending.signal.aborted || lost.signal.aborted) return;
      waitMs = leaseMs * RENEW_SHARE;
      await (renewing ?? renew()).catch(() => {
        waitMs = RETRY_MS;
      });
    }
  }

  await told('write', () =>
    write({}).catch((error: unknown) => {
      const isTaken = error instanceof StopError && error.code === 'JOB_HELD';
      throw isTaken ? beingTaken(name) : error;
    }),
  );
  if (there === undefined) await refuseWithoutConditions(options, body);
  const kept = keep();

  return {
    former: there === undefined ? 'none' : before?.released === true ? 'released' : 'lapsed',
    clearing: body.clearing,
    lost: lost.signal,
    isSure: () => !lost.signal.aborted && isRunning(),
    async sure() {
      lost.signal.throwIfAborted();
      while (!isRunning()) await (renewing ?? renew());
    },
    verify: () => renewNow(),
    noteClearing: (clearing) => renewNow({ clearing }),
    async release() {
      ending.abort();
      await kept;
      if (lost.signal.aborted) return;
      // Where it cannot be given back, it runs out by itself.
      await renewNow({ released: true }).catch(() => {});
    },
  };
}

/** Who holds the job now, if anybody alive does. */
export async function leaseHolder(
  storage: ObjectStorage,
  at: ObjectAddress,
  processes: Processes,
): Promise<Holder | undefined> {
  const there = await told('read', () => storage.get(at));
  const holder = there && readBack(there);
  if (there === undefined || holder === undefined) return undefined;
  return (await isInForce(holder, there, processes)) ? holder : undefined;
}

/** Undefined where it is no lease of ours. */
function readBack({ body }: StoredObject): Written | undefined {
  try {
    const found = JSON.parse(body.toString()) as Partial<Written> | null;
    return typeof found?.leaseMs === 'number' ? (found as Written) : undefined;
  } catch {
    return undefined;
  }
}

const ageMs = ({ modifiedAtMs, storeNowMs }: ObjectFacts): number => storeNowMs - modifiedAtMs;

const lastsMs = ({ leaseMs }: Written): number => leaseMs + GRACE_MS;

async function isInForce(lease: Written, facts: ObjectFacts, processes: Processes): Promise<boolean> {
  if (lease.released || ageMs(facts) > lastsMs(lease)) return false;
  return !(await isSurelyDead(lease, processes, 'elsewhere'));
}

/** A store that does not know conditions says nothing, and writes: two runs would both have the job. */
async function refuseWithoutConditions({ at, name, storage }: LeaseOptions, body: Written): Promise<void> {
  for (const condition of [{ ifNone: true }, { ifMatch: `"${'0'.repeat(32)}"` }] as const) {
    if ((await told('write', () => storage.put(at, json(body), { condition }))) === 'condition-failed')
      continue;
    const header = 'ifNone' in condition ? 'If-None-Match' : 'If-Match';
    throw new StopError(
      'JOB_UNUSABLE',
      `${name} cannot be a job: its store does not heed ${header}, so two runs at once could not be kept apart; name a folder, or another store, with --job`,
    );
  }
}

const json = (written: Written): string => `${JSON.stringify(written, null, 2)}\n`;

const beingTaken = (name: string): StopError =>
  new StopError('JOB_HELD', `${name} is just being taken by another run: wait for it to end`);

function taken(name: string, by: Written | undefined): StopError {
  const who = by === undefined ? '' : ` (${holderInWords(by)})`;
  return new StopError(
    'JOB_HELD',
    `${name} was lost to another run${who}: this one writes nothing more; see what the other comes to`,
  );
}

function held(name: string, holder: Written, facts: ObjectFacts): StopError {
  const seconds = Math.max(1, Math.ceil((lastsMs(holder) - ageMs(facts)) / 1_000));
  return new StopError(
    'JOB_HELD',
    `${name} is held by another run (${holderInWords(holder)}): wait for it to end; where it is dead, the job is free in ${seconds} s`,
  );
}
