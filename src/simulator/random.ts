/** Gives the next number of its sequence: at least 0, below 1. */
export type Random = () => number;

/**
 * A seeded source of numbers (mulberry32). Each purpose has a sequence of its own, so that drawing more
 * often for one of them leaves the others as they were.
 */
export function createRandom(seed: number, purpose: string): Random {
  let state = hashOf(`${seed}:${purpose}`);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A whole number below 2^32 that stands for the text (FNV-1a). */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/** The next id that looks like a random UUID. */
export function nextUuid(random: Random): string {
  let hex = '';
  for (let group = 0; group < 8; group++) {
    const bits = Math.floor(random() * 0x10000);
    hex += `${HEX[bits >> 8]}${HEX[bits & 0xff]}`;
  }
  const variant = '89ab'.charAt(Math.floor(random() * 4));
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** Two digits for each byte: an id is made for each request. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
