import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll } from 'vitest';
import { type CommandOptions, type CommandResult, command } from './command.js';

/** A folder of a test's own. */
export interface Folder {
  readonly path: string;
  at(...names: string[]): string;
  write(name: string, content: string | Buffer): Promise<string>;
  read(name: string): Promise<string>;
  /** Every file and folder below, sorted. */
  list(): Promise<string[]>;
  /** Runs the command in it. */
  run(args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
}

/** A line of a report, as text. */
export type ReportLine = Readonly<Record<string, string>>;

// Tests run side by side, so what they leave is put away together.
const made: string[] = [];
afterAll(() => Promise.all(made.splice(0).map((path) => rm(path, { recursive: true, force: true }))));

/** Makes a folder that is gone when the tests of the file are over. */
export async function createFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'command-test-'));
  made.push(path);
  const at = (...names: string[]): string => join(path, ...names);
  return {
    path,
    at,
    async write(name, content) {
      await mkdir(dirname(at(name)), { recursive: true });
      await writeFile(at(name), content);
      return at(name);
    },
    read: (name) => readFile(at(name), 'utf8'),
    list: async () => (await readdir(path, { recursive: true })).sort(),
    run: (args, options) => command(args, { cwd: path, ...options }),
  };
}

/** The lines of a job's report, by row. */
export async function reportOf(folder: Folder, job: string): Promise<ReportLine[]> {
  const text = await folder.read(join(job, 'report.csv'));
  const lines: ReportLine[] = parse(text, { columns: true });
  return lines.sort((a, b) => Number(a.row) - Number(b.row));
}

/** What became of each row, in the order of the rows. */
export const statusesOf = async (folder: Folder, job: string): Promise<string[]> =>
  (await reportOf(folder, job)).map(({ status = '' }) => status);

/** 1, 2, 3 ... as the report writes them. */
export const rowNumbers = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${index + 1}`);
