/** Entries that the walk of the sources doesn't yield: streams, and static files that are missing from the sources. */
import { type Apath, compareApath, parentOf } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import type { PreviousLine } from "../../snapshot/previous_entries.ts";
import type { TreeOutput } from "../../snapshot/snapshot_sink.ts";
import { type BackupEntry, keptEntry, NOWHERE } from "../comparison/backup_entry.ts";
import type { Comparison } from "../comparison/comparison.ts";

interface Kept {
  readonly entry: Entry;
  /** The entry's line in the previous snapshot; undefined for a stream. */
  readonly line: PreviousLine | undefined;
}

export class StreamsAndKept {
  /**
   * Entries that the sources no longer contain but the snapshot keeps; all of them precede the entry that was compared
   * last.
   */
  readonly #kept: Kept[] = [];
  /** Entries of streams that the walk hasn't come to, in order. */
  #streams: readonly Entry[] = [];
  #streamBytes = 0;

  /** @param streams in apath order */
  addStreams(streams: readonly Entry[]): void {
    this.#streams = streams;
    this.#streamBytes = streams.reduce((sum, { size }) => sum + size, 0);
  }

  /** Total size of all streams, in bytes. */
  get streamBytes(): number {
    return this.#streamBytes;
  }

  /** Records an entry that precedes the one compared next. */
  keep(entry: Entry, line: PreviousLine): void {
    this.#kept.push({ entry, line });
  }

  get hasKept(): boolean {
    return this.#kept.length > 0;
  }

  /** Yields the streams that precede `path`; undefined: all the remaining ones. */
  *before(path: Apath | undefined, comparison: Comparison, tree: TreeOutput | undefined): Generator<BackupEntry> {
    for (let [stream] = this.#streams; stream !== undefined; [stream] = this.#streams) {
      if (path !== undefined && compareApath(stream.path, path) >= 0) return;
      this.#streams = this.#streams.slice(1);
      comparison.passOver(stream);
      yield* this.kept(comparison, tree);
      yield inTree({ entry: stream, line: undefined }, comparison, tree);
    }
  }

  /** Yields the recorded entries. */
  *kept(comparison: Comparison, tree: TreeOutput | undefined): Generator<BackupEntry> {
    for (const kept of this.#kept.splice(0)) yield inTree(kept, comparison, tree);
  }
}

/** Makes a directory in the tree at once, as what is in it comes next. */
function inTree({ entry, line }: Kept, comparison: Comparison, tree: TreeOutput | undefined): BackupEntry {
  const directory = parentOf(entry.path);
  const { rootPath, relative } = line === undefined ? NOWHERE : comparison.placeOf(entry.path);
  const place = { rootPath, relative, apath: directory, tree: undefined, before: undefined };
  if (tree === undefined) return keptEntry(entry, line, place);
  if (entry.kind === "dir") {
    using parent = tree.open(directory);
    parent.makeDirectory(entry);
  }
  return keptEntry(entry, line, { ...place, tree: tree.placeOf(directory).tree });
}
