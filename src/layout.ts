import type { Position } from './row.js';

/** How to read the rows of a source: found out once, kept in the checkpoint. */
export interface Layout {
  readonly delimiter: string;
  readonly mapping: Mapping;
  /** Where the first data row starts. */
  readonly firstRow: Position;
}

/** Which column is what. Two runs of one job must agree on it, so it is kept in the checkpoint. */
export interface Mapping {
  /** The names in the header; `1`, `2`, ... where there is none. */
  readonly columns: readonly string[];
  /** The index of the username's column. */
  readonly username: number;
  /** The columns whose cells become ClientMetadata entries. */
  readonly metadata: readonly {
    readonly key: string;
    readonly column: number;
  }[];
  /** The index of the column that holds ClientMetadata as JSON, if there is one. */
  readonly clientMetadata: number | undefined;
}

/** What tells one source from another, whatever it is called. */
export type SourceIdentity = FileIdentity | ObjectIdentity;

export interface FileIdentity {
  readonly bytes: number;
  readonly sha256: string;
}

/** By the store's own word, for which the object need not be read. */
export interface ObjectIdentity {
  readonly bytes: number;
  /** With its quotes. */
  readonly etag: string;
  /** Where the bucket keeps versions. Not compared: the same content put back is a new version. */
  readonly versionId?: string;
}

export function isSameContent(one: SourceIdentity, other: SourceIdentity): boolean {
  if ('etag' in one) return 'etag' in other && one.etag === other.etag;
  return 'sha256' in other && one.sha256 === other.sha256;
}
