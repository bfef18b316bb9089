/** Lists `content/`: the truth about what exists, which no catalog can replace. */
import { openDirIfThere } from "../../platform/open_optional.ts";
import { classOfId, parseRootId, type RootId } from "../../core/content_id.ts";
import { digestHexLength, hashBytes } from "../../core/digest.ts";
import { ItemSet } from "../../core/item_set.ts";
import { baseName, EMPTY, parentPath, type Raw, rawOf } from "../../core/raw.ts";
import type { Dir, DirListing } from "../../platform/disk.ts";
import { idOf, leafDirs } from "../layout/item_path.ts";
import type { Settings } from "../layout/settings.ts";

const CONTENT = rawOf("content");

export class ItemListing {
  readonly #storage: Dir;
  readonly #settings: Settings;

  constructor(storage: Dir, settings: Settings) {
    this.#storage = storage;
    this.#settings = settings;
  }

  /** Ids of all roots, from a listing of `content/`, in the order of the ids. */
  rootIds(): RootId[] {
    const length = digestHexLength(this.#settings.algorithm);
    const ids: RootId[] = [];
    for (const { id } of this.items((name) => name.endsWith("f0"))) {
      if (classOfId(id, length) === "root") ids.push(parseRootId(id, length));
    }
    return ids.sort();
  }

  /** Every name in the leaf directories of `content/` for which `wanted` returns true. */
  *items(wanted: (name: Raw) => boolean = () => true): Generator<{ id: string; leaf: Raw; name: Raw }> {
    for (const { leaf, names } of this.#leaves()) {
      for (const name of names) if (wanted(name)) yield { id: idOf(leaf, name), leaf, name };
    }
  }

  *#leaves(): Generator<{ leaf: Raw } & DirListing> {
    using content = this.#storage.openDir(CONTENT);
    for (const leaf of leafDirs(this.#settings)) {
      using directory = openDirIfThere(content, leaf);
      if (directory !== undefined) yield { leaf, ...directory.list() };
    }
  }

  /** Ids of all existing items. An object of another kind under an item's name doesn't count. */
  present(): ItemSet {
    const present = new ItemSet();
    for (const { leaf, names, kinds } of this.#leaves()) {
      const beginning = idOf(leaf, EMPTY);
      names.forEach((name, i) => {
        if ((kinds[i] ?? "file") === "file") present.add(name, beginning);
      });
    }
    return present;
  }

  /** A hash of the times of all leaf directories, which changes whenever an item is added or removed. */
  fingerprint(): string {
    using content = this.#storage.openDir(CONTENT);
    const times: string[] = [];
    for (const leaf of leafDirs(this.#settings)) {
      times.push(leaf.includes("/") ? statThrough(content, leaf) : content.stat(leaf)?.mtime ?? "-");
    }
    return hashBytes("sha256", new TextEncoder().encode(times.join(" ")));
  }
}

function statThrough(content: Dir, leaf: Raw): string {
  using parent = openDirIfThere(content, parentPath(leaf));
  return parent?.stat(baseName(leaf))?.mtime ?? "-";
}
