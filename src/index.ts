export { confirmRows, type UserRow } from './confirm-rows.js';
export { demo } from './demo.js';
export { lastStanding, type MetricFacts, type MetricLine, metricLine, type Standing } from './emf.js';
export { type StopCode, StopError, systemCode } from './errors.js';
export type { Ending } from './exit-code.js';
export { iamPolicy, type Policy, type PolicyOptions, type PolicyStatement } from './iam-policy.js';
export { counted, duration, grouped } from './in-words.js';
export { type InboxEntry, isInbox, runInbox } from './inbox.js';
export type { JobOptions } from './job-reader.js';
export type { Notice, NoticeCode } from './notice.js';
export {
  type OptionDoc,
  OptionError,
  RUN_OPTIONS,
  type RunOptions,
  type SendOptions,
  type Settings,
} from './options.js';
export {
  type Counts,
  endedWell,
  isStatus,
  type Outcome,
  STATUSES,
  type Status,
} from './outcome.js';
export { report } from './report.js';
export { type RunCallbacks, run } from './run.js';
export {
  type Change,
  type Fault,
  type FaultShares,
  type LatencyMs,
  type QuotaForm,
  type QuotaOperation,
  type Refusals,
  type ScriptedStep,
  type ServiceError,
  type SimulatedCall,
  type SimulatedSecond,
  type SimulatedUser,
  type Simulator,
  type SimulatorOptions,
  type SimulatorStats,
  startSimulator,
  type UnknownUsers,
  type UserStatus,
} from './simulator/simulator.js';
export { type JobStatus, status } from './status.js';
export { verify } from './verify.js';
export { VERSION } from './version.js';
export type { RunRecord } from './write/checkpoint.js';
export type { Progress } from './write/progress.js';
export { REPORT_COLUMNS, REPORT_HEADER, reportLine } from './write/report.js';
export type { Summary } from './write/summary.js';
