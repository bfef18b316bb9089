/** The request of a salvage. */
import type { Raw } from "../../core/raw.ts";
import type { WorkOptions } from "../../core/work.ts";
import type { Secret } from "../../vault/access.ts";

export interface SalvageRequest extends WorkOptions {
  /** Absolute paths of files, and of directories that are read recursively: units, or anything that may be one. */
  readonly heap: readonly Raw[];
  /** Absolute path. Nothing that exists is replaced; a new storage requires an empty or new directory. */
  readonly target: Raw;
  /** A passphrase works only if the heap contains its key. */
  readonly secret: Secret;
  /** Creates a storage with the snapshots that can be found. */
  readonly asStorage: boolean;
  /** Host and user of the salvage, recorded in a snapshot of what belongs to no other. */
  readonly host: string;
  readonly user: string;
}
