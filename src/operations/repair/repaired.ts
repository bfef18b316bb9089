/** The result of a repair: everything that was damaged, and its outcome. */
import type { RootId } from "../../core/content_id.ts";

/** A damaged item and its outcome. */
export interface Repaired {
  /** "unit": of a vault; its intact contents were stored again. "object": of a vault, a key or a part of its index. */
  readonly kind: "root" | "hunk" | "content" | "unit" | "object";
  readonly id: string;
  /** Description of the damage. */
  readonly what: string;
  /** Origin of an intact copy; undefined: the item is lost, in whole or in part. */
  readonly from: string | undefined;
  /** Path in the storage to which the bytes of a lost item were moved. */
  readonly quarantine: string | undefined;
  /**
   * All paths that need the item, as text, with their snapshots; for a unit, those that are lost. Empty for a root,
   * which is a snapshot itself.
   */
  readonly affected: readonly { readonly path: string; readonly snapshots: readonly RootId[] }[];
}

export interface RepairResult {
  readonly damaged: number;
  readonly healed: number;
  readonly lost: number;
}
