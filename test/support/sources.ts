import type { SourceIdentity } from '../../src/layout.js';
import { encodingOf } from '../../src/read/encoding.js';
import type { Source } from '../../src/read/source.js';
import { inChunks } from './chunks.js';

/** A source that needs no file. */
export function sourceOf(text: string, encoding: BufferEncoding = 'utf8'): Source {
  const bytes = Buffer.from(text, encoding);
  const inUtf8 = encoding === 'utf16le' ? Buffer.from(text) : bytes;
  return {
    name: 'users.csv',
    encoding: encodingOf(bytes, 'users.csv'),
    bytes: bytes.length,
    identity: async (): Promise<SourceIdentity> => ({ bytes: bytes.length, sha256: '' }),
    read: (offset) => inChunks(inUtf8.subarray(offset), 16),
    close: async () => {},
  };
}
