import { parseObjectAddress } from './object-storage.js';
import { OptionError, type RunOptions, type Settings, toSettings } from './options.js';

/** The options of the run that is to be allowed, and whose account it runs in. */
export type PolicyOptions = Omit<RunOptions, 'source'> & {
  /** Without one, nothing is allowed for a source: it lies on a disk. */
  readonly source?: string | undefined;
  /** Twelve digits. Default: the account that AWS's own examples have. */
  readonly accountId?: string | undefined;
};

export interface PolicyStatement {
  readonly Sid: string;
  readonly Effect: 'Allow';
  readonly Action: string | readonly string[];
  readonly Resource: string;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface Policy {
  readonly Version: '2012-10-17';
  readonly Statement: readonly PolicyStatement[];
}

const EXAMPLE_ACCOUNT = '111122223333';

/** What is needed to say what something is called: `arn:PARTITION:SERVICE:REGION:ACCOUNT:NAME`. */
interface Place {
  readonly partition: string;
  readonly region: string;
  readonly account: string;
}

/**
 * The least that a run with these options has to be allowed. A dry run and a rehearsal ask nothing of Cognito, and
 * a dry run has no job; what asks nothing of AWS gets a policy without a statement, which IAM would not take.
 * Throws a TypeError for a wrong option, as `run` does. No I/O.
 */
export function iamPolicy(options: PolicyOptions): Policy {
  const { accountId, source = '-' } = options;
  const settings = toSettings({ ...options, source });
  const region = settings.region ?? regionOfPool(settings.userPoolId);
  const place = { partition: partitionOf(region), region, account: account(accountId) };
  const job = settings.dryRun ? undefined : settings.job;
  const jobIsOnS3 = job !== undefined && parseObjectAddress(job) !== undefined;
  return {
    Version: '2012-10-17',
    Statement: [
      ...(settings.dryRun || settings.rehearse ? [] : forCognito(settings, place)),
      ...forSource(settings.source, place),
      ...(job === undefined ? [] : forJob(job, settings, place)),
      ...(jobIsOnS3 && settings.sseKmsKeyId !== undefined ? forKey(settings.sseKmsKeyId, place) : []),
    ],
  };
}

function forCognito({ rate, userPoolId }: Settings, place: Place): PolicyStatement[] {
  const confirm = allow(
    'ConfirmTheUsersOfOnePool',
    'cognito-idp:AdminConfirmSignUp',
    arn(place, 'cognito-idp', `userpool/${userPoolId}`),
  );
  // A number is gone at whatever the quota is: that it could not be compared costs a line, not the run.
  if ('perSecond' in rate) return [confirm];
  const actions = ['cognito-idp:GetProvisionedLimit', 'servicequotas:GetServiceQuota'];
  return [confirm, allow('ReadTheQuota', actions, '*')];
}

function forSource(source: string, place: Place): PolicyStatement[] {
  const address = parseObjectAddress(source);
  if (address === undefined) return [];
  const { bucket, key } = address;
  const below = key === '' || key.endsWith('/');
  const names = below ? `${literal(key)}*` : literal(key);
  return [
    allow(
      below ? 'ReadTheSources' : 'ReadTheSource',
      ['s3:GetObject', 's3:GetObjectVersion'],
      objectArn(place, bucket, names),
    ),
    list(below ? 'ListTheSources' : 'TellAMissingSource', place, bucket, names),
  ];
}

function forJob(job: string, { fresh }: Settings, place: Place): PolicyStatement[] {
  const address = parseObjectAddress(job);
  if (address === undefined) return [];
  const { bucket, key } = address;
  const actions = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'];
  if (key === '') {
    return [
      allow('KeepTheJob', actions, objectArn(place, bucket, '*')),
      list('ListTheJob', place, bucket, '*'),
    ];
  }
  const stem = literal(key.replace(/\/$/, ''));
  const below = `${stem}/*`;
  // What is put aside lies beside the job: `jobs/1/` becomes `jobs/1.1/`, or the next that is free.
  const aside = `${stem}.*/*`;
  return [
    allow('KeepTheJob', actions, objectArn(place, bucket, below)),
    list('ListTheJob', place, bucket, below),
    ...(fresh
      ? [
          allow('PutAnEarlierJobAside', actions, objectArn(place, bucket, aside)),
          list('ListWhatIsPutAside', place, bucket, aside),
        ]
      : []),
  ];
}

/** Without it S3 says of an object that is not there that it may not be read: 403, not 404. */
function list(sid: string, place: Place, bucket: string, names: string): PolicyStatement {
  const statement = allow(sid, 's3:ListBucket', objectArn(place, bucket));
  // A whole bucket is listed without a prefix, and then a condition on it does not hold.
  if (names === '*') return statement;
  return { ...statement, Condition: { StringLike: { 's3:prefix': names } } };
}

/**
 * IAM knows a key by its ARN alone. What was encrypted names its key, not the alias, so that `kms:RequestAlias`
 * would never allow to decrypt it; `kms:ResourceAliases` looks at the aliases that the key has.
 */
function forKey(key: string, place: Place): PolicyStatement[] {
  const sid = 'EncryptTheJob';
  const actions = ['kms:GenerateDataKey', 'kms:Decrypt'];
  const [, partition, region, owner, name = key] =
    /^arn:([\w-]+):kms:([\w-]+):(\d{12}):(.+)$/.exec(key) ?? [];
  const home: Place =
    partition === undefined || region === undefined || owner === undefined
      ? place
      : { partition, region, account: owner };
  if (name.startsWith('alias/')) {
    return [
      {
        ...allow(sid, actions, arn(home, 'kms', 'key/*')),
        Condition: { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': name } },
      },
    ];
  }
  const id = name.replace(/^key\//, '');
  if (/^[\w-]+$/.test(id)) return [allow(sid, actions, arn(home, 'kms', `key/${id}`))];
  throw new OptionError(
    'sseKmsKeyId',
    `a key's ARN, its id or an alias such as \`alias/jobs\`, got \`${key}\``,
  );
}

const allow = (sid: string, action: string | readonly string[], resource: string): PolicyStatement => ({
  Sid: sid,
  Effect: 'Allow',
  Action: action,
  Resource: resource,
});

const arn = ({ account: owner, partition, region }: Place, service: string, name: string): string =>
  `arn:${partition}:${service}:${region}:${owner}:${name}`;

/** Buckets are called the same in all accounts and Regions of a partition. */
const objectArn = ({ partition }: Place, bucket: string, names?: string): string =>
  `arn:${partition}:s3:::${bucket}${names === undefined ? '' : `/${names}`}`;

/** IAM takes `*` and `?` for any characters and `$` for the beginning of a variable; a key may have all of them. */
const literal = (key: string): string => key.replace(/[*?$]/g, (character) => `\${${character}}`);

/** `eu-west-1_AbC123xyz` lies in eu-west-1; a pool of cognito-local lies nowhere, and is asked as if in us-east-1. */
function regionOfPool(userPoolId: string): string {
  const region = userPoolId.slice(0, userPoolId.lastIndexOf('_'));
  return /^[a-z]+(-[a-z]+)+-\d+$/.test(region) ? region : 'us-east-1';
}

/** What the names of the Regions begin with in each partition, as the SDK knows them. */
const PARTITIONS: readonly (readonly [prefix: string, partition: string])[] = [
  ['cn-', 'aws-cn'],
  ['us-gov-', 'aws-us-gov'],
  ['us-iso-', 'aws-iso'],
  ['us-isob-', 'aws-iso-b'],
  ['eu-isoe-', 'aws-iso-e'],
  ['us-isof-', 'aws-iso-f'],
  ['eusc-', 'aws-eusc'],
];

const partitionOf = (region: string): string =>
  PARTITIONS.find(([prefix]) => region.startsWith(prefix))?.[1] ?? 'aws';

function account(id: string | undefined): string {
  if (id === undefined) return EXAMPLE_ACCOUNT;
  if (typeof id === 'string' && /^\d{12}$/.test(id)) return id;
  throw new OptionError('accountId', `an account's 12 digits, got \`${id}\``);
}
