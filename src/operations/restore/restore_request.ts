/** The request of a restore, and the result of a dry run. */
import type { Apath } from "../../core/apath.ts";
import type { Raw } from "../../core/raw.ts";
import type { Overwrite, Owner } from "../../core/restore_terms.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

export interface RestoreRequest {
  readonly snapshot: SnapshotInfo;
  /** Only these and what is below them, as in the snapshot or as they were in the source; empty: everything. */
  readonly paths: readonly Apath[];
  /** Patterns in gitignore syntax; empty: everything. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly destination:
    /** Paths keep their places below a directory, without their first `strip` names. */
    | { readonly kind: "directory"; readonly path: Raw; readonly strip: number }
    /** The one chosen path gets this new path. */
    | { readonly kind: "new-name"; readonly path: Raw }
    /** Everything goes to where it was backed up from. */
    | { readonly kind: "in-place" };
  /**
   * What to do with files that are there. Default: a directory must be empty, or hold a restore of the same snapshot
   * that was interrupted; in place, or with `delete`, only what is not newer is replaced; a new name must be free.
   */
  readonly overwrite: Extract<Overwrite, "always" | "if-changed" | "if-newer" | "never"> | undefined;
  /** Removes what the snapshot doesn't have, except what its backup excluded. */
  readonly delete: boolean;
  /**
   * "ids": numbers as they were, even if the names have others here. "none": everything belongs to who restores it. Or
   * everything gets that one.
   */
  readonly owners: "names" | "ids" | "none" | Owner;
  /** Makes holes of zeros in all files, not only in those that had holes. */
  readonly sparse?: boolean;
  /** Sets flags such as "immutable" as well. */
  readonly flags?: boolean;
  /** The target is a place of the storage that is meant for it: what is to become a part of its archive. */
  readonly allowInsideStorage?: true;
  /** The target was named by others, who may also write to directories on the way: see guarded_disk.ts. */
  readonly isGuarded?: true;
  /**
   * Asked for by somebody who may do less than this program: nothing is written but below the directories `below` (see
   * confined_disk.ts), and nothing in those of `without`; what could grant privileges is skipped. All paths are
   * absolute.
   */
  readonly confined?: { readonly below: readonly Raw[]; readonly without: readonly Raw[] };
  readonly workers: number;
  readonly signal: AbortSignal;
}

/** Something that a restore would do. */
export interface PlannedChange {
  /** "refuse": something newer, or something else, is there and stays, which is a problem. */
  readonly action: "create" | "replace" | "remove" | "refuse";
  /** Absolute. */
  readonly path: Raw;
}
