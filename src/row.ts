/** One user to confirm, as read from the source. */
export interface Row {
  /** Data rows count from 1; the header is not one of them. */
  readonly row: number;
  /** The username, alias or `sub`, exactly as it goes to the service. */
  readonly username: string;
  /** What goes out as ClientMetadata; empty where there is none. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A row that cannot be used. It costs no request and becomes a report line with status `invalid`. */
export interface BadRow {
  readonly row: number;
  /** What stood in the username column, which may be nothing. */
  readonly username: string;
  /** Why the row cannot be used, in words for the report. */
  readonly problem: string;
}

/** Where a row starts in the source: what is needed to begin reading there. */
export interface Position {
  /** The number of the data row that starts here. */
  readonly row: number;
  /** Bytes from the start of the source (of what it unpacks to, where it is gzipped). */
  readonly offset: number;
  /** The physical line, from 1. */
  readonly line: number;
}

/** A row, usable or not, with its place in the source. */
export interface PlacedRow {
  readonly row: Row | BadRow;
  /** Where reading can begin again to meet this row first. */
  readonly start: Position;
  /** The physical line on which the row starts, for messages. */
  readonly line: number;
  /** The fields as they stand in the source, for failed.csv. */
  readonly fields: readonly string[];
}

export const isBadRow = (row: Row | BadRow): row is BadRow => 'problem' in row;
