import { readFileSync } from 'node:fs';

interface PackageFile {
  readonly version: string;
}

const file = readFileSync(new URL('../package.json', import.meta.url), 'utf8');

/** The version in force, for the summary, the User-Agent header and `--version`. */
export const VERSION = (JSON.parse(file) as PackageFile).version;
