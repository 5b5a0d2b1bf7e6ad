// biome-ignore-all lint/suspicious/noTemplateCurlyInString: CloudFormation and Dockerfiles have their names in such braces.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readArguments } from '../src/command/arguments.js';
import { metricLine } from '../src/emf.js';
import { EXIT_CODE } from '../src/exit-code.js';
import { iamPolicy, type Policy } from '../src/iam-policy.js';
import { type Names, parseTemplate, problemsOf, type Resource, resolved } from './support/template.js';

/** samples/ecs, as far as it can be judged without AWS and without a builder of images. */

const pathOf = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));
const textOf = (name: string): string => readFileSync(pathOf(name), 'utf8');

const TEXT = textOf('samples/ecs/template.yaml');
const TEMPLATE = parseTemplate(TEXT);

/** As if the stack were there. */
const NAMES: Names = {
  'AWS::AccountId': '111122223333',
  'AWS::Partition': 'aws',
  'AWS::Region': 'eu-west-1',
  'AWS::StackName': 'confirm',
  'AWS::URLSuffix': 'amazonaws.com',
  UserPoolId: 'eu-west-1_AbC123xyz',
  Repository: 'cognito-bulk-confirm',
  ImageTag: '1',
  Bucket: 'the-bucket',
  'Bucket.Arn': 'arn:aws:s3:::the-bucket',
  Cluster: 'the-cluster',
  'Cluster.Arn': 'arn:aws:ecs:eu-west-1:111122223333:cluster/the-cluster',
  CpuArchitecture: 'ARM64',
  'ExecutionRole.Arn': 'arn:aws:iam::111122223333:role/execution',
  LogGroup: 'the-log-group',
  'LogGroup.Arn': 'arn:aws:logs:eu-west-1:111122223333:log-group:the-log-group:*',
  TaskDefinition: 'arn:aws:ecs:eu-west-1:111122223333:task-definition/confirm:1',
  'TaskRole.Arn': 'arn:aws:iam::111122223333:role/task',
  ScheduleGroup: 'confirm',
  'ScheduleGroup.Arn': 'arn:aws:scheduler:eu-west-1:111122223333:schedule-group/confirm',
  SchedulerRole: 'scheduler',
  'SchedulerRole.Arn': 'arn:aws:iam::111122223333:role/scheduler',
  SecurityGroup: 'sg-1',
  Schedule: 'cron(0 2 * * ? *)',
  ScheduleState: 'ENABLED',
  TimeZone: 'UTC',
  Subnets: ['subnet-1', 'subnet-2'],
  AssignPublicIp: 'DISABLED',
  Topic: 'arn:aws:sns:eu-west-1:111122223333:the-topic',
};

const propertiesOf = <Properties>(name: string): Properties =>
  resolved(TEMPLATE.Resources[name]?.Properties, NAMES) as Properties;

const namesOfType = (type: string): string[] =>
  Object.entries(TEMPLATE.Resources)
    .filter(([, resource]: [string, Resource]) => resource.Type === type)
    .map(([name]) => name);

interface Statement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: unknown;
}
interface Role {
  readonly AssumeRolePolicyDocument: { readonly Statement: readonly unknown[] };
  readonly Policies: readonly { readonly PolicyDocument: { readonly Statement: readonly Statement[] } }[];
}
interface TaskDefinition {
  readonly Volumes: readonly { readonly Name: string }[];
  readonly ContainerDefinitions: readonly {
    readonly Command: readonly string[];
    readonly User: string;
    readonly ReadonlyRootFilesystem: boolean;
    readonly StopTimeout: number;
    readonly MountPoints: readonly { readonly SourceVolume: string; readonly ContainerPath: string }[];
  }[];
}
interface Alarm {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Statistic: string;
  readonly Dimensions: readonly { readonly Name: string; readonly Value: string }[];
  readonly AlarmActions: readonly string[];
}

const statementsOf = (role: string): readonly Statement[] =>
  propertiesOf<Role>(role).Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);

const listed = (value: string | readonly string[]): readonly string[] =>
  typeof value === 'string' ? [value] : value;

const container = () => {
  const [only, ...others] = propertiesOf<TaskDefinition>('TaskDefinition').ContainerDefinitions;
  if (only === undefined || others.length > 0) throw new Error('The task has one container');
  return only;
};

describe('template.yaml', () => {
  it('is what CloudFormation takes, as far as its names and types go', () => {
    expect(problemsOf(TEMPLATE)).toEqual([]);
    // The most that `deploy` sends without a bucket.
    expect(Buffer.byteLength(TEXT)).toBeLessThan(51_200);
  });

  it('says the same to readers of YAML 1.1 and 1.2', () => {
    expect(parseTemplate(TEXT, '1.2')).toEqual(TEMPLATE);
  });

  it.each<[was: string, is: string, problem: string]>([
    ['!Ref UserPoolId', '!Ref UserPool', 'nothing is called UserPool'],
    ['!GetAtt TaskRole.Arn', '!GetAtt TaskRoles.Arn', 'no resource is called TaskRoles'],
    ['!GetAtt TaskRole.Arn', '!GetAtt TaskRole.ARN', 'AWS::IAM::Role has no attribute ARN'],
    ['${Bucket.Arn}/jobs/', '${Bucket.Key}/jobs/', 'AWS::S3::Bucket has no attribute Key'],
    ['!Sub "s3://${Bucket}/jobs/"', '"s3://${Bucket}/jobs/"', '${ without !Sub'],
    ['ReadonlyRootFilesystem', 'ReadOnlyRootFilesystem', 'has no property ReadOnlyRootFilesystem'],
    ['AwsvpcConfiguration', 'AwsVpcConfiguration', 'has no property AwsVpcConfiguration'],
    ['ScheduleExpression: !Ref Schedule', '', 'NightlyRun: lacks ScheduleExpression'],
    ['Mode: "OFF"', 'Mode: OFF', 'NightlyRun.FlexibleTimeWindow.Mode: wants a string, gets false'],
    ['Subnets: !Ref Subnets', 'Subnets: !Ref VpcId', 'wants a list, gets a one'],
    ['SecurityGroups: [!Ref SecurityGroup]', 'SecurityGroups: sg-1', 'SecurityGroups: wants a list'],
    ['Condition: HasAlarmEmail', 'Condition: HasEmail', 'no condition is called HasEmail'],
    ['Type: AWS::ECS::Cluster', 'Type: AWS::ECS::Clusters', 'AWS::ECS::Clusters is not in'],
    ['DeletionPolicy: Retain', 'DeletePolicy: Retain', 'Bucket: has no attribute DeletePolicy'],
    ['  LogRetentionDays:\n', '  LogDays: { Type: Number }\n  LogRetentionDays:\n', 'LogDays: nothing asks'],
    ['!Not [!Equals', '!None [!Equals', 'Fn::None: no such function'],
  ])('would not pass with another word for %j: %j', (was, is, problem) => {
    expect(TEXT).toContain(was);
    const problems = problemsOf(parseTemplate(TEXT.replace(was, () => is)));
    expect(problems.join('\n')).toContain(problem);
  });

  it('would not pass with a name twice', () => {
    expect(() => parseTemplate(`${TEXT}\nOutputs:\n`)).toThrow(/unique/i);
  });
});

describe('who may do what', () => {
  const roles = namesOfType('AWS::IAM::Role');

  it('is said without wildcards, but for the calls that know no resource', () => {
    expect(roles.toSorted()).toEqual(['ExecutionRole', 'SchedulerRole', 'TaskRole']);
    const statements = roles.flatMap(statementsOf);
    for (const { Action, Effect } of statements) {
      expect(Effect).toBe('Allow');
      for (const action of listed(Action)) expect(action).toMatch(/^[a-z0-9-]+:[A-Za-z]+$/);
    }
    const anywhere = statements.filter(({ Resource }) => listed(Resource).includes('*'));
    expect(anywhere.flatMap(({ Action }) => listed(Action)).toSorted()).toEqual([
      'cognito-idp:GetProvisionedLimit',
      'ecr:GetAuthorizationToken',
      'servicequotas:GetServiceQuota',
    ]);
  });

  it('is for the command what iam-policy prints', () => {
    const printed: Policy = iamPolicy({
      source: 's3://the-bucket/incoming/',
      job: 's3://the-bucket/jobs/',
      userPoolId: 'eu-west-1_AbC123xyz',
      accountId: '111122223333',
    });
    expect(statementsOf('TaskRole')).toEqual(printed.Statement);
  });

  it('lets the schedule start this task definition, and hand over its two roles', () => {
    expect(statementsOf('SchedulerRole')).toMatchObject([
      {
        Action: 'ecs:RunTask',
        Resource: NAMES.TaskDefinition,
        Condition: { ArnEquals: { 'ecs:cluster': NAMES['Cluster.Arn'] } },
      },
      {
        Action: 'iam:PassRole',
        Resource: [NAMES['TaskRole.Arn'], NAMES['ExecutionRole.Arn']],
        Condition: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
      },
    ]);
  });

  it('takes each role for one service, on behalf of this account', () => {
    const trusted = roles.map((role) => propertiesOf<Role>(role).AssumeRolePolicyDocument.Statement);
    for (const statements of trusted) {
      expect(statements).toMatchObject([
        { Action: 'sts:AssumeRole', Condition: { StringEquals: { 'aws:SourceAccount': '111122223333' } } },
      ]);
    }
  });
});

describe('the task', () => {
  it('runs what lies in incoming/, by a command line that the command takes', () => {
    const { Command } = container();
    const command = readArguments({ argv: Command, env: {}, readFile: textOf, print: () => {}, width: 80 });
    expect(command).toMatchObject({
      name: 'run',
      operand: 's3://the-bucket/incoming/',
      options: { job: 's3://the-bucket/jobs/', userPoolId: 'eu-west-1_AbC123xyz' },
      json: true,
    });
    expect(command?.emf).toBeDefined();
  });

  it('can write to /tmp only, is nobody in particular, and has the time to stop', () => {
    const { MountPoints, ReadonlyRootFilesystem, StopTimeout, User } = container();
    expect(ReadonlyRootFilesystem).toBe(true);
    expect(User).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    // A run needs up to 20 s after SIGTERM; Fargate waits 120 at most.
    expect(StopTimeout).toBe(30);
    expect(MountPoints.map(({ ContainerPath }) => ContainerPath)).toEqual(['/tmp']);
    expect(propertiesOf<TaskDefinition>('TaskDefinition').Volumes).toEqual(
      MountPoints.map(({ SourceVolume }) => ({ Name: SourceVolume })),
    );
  });
});

describe('the bucket', () => {
  it('is private, encrypted and versioned, outlives the stack, and keeps no parts of dead uploads', () => {
    expect(TEMPLATE.Resources.Bucket).toMatchObject({
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
        },
        VersioningConfiguration: { Status: 'Enabled' },
        LifecycleConfiguration: {
          Rules: expect.arrayContaining([
            expect.objectContaining({
              Status: 'Enabled',
              AbortIncompleteMultipartUpload: { DaysAfterInitiation: 3 },
            }),
          ]),
        },
      },
    });
  });

  it('keeps every report and source: only versions that were replaced are dropped', () => {
    expect(TEXT).not.toMatch(/^ *(ExpirationInDays|ExpirationDate):/m);
  });
});

describe('who is told', () => {
  const ofTheRun = { Namespace: 'cognito-bulk-confirm', Statistic: 'Sum' };

  it.each<[alarm: string, metric: string]>([
    ['RowsFailed', 'failed'],
    ['TriggersFailed', 'trigger-failed'],
    ['Throttled', 'Throttled'],
  ])('%s watches a metric that --emf writes', (alarm, metric) => {
    const { AlarmActions, Dimensions, ...watched } = propertiesOf<Alarm>(alarm);
    expect(watched).toMatchObject({ ...ofTheRun, MetricName: metric });
    const line = metricLine({}, {}, 0, { userPoolId: 'eu-west-1_AbC123xyz' });
    const [directive] = line._aws.CloudWatchMetrics;
    expect(directive?.Namespace).toBe(watched.Namespace);
    expect(directive?.Metrics.map(({ Name }) => Name)).toContain(metric);
    expect(directive?.Dimensions).toEqual([Dimensions.map(({ Name }) => Name)]);
    expect(Dimensions.map(({ Name, Value }) => [Value, line[Name]])).toEqual([
      ['eu-west-1_AbC123xyz', 'eu-west-1_AbC123xyz'],
    ]);
    expect(AlarmActions).toEqual([NAMES.Topic]);
  });

  it('has every alarm go to the topic, and everybody who sends there allowed to', () => {
    for (const alarm of namesOfType('AWS::CloudWatch::Alarm')) {
      expect(propertiesOf<Alarm>(alarm).AlarmActions).toEqual([NAMES.Topic]);
    }
    expect(propertiesOf('TopicPolicy')).toMatchObject({
      PolicyDocument: {
        Statement: [
          {
            Principal: { Service: ['events.amazonaws.com', 'cloudwatch.amazonaws.com'] },
            Action: 'sns:Publish',
            Resource: NAMES.Topic,
          },
        ],
      },
    });
    expect(propertiesOf('FailedRuns')).toMatchObject({ Targets: [{ Arn: NAMES.Topic }] });
  });

  const { EventPattern } = propertiesOf<{ EventPattern: unknown }>('FailedRuns');
  const stopped = (detail: object) => ({
    source: 'aws.ecs',
    'detail-type': 'ECS Task State Change',
    detail: { clusterArn: NAMES['Cluster.Arn'], lastStatus: 'STOPPED', ...detail },
  });
  const ended = (exitCode: number) =>
    stopped({ stopCode: 'EssentialContainerExited', containers: [{ name: 'run', exitCode }] });

  it('is silent about runs that ended well, or go on with the next run', () => {
    for (const exitCode of [EXIT_CODE.ok, EXIT_CODE.stoppedEarly, EXIT_CODE.terminated]) {
      expect(matches(EventPattern, ended(exitCode)), `exit code ${exitCode}`).toBe(false);
    }
  });

  it('tells of every other end', () => {
    const { ok, stoppedEarly, terminated, ...others } = EXIT_CODE;
    const killed = 137;
    for (const exitCode of [...Object.values(others), killed]) {
      expect(matches(EventPattern, ended(exitCode)), `exit code ${exitCode}`).toBe(true);
    }
    expect([ok, stoppedEarly, terminated]).toEqual([0, 10, 143]);
  });

  it('tells of a task that did not start, and of nobody else', () => {
    const notStarted = { stopCode: 'TaskFailedToStart', containers: [{ name: 'run' }] };
    expect(matches(EventPattern, stopped(notStarted))).toBe(true);
    expect(matches(EventPattern, stopped({ ...notStarted, clusterArn: 'another' }))).toBe(false);
    expect(matches(EventPattern, stopped({ ...notStarted, lastStatus: 'RUNNING' }))).toBe(false);
    expect(matches(EventPattern, { ...ended(1), source: 'aws.batch' })).toBe(false);
  });
});

/**
 * EventBridge's rules for patterns, as far as ours go: a list holds what a value may be, of a list in the event one
 * member has to match, and what is not in the event does not match.
 */
function matches(pattern: unknown, event: unknown): boolean {
  if (Array.isArray(pattern)) {
    const values: readonly unknown[] = (Array.isArray(event) ? event : [event]).filter(
      (value) => value !== undefined,
    );
    return values.some((value) => pattern.some((choice) => matchesOne(choice, value)));
  }
  if (Array.isArray(event)) return event.some((each) => matches(pattern, each));
  return Object.entries(pattern as object).every(([name, inner]: [string, unknown]) =>
    name === '$or'
      ? (inner as readonly unknown[]).some((each) => matches(each, event))
      : matches(inner, (event as Readonly<Record<string, unknown>> | undefined)?.[name]),
  );
}

function matchesOne(choice: unknown, value: unknown): boolean {
  if (typeof choice !== 'object' || choice === null) return choice === value;
  const { 'anything-but': but, ...others } = choice as { 'anything-but'?: readonly unknown[] };
  if (but === undefined || Object.keys(others).length > 0)
    throw new Error('The test does not know this rule');
  return !but.includes(value);
}

describe('Dockerfile', () => {
  const instructions = textOf('samples/ecs/Dockerfile')
    .split('\n')
    .filter((line) => /^[A-Z]+ /.test(line));
  const lastStage = instructions.slice(instructions.findLastIndex((line) => line.startsWith('FROM ')));

  it('lets the base image be another one', () => {
    expect(instructions[0]).toMatch(/^ARG BASE=\S*\bnode:24-slim$/);
    const bases = instructions.filter((line) => line.startsWith('FROM '));
    expect(bases).toEqual(['FROM ${BASE} AS build', 'FROM ${BASE}']);
  });

  it('starts the command itself, as process 1 and as nobody in particular', () => {
    const { bin } = JSON.parse(textOf('package.json')) as { bin: Record<string, string> };
    const [entry] = lastStage.filter((line) => line.startsWith('ENTRYPOINT ')).map((line) => line.slice(11));
    expect(JSON.parse(entry ?? '')).toEqual(['node', `/app/${bin['cognito-bulk-confirm']}`]);
    expect(lastStage).toContain(`USER ${container().User}`);
    expect(lastStage).toContain('VOLUME ["/tmp"]');
  });

  it('takes from the repository what is there, and no more than its ignore file lets in', () => {
    const taken = instructions
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(/\s+/).slice(1, -1))
      .toSorted();
    for (const name of taken) expect(existsSync(pathOf(name)), name).toBe(true);
    const [everything, ...letIn] = textOf('samples/ecs/Dockerfile.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(everything).toBe('*');
    expect(letIn.map((line) => line.slice(1)).toSorted()).toEqual(taken);
  });
});
