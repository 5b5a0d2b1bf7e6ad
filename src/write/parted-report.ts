import { StopError } from '../errors.js';
import { type ListedObject, type ObjectAddress, ObjectError, type ObjectStorage } from '../object-storage.js';
import { CHECKPOINT_FILE, REPORT_FILE } from './job-files.js';
import { told } from './object-stop.js';
import {
  type Content,
  contended,
  type Metadata,
  type OwnedObjects,
  type Ownership,
} from './owned-objects.js';
import { piecesOf, readPieces } from './pieces.js';
import type { Journal } from './store.js';

/** The report of a job in an object store, which cannot append: parts that are one text, and in the end one object. */
export interface PartedReport {
  /** Makes the report ours: from then on nobody who had it before can change it. */
  take(former: 'none' | 'released' | 'lapsed'): Promise<void>;
  size(): Promise<number>;
  readFrom(start: number, end: number): AsyncIterable<Buffer>;
  openJournal(): Promise<Journal>;
  /** From now on `metadata` says what the checkpoint must say before `replace`, so that its text counts. */
  announce(): Promise<void>;
  /** Another text in the place of the one there is; announced before. */
  replace(content: Content): Promise<void>;
  /** Belongs to the checkpoint. */
  metadata(): Metadata;
  /** The number of the last part there has ever been. */
  last(): Promise<number>;
  /** Begins a new life of the job, whose parts have higher numbers than all before. */
  clear(): Promise<void>;
}

const PART = /^report\/(\d{8})\.csv$/;
const partName = (number: number): string => `report/${String(number).padStart(8, '0')}.csv`;
export const isPart = (name: string): boolean => PART.test(name);

/** Of report.csv: the part up to which it has the text; what the numbers up to it say does not count any more. */
export const THROUGH = 'through-part';
/** Of the checkpoint: the part that may be the first of the text, instead of all before. */
const FIRST = 'first-part';
/** Of that part: it is, for it has the whole text up to there. */
const WHOLE = 'whole';

const MOST_FENCES = 100;
const MOST_LOOKS = 5;
const REMOVED_AT_ONCE = 8;

interface Stretch {
  readonly at: ObjectAddress;
  readonly etag: string;
  readonly bytes: number;
}

/** Which objects the text consists of. */
interface Layout {
  readonly stretches: readonly Stretch[];
  readonly bytes: number;
  /** The number of the last part there has ever been. */
  readonly last: number;
  readonly hasParts: boolean;
  /** Parts whose text is in another object by now, or that are of an earlier life. */
  readonly stale: readonly string[];
}

/**
 * The text of the report is: `report.csv` up to the part it names (`through-part`), then the parts with higher
 * numbers, without a gap. A part is made only where there is none of its number, and never changed. So:
 *
 * - A kill before a part is there leaves the text as it was; after it, the text has the part whole.
 * - `report.csv` is written from the text, and is there at one moment; from then on the parts up to its number
 *   do not count, whether they are deleted yet or not. The text is the same before and after.
 * - A number is never used twice, not even after --fresh: `report.csv` stays behind, empty, with the last number.
 *
 * Who takes the job over makes the next part himself, empty: the fence. Take O, who had the job, is stopped at
 * any request and goes on whenever he likes, and N, who took it over:
 *
 * - O makes a part. It arrives before N's fence: N finds that number taken, looks again and reads the part. Or
 *   after it: O finds the number taken and not by himself, and stops. N, too, may be done by then, and the
 *   parts deleted: then `report.csv` names a higher number, and O's part does not count; his checkpoint is
 *   refused all the same.
 * - O writes `report.csv` from the parts. N has the same parts, so it is the same text; N's own `report.csv` is
 *   refused, for it replaces only what N knows, and he looks, asks for the lease, and writes it over O's. After
 *   N's, O's is refused.
 * - O deletes parts that his `report.csv` has. They do not count any more for N either; where N is just about to
 *   read one, he looks again and finds `report.csv`.
 * - O replaces the text by another (--retry-failed). It is a part as well, so the fence keeps it out. To be known
 *   as the whole text, the checkpoint names its number before; where N's fence has that number, it does not say
 *   `whole`, and the text is the one from before.
 */
export function partedReport(storage: ObjectStorage, objects: OwnedObjects, own: Ownership): PartedReport {
  /** Where the report is ours: nobody else changes it. */
  let ours: Layout | undefined;
  let first = 0;

  /** Asks for the layout until all answers are of one moment: another run may be at work. */
  async function look(): Promise<Layout> {
    let gap = '';
    for (let looks = 1; looks <= MOST_LOOKS; looks++) {
      const listed = await allOf(objects.list());
      const layout = await layoutOf(listed);
      if (typeof layout !== 'string') return layout;
      gap = layout;
    }
    throw new StopError('JOB_DAMAGED', `${gap}: put it back, or start over with --fresh`);
  }

  /** What was seen before the lease was asked is not the work of somebody who has the job after us. */
  async function lookAsOwner(): Promise<Layout> {
    const layout = await look();
    await own.verify();
    return layout;
  }

  /** In words what is missing, where the answers are not of one moment, or the job is damaged. */
  async function layoutOf(listed: readonly ListedObject[]): Promise<Layout | string> {
    const base = listed.find(({ key }) => key === REPORT_FILE);
    const facts = base && (await objects.head(REPORT_FILE));
    if (base?.etag !== facts?.etag) return `${objects.nameOf(REPORT_FILE)} is gone`;
    const through = Number(facts?.metadata[THROUGH] ?? 0);

    const parts = listed.flatMap((object) => {
      const number = PART.exec(object.key)?.[1];
      return number === undefined ? [] : [{ ...object, number: Number(number) }];
    });
    const checkpoint = parts.length === 0 ? undefined : listed.find(({ key }) => key === CHECKPOINT_FILE);
    const said = checkpoint && (await objects.head(CHECKPOINT_FILE))?.metadata[FIRST];
    const named = Number(said ?? 0);
    const mayBeWhole = named > through && parts.some(({ number }) => number === named);
    const isWhole = mayBeWhole && (await objects.head(partName(named)))?.metadata[WHOLE] === 'yes';

    const before = isWhole ? named - 1 : through;
    const counting = parts.filter(({ number }) => number > before);
    const gap = counting.findIndex(({ number }, index) => number !== before + 1 + index);
    if (gap >= 0) return `${objects.nameOf(partName(before + 1 + gap))} is missing`;
    const stretches = [...(base === undefined || isWhole ? [] : [base]), ...counting].map(
      ({ bytes, etag, key }) => ({ at: objects.addressOf(key), bytes, etag }),
    );
    return {
      stretches,
      bytes: stretches.reduce((sum, { bytes }) => sum + bytes, 0),
      last: counting.at(-1)?.number ?? before,
      hasParts: counting.length > 0,
      stale: parts.filter(({ number }) => number <= before).map(({ key }) => key),
    };
  }

  const partsOf = ({ stretches }: Layout): string[] =>
    stretches.map(({ at }) => at.key.slice(objects.prefix.key.length)).filter(isPart);

  const current = async (): Promise<Layout> => ours ?? (await look());

  const withPart = (layout: Layout, part: Stretch): Layout => ({
    ...layout,
    stretches: [...layout.stretches, part],
    bytes: layout.bytes + part.bytes,
    last: layout.last + 1,
    hasParts: true,
  });

  async function* readFrom(start: number, end: number): AsyncIterable<Buffer> {
    let at = start;
    for (let looks = 1; ; looks++) {
      const { stretches } = await current();
      try {
        for await (const chunk of readPieces(storage, piecesOf(stretches, at, end))) {
          at += chunk.length;
          yield chunk;
        }
        return;
      } catch (error) {
        // The text stays, but may have come to lie in other objects.
        if (!hasMoved(error) || looks === MOST_LOOKS) throw error;
        if (ours !== undefined) ours = await lookAsOwner();
      }
    }
  }

  /** Puts the text into one object, and the parts away. */
  async function gather(layout: Layout): Promise<void> {
    const content = (): AsyncIterable<Buffer> => readFrom(0, layout.bytes);
    const { etag } = await objects.write(REPORT_FILE, content, { [THROUGH]: String(layout.last) });
    const stale = partsOf(ours ?? layout);
    ours = {
      stretches: [{ at: objects.addressOf(REPORT_FILE), etag, bytes: layout.bytes }],
      bytes: layout.bytes,
      last: layout.last,
      hasParts: false,
      stale: [...layout.stale, ...stale],
    };
    await sweep();
  }

  async function sweep(): Promise<void> {
    if (ours === undefined || ours.stale.length === 0) return;
    const { stale } = ours;
    await own.verify();
    for (let at = 0; at < stale.length; at += REMOVED_AT_ONCE) {
      await Promise.all(stale.slice(at, at + REMOVED_AT_ONCE).map((name) => objects.remove(name)));
    }
    ours = { ...ours, stale: [] };
  }

  async function addPart(layout: Layout, text: string): Promise<Layout | undefined> {
    const name = partName(layout.last + 1);
    const made = await objects.create(name, text);
    if (made === undefined) return undefined;
    return withPart(layout, { at: objects.addressOf(name), etag: made.etag, bytes: Buffer.byteLength(text) });
  }

  return {
    async take(former) {
      for (let fences = 0; fences < MOST_FENCES && ours === undefined; fences++) {
        const layout = await lookAsOwner();
        // Who has gathered his parts, or never made one, and gave the job back, has none on its way.
        const isQuiet = former !== 'lapsed' && !layout.hasParts;
        ours = isQuiet ? layout : await addPart(layout, '');
      }
      if (ours === undefined) throw contended(objects.nameOf('report/'));
      first = Number((await objects.head(CHECKPOINT_FILE))?.metadata[FIRST] ?? 0);
      await sweep();
    },
    size: async () => (await current()).bytes,
    readFrom,
    metadata: () => (first === 0 ? {} : { [FIRST]: String(first) }),
    last: async () => (await current()).last,

    async announce() {
      first = (await current()).last + 1;
    },

    async replace(content) {
      const layout = await current();
      const name = partName(layout.last + 1);
      let bytes = 0;
      async function* counted() {
        bytes = 0;
        for await (const chunk of chunksOf(content)) {
          bytes += Buffer.byteLength(chunk);
          yield chunk;
        }
      }
      const made = await objects.create(name, counted, { [WHOLE]: 'yes' });
      if (made === undefined) {
        await own.verify();
        throw contended(objects.nameOf(name));
      }
      const stale = partsOf(layout);
      ours = {
        ...layout,
        stretches: [{ at: objects.addressOf(name), etag: made.etag, bytes }],
        bytes,
        last: layout.last + 1,
        hasParts: true,
        stale: [...layout.stale, ...stale],
      };
      await sweep();
    },

    async clear() {
      const layout = await current();
      const { last } = layout;
      // The ETag of an empty object comes back, so here the lease is asked as well.
      await own.verify();
      const { etag } = await objects.write(REPORT_FILE, '', { [THROUGH]: String(last) });
      ours = {
        stretches: [{ at: objects.addressOf(REPORT_FILE), etag, bytes: 0 }],
        bytes: 0,
        last,
        hasParts: false,
        stale: [...layout.stale, ...partsOf(layout)],
      };
      first = 0;
      await sweep();
    },

    async openJournal() {
      ours ??= await lookAsOwner();
      let waiting: string[] = [];
      let bytes = ours.bytes;
      let failure: { readonly error: unknown } | undefined;

      /** Whether a part that failed is there all the same, nobody knows: so none may come after it. */
      async function makePart(text: string): Promise<void> {
        if (failure !== undefined) throw failure.error;
        try {
          const layout = await current();
          const next = await addPart(layout, text);
          if (next === undefined) {
            await own.verify();
            throw contended(objects.nameOf(partName(layout.last + 1)));
          }
          ours = next;
        } catch (error) {
          failure = { error };
          throw error;
        }
      }

      async function sync(): Promise<void> {
        if (failure !== undefined) throw failure.error;
        if (waiting.length === 0) return;
        const text = waiting.join('');
        waiting = [];
        await makePart(text);
      }

      return {
        get length() {
          return bytes;
        },
        async append(text) {
          if (text === '') return;
          waiting.push(text);
          bytes += Buffer.byteLength(text);
        },
        sync: () => told('write', sync),
        async finish() {
          await told('write', async () => {
            await sync();
            const layout = await current();
            if (layout.hasParts) await gather(layout);
          });
        },
        async close() {},
      };
    },
  };
}

/** An object is not the one that was seen: somebody else was at work. */
export const hasMoved = (error: unknown): boolean =>
  error instanceof ObjectError && (error.kind === 'missing' || error.kind === 'changed');

async function* chunksOf(content: Content): AsyncIterable<string | Uint8Array> {
  if (typeof content === 'function') yield* content();
  else yield content;
}

async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
