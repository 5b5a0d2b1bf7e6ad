import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { command } from './command.js';
import { createFolder } from './folder.js';

vi.setConfig({ testTimeout: 60_000 });

const POOL = 'eu-west-1_AbC123xyz';

const policyOf = (stdout: string): { Statement: { Action: string | string[]; Resource: string }[] } =>
  JSON.parse(stdout);

describe.concurrent('iam-policy', () => {
  it('prints the policy of samples/policy.json for a pool and nothing else', async () => {
    const { exitCode, stderr, stdout } = await command(['iam-policy', '--user-pool-id', POOL]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const sample = await readFile(
      fileURLToPath(new URL('../../samples/policy.json', import.meta.url)),
      'utf8',
    );
    expect(JSON.parse(stdout)).toEqual(JSON.parse(sample));
  });

  it('takes the very command line of a run, and what stands in environment and file', async () => {
    const folder = await createFolder();
    await folder.write('config.json', JSON.stringify({ rate: 20, job: 's3://out/jobs/' }));
    const { exitCode, stderr, stdout } = await folder.run(
      [
        ...['iam-policy', 's3://in/users.csv', '--config', 'config.json', '--region', 'eu-central-1'],
        ...[
          '--account-id',
          '444455556666',
          '--limit',
          '10',
          '--metadata',
          'a=b',
          '--quiet',
          '--emf',
          '--json',
        ],
      ],
      { env: { COGNITO_USER_POOL_ID: POOL } },
    );
    expect(exitCode, stderr).toBe(0);
    expect(policyOf(stdout).Statement.map(({ Resource }) => Resource)).toEqual([
      `arn:aws:cognito-idp:eu-central-1:444455556666:userpool/${POOL}`,
      'arn:aws:s3:::in/users.csv',
      'arn:aws:s3:::in',
      'arn:aws:s3:::out/jobs/*',
      'arn:aws:s3:::out',
    ]);
    expect(await folder.list()).toEqual(['config.json']);
  });

  it('needs neither credentials nor a file nor a connection', async () => {
    const env = {
      AWS_ACCESS_KEY_ID: undefined,
      AWS_SECRET_ACCESS_KEY: undefined,
      AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
    };
    const { exitCode, stderr, stdout } = await command(
      ['iam-policy', 'nowhere.csv', '--user-pool-id', POOL, '--profile', 'nobody'],
      { env },
    );
    expect(exitCode, stderr).toBe(0);
    expect(policyOf(stdout).Statement[0]?.Action).toBe('cognito-idp:AdminConfirmSignUp');
  });

  it.each([
    ['no pool', [], /--user-pool-id/],
    ['an account that is none', ['--user-pool-id', POOL, '--account-id', '12'], /--account-id.* 12 digits/],
    ['a rate that is none', ['--user-pool-id', POOL, '--rate', 'fast'], /--rate/],
    ['two sources', ['a.csv', 'b.csv', '--user-pool-id', POOL], /`b\.csv` is one argument too many/],
    ['an option of another command', ['--user-pool-id', POOL, '--verify'], /no option `--verify`/],
  ])('refuses %s', async (_name, options, message) => {
    const { exitCode, lines, stdout } = await command(['iam-policy', ...options]);
    expect({ exitCode, stdout, lines: lines.length }).toEqual({ exitCode: 2, stdout: '', lines: 1 });
    expect(lines[0]).toMatch(message);
  });

  it('has a help of its own, and run does not know its option', async () => {
    const help = await command(['iam-policy', '--help']);
    expect(help.exitCode).toBe(0);
    expect(help.stdout).toMatch(/iam-policy \[<source>\][\s\S]*--account-id/);
    const run = await command(['run', 'users.csv', '--user-pool-id', POOL, '--account-id', '444455556666']);
    expect(run.exitCode).toBe(2);
  });
});
