import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ALL_RUN_OPTIONS } from '../src/command/arguments.js';
import { EXIT_CODE } from '../src/exit-code.js';
import { STATUSES } from '../src/outcome.js';
import { REPORT_COLUMNS } from '../src/write/report.js';

/** The README says what the program does: its tables come from the same lists. */

const FILE = fileURLToPath(new URL('../README.md', import.meta.url));
const BEGIN = '<!-- options: made by `npm run readme` -->\n';
const END = '<!-- /options -->';

function optionsTable(): string {
  const rows = ALL_RUN_OPTIONS.map(({ default: byDefault, describe: says, name, value }) => {
    const cells = [`\`--${name}${value === undefined ? '' : ` ${value}`}\``, says, byDefault ?? ''];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return ['| option | meaning | default |', '| --- | --- | --- |', ...rows, ''].join('\n');
}

function withTable(readme: string): string {
  const [before = '', rest = ''] = readme.split(BEGIN);
  return `${before}${BEGIN}${optionsTable()}${rest.slice(rest.indexOf(END))}`;
}

if (process.env.README_UPDATE !== undefined) writeFileSync(FILE, withTable(readFileSync(FILE, 'utf8')));

const readme = readFileSync(FILE, 'utf8');

describe('README.md', () => {
  it('has the table of options that the command has (npm run readme makes it)', () => {
    expect(readme).toBe(withTable(readme));
  });

  it('names every status, every field of the report and every exit code', () => {
    for (const status of STATUSES) expect(readme).toContain(`| \`${status}\` |`);
    for (const column of REPORT_COLUMNS) expect(readme).toContain(`\`${column}\``);
    for (const code of Object.values(EXIT_CODE))
      expect(readme).toMatch(new RegExp(`^\\| (\\d+, )?${code}(, \\d+)? \\|`, 'm'));
  });

  it('shows the policy of samples/policy.json', () => {
    const policy = readFileSync(fileURLToPath(new URL('../samples/policy.json', import.meta.url)), 'utf8');
    expect(readme).toContain(policy);
  });
});
