/** The request of a restore, and the result of a dry run. */
import type { Apath } from "../../core/apath.ts";
import type { Raw } from "../../core/raw.ts";
import type { Overwrite, Owner } from "../../core/restore_terms.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

export interface RestoreRequest {
  readonly snapshot: SnapshotInfo;
  /**
   * Restricts the restore to these paths and what is below them, as in the snapshot or in the source; empty:
   * everything.
   */
  readonly paths: readonly Apath[];
  /** Patterns in gitignore syntax; empty: everything. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly destination:
    /** Paths are kept below a directory, without their first `strip` components. */
    | { readonly kind: "directory"; readonly path: Raw; readonly strip: number }
    /** The one chosen path gets this new path. */
    | { readonly kind: "new-name"; readonly path: Raw }
    /** Everything is restored to its original location. */
    | { readonly kind: "in-place" };
  /**
   * What to do with existing files. Default: a directory must be empty, or contain an interrupted restore of the same
   * snapshot; in place, or with `delete`, only what is not newer is replaced; a new name must be free.
   */
  readonly overwrite: Extract<Overwrite, "always" | "if-changed" | "if-newer" | "never"> | undefined;
  /** Remove what the snapshot doesn't contain, except what its backup excluded. */
  readonly delete: boolean;
  /**
   * "names": owners by name. "ids": the recorded numbers, even if other names have them here. "none": owners aren't
   * set. An {@link Owner}: everything gets it.
   */
  readonly owners: "names" | "ids" | "none" | Owner;
  /** Write zeros as holes in all files, not only in those that had holes. */
  readonly sparse?: boolean;
  /** Also set flags such as "immutable". */
  readonly flags?: boolean;
  /** Set if the target is inside the storage on purpose, because it becomes a part of the archive. */
  readonly allowInsideStorage?: true;
  /** Set if others named the target, who may also write to directories on the way: see guarded_disk.ts. */
  readonly isGuarded?: true;
  /**
   * Set if the restore was requested by a person with fewer rights than this program. Files are written only below the
   * directories `below` (see confined_disk.ts), and not in those of `without`; everything that could grant privileges
   * is skipped. All paths are absolute.
   */
  readonly confined?: { readonly below: readonly Raw[]; readonly without: readonly Raw[] };
  readonly workers: number;
  readonly signal: AbortSignal;
}

/** A change that a restore would make. */
export interface PlannedChange {
  /** "refuse": a newer or different object exists and stays, which is a problem. */
  readonly action: "create" | "replace" | "remove" | "refuse";
  /** Absolute. */
  readonly path: Raw;
}
