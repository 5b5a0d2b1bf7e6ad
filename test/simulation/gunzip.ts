import { syncBuiltinESMExports } from 'node:module';
import { Transform } from 'node:stream';
import zlib from 'node:zlib';

const CHUNK_BYTES = 16 * 1024;

/**
 * Lets the program unpack gzip without the thread that zlib has for it: that one comes back at a moment of its own,
 * which no seed could bring back. Returns what undoes it.
 */
export function unpackInTurn(): () => void {
  const before = Object.getOwnPropertyDescriptor(zlib, 'createGunzip') ?? {};
  Object.defineProperty(zlib, 'createGunzip', { ...before, value: createGunzip });
  syncBuiltinESMExports();
  return () => {
    Object.defineProperty(zlib, 'createGunzip', before);
    syncBuiltinESMExports();
  };
}

function createGunzip(): Transform {
  const packed: Buffer[] = [];
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      packed.push(chunk);
      done();
    },
    flush(done) {
      const text = zlib.gunzipSync(Buffer.concat(packed));
      for (let at = 0; at < text.length; at += CHUNK_BYTES) this.push(text.subarray(at, at + CHUNK_BYTES));
      done();
    },
  });
}
