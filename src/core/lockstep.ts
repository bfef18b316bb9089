/** Looking up paths in a list of entries, as both go on in the same order. */
import { type Apath, compareApath } from "./apath.ts";
import type { Entry } from "./entry.ts";

/** Looks up paths that are asked for in their order. */
export class OrderedLookup {
  readonly #entries: Iterator<Entry>;
  #next: Entry | undefined;

  constructor(entries: Iterator<Entry>) {
    this.#entries = entries;
    this.#next = this.#pull();
  }

  at(path: Apath): Entry | undefined {
    while (this.#next !== undefined && compareApath(this.#next.path, path) < 0) this.#next = this.#pull();
    return this.#next?.path === path ? this.#next : undefined;
  }

  #pull(): Entry | undefined {
    const { done, value } = this.#entries.next();
    return done ? undefined : value;
  }
}
