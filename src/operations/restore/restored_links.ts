/** Objects with several names in one restore, wherever its parts go: what becomes of each name belongs together. */
import { type Apath } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import type { Dir } from "../../platform/disk.ts";

/** A name that was restored and can be linked to. */
export interface RestoredName {
  readonly target: Dir;
  readonly path: Apath;
}

export class RestoredLinks {
  /** First names that are or were under way. */
  readonly #seen = new Set<string>();
  readonly #made = new Map<string, RestoredName>();

  /** Notes the name, and says whether it is not the first of its object. */
  isFurther({ hardLink }: Entry): boolean {
    if (hardLink === undefined) return false;
    const isFurther = this.#seen.has(hardLink);
    this.#seen.add(hardLink);
    return isFurther;
  }

  /** Further names are links to this one from now on. */
  note({ hardLink, path }: Entry, target: Dir): void {
    if (hardLink !== undefined) this.#made.set(hardLink, { target, path });
  }

  /** Undefined if none of its names could be restored. */
  first({ hardLink }: Entry): RestoredName | undefined {
    return hardLink === undefined ? undefined : this.#made.get(hardLink);
  }
}
