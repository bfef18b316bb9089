/** A list of paths from a person: of a source, only these and everything below them are backed up. */
import { joinRaw, parentPath, type Raw } from "../core/raw.ts";

export class PathSelection {
  readonly #chosen: ReadonlySet<string>;
  /** Directories on the way to a selected path. */
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

  /**
   * The names in `directory` that are selected or lead to a selected path; all of them if the directory itself is
   * selected.
   */
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

  /** Selected paths that have not been found in any directory so far. */
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
