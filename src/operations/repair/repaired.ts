/** The result of a repair: everything that was damaged, and its outcome. */
import type { RootId } from "../../core/content_id.ts";

/** A damaged item and its outcome. */
export interface Repaired {
  /** "unit": of a vault; what was whole in it was stored again. */
  readonly kind: "root" | "hunk" | "content" | "unit";
  readonly id: string;
  /** What is wrong with it. */
  readonly what: string;
  /** Where a sound copy came from; undefined: it is lost, or something of it. */
  readonly from: string | undefined;
  /** Where its bytes are now if it is lost: a path in the storage. */
  readonly quarantine: string | undefined;
  /** Every path that needs it, as text, with the snapshots; of a unit those that are lost. A root: none, it is a snapshot itself. */
  readonly affected: readonly { readonly path: string; readonly snapshots: readonly RootId[] }[];
}

export interface RepairResult {
  readonly damaged: number;
  readonly healed: number;
  readonly lost: number;
}
