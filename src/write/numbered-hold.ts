import { StopError } from '../errors.js';
import type { FolderStore } from './folder-store.js';
import {
  type Holder,
  holderInWords,
  isSurelyDead,
  newHolder,
  type Processes,
  systemProcesses,
  whereIs,
} from './hold.js';

/** A hold that is a file of the job's folder. */
export interface NumberedHold {
  /** The file of the hold that comes after this one, ours as well: a job that starts over begins with it. */
  readonly next: { readonly file: string; readonly text: string };
  /** False where somebody has deleted the hold or moved the folder, because this run was believed dead. */
  isOurs(): Promise<boolean>;
  /** Gives the job back, where it still is ours; `where` is its store, where it has been put aside meanwhile. */
  release(where?: FolderStore): Promise<void>;
}

const NAME = /^hold-(\d+)\.json$/;
const nameOf = (number: number): string => `hold-${String(number).padStart(6, '0')}.json`;

/**
 * Takes the job, or throws JOB_HELD where another run has it.
 *
 * Holds are files with rising numbers, each made whole and only where there is none of its name, and the
 * highest tells who has the job. To take it over from a dead process is to make the next number, which only one
 * can. The highest file is never
 * deleted, only marked as released: a number that came back would let a slow process in beside the holder.
 */
export async function takeHold(
  store: FolderStore,
  now: Date,
  processes: Processes = systemProcesses,
): Promise<NumberedHold> {
  const me = await newHolder(processes, now);
  const highest = await highestNumber(store);
  if (highest > 0) {
    const holder = await readHolder(store, highest);
    if (holder !== undefined && (await isAlive(holder, processes)))
      throw await held(store, holder, processes);
  }
  const mine = nameOf(highest + 1);
  if (!(await store.createFile(mine, json(me)))) throw beingTaken(store);
  // Who was slow since the look at the highest number may have made one that others have left behind by now; and
  // where the number before is gone, others have taken the job over, or put it aside, or back.
  const numbers = await numbersOf(store);
  if (Math.max(...numbers) > highest + 1 || (highest > 0 && !numbers.includes(highest))) {
    await store.remove(mine);
    throw beingTaken(store);
  }
  for (let older = highest; older > 0 && older > highest - 2; older--) await store.remove(nameOf(older));
  return holdOf(store, highest + 1, me);
}

function holdOf(store: FolderStore, number: number, me: Holder): NumberedHold {
  const isOurs = async (where: FolderStore): Promise<boolean> =>
    (await readHolder(where, number))?.id === me.id;
  return {
    next: { file: nameOf(number + 1), text: json(me) },
    isOurs: () => isOurs(store),
    async release(where = store) {
      // Another run may have this very number by now.
      if (await isOurs(where)) await where.replace(nameOf(number), json({ ...me, released: true }));
    },
  };
}

/** The right to a job that began with the `next` of a hold. */
export const holdOfNext = (store: FolderStore, { next }: NumberedHold): NumberedHold =>
  holdOf(store, Number(NAME.exec(next.file)?.[1]), JSON.parse(next.text) as Holder);

/** Who holds the job now, if anybody alive does. */
export async function currentHolder(
  store: FolderStore,
  processes: Processes = systemProcesses,
): Promise<Holder | undefined> {
  const highest = await highestNumber(store);
  if (highest === 0) return undefined;
  const holder = await readHolder(store, highest);
  return holder !== undefined && (await isAlive(holder, processes)) ? holder : undefined;
}

const highestNumber = async (store: FolderStore): Promise<number> => Math.max(0, ...(await numbersOf(store)));

const numbersOf = async (store: FolderStore): Promise<number[]> =>
  (await store.list()).map((file) => Number(NAME.exec(file)?.[1] ?? 0));

/** Undefined where the file is gone meanwhile, or no hold of ours: a hold is whole from its first moment on. */
async function readHolder(store: FolderStore, number: number): Promise<Holder | undefined> {
  try {
    return JSON.parse((await store.read(nameOf(number))) ?? '') as Holder;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const isAlive = async (holder: Holder, processes: Processes): Promise<boolean> =>
  !holder.released && !(await isSurelyDead(holder, processes, 'by-host'));

const json = (holder: Holder): string => `${JSON.stringify(holder, null, 2)}\n`;

const beingTaken = ({ name }: FolderStore): StopError =>
  new StopError('JOB_HELD', `${name} is just being taken by another run: wait for it to end`);

async function held({ name }: FolderStore, holder: Holder, processes: Processes): Promise<StopError> {
  const isHere = (await whereIs(holder, processes, 'by-host')) === 'here';
  return new StopError(
    'JOB_HELD',
    `${name} is held by another run (${holderInWords(holder)}): ` +
      (isHere
        ? 'wait for it to end, or stop it'
        : `wait for it to end; where it is surely dead, delete the job's hold-*.json`),
  );
}
