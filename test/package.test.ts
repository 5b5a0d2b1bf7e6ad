import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** What `npm pack` makes, installed in an empty folder as a user would. */

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const quiet: ExecFileSyncOptionsWithStringEncoding = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] };
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'package-'));
  // `prepare` would build again, under the feet of the tests that run the command meanwhile.
  const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    ...quiet,
    cwd: ROOT,
  });
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  execFileSync('npm', ['install', '--prefer-offline', '--omit=dev', join(folder, filename)], {
    ...quiet,
    cwd: folder,
  });
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true }));

const node = (...args: string[]): string => execFileSync(process.execPath, args, { ...quiet, cwd: folder });

describe('the package', () => {
  it('has a command that works', () => {
    const command = join(folder, 'node_modules/.bin/cognito-bulk-confirm');
    expect(execFileSync(command, ['--version'], quiet).trim()).toMatch(/^\d+\.\d+\.\d+$/);
    writeFileSync(join(folder, 'users.csv'), 'username\nada\nbea\n');
    const said = execFileSync(command, ['users.csv', '--rehearse'], { ...quiet, cwd: folder });
    expect(said).toContain('2 of 2');
  }, 30_000);

  it('has a library that works, with the sample beside it', () => {
    const program = `
      import { confirmRows, run, startSimulator, demo } from 'cognito-bulk-confirm';
      const simulator = await startSimulator({ users: [{ username: 'ada' }] });
      process.env.AWS_ACCESS_KEY_ID = simulator.credentials.accessKeyId;
      process.env.AWS_SECRET_ACCESS_KEY = simulator.credentials.secretAccessKey;
      const { url: endpointUrl, userPoolId } = simulator;
      for await (const { username, status } of confirmRows([{ username: 'ada' }, { username: 'bea' }], { endpointUrl, userPoolId })) {
        console.log(username, status);
      }
      const summary = await run({ source: 'users.csv', rehearse: true, fresh: true });
      console.log(summary.ending, typeof demo);
      await simulator.close();
    `;
    writeFileSync(join(folder, 'program.js'), program);
    expect(node('program.js').trim().split('\n').sort()).toEqual([
      'ada confirmed',
      'bea not-found',
      'finished function',
    ]);
  }, 30_000);
});
