import { describe, expect, it } from 'vitest';
import { encodingOf } from '../../src/read/encoding.js';

const UTF16BE = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();

describe('the encoding', () => {
  it.each([
    ['UTF-8', Buffer.from('username\nanna\n'), 'utf8'],
    ['UTF-8 with BOM', Buffer.from('\uFEFFusername\nanna\n'), 'utf8'],
    ['UTF-8 beyond ASCII', Buffer.from('ユーザー名;メモ\n'), 'utf8'],
    ['UTF-16LE with BOM', Buffer.from('\uFEFFusername\n', 'utf16le'), 'utf16le'],
    ['UTF-16LE without BOM', Buffer.from('username\nanna\n', 'utf16le'), 'utf16le'],
    [
      'UTF-16LE without BOM, with some letters beyond Latin',
      Buffer.from('username;名前\n', 'utf16le'),
      'utf16le',
    ],
    ['nothing at all', Buffer.alloc(0), 'utf8'],
    ['one byte', Buffer.from('a'), 'utf8'],
    ['a name that begins as a ZIP does', Buffer.from('PKname,b\n'), 'utf8'],
  ] as const)('of %s is found', (_what, head, encoding) => {
    expect(encodingOf(head, 'users.csv')).toBe(encoding);
  });

  it.each([
    [
      'UTF-16BE with BOM',
      UTF16BE('\uFEFFusername\n'),
      'is in UTF-16BE, which is not supported: save it as UTF-8',
    ],
    [
      'UTF-16BE without BOM',
      UTF16BE('username\nanna\n'),
      'is in UTF-16BE, which is not supported: save it as UTF-8',
    ],
    ['a ZIP with zero bytes', Buffer.from('PK\x03\x04\0\0abc'), '(a ZIP or Excel file? save it as CSV)'],
    ['a ZIP without zero bytes', Buffer.from('PK\x03\x04abcdef'), '(a ZIP or Excel file? save it as CSV)'],
    [
      'a picture',
      Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01', 'latin1'),
      'is not a text file: a CSV is expected',
    ],
    ['zeros', Buffer.alloc(64), 'is not a text file: a CSV is expected'],
  ])('of %s is refused', (_what, head, message) => {
    expect(() => encodingOf(head, 'users.csv')).toThrow(
      expect.objectContaining({ code: 'SOURCE_NOT_TEXT', message: expect.stringContaining(message) }),
    );
  });
});
