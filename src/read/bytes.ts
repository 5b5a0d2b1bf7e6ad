import type { SourceIdentity } from '../layout.js';

/** Where a source lies, packed and encoded as it may be. What goes wrong is thrown as a StopError. */
export interface Bytes {
  /** As the user named it: for messages and the checkpoint. */
  readonly name: string;
  readonly size: number;
  identity(signal?: AbortSignal): Promise<SourceIdentity>;
  /**
   * From `start` on. Throws where the source is changed meanwhile. Ends before its end when the signal aborts,
   * where bytes may be long in coming.
   */
  read(start: number, signal?: AbortSignal): AsyncIterable<Buffer>;
  /** Ends what is still being read, too. */
  close(): Promise<void>;
}
