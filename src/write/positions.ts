import type { Position } from '../row.js';

/** The places of the rows that were read and are not done: the first of them is where to begin again. */
export interface Positions {
  /** Notes a row that is read. Rows come in rising order. */
  add(position: Position): void;
  /** Where to begin again, given which rows are done. */
  first(isDone: (row: number) => boolean): Position;
}

/** `start` is where the reading began. */
export function createPositions(start: Position): Positions {
  let read: Position[] = [start];
  return {
    add(position) {
      read.push(position);
    },
    first(isDone) {
      const open = read.findIndex(({ row }) => !isDone(row));
      // Where all that was read is done, the last row read is kept: it is read once more and skipped.
      read = read.slice(open < 0 ? -1 : open);
      return read[0] ?? start;
    },
  };
}
