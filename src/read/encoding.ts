import { StopError } from '../errors.js';

export type Encoding = 'utf8' | 'utf16le';

/** How much of a text tells its encoding. */
export const SAMPLE_BYTES = 1024;

/** Tells the encoding from the first bytes of the text. Throws where it is no text we can read. */
export function encodingOf(head: Buffer, name: string): Encoding {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf16le';
  if (head[0] === 0xfe && head[1] === 0xff) return refuseBigEndian(name);
  if (head.subarray(0, SAMPLE_BYTES).includes(0)) {
    // A header is mostly ASCII, so without a BOM the zero bytes at its beginning give UTF-16 and its order away.
    const sample = head.subarray(0, 32);
    const zeros = [0, 0];
    for (const [at, byte] of sample.entries()) {
      if (byte === 0) zeros[at % 2] = (zeros[at % 2] ?? 0) + 1;
    }
    const [even = 0, odd = 0] = zeros;
    if (odd > sample.length / 4 && odd > 4 * even) return 'utf16le';
    if (even > sample.length / 4 && even > 4 * odd) return refuseBigEndian(name);
    throw new StopError('SOURCE_NOT_TEXT', `${name} is not a text file${hint(head)}: a CSV is expected`);
  }
  if (head.subarray(0, 4).toString('latin1') === 'PK\x03\x04') {
    throw new StopError('SOURCE_NOT_TEXT', `${name} is not a text file${hint(head)}: a CSV is expected`);
  }
  return 'utf8';
}

function refuseBigEndian(name: string): never {
  throw new StopError(
    'SOURCE_NOT_TEXT',
    `${name} is in UTF-16BE, which is not supported: save it as UTF-8 and run again`,
  );
}

const hint = (head: Buffer): string =>
  head.subarray(0, 2).toString('latin1') === 'PK' ? ' (a ZIP or Excel file? save it as CSV)' : '';
