import type { Ending } from './exit-code.js';
import { noCounts, STATUSES } from './outcome.js';
import { VERSION } from './version.js';
import type { Progress } from './write/progress.js';
import type { Summary } from './write/summary.js';

/** What does not change over a run. */
export interface MetricFacts {
  /** The dimension: the pool, or what stands in for one, so that no rehearsal is taken for the real thing. */
  readonly userPoolId: string;
  readonly source?: string | undefined;
  readonly job?: string | undefined;
}

/** Where a run stands, as far as it is known: of a run that never began, nothing is. */
export type Standing = Partial<Progress>;

type Unit = 'Count' | 'Count/Second' | 'Milliseconds';

/** A document of CloudWatch's embedded metric format: a log line that CloudWatch Logs makes metrics of. */
export interface MetricLine {
  readonly _aws: {
    readonly Timestamp: number;
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string; readonly Unit: Unit }[];
    }[];
  };
  readonly [member: string]: unknown;
}

const NAMESPACE = 'cognito-bulk-confirm';

/**
 * The metrics of the time between two standings of one run. What was counted is what came in between, so that the
 * sum over a time is right; the rest is as it is now, and left out where it is not known. `ending` only at the end.
 */
export function metricLine(
  before: Standing,
  now: Standing,
  nowMs: number,
  facts: MetricFacts & { readonly ending?: Ending },
): MetricLine {
  const { counts = noCounts(), throttled = 0 } = now;
  const { counts: countsBefore = noCounts(), throttled: throttledBefore = 0 } = before;
  const rowsLeft = now.total === undefined ? undefined : now.total - (now.done ?? 0);
  const metrics: readonly (readonly [name: string, unit: Unit, value: number | undefined])[] = [
    ...STATUSES.map((status) => [status, 'Count', counts[status] - countsBefore[status]] as const),
    ['RowsPerSecond', 'Count/Second', now.rowsPerSecond],
    ['Pace', 'Count/Second', now.pacePerSecond],
    ['Rate', 'Count/Second', now.ratePerSecond],
    ['Throttled', 'Count', throttled - throttledBefore],
    ['LatencyP50', 'Milliseconds', now.latencyP50Ms],
    ['LatencyP99', 'Milliseconds', now.latencyP99Ms],
    ['InFlight', 'Count', now.inFlight],
    ['RowsLeft', 'Count', rowsLeft],
  ];
  // JSON has no other numbers, and what is no number makes CloudWatch drop the line.
  const known = metrics.filter(([, , value]) => Number.isFinite(value));
  const { ending, job, source, userPoolId } = facts;
  return {
    _aws: {
      Timestamp: Math.round(nowMs),
      CloudWatchMetrics: [
        {
          Namespace: NAMESPACE,
          Dimensions: [['UserPoolId']],
          Metrics: known.map(([Name, Unit]) => ({ Name, Unit })),
        },
      ],
    },
    UserPoolId: userPoolId,
    ...(job === undefined ? {} : { job }),
    ...(source === undefined ? {} : { source }),
    ...(ending === undefined ? {} : { ending }),
    version: VERSION,
    ...Object.fromEntries(known.map(([name, , value]) => [name, value])),
  };
}

/** Where a run stands at its end: as it last stood, and as its summary has it, if it came to one. */
export function lastStanding(last: Standing | undefined, summary: Summary | undefined): Standing {
  if (summary === undefined) return { ...last, inFlight: 0 };
  const { counts, done, rowsPerSecond, throttled, total } = summary;
  // What was read but never got as far as a job is not counted.
  const size = total === 0 ? {} : { total, done };
  return {
    ...last,
    rowsPerSecond: last?.rowsPerSecond ?? rowsPerSecond,
    ...size,
    counts,
    throttled,
    inFlight: 0,
  };
}
