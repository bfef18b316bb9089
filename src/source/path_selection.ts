/** Paths that a person has listed: of a source only these are backed up, and what is below them. */
import { joinRaw, parentPath, type Raw } from "../core/raw.ts";

export class PathSelection {
  readonly #chosen: ReadonlySet<string>;
  /** Directories that lead to a chosen path. */
  readonly #ways = new Set<string>();
  readonly #unseen: Set<Raw>;

  /** @param paths absolute, without symlinks in the directories on the way */
  constructor(paths: Iterable<Raw>) {
    this.#unseen = new Set(paths);
    this.#chosen = new Set(this.#unseen);
    for (const path of this.#unseen) this.#addWays(path);
  }

  #addWays(path: Raw): void {
    for (let at = parentPath(path); !this.#ways.has(at); at = parentPath(at)) {
      this.#ways.add(at);
      if (at === "/") return;
    }
  }

  /** Those names in `directory` that are chosen, or lead to what is; all of them where the directory is chosen itself. */
  among(names: readonly Raw[], directory: Raw): readonly Raw[] {
    if (this.#isWithinChosen(directory)) {
      for (const name of this.#unseen.size > 0 ? names : []) this.#unseen.delete(joinRaw(directory, name));
      return names;
    }
    return names.filter((name) => {
      const path = joinRaw(directory, name);
      this.#unseen.delete(path);
      return this.#chosen.has(path) || this.#ways.has(path);
    });
  }

  /** Chosen paths that no directory held so far. */
  get missing(): ReadonlySet<Raw> {
    return this.#unseen;
  }

  #isWithinChosen(directory: Raw): boolean {
    for (let at = directory;; at = parentPath(at)) {
      if (this.#chosen.has(at)) return true;
      if (at === "/" || at === "") return false;
    }
  }
}
