/** Something the person who runs the job should know. One value with two faces: text, and JSON with `--json`. */
export interface Notice {
  readonly level: 'info' | 'warning';
  readonly code: NoticeCode;
  readonly message: string;
}

export type NoticeCode =
  | 'reading'
  | 'source-read'
  | 'invalid-rows'
  | 'spreadsheet-damage'
  | 'spooled'
  | 'put-aside'
  | 'resuming'
  | 'torn-line'
  | 'next-source'
  | 'nothing-to-do'
  | 'retrying-failed'
  | 'started'
  | 'draining'
  | 'quota-unknown'
  | 'rate-above-quota'
  | 'concurrency-full'
  | 'stopping';
