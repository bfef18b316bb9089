/** The request for a backup. */
import type { Raw } from "../../core/raw.ts";
import type { WorkOptions } from "../../core/work.ts";
import type { JobMark } from "../../snapshot/root.ts";
import type { Selection } from "../comparison/selection.ts";

export interface BackupRequest extends Omit<Selection, "reserved">, WorkOptions {
  /** Contents for files of the snapshot that aren't files of a source. */
  readonly streams?: readonly StreamSource[];
  readonly tags: readonly string[];
  readonly description?: string;
  /** The job that requests the backup; absent if a person does. */
  readonly job?: JobMark;
  /** Also provide the snapshot as a browsable tree, if the repository supports that. */
  readonly tree: boolean;
  /** Make no snapshot if it would equal the last one. */
  readonly skipIfUnchanged?: boolean;
  /** The user who runs the backup. */
  readonly user: string;
  /** Milliseconds between checkpoints of a long run. Default: five minutes. */
  readonly checkpointMs?: number;
  /** Bytes read between checkpoints. Default: 8 GiB. */
  readonly checkpointBytes?: number;
}

/** A content that is not a file: standard input, or the output of a command. */
export interface StreamSource {
  /** Name of the file in the snapshot. */
  readonly name: Raw;
  /** The data; fails if it must not be kept. */
  readonly chunks: AsyncIterable<Uint8Array<ArrayBuffer>>;
}
