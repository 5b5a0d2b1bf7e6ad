import type { ObjectAddress, ObjectStorage } from '../object-storage.js';

/** A stretch of an object. */
export interface Piece {
  readonly at: ObjectAddress;
  readonly etag: string;
  readonly start: number;
  readonly end: number;
}

const PIECE_BYTES = 4 * 1024 * 1024;
/** A small object takes as long as a large one, so some are asked for ahead: at most so much is in memory. */
const PIECES_AHEAD = 4;

/** What lies between two places of several objects, taken as one after the other. */
export function* piecesOf(
  objects: Iterable<{ readonly at: ObjectAddress; readonly etag: string; readonly bytes: number }>,
  from: number,
  to: number,
): Iterable<Piece> {
  let begins = 0;
  for (const { at, bytes, etag } of objects) {
    const last = Math.min(bytes, to - begins);
    for (let start = Math.max(0, from - begins); start < last; start += PIECE_BYTES) {
      yield { at, etag, start, end: Math.min(start + PIECE_BYTES, last) };
    }
    begins += bytes;
    if (begins >= to) return;
  }
}

/** Reads pieces in their order, some of them ahead. */
export async function* readPieces(storage: ObjectStorage, pieces: Iterable<Piece>): AsyncIterable<Buffer> {
  const leaving = new AbortController();
  const ahead: Promise<Buffer>[] = [];
  try {
    for (const { at, ...range } of pieces) {
      const piece = storage.getRange(at, range, leaving.signal);
      // Told when it is this one's turn.
      piece.catch(() => {});
      ahead.push(piece);
      const first = ahead.length > PIECES_AHEAD ? ahead.shift() : undefined;
      if (first !== undefined) yield await first;
    }
    for (const piece of ahead) yield await piece;
  } finally {
    leaving.abort();
  }
}
