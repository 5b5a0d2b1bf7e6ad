import {
  formatObjectAddress,
  type ObjectAddress,
  ObjectError,
  type ObjectStorage,
} from '../object-storage.js';
import type { Hold } from './hold.js';
import { CHECKPOINT_FILE, REPORT_FILE } from './job-files.js';
import { type Lease, leaseHolder, takeLease } from './lease.js';
import { stopOfObject, told } from './object-stop.js';
import { contended, MARK, type OwnedObjects, type Ownership, ownedObjects } from './owned-objects.js';
import { hasMoved, isPart, partedReport, THROUGH } from './parted-report.js';
import { piecesOf, readPieces } from './pieces.js';
import type { JobStore, StoreSettings } from './store.js';

const LEASE_FILE = 'hold.json';
const MOST_COPIES = 5;

/**
 * A job that lives below a prefix of an object store. Whoever has the job has a lease (`lease.ts`), and whoever
 * had it before cannot do harm any more, however late a request of his arrives: the report's next part has a
 * fence (`parted-report.ts`), and every other object is replaced only where it still is the one that a run knows
 * (`owned-objects.ts`). A late checkpoint of the run before may still come in until this one has written its
 * first, which is before it sends anything: it says nothing that the report does not bear out, and is written
 * over.
 *
 * An object without a byte is as good as none: so a file is taken away only where it still is the one we know,
 * which deleting cannot promise.
 */
export function objectStore(
  storage: ObjectStorage,
  { bucket, key }: ObjectAddress,
  { flush, leaseMs }: StoreSettings,
): JobStore {
  const prefix: ObjectAddress = { bucket, key: key.endsWith('/') ? key : `${key}/` };
  const name = formatObjectAddress(prefix);
  let lease: Lease | undefined;
  const own: Ownership = {
    check: async () => lease?.sure(),
    verify: async () => lease?.verify(),
  };
  const objects = ownedObjects(storage, prefix, own);
  const report = partedReport(storage, objects, own);

  const nameOf = (file: string): string => objects.nameOf(file);

  async function attempt<T>(doing: 'read' | 'write', work: () => Promise<T>): Promise<T> {
    return told(doing, () =>
      work().catch(async (error: unknown) => {
        // What is not what it was may be so because another run has the job.
        if (hasMoved(error)) await own.verify();
        throw error;
      }),
    );
  }

  /** What this program has written and not emptied; whatever else lies there is somebody else's. */
  async function ownFiles(): Promise<string[]> {
    const files: string[] = [];
    for await (const { bytes, key: file } of objects.list()) {
      if (file.includes('/') || file === LEASE_FILE || bytes === 0) continue;
      if ((await objects.head(file))?.metadata[MARK] !== undefined) files.push(file);
    }
    return files;
  }

  /** The checkpoint as it is, with what the report has to say in it. */
  async function rewriteCheckpoint(): Promise<void> {
    const there = await objects.get(CHECKPOINT_FILE);
    if (there === undefined) return;
    await objects.write(CHECKPOINT_FILE, there.body, report.metadata());
  }

  /** Before anything is read: what is read then is the last word of those who had the job. */
  async function makeOurs(held: Lease): Promise<void> {
    for await (const object of objects.list()) objects.note([object]);
    await report.take(held.former);
    if (held.clearing) await clear(held);
  }

  /** The old job is copied as a whole before anything of it is taken away; its copy is a job when all is there. */
  async function startOver(held: Lease): Promise<string> {
    const aside = ownedObjects(storage, await freePrefix(), own);
    const size = await report.size();
    await aside.write(REPORT_FILE, () => report.readFrom(0, size), {
      [THROUGH]: String(await report.last()),
    });
    const files = (await ownFiles()).filter((file) => file !== REPORT_FILE);
    for (const file of [...files.filter((each) => each !== CHECKPOINT_FILE), CHECKPOINT_FILE]) {
      await copy(file, aside);
    }
    // From here on the job counts as empty: who takes it over after a kill goes on with the clearing.
    await held.noteClearing(true);
    await clear(held);
    return formatObjectAddress(aside.prefix);
  }

  /** A write of the run before us may still come in between. */
  async function copy(file: string, aside: OwnedObjects): Promise<void> {
    for (let tries = 1; ; tries++) {
      const facts = await objects.head(file);
      if (facts === undefined) return;
      const { bytes, etag } = facts;
      const at = objects.addressOf(file);
      try {
        await aside.write(file, () => readPieces(storage, piecesOf([{ at, etag, bytes }], 0, bytes)));
        return;
      } catch (error) {
        if (!hasMoved(error) || tries === MOST_COPIES) throw error;
        await own.verify();
      }
    }
  }

  async function clear(held: Lease): Promise<void> {
    await report.clear();
    for (const file of await ownFiles()) {
      // A file of the same content has the same ETag (failed.csv without a row), so here the lease is asked as well.
      await own.verify();
      await objects.write(file, '');
    }
    await held.noteClearing(false);
  }

  async function freePrefix(): Promise<ObjectAddress> {
    for (let number = 1; ; number++) {
      const free = { bucket, key: `${prefix.key.slice(0, -1)}.${number}/` };
      if (await isEmpty(storage, free)) return free;
    }
  }

  return {
    name,
    nameOf,
    flush,

    list: () =>
      attempt('read', async () => {
        const files = new Set<string>();
        for await (const { bytes, key: file } of objects.list()) {
          if (bytes === 0 || file === LEASE_FILE) continue;
          if (isPart(file)) files.add(REPORT_FILE);
          else if (!file.includes('/')) files.add(file);
        }
        return [...files];
      }),

    read: (file) =>
      attempt('read', async () => {
        const found = await objects.get(file);
        // What is read goes with the report as this run knows it, so it must not come from a later one.
        await own.verify();
        return found === undefined || found.bytes === 0 ? undefined : found.body.toString();
      }),

    // There is nothing to be made: the first object makes the prefix.
    async create() {},

    async take(clock, processes): Promise<Hold> {
      const at = objects.addressOf(LEASE_FILE);
      const held = await takeLease({ storage, at, name, leaseMs, clock, processes });
      lease = held;
      try {
        await attempt('write', () => makeOurs(held));
      } catch (error) {
        await held.release();
        throw error;
      }
      return {
        lost: held.lost,
        sure: () => held.sure(),
        isSure: () => held.isSure(),
        startOver: () => attempt('write', () => startOver(held)),
        release: () => held.release(),
      };
    },

    holder: (processes) => leaseHolder(storage, objects.addressOf(LEASE_FILE), processes),

    replace: (file, content) =>
      attempt('write', async () => {
        const isOnce = typeof content !== 'string' && typeof content !== 'function';
        const body = isOnce ? once(content, nameOf(file)) : content;
        switch (file) {
          case REPORT_FILE:
            await report.announce();
            await rewriteCheckpoint();
            return report.replace(body);
          case CHECKPOINT_FILE:
            await objects.write(file, body, report.metadata());
            return;
          default:
            await objects.write(file, body);
        }
      }),

    remove: (file) => attempt('write', () => objects.remove(file)),

    async discard() {
      await attempt('write', async () => {
        for await (const { key: file } of objects.list()) {
          if (file !== LEASE_FILE && !file.includes('/')) await objects.remove(file);
        }
      }).catch(() => {});
      // The hold stays, given back: where it were deleted late, it might be the one of the next run.
      await lease?.release();
    },

    size: (file) =>
      attempt('read', async () =>
        file === REPORT_FILE ? report.size() : ((await objects.head(file))?.bytes ?? 0),
      ),

    async *readFrom(file, start, end) {
      try {
        if (file === REPORT_FILE) yield* report.readFrom(start, end);
        else {
          const facts = await objects.head(file);
          if (facts === undefined) return;
          const { bytes, etag } = facts;
          yield* readPieces(storage, piecesOf([{ at: objects.addressOf(file), bytes, etag }], start, end));
        }
      } catch (error) {
        throw error instanceof ObjectError ? stopOfObject(error, 'read') : error;
      }
    },

    openJournal: (file, length) =>
      attempt('write', async () => {
        if (file !== REPORT_FILE) throw new Error(`${file} is no journal`);
        if ((await report.size()) > length) {
          await report.announce();
          await rewriteCheckpoint();
          await report.replace(() => report.readFrom(0, length));
        }
        return report.openJournal();
      }),
  };
}

async function isEmpty(storage: ObjectStorage, prefix: ObjectAddress): Promise<boolean> {
  for await (const _ of storage.list(prefix)) return false;
  return true;
}

/** What comes from elsewhere comes once only. */
function once(content: AsyncIterable<string | Uint8Array>, name: string) {
  let taken = false;
  return () => {
    if (taken) throw contended(name);
    taken = true;
    return content;
  };
}
