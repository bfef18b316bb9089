/** Records the changed files of a backup, for {@link unusualChange}. */
import type { Apath } from "../../core/apath.ts";
import type { ContentId } from "../../core/content_id.ts";
import { ItemSet } from "../../core/item_set.ts";
import { ownText } from "../../core/raw.ts";
import type { ChangeFigures } from "../../core/unusual_change.ts";
import { contentOfLine, parseLine } from "../../snapshot/entry_line.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

/** A changed file, and its previous state. */
export interface ChangedFile {
  readonly path: Apath;
  readonly before: ContentId;
}

/** As many are looked at, spread over the run. */
const MOST_SAMPLES = 24;
/** Smaller files tell too little. */
const SMALLEST_SAMPLE_BYTES = 512;
/** Of so many files that are gone, it is looked whether they have only moved; the others are taken to be like them. */
const MOST_GONE = 50_000;
/** A longer name with one of these is not what ransomware leaves. */
const USUAL_SUFFIXES: ReadonlySet<string> = new Set([
  "gz",
  "bz2",
  "xz",
  "zst",
  "lz4",
  "zip",
  "7z",
  "bak",
  "old",
  "orig",
]);

export class ChangeWatch {
  readonly #files: number;
  readonly #before: ChangeFigures | undefined;
  #changed = 0;
  #gone = 0;
  #renamed = 0;
  /** Contents of the first missing files, by path. */
  readonly #lost = new Map<string, string | undefined>();
  readonly #added = new ItemSet();
  #samples: ChangedFile[] = [];
  #stride = 1;

  /**
   * @param previous snapshots that the new one builds on, newest first: an interrupted run has seen a part of the
   * changes
   */
  constructor(previous: readonly SnapshotInfo[]) {
    this.#files = previous.find(({ complete }) => complete)?.files ?? 0;
    const [newest] = previous;
    this.#before = newest?.complete === false ? newest.change : undefined;
  }

  /** Records a regular file that was read. @param from its line in the previous snapshot, if it had one */
  read(
    path: Apath,
    from: string | undefined,
    now: { readonly content: ContentId | undefined; readonly size: number },
  ): void {
    if (this.#files === 0) return;
    const { content, size } = now, before = from === undefined ? undefined : contentOfLine(from);
    if (from === undefined) return this.#add(path, content);
    if (before === undefined || content === undefined || before === content) return;
    if (this.#changed++ % this.#stride > 0 || size < SMALLEST_SAMPLE_BYTES) return;
    this.#sample({ path, before: ownText(before) });
  }

  #add(path: Apath, content: ContentId | undefined): void {
    if (content !== undefined) this.#added.add(content);
    const dot = path.lastIndexOf(".");
    if (dot <= path.lastIndexOf("/") || USUAL_SUFFIXES.has(path.slice(dot + 1).toLowerCase())) return;
    if (this.#lost.has(path.slice(0, dot))) this.#renamed++;
  }

  /** Every n-th, with an n that doubles when there are enough. */
  #sample(file: ChangedFile): void {
    this.#samples.push(file);
    if (this.#samples.length <= MOST_SAMPLES) return;
    this.#samples = this.#samples.filter((_, i) => i % 2 === 0);
    this.#stride *= 2;
  }

  /** Records an entry of the previous snapshot that is no longer in the source. */
  gone(line: string): void {
    if (!line.includes(`,"kind":"file",`)) return;
    this.#gone++;
    if (this.#lost.size >= MOST_GONE) return;
    const content = contentOfLine(line);
    // Texts of their own: parts of the line would keep its whole hunk.
    this.#lost.set(ownText(parseLine(line).path), content === undefined ? undefined : ownText(content));
  }

  get samples(): readonly ChangedFile[] {
    return this.#samples;
  }

  /** The figures so far. */
  figures(): ChangeFigures {
    const stayed = [...this.#lost.values()].filter((content) => content !== undefined && this.#added.has(content));
    const lostShare = this.#lost.size === 0 ? 0 : 1 - stayed.length / this.#lost.size;
    return {
      files: this.#files,
      changed: this.#changed + (this.#before?.changed ?? 0),
      gone: Math.round(this.#gone * lostShare) + (this.#before?.gone ?? 0),
      renamed: this.#renamed + (this.#before?.renamed ?? 0),
    };
  }
}
