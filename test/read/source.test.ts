import { createHash } from 'node:crypto';
import { appendFile, mkdir, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type FileSystem, systemFiles } from '../../src/file-system.js';
import { isOneWay } from '../../src/named-source.js';
import { openSource, type Source } from '../../src/read/source.js';
import { allOf } from '../support/chunks.js';
import { tempFolder } from '../support/temp-folder.js';

const DISK = { files: systemFiles };

async function fileOf(content: string | Buffer, name = 'users.csv'): Promise<string> {
  const path = join(await tempFolder(), name);
  await writeFile(path, content);
  return path;
}

async function open(path: string, name?: string): Promise<Source> {
  const source = await openSource(path, name);
  onTestFinished(() => source.close());
  return source;
}

const textFrom = async (source: Source, offset: number): Promise<string> =>
  Buffer.concat(await allOf(source.read(offset))).toString('utf8');

/** More than several chunks, so that reading is under way when something happens. */
const LONG = `username\n${'anna@example.com\n'.repeat(30_000)}`;

describe('a source is refused', () => {
  it('that is missing', async () => {
    const path = join(await tempFolder(), 'users.csv');
    const refusal = { code: 'SOURCE_NOT_FOUND', message: `${path}: there is no such file` };
    await expect(openSource(path)).rejects.toMatchObject(refusal);
    await expect(isOneWay(path, DISK)).rejects.toMatchObject(refusal);
  });

  it('that is a folder', async () => {
    const path = join(await tempFolder(), 'users');
    await mkdir(path);
    await expect(openSource(path)).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: `${path} is a folder: name the CSV file in it`,
    });
    expect(await isOneWay(path, DISK)).toBe(false);
  });

  it('that is empty', async () => {
    const path = await fileOf('');
    await expect(openSource(path)).rejects.toMatchObject({
      code: 'SOURCE_EMPTY',
      message: `${path} is empty: there is nothing to confirm`,
    });
  });

  it('that is no text', async () => {
    await expect(openSource(await fileOf('PK\x03\x04\0\0'))).rejects.toMatchObject({
      code: 'SOURCE_NOT_TEXT',
    });
  });

  it('by the name that its user knows it by', async () => {
    const path = await fileOf('');
    await expect(openSource(path, 'standard input')).rejects.toThrow(/^standard input is empty/);
  });
});

describe('a source', () => {
  it('is read from any place', async () => {
    const source = await open(await fileOf(LONG));
    expect(source.encoding).toBe('utf8');
    expect(source.bytes).toBe(LONG.length);
    for (const offset of [0, 1, 9, 65_536, 65_537, LONG.length - 1, LONG.length]) {
      expect(await textFrom(source, offset)).toBe(LONG.slice(offset));
    }
  });

  it('is told from others by its size and SHA-256', async () => {
    const source = await open(await fileOf(LONG));
    expect(await source.identity()).toEqual({
      bytes: LONG.length,
      sha256: createHash('sha256').update(LONG).digest('hex'),
    });
  });

  it.each([
    ['plain', LONG, 9],
    ['gzipped', gzipSync(LONG), 9],
  ])(
    'that is %s and has been read from its first row to its end is not read again to be told',
    async (_how, content, offset) => {
      const path = await fileOf(content);
      let bytesRead = 0;
      const counting: FileSystem = {
        ...systemFiles,
        async open(name, flags) {
          const file = await systemFiles.open(name, flags);
          return {
            ...file,
            stat: () => file.stat(),
            close: () => file.close(),
            async read(...place) {
              const found = await file.read(...place);
              bytesRead += found.bytesRead;
              return found;
            },
          };
        },
      };
      const source = await openSource(path, path, counting);
      onTestFinished(() => source.close());
      await textFrom(source, offset);
      bytesRead = 0;
      const sha256 = createHash('sha256').update(content).digest('hex');
      expect(await source.identity()).toEqual({ bytes: content.length, sha256 });
      expect(bytesRead).toBe(0);
    },
  );

  it('whose reading was left early is read to be told', async () => {
    const source = await open(await fileOf(LONG));
    for await (const _chunk of source.read(0)) break;
    await textFrom(source, LONG.length - 3);
    const sha256 = createHash('sha256').update(LONG).digest('hex');
    expect(await source.identity()).toEqual({ bytes: LONG.length, sha256 });
  });

  it('that is a device can be read only once', async () => {
    expect(await isOneWay('/dev/null', DISK)).toBe(true);
    expect(await isOneWay('-', DISK)).toBe(true);
    expect(await isOneWay(await fileOf('x'), DISK)).toBe(false);
    expect(await isOneWay('s3://bucket/key', DISK)).toBe(false);
  });

  it.each(['', '\uFEFF'])('in UTF-16LE %j is read as UTF-8, from any place of it', async (bom) => {
    // To csv-parse, which looks at odd bytes too, the first two of these hold a quote.
    const text = `username\n∀𐀀\nüöä\n${'日本,'.repeat(40_000)}`;
    const source = await open(await fileOf(Buffer.from(bom + text, 'utf16le')));
    expect(source.encoding).toBe('utf16le');
    const bytes = Buffer.from(text);
    for (const offset of [0, 9, 17, 100_000, bytes.length]) {
      expect(await textFrom(source, offset)).toBe(bytes.subarray(offset).toString());
    }
  });
});

describe('a gzipped source', () => {
  it('is read from any place of what it unpacks to', async () => {
    const source = await open(await fileOf(gzipSync(LONG), 'users.csv.gz'));
    for (const offset of [0, 1, 9, 65_536, LONG.length - 1, LONG.length]) {
      expect(await textFrom(source, offset)).toBe(LONG.slice(offset));
    }
  });

  it('is noticed by its bytes, whatever its name', async () => {
    expect(await textFrom(await open(await fileOf(gzipSync('username\n'))), 0)).toBe('username\n');
  });

  it('may be several, one after the other', async () => {
    const both = Buffer.concat([gzipSync('username\nanna\n'), gzipSync('bob\n')]);
    expect(await textFrom(await open(await fileOf(both)), 0)).toBe('username\nanna\nbob\n');
  });

  it('in UTF-16LE is noticed', async () => {
    const path = await fileOf(gzipSync(Buffer.from('\uFEFFusername\n', 'utf16le')));
    expect((await open(path)).encoding).toBe('utf16le');
  });

  it('has the identity of the file as it lies on the disk', async () => {
    const packed = gzipSync(LONG);
    const source = await open(await fileOf(packed));
    expect(await source.identity()).toEqual({
      bytes: packed.length,
      sha256: createHash('sha256').update(packed).digest('hex'),
    });
  });

  it('that is cut off cannot be unpacked', async () => {
    const random = Array.from({ length: 40_000 }, (_, n) => createHash('md5').update(`${n}`).digest('hex'));
    const packed = gzipSync(`username\n${random.join('\n')}\n`);
    const path = await fileOf(packed.subarray(0, packed.length - 100));
    const source = await open(path);
    await expect(textFrom(source, 0)).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: `${path} cannot be unpacked (unexpected end of file): is the gzip file complete?`,
    });
  });

  it('that is damaged cannot be unpacked', async () => {
    const packed = gzipSync(LONG);
    packed.fill(0xff, 20, 60);
    await expect(openSource(await fileOf(packed))).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining('is the gzip file complete?'),
    });
  });
});

describe('a source that changes while it is read', () => {
  const changes: [string, (path: string) => Promise<void>][] = [
    ['grows', (path) => appendFile(path, 'bob\n')],
    ['shrinks below the place of reading', (path) => truncate(path, 10)],
    ['is written anew in the same size', (path) => utimes(path, new Date(0), new Date(0))],
  ];

  it.each(changes)('is noticed: it %s', async (_how, change) => {
    const path = await fileOf(LONG);
    const source = await open(path);
    const reading = async () => {
      let first = true;
      for await (const _chunk of source.read(0)) {
        if (first) await change(path);
        first = false;
      }
    };
    await expect(reading()).rejects.toMatchObject({
      code: 'SOURCE_CHANGED',
      message: expect.stringContaining('was changed while it was being read'),
    });
  });

  it.each(changes)('is noticed by the identity and by the next reading: it %s', async (_how, change) => {
    const path = await fileOf(LONG);
    const source = await open(path);
    await change(path);
    await expect(source.identity()).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    await expect(textFrom(source, LONG.length)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
  });

  it.each(changes)('is noticed by the identity after it was read to its end: it %s', async (_how, change) => {
    const path = await fileOf(LONG);
    const source = await open(path);
    await textFrom(source, 9);
    await change(path);
    await expect(source.identity()).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
  });

  it('is noticed where it is gzipped', async () => {
    const path = await fileOf(gzipSync(LONG));
    const source = await open(path);
    await appendFile(path, gzipSync('bob\n'));
    await expect(textFrom(source, 0)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
  });
});
