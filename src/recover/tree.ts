/** A snapshot as directories, for browsing. */
import type { Entry, Reader, Snapshot } from "./reader.ts";

export class Tree {
  readonly #children = new Map<string, Entry[]>();

  /**
   * Reads the entries of a snapshot. @param progress called now and then with the number of entries so far @throws
   * Damaged
   */
  static async read(reader: Reader, snapshot: Snapshot, progress: (entries: number) => void): Promise<Tree> {
    const tree = new Tree();
    let count = 0;
    for await (const entry of reader.entries(snapshot)) {
      tree.#add(entry);
      if (++count % 5000 === 0) progress(count);
    }
    return tree;
  }

  /** Entries of a directory, subdirectories first. @param path `/` or `/a/b` */
  list(path: string): readonly Entry[] {
    const rank = ({ kind }: Entry) => kind === "dir" ? 0 : 1;
    return (this.#children.get(path) ?? []).toSorted((a, b) => rank(a) - rank(b) || (a.path < b.path ? -1 : 1));
  }

  /** All files below a directory. */
  *files(path: string): Generator<Entry> {
    for (const entry of this.list(path)) {
      if (entry.kind === "dir") yield* this.files(entry.path);
      else if (entry.kind === "file") yield entry;
    }
  }

  #add(entry: Entry): void {
    if (entry.path === "/") return;
    const parent = entry.path.slice(0, entry.path.lastIndexOf("/")) || "/";
    const children = this.#children.get(parent) ?? [];
    children.push(entry);
    this.#children.set(parent, children);
  }
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
