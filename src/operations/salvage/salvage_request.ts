/** What is asked of a salvage. */
import type { Raw } from "../../core/raw.ts";
import type { WorkOptions } from "../../core/work.ts";
import type { Secret } from "../../vault/access.ts";

export interface SalvageRequest extends WorkOptions {
  /** Absolute paths of files, and of directories with everything in them: units, or whatever may be some. */
  readonly heap: readonly Raw[];
  /** Absolute. Nothing that is there is replaced; a new storage wants an empty or new directory. */
  readonly target: Raw;
  /** A passphrase is of use only if the heap has its key. */
  readonly secret: Secret;
  /** Creates a storage with the snapshots that can be found. */
  readonly asStorage: boolean;
  /** Who runs it, and where: noted in a snapshot of what belongs to no other one. */
  readonly host: string;
  readonly user: string;
}
