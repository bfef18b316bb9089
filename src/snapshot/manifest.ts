/** Reads the entries of a snapshot: in order, from a path on, or one by one, without reading all of it. */
import { firstReached } from "../core/sorted.ts";
import { type Apath, childOf, compareApath, isWithin, parentOf, TOP } from "../core/apath.ts";
import type { HunkId, RootId } from "../core/content_id.ts";
import type { Entry } from "../core/entry.ts";
import { Fault } from "../core/fault.ts";
import { rawOf, textOf } from "../core/raw.ts";
import { DamagedManifest, parseLine } from "./entry_line.ts";
import { decodeHunk, ENOUGH_TEXT, type HunkRef, hunkText, MOST_LINES } from "./hunk.ts";
import type { Root } from "./root.ts";

/** Decoded hunks in the cache, so that looking up neighbours decodes nothing twice. */
const CACHED_HUNKS = 2;

/** Called for what can't be read: a whole hunk, or one entry. */
export type Damaged = (fault: Fault, hunk: HunkRef | undefined) => void;

export class Manifest {
  readonly root: Root;
  readonly #read: (id: HunkId) => Uint8Array<ArrayBuffer>;
  readonly #cache = new Map<number, string[]>();

  /** @param read returns the verified bytes of a hunk */
  constructor(read: (id: HunkId) => Uint8Array<ArrayBuffer>, root: Root) {
    this.#read = read;
    this.root = root;
  }

  /** Index of the hunk that would hold `path`; undefined if `path` comes before all hunks. */
  hunkOf(path: Apath): number | undefined {
    const { hunks } = this.root;
    const after = firstReached(hunks.length, (hunk) => compareApath(hunks[hunk]!.first, path) > 0);
    return after === 0 ? undefined : after - 1;
  }

  /** Lines of a hunk. @throws DamagedManifest, DamagedContent */
  lines(hunk: number): readonly string[] {
    const cached = this.#cache.get(hunk);
    if (cached !== undefined) return cached;
    const ref = this.root.hunks[hunk]!;
    const lines = linesOf(this.#read(ref.id), ref);
    if (lines.reduce((sum, line) => sum + line.length, 0) > ENOUGH_TEXT) this.#cache.clear();
    if (this.#cache.size >= CACHED_HUNKS) this.#cache.delete(this.#cache.keys().next().value!);
    this.#cache.set(hunk, lines);
    return lines;
  }

  /** The lines of a hunk as bytes, each with its newline. @throws DamagedManifest, DamagedContent */
  text(hunk: number): Uint8Array<ArrayBuffer> {
    const ref = this.root.hunks[hunk];
    if (ref === undefined) throw new DamagedManifest(`it has no hunk ${hunk}`);
    return hunkText(this.#read(ref.id));
  }

  /**
   * Entries of one hunk. They are checked to be in order, and to begin where the root says.
   * @param damaged as for {@link entries}
   */
  hunkEntries(hunk: number, damaged?: Damaged): Generator<Entry> {
    return entriesOf(this.lines(hunk), this.root.hunks[hunk]!, damaged);
  }

  /**
   * All entries from `from` on, in order.
   * @param damaged called for hunks and entries that can't be read, which are then skipped; without it they are thrown
   */
  *entries(from: Apath = TOP, damaged?: Damaged): Generator<Entry> {
    let last: Apath | undefined;
    for (let hunk = this.hunkOf(from) ?? 0; hunk < this.root.hunks.length; hunk++) {
      try {
        for (const entry of this.hunkEntries(hunk, damaged)) {
          if (last !== undefined && compareApath(last, entry.path) >= 0) {
            tellOrThrow(new DamagedManifest(`hunks overlap at ${JSON.stringify(textOf(entry.path))}`), damaged);
            continue;
          }
          last = entry.path;
          if (compareApath(entry.path, from) >= 0) yield entry;
        }
      } catch (error) {
        if (damaged === undefined || !(error instanceof Fault)) throw error;
        damaged(error, this.root.hunks[hunk]!);
      }
    }
  }

  /**
   * The entry of `path`; undefined if the snapshot has none.
   * @throws DamagedManifest, DamagedContent if it may be in a part that can't be read
   */
  entry(path: Apath): Entry | undefined {
    const hunk = this.hunkOf(path);
    if (hunk === undefined) return undefined;
    let damage: Fault | undefined;
    for (const entry of this.hunkEntries(hunk, (fault) => damage = fault)) {
      if (entry.path === path) return entry;
    }
    if (damage !== undefined) throw damage;
    return undefined;
  }

  /**
   * Entries directly in `directory`: one contiguous run.
   * @param damaged as for {@link entries}
   */
  *list(directory: Apath, damaged?: Damaged): Generator<Entry> {
    for (const entry of this.entries(firstIn(directory), damaged)) {
      if (entry.path === TOP) continue;
      if (parentOf(entry.path) !== directory) return;
      yield entry;
    }
  }

  /**
   * The entry of `path` and everything below it: its own line, then one contiguous run.
   * @param damaged as for {@link entries}
   */
  *within(path: Apath, damaged?: Damaged): Generator<Entry> {
    if (path === TOP) return yield* this.entries(TOP, damaged);
    const own = this.entry(path);
    if (own === undefined) return;
    yield own;
    if (own.kind !== "dir") return;
    for (const entry of this.entries(firstIn(path), damaged)) {
      if (!isWithin(entry.path, path)) return;
      yield entry;
    }
  }
}

function tellOrThrow(fault: Fault, damaged: Damaged | undefined): void {
  if (damaged === undefined) throw fault;
  damaged(fault, undefined);
}

/** Decodes the lines of a hunk. @throws DamagedManifest */
export function linesOf(bytes: Uint8Array<ArrayBuffer>, { id, count }: HunkRef): string[] {
  const lines = decodeHunk(bytes, Math.min(count, MOST_LINES));
  if (lines.length === count) return lines;
  throw new DamagedManifest(`hunk ${id} has ${lines.length} entries instead of ${count}`);
}

/**
 * Entries of a hunk. They are checked to be in order, and to begin where the root says.
 * @param damaged called for invalid lines, which are then skipped
 * @throws DamagedManifest if `damaged` is absent
 */
export function entriesOf(lines: readonly string[], hunk: HunkRef, damaged?: Damaged): Generator<Entry> {
  return parsedLines(lines, hunk, parseLine, damaged);
}

/**
 * As {@link entriesOf}, with the results of `parse`.
 * @param damaged called for invalid lines, which are then skipped
 * @throws DamagedManifest if `damaged` is absent
 */
export function* parsedLines<T extends Pick<Entry, "path">>(
  lines: readonly string[],
  hunk: HunkRef,
  parse: (line: string) => T,
  damaged?: Damaged,
): Generator<T> {
  let last: Apath | undefined;
  for (const [index, line] of lines.entries()) {
    const entry = parsedOrTold(line, parse, damaged);
    if (entry === undefined) continue;
    const wrong = placeFault(entry.path, index === 0, last, hunk);
    if (wrong !== undefined) tellOrThrow(wrong, damaged);
    if (wrong !== undefined && last !== undefined) continue;
    last = entry.path;
    yield entry;
  }
}

function parsedOrTold<T>(line: string, parse: (line: string) => T, damaged: Damaged | undefined): T | undefined {
  if (damaged === undefined) return parse(line);
  try {
    return parse(line);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    damaged(error, undefined);
    return undefined;
  }
}

function placeFault(path: Apath, isFirst: boolean, last: Apath | undefined, { id, first }: HunkRef): Fault | undefined {
  if (isFirst && path !== first) return new DamagedManifest(`hunk ${id} begins with ${JSON.stringify(textOf(path))}`);
  if (last === undefined || compareApath(last, path) < 0) return undefined;
  return new DamagedManifest(`entries are out of order at ${JSON.stringify(textOf(path))}`);
}

/** Sorts before every name. */
const FIRST_NAME = rawOf("\0");

/** A path that sorts before every path in `directory` and after everything in earlier directories. */
function firstIn(directory: Apath): Apath {
  return childOf(directory, FIRST_NAME);
}

/** A snapshot whose manifest can be read. */
export interface ManifestSource {
  readonly id: RootId;
  readonly root: Root;
  /**
   * The sequence number that the root itself has; set only if `root.sequence` differs because that number was taken.
   */
  readonly ownSequence?: number;
  /** The lines of a hunk as bytes, each with its newline. @throws DamagedManifest, DamagedContent */
  text(hunk: number): Uint8Array<ArrayBuffer>;
}
