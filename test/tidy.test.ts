import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../src', import.meta.url));
const STAGES = ['read', 'select', 'send', 'write'];

interface Import {
  /** A file of the sources (`send/pace.ts`), or a package, or one of Node's modules. */
  readonly of: string;
  readonly isType: boolean;
}

interface SourceFile {
  readonly path: string;
  readonly folder: string;
  /** Without comments. */
  readonly code: string;
  readonly imports: readonly Import[];
}

const FILES: readonly SourceFile[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => path.replaceAll('\\', '/'))
  .map((path) => {
    const text = readFileSync(join(SRC, path), 'utf8');
    const code = withoutComments(text);
    const [folder = ''] = path.includes('/') ? path.split('/') : [''];
    return { path, folder, code, imports: importsOf(code, path) };
  });

/** Takes the comments out, and leaves alone what only looks like one in a string, such as an address. */
function withoutComments(text: string): string {
  return text.replace(
    /('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (_all, kept: string | undefined) => kept ?? '',
  );
}

function importsOf(code: string, path: string): Import[] {
  const statements = code.matchAll(/^(?:import|export)\s+(?:(type\s)?([^;'"]*?)\s*from\s*)?'([^']+)'/gm);
  const dynamic = code.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g);
  return [
    ...[...statements].map(([, type, names = '', of = '']) => ({
      of: fileOf(of, path),
      isType: type !== undefined || onlyTypes(names),
    })),
    ...[...dynamic].map(([, of = '']) => ({ of: fileOf(of, path), isType: false })),
  ];
}

/** `{ type A, type B }`. */
function onlyTypes(names: string): boolean {
  const all = names
    .replace(/[{}]/g, '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return names.startsWith('{') && all.every((name) => name.startsWith('type '));
}

function fileOf(of: string, path: string): string {
  if (!of.startsWith('.')) return of;
  return relative(SRC, resolve(SRC, dirname(path), of))
    .replaceAll('\\', '/')
    .replace(/\.js$/, '.ts');
}

const folderOf = (path: string): string => (path.includes('/') ? (path.split('/')[0] ?? '') : '');

/** Each import of the sources, as `who -> whom`, that is found wrong. */
const wrong = (isWrong: (file: SourceFile, imported: Import) => boolean): string[] =>
  FILES.flatMap((file) =>
    file.imports.filter((imported) => isWrong(file, imported)).map(({ of }) => `${file.path} -> ${of}`),
  );

const isOwnFile = ({ of }: Import): boolean => FILES.some(({ path }) => path === of);
const isNode = ({ of }: Import): boolean => of.startsWith('node:');

describe('the reading of the sources', () => {
  it('finds all of them, and what they import', () => {
    expect(FILES.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['cli.ts', 'run.ts', 'send/limiter.ts']),
    );
    const run = FILES.find(({ path }) => path === 'run.ts');
    expect(run?.imports).toEqual(
      expect.arrayContaining([
        { of: 'select/decide.ts', isType: false },
        { of: 'send/attempts.ts', isType: true },
      ]),
    );
  });

  it('takes every file of its own for one that is there', () => {
    expect(wrong((_file, imported) => /[./]/.test(imported.of[0] ?? '') && !isOwnFile(imported))).toEqual([]);
    expect(wrong((_file, { of }) => of.endsWith('.ts') && !FILES.some(({ path }) => path === of))).toEqual(
      [],
    );
  });

  it('tells comments from code', () => {
    expect(withoutComments("a('http://x'); // process.env\n/* any */ b(/\\/\\/[/*]/); `//c`")).toBe(
      "a('http://x'); \n b(/\\/\\/[/*]/); `//c`",
    );
  });
});

describe('the house', () => {
  it('has no stage that imports another stage', () => {
    expect(
      wrong(
        ({ folder }, { of }) =>
          STAGES.includes(folder) && STAGES.includes(folderOf(of)) && folderOf(of) !== folder,
      ),
    ).toEqual([]);
  });

  it('has no stage that imports command, simulator, cli or run', () => {
    expect(
      wrong(
        ({ folder }, { of }) =>
          STAGES.includes(folder) &&
          (['command', 'simulator'].includes(folderOf(of)) ||
            ['cli.ts', 'index.ts', 'run.ts', 'job.ts'].includes(of)),
      ),
    ).toEqual([]);
  });

  it('has pure decisions in select: they import no module of Node’s and no package', () => {
    expect(wrong(({ folder }, imported) => folder === 'select' && !isOwnFile(imported))).toEqual([]);
  });

  it('has a simulator that imports nothing but itself', () => {
    expect(
      wrong(
        ({ folder }, imported) =>
          folder === 'simulator' && folderOf(imported.of) !== 'simulator' && !isNode(imported),
      ),
    ).toEqual([]);
  });

  it('has a command that uses what anybody can use of the library', () => {
    expect(
      wrong(
        ({ folder }, imported) =>
          folder === 'command' &&
          isOwnFile(imported) &&
          folderOf(imported.of) !== 'command' &&
          !['index.ts', 'exit-code.ts'].includes(imported.of),
      ),
    ).toEqual([]);
    expect(
      wrong(
        ({ path }, imported) =>
          path === 'cli.ts' &&
          isOwnFile(imported) &&
          folderOf(imported.of) !== 'command' &&
          !['index.ts', 'exit-code.ts'].includes(imported.of),
      ),
    ).toEqual([]);
  });

  it('lets nobody import the command line', () => {
    expect(wrong((_file, { of }) => of === 'cli.ts')).toEqual([]);
    expect(
      wrong(
        ({ folder, path }, { of }) => folderOf(of) === 'command' && folder !== 'command' && path !== 'cli.ts',
      ),
    ).toEqual([]);
  });

  it('touches the process in cli.ts alone, but for the question whether another one lives', () => {
    const touching = FILES.filter(({ code }) => /\bprocess\s*[.?[]|node:process/.test(code)).map(
      ({ path }) => path,
    );
    expect(touching.sort()).toEqual(['cli.ts', 'write/hold.ts']);
  });

  it.each([
    ['csv-parse', ['read/csv.ts']],
    ['bottleneck', ['send/limiter.ts']],
    ['p-limit', ['send/in-flight.ts']],
    ['yargs', ['command/arguments.ts']],
    ['fastest-levenshtein', ['command/arguments.ts']],
    ['log-update', ['command/screen.ts']],
    ['@aws-sdk/lib-storage', ['s3.ts']],
  ])('has one home for %s', (name, homes) => {
    const users = FILES.filter(({ imports }) =>
      imports.some(({ of }) => of === name || of.startsWith(`${name}/`)),
    );
    expect(users.map(({ path }) => path)).toEqual(homes);
  });

  it('has the client of Cognito in send alone; others may name its type', () => {
    const sdk = /^@(aws-sdk\/(?!client-s3$|lib-storage$)|smithy\/)/;
    expect(wrong(({ folder }, { isType, of }) => sdk.test(of) && !isType && folder !== 'send')).toEqual([]);
    expect(wrong(({ folder }, { of }) => sdk.test(of) && folder === 'send').length).toBeGreaterThan(0);
  });

  it('has the client of S3 in the files of S3 alone; others may name its type', () => {
    const users = FILES.filter(({ imports }) =>
      imports.some(({ of, isType }) => of === '@aws-sdk/client-s3' && !isType),
    );
    expect(users.map(({ path }) => path)).toEqual(['s3-client.ts', 's3.ts']);
  });

  it('uses no package that is not named above', () => {
    const known = [
      'csv-parse',
      'bottleneck',
      'p-limit',
      'yargs',
      'fastest-levenshtein',
      'log-update',
      '@aws-sdk/client-cognito-identity-provider',
      '@aws-sdk/client-s3',
      '@aws-sdk/lib-storage',
      '@aws-sdk/client-service-quotas',
    ];
    expect(
      wrong((_file, imported) => !isOwnFile(imported) && !isNode(imported) && !known.includes(imported.of)),
    ).toEqual([]);
  });

  it('names its files by what they are', () => {
    expect(
      FILES.filter(({ path }) => /utils?|helpers?|common|manager|misc/i.test(path)).map(({ path }) => path),
    ).toEqual([]);
    expect(FILES.filter(({ path }) => !/^[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(basename(path)))).toEqual([]);
  });

  it('does without any', () => {
    expect(
      FILES.filter(({ code }) => /(:|<|\bas|=|\|)\s*any\b(?!\w)/.test(withoutStrings(code))).map(
        ({ path }) => path,
      ),
    ).toEqual([]);
  });
});

function withoutStrings(code: string): string {
  return code.replace(/'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g, "''");
}
