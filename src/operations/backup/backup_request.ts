/** What is asked of a backup. */
import type { Raw } from "../../core/raw.ts";
import type { WorkOptions } from "../../core/work.ts";
import type { JobMark } from "../../snapshot/root.ts";
import type { Selection } from "../comparison/selection.ts";

export interface BackupRequest extends Omit<Selection, "reserved">, WorkOptions {
  /** Files of the snapshot that are none in the source. */
  readonly streams?: readonly StreamSource[];
  readonly tags: readonly string[];
  readonly description?: string;
  /** The job that asks for it; absent if a person does. */
  readonly job?: JobMark;
  /** Show the snapshot as a browsable tree, where the repository has such. */
  readonly tree: boolean;
  /** Make no snapshot if it would say the same as the last one. */
  readonly skipIfUnchanged?: boolean;
  /** Who runs the backup. */
  readonly user: string;
  /** Milliseconds between checkpoints of a long run. Default: five minutes. */
  readonly checkpointMs?: number;
  /** Bytes read after which there is one as well. Default: 8 GiB. */
  readonly checkpointBytes?: number;
}

/** A content that is no file: standard input, or what a command prints. */
export interface StreamSource {
  /** Of the file in the snapshot. */
  readonly name: Raw;
  /** Fails if what it gave is not to be kept. */
  readonly chunks: AsyncIterable<Uint8Array<ArrayBuffer>>;
}
