import { describe, expect, it } from 'vitest';
import { iamPolicy, type PolicyOptions, type PolicyStatement } from '../src/iam-policy.js';
import { OptionError } from '../src/options.js';

const POOL = 'eu-west-1_AbC123xyz';
const ACCOUNT = '444455556666';

const statements = (options: Partial<PolicyOptions>): readonly PolicyStatement[] =>
  iamPolicy({ userPoolId: POOL, rate: 10, accountId: ACCOUNT, ...options }).Statement;

/** What is allowed on what, and on which condition: `action on resource {condition}`. */
const allowed = (options: Partial<PolicyOptions>): string[] =>
  statements(options).flatMap(({ Action, Condition, Resource }) =>
    [Action]
      .flat()
      .map(
        (action) =>
          `${action} on ${Resource}${Condition === undefined ? '' : ` ${JSON.stringify(Condition)}`}`,
      ),
  );

const CONFIRM = `cognito-idp:AdminConfirmSignUp on arn:aws:cognito-idp:eu-west-1:${ACCOUNT}:userpool/${POOL}`;
/** `a*b?$c`, each of the three written as a variable of its own. */
const ESCAPED = ['a', '{*}b', '{?}', '{$}c'].join('$');
const QUOTA = ['cognito-idp:GetProvisionedLimit on *', 'servicequotas:GetServiceQuota on *'];
const prefix = (names: string): string => JSON.stringify({ StringLike: { 's3:prefix': names } });

describe('iamPolicy', () => {
  it('allows one call on one pool where all else is on the disk and the rate is a number', () => {
    expect(allowed({ source: 'users.csv', job: './users.csv.job' })).toEqual([CONFIRM]);
    expect(allowed({ source: '-' })).toEqual([CONFIRM]);
    expect(allowed({})).toEqual([CONFIRM]);
  });

  it('is a policy as IAM has them', () => {
    const all = {
      source: 's3://in/',
      job: 's3://out/jobs/',
      rate: '50%',
      fresh: true,
      sseKmsKeyId: 'alias/jobs',
    };
    const { Statement, Version } = iamPolicy({ userPoolId: POOL, ...all });
    expect(Version).toBe('2012-10-17');
    const sids = Statement.map(({ Sid }) => Sid);
    expect(new Set(sids).size).toBe(sids.length);
    for (const sid of sids) expect(sid).toMatch(/^[A-Za-z0-9]+$/);
    for (const { Effect } of Statement) expect(Effect).toBe('Allow');
    expect(JSON.stringify(Statement)).not.toMatch(/"Action":"\*"|s3:\*|kms:\*|cognito-idp:\*/);
  });

  it.each([
    ['by default', {}],
    ['as a share', { rate: '50%' }],
  ])('allows to read the quota where the rate is one %s', (_name, given) => {
    expect(allowed({ rate: undefined, ...given })).toEqual([CONFIRM, ...QUOTA]);
  });

  it.each<[string, Partial<PolicyOptions>, string]>([
    ['the Region that is named', { region: 'us-east-2' }, 'arn:aws:cognito-idp:us-east-2'],
    ["else the pool's", {}, 'arn:aws:cognito-idp:eu-west-1'],
    ['else the first', { userPoolId: 'local_1' }, 'arn:aws:cognito-idp:us-east-1'],
    ['China', { userPoolId: 'cn-north-1_Ab1' }, 'arn:aws-cn:cognito-idp:cn-north-1'],
    ['GovCloud', { region: 'us-gov-west-1' }, 'arn:aws-us-gov:cognito-idp:us-gov-west-1'],
    ['the sovereign cloud', { userPoolId: 'eusc-de-east-1_Ab1' }, 'arn:aws-eusc:cognito-idp:eusc-de-east-1'],
  ])('has the Region and its partition: %s', (_name, options, begins) => {
    const { userPoolId = POOL } = options;
    expect(statements(options)[0]?.Resource).toBe(`${begins}:${ACCOUNT}:userpool/${userPoolId}`);
  });

  it('has the account of an example where none is named', () => {
    expect(statements({ accountId: undefined })[0]?.Resource).toContain(':111122223333:');
  });

  it.each<[string, string, string, string]>([
    ['one object', 's3://in/2026/users.csv.gz', 'in/2026/users.csv.gz', prefix('2026/users.csv.gz')],
    ['all below a prefix', 's3://in/2026/', 'in/2026/*', prefix('2026/*')],
    ['a whole bucket', 's3://in/', 'in/*', ''],
    ['a name that IAM would take for a pattern', 's3://in/a*b?$c', `in/${ESCAPED}`, prefix(ESCAPED)],
  ])('allows to read %s, and to be told that it is missing', (_name, source, names, condition) => {
    expect(allowed({ source })).toEqual([
      CONFIRM,
      `s3:GetObject on arn:aws:s3:::${names}`,
      `s3:GetObjectVersion on arn:aws:s3:::${names}`,
      `s3:ListBucket on arn:aws:s3:::in ${condition}`.trimEnd(),
    ]);
  });

  it.each([
    ['a prefix', 's3://out/jobs/1/', 'out/jobs/1/*', prefix('jobs/1/*')],
    ['a prefix without its stroke', 's3://out/jobs/1', 'out/jobs/1/*', prefix('jobs/1/*')],
    ['a whole bucket', 's3://out', 'out/*', ''],
  ])('allows to keep a job below %s', (_name, job, names, condition) => {
    expect(allowed({ job })).toEqual([
      CONFIRM,
      ...['GetObject', 'PutObject', 'DeleteObject', 'AbortMultipartUpload'].map(
        (action) => `s3:${action} on arn:aws:s3:::${names}`,
      ),
      `s3:ListBucket on arn:aws:s3:::out ${condition}`.trimEnd(),
    ]);
  });

  it('allows to put an earlier job aside where --fresh does', () => {
    const job = 's3://out/jobs/1/';
    const more = allowed({ job, fresh: true }).filter((line) => !allowed({ job }).includes(line));
    expect(more).toEqual([
      ...['GetObject', 'PutObject', 'DeleteObject', 'AbortMultipartUpload'].map(
        (action) => `s3:${action} on arn:aws:s3:::out/jobs/1.*/*`,
      ),
      `s3:ListBucket on arn:aws:s3:::out ${prefix('jobs/1.*/*')}`,
    ]);
    expect(allowed({ job: 's3://out', fresh: true })).toEqual(allowed({ job: 's3://out' }));
  });

  it('names buckets by the partition', () => {
    const resources = statements({ userPoolId: 'cn-north-1_Ab1', source: 's3://in/a.csv' }).map(
      ({ Resource }) => Resource,
    );
    expect(resources.slice(1)).toEqual(['arn:aws-cn:s3:::in/a.csv', 'arn:aws-cn:s3:::in']);
  });

  const key = '1234abcd-12ab-34cd-56ef-1234567890ab';
  const keyArn = `arn:aws:kms:eu-central-1:777788889999:key/${key}`;
  const aliases = JSON.stringify({ 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': 'alias/jobs' } });
  it.each([
    ['an ARN', keyArn, keyArn],
    ['an id', key, `arn:aws:kms:eu-west-1:${ACCOUNT}:key/${key}`],
    ['the id of a key of many Regions', `mrk-${key}`, `arn:aws:kms:eu-west-1:${ACCOUNT}:key/mrk-${key}`],
    ['an alias', 'alias/jobs', `arn:aws:kms:eu-west-1:${ACCOUNT}:key/* ${aliases}`],
    [
      "an alias's ARN",
      'arn:aws:kms:eu-central-1:777788889999:alias/jobs',
      `arn:aws:kms:eu-central-1:777788889999:key/* ${aliases}`,
    ],
  ])('allows to use the key that encrypts a job: %s', (_name, sseKmsKeyId, resource) => {
    const withKey = allowed({ job: 's3://out/jobs/', sseKmsKeyId });
    expect(withKey.slice(0, -2)).toEqual(allowed({ job: 's3://out/jobs/' }));
    expect(withKey.slice(-2)).toEqual([`kms:GenerateDataKey on ${resource}`, `kms:Decrypt on ${resource}`]);
  });

  it('needs no key for a job on the disk', () => {
    expect(allowed({ job: './job', sseKmsKeyId: key })).toEqual([CONFIRM]);
  });

  it('asks nothing of Cognito for a dry run or a rehearsal, and a dry run has no job', () => {
    const onS3 = { source: 's3://in/a.csv', job: 's3://out/jobs/', rate: '80%' };
    const reads = allowed(onS3).filter((line) => line.includes(':::in'));
    expect(reads).toHaveLength(3);
    expect(allowed({ ...onS3, dryRun: true })).toEqual(reads);
    expect(allowed({ ...onS3, rehearse: true })).toEqual(
      allowed(onS3).filter((line) => line.startsWith('s3:')),
    );
  });

  it.each<[string, Partial<PolicyOptions>]>([
    ['accountId', { accountId: '1234' }],
    ['accountId', { accountId: 444455556666 as never }],
    ['userPoolId', { userPoolId: undefined as never }],
    ['rate', { rate: '800%' }],
    ['sseKmsKeyId', { job: 's3://out/jobs/', sseKmsKeyId: 'a key' }],
  ])('refuses a wrong %s', (option, options) => {
    expect(() => statements(options)).toThrow(OptionError);
    expect(() => statements(options)).toThrow(`\`${option}\``);
  });
});
