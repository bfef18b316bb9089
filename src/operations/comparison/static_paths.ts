/**
 * Files that should never change: photos, archives. If one does, something is wrong, and the stored version is kept.
 */
import { type Apath, isWithin, parentOf, TOP } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import type { Stat } from "../../core/stat.ts";
import { isThere } from "../sources/sources.ts";
import type { Disk } from "../../platform/disk.ts";
import { contentOfLine, parseLine } from "../../snapshot/entry_line.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import { type Filter, includesWithParents, parseFilter } from "../../source/filter.ts";
import type { SourceRoot } from "../../source/placement.ts";
import { inSource, sourcePlace } from "./source_place.ts";

/** Each run reads one file in so many again; after as many runs it has read all of them. */
const ROUNDS = 32;

export interface StaticOptions {
  /** In gitignore syntax; matches, and what is below them, are static. */
  readonly patterns: readonly string[];
  readonly roots: readonly SourceRoot[];
  /** Number of the run, which selects the files to read again. */
  readonly round: number;
}

export class StaticPaths {
  readonly #disk: Disk;
  readonly #filter: Filter;
  readonly #roots: readonly SourceRoot[];
  readonly #round: number;
  readonly #manifests: readonly Manifest[];
  readonly #lost = new Set<string>();
  /** A directory that has vanished, and those in it on the way to static files. */
  #vanished: { readonly top: Apath; readonly ways: ReadonlySet<string> } | undefined;

  /** @param manifests previous ones, newest first @throws BadPattern */
  constructor(disk: Disk, manifests: readonly Manifest[], options: StaticOptions) {
    this.#disk = disk;
    this.#manifests = manifests;
    this.#filter = parseFilter(options.patterns);
    this.#roots = options.roots;
    this.#round = options.round % ROUNDS;
  }

  /** True if the file of an old line is static, and its content is stored. */
  guards(path: Apath, line: string): boolean {
    return contentOfLine(line) !== undefined && includesWithParents(this.#filter, inSource(this.#roots, path), false);
  }

  /** True if an unchanged file is to be read again in this run. */
  isDue(path: Apath): boolean {
    // FNV-1a, and a last step that spreads the differences of short names over all bits.
    let hash = 0x811c9dc5;
    for (let i = 0; i < path.length; i++) hash = Math.imul(hash ^ path.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ hash >>> 15, 0x85ebca6b);
    return (hash >>> 16) % ROUNDS === this.#round;
  }

  /**
   * True if an object that the source no longer contains is to be kept: a static file, or a directory on the way to
   * one. False for an object that still exists but is excluded now.
   */
  keeps(line: string): boolean {
    const { path, kind, content } = parseLine(line);
    if (this.#isBelowLost(path)) return false;
    if (kind === "dir") {
      const isKept = this.#leadsToStatic(path);
      if (!isKept) this.lose(path);
      return isKept;
    }
    return content !== undefined && this.guards(path, line) &&
      !isThere(this.#disk, sourcePlace(this.#roots, path).absolute);
  }

  /** Records that the new snapshot lacks an old directory, so that nothing in it can be kept. */
  lose(path: Apath): void {
    if (!this.#isBelowLost(path)) this.#lost.add(path);
  }

  #isBelowLost(path: Apath): boolean {
    if (this.#lost.size === 0) return false;
    for (let at = path; at !== TOP; at = parentOf(at)) if (this.#lost.has(at)) return true;
    return false;
  }

  #leadsToStatic(path: Apath): boolean {
    if (isThere(this.#disk, sourcePlace(this.#roots, path).absolute)) return false;
    if (this.#vanished === undefined || !isWithin(path, this.#vanished.top)) {
      this.#vanished = { top: path, ways: this.#waysIn(path) };
    }
    return this.#vanished.ways.has(path);
  }

  #waysIn(top: Apath): Set<string> {
    const ways = new Set<string>();
    for (const manifest of this.#manifests) {
      for (const entry of manifest.within(top, () => {})) {
        if (
          entry.content === undefined || !includesWithParents(this.#filter, inSource(this.#roots, entry.path), false)
        ) {
          continue;
        }
        for (let at = parentOf(entry.path); !ways.has(at) && isWithin(at, top); at = parentOf(at)) ways.add(at);
      }
    }
    return ways;
  }
}

/** True if the stat of a file shows a new size or time: then its content isn't even read. */
export function looksChanged(entry: Entry, stat: Stat): boolean {
  return stat.kind !== "file" || stat.size !== entry.size || stat.mtime !== entry.mtime;
}

/** Reconstructs the stat of an entry that is kept although the source no longer contains it. */
export function statOf({ kind, size, mtime, ctime, inode = "0", mode, uid, gid, device }: Entry): Stat {
  return {
    kind,
    size,
    mtime,
    ctime,
    inode,
    mode,
    uid,
    gid,
    birthtime: undefined,
    flags: 0,
    device: "",
    links: 1,
    blocks: undefined,
    major: device?.major ?? 0,
    minor: device?.minor ?? 0,
    isMountPoint: false,
  };
}

/** Removes the hard link from a kept entry, because its number may belong to other files by now. */
export function withoutHardLink(entry: Entry): Entry {
  const { hardLink: _, ...others } = entry;
  return others;
}
