/**
 * Copies of contents whose items can't get one more hard link: file systems allow about 65,000 to one file. A copy
 * takes the following links, so such a content costs one more file instead of one for each of its names. During a run
 * the copy has a name in tmp/; afterwards it is a file of the tree like any other.
 */
import type { ContentId } from "../../core/content_id.ts";
import { type Raw, rawOf } from "../../core/raw.ts";
import type { Stat } from "../../core/stat.ts";
import type { Dir } from "../../platform/disk.ts";
import { removeQuietly } from "../../target/replacing.ts";

/** A content, and the name that it should get. */
export interface Shown {
  readonly id: ContentId;
  /** Stat of the item. */
  readonly stat: Stat;
  readonly to: Dir;
  readonly name: Raw;
  /** Directory of the previous tree that may have the same content under the same name. */
  readonly before: Dir | undefined;
  /** Makes an independent copy. */
  readonly copy: (to: Dir, name: Raw) => void;
}

export class SpareCopies implements Disposable {
  readonly #temp: () => Dir;
  readonly #prefix: string;
  readonly #names = new Map<ContentId, Raw>();
  #made = 0;

  /** @param temp opens tmp/ @param prefix for names there that only this object uses */
  constructor(temp: () => Dir, prefix: string) {
    this.#temp = temp;
    this.#prefix = prefix;
  }

  [Symbol.dispose](): void {
    for (const name of this.#names.values()) removeQuietly(this.#temp(), name);
    this.#names.clear();
  }

  /** True if a copy was already needed: the item needn't be tried. */
  has(id: ContentId): boolean {
    return this.#names.size > 0 && this.#names.has(id);
  }

  /** Gives the content a name. @returns "copied" if a new copy was needed */
  show(shown: Shown): "linked" | "copied" {
    if (this.#linkSpare(shown)) return "linked";
    if (this.#takeFromBefore(shown) && this.#linkSpare(shown)) return "linked";
    const spare = this.#newName();
    shown.copy(this.#temp(), spare);
    this.#keep(shown.id, spare);
    // Where nothing can be linked at all, the copy is the file.
    if (!this.#linkSpare(shown)) {
      this.#names.delete(shown.id);
      this.#temp().rename(spare, shown.to, shown.name);
    }
    return "copied";
  }

  #linkSpare({ id, stat, to, name }: Shown): boolean {
    const spare = this.#names.get(id);
    if (spare === undefined) return false;
    const found = this.#temp().stat(spare);
    if (found !== undefined && isEquivalent(found, stat) && this.#temp().link(spare, to, name) === "linked") {
      return true;
    }
    this.#drop(id, spare);
    return false;
  }

  /** Takes over a copy of the previous tree, which may have links to spare. @returns false if there is none */
  #takeFromBefore({ id, stat, name, before }: Shown): boolean {
    const found = before?.stat(name);
    if (before === undefined || found === undefined || !isEquivalent(found, stat) || found.inode === stat.inode) {
      return false;
    }
    const spare = this.#newName();
    if (before.link(name, this.#temp(), spare) !== "linked") return false;
    this.#keep(id, spare);
    return true;
  }

  #newName(): Raw {
    const name = rawOf(`${this.#prefix}spare-${this.#made++}`);
    this.#temp().unlink(name);
    return name;
  }

  #keep(id: ContentId, name: Raw): void {
    this.#names.set(id, name);
  }

  #drop(id: ContentId, name: Raw): void {
    this.#names.delete(id);
    removeQuietly(this.#temp(), name);
  }
}

/** True if a copy has the item's current attributes. The item's access may have been narrowed since. */
function isEquivalent(copy: Stat, item: Stat): boolean {
  return copy.kind === "file" && copy.size === item.size && copy.mtime === item.mtime && copy.mode === item.mode &&
    copy.uid === item.uid && copy.gid === item.gid;
}
