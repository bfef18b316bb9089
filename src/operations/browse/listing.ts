/** Lists a snapshot: a directory, everything below it, or a tree, in a chosen order. */
import { type Apath, childOf, compareApath, isWithin, parentOf, TOP } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import { unlessFault } from "../../core/fault.ts";
import { fromFaultData, toFaultData } from "../../core/fault_data.ts";
import { rawOf, textOf } from "../../core/raw.ts";
import { resolvePath } from "./resolve_path.ts";
import { DamagedManifest } from "../../snapshot/entry_line.ts";
import type { Damaged, Manifest } from "../../snapshot/manifest.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { Repository } from "../../snapshot/repository.ts";

/** Order within each directory; "size" and "time" begin with the largest and the newest. */
export type Order = "name" | "size" | "time";

export interface ListingRequest {
  readonly snapshot: SnapshotInfo;
  readonly path: Apath;
  readonly order: Order;
  readonly reverse: boolean;
  /**
   * "directory": its entries; "recursive": everything below it, directory by directory; "tree": each directory is
   * followed by its contents.
   */
  readonly extent: "directory" | "recursive" | "tree";
}

export interface Listed {
  readonly entry: Entry;
  /** For each level below the path, true if this is the last entry of that level; empty for the path itself. */
  readonly last: readonly boolean[];
}

/**
 * Lists a path. An object that is not a directory is listed itself, and so is a directory unless only its entries are
 * requested.
 * @param damaged called for parts that can't be read, and are skipped
 * @throws NotInSnapshot
 */
export async function listing(
  repository: Pick<Repository, "manifest">,
  asked: ListingRequest,
  damaged: (fault: Error) => void,
): Promise<Generator<Listed>> {
  const { snapshot, extent } = asked;
  const manifest = await repository.manifest(snapshot.id);
  const request = { ...asked, path: resolvePath(manifest, asked.path, snapshot) };
  const own = request.path === TOP ? unlessFault(() => manifest.entry(TOP), undefined) : manifest.entry(request.path);
  if (own !== undefined && own.kind !== "dir") return one(own);
  const report: Damaged = (...about) => damaged(damagedListing(...about));
  if (extent === "tree") return new TreeListing(manifest, request, report).all(own);
  return plain(manifest, request, report);
}

function* one(entry: Entry): Generator<Listed> {
  yield { entry, last: [] };
}

function damagedListing(...[fault, hunk]: Parameters<Damaged>): Error {
  const what = hunk === undefined
    ? "an entry"
    : `${JSON.stringify(textOf(hunk.first))} and ${hunk.count - 1} entries after it`;
  return fromFaultData({ ...toFaultData(fault), message: `Cannot list ${what}: ${fault.message}` });
}

function* plain(manifest: Manifest, request: ListingRequest, damaged: Damaged): Generator<Listed> {
  const { path, extent } = request;
  const entries = extent === "directory" ? manifest.list(path, damaged) : manifest.within(path, damaged);
  for (const group of ordered(entries, request)) for (const entry of group) yield { entry, last: [] };
}

/** Directory by directory if they must be put in order; otherwise one by one, however many there are. */
function* ordered(entries: Iterable<Entry>, request: ListingRequest): Generator<readonly Entry[]> {
  if (isAsItComes(request)) {
    for (const entry of entries) yield [entry];
    return;
  }
  for (const { entries: group } of groupsOf(entries, request.path)) yield sorted(group, request);
}

function isAsItComes({ order, reverse }: ListingRequest): boolean {
  return order === "name" && !reverse;
}

function sorted(entries: Entry[], { order, reverse }: ListingRequest): Entry[] {
  if (order === "size") entries.sort((a, b) => b.size - a.size);
  else if (order === "time") entries.sort((a, b) => compareTimes(b.mtime, a.mtime));
  return reverse ? entries.reverse() : entries;
}

function compareTimes(a: string, b: string): number {
  const x = BigInt(a), y = BigInt(b);
  return x < y ? -1 : x > y ? 1 : 0;
}

interface Group {
  readonly directory: Apath | undefined;
  readonly entries: Entry[];
}

/** The entries of each directory; `top` itself stands alone. */
function* groupsOf(entries: Iterable<Entry>, top: Apath): Generator<Group, undefined> {
  let group: Group | undefined;
  for (const entry of entries) {
    const directory = entry.path === top ? undefined : parentOf(entry.path);
    if (group === undefined || group.directory !== directory) {
      if (group !== undefined) yield group;
      group = { directory, entries: [] };
    }
    group.entries.push(entry);
  }
  if (group !== undefined) yield group;
  return undefined;
}

/** One directory of a tree that is being listed. */
interface Level {
  readonly entries: readonly Entry[];
  /** As in {@link Listed}. */
  readonly last: readonly boolean[];
  next: number;
}

/**
 * Goes depth first. In the order of names that is the order of the manifest, directory by directory, and one pass will do;
 * in any other, each directory is looked up.
 */
class TreeListing {
  readonly #manifest: Manifest;
  readonly #request: ListingRequest;
  readonly #groups: Generator<Group, undefined> | undefined;
  readonly #damaged: Damaged;
  #next: Group | undefined;
  /** Entries whose directory has no entry that could be read. */
  #orphans: Entry[] = [];
  /** What stands where a directory should, and holds entries all the same. */
  #noDirectory: Apath | undefined;

  constructor(manifest: Manifest, request: ListingRequest, damaged: Damaged) {
    this.#damaged = damaged;
    this.#manifest = manifest;
    this.#request = request;
    if (!isAsItComes(request)) return;
    this.#groups = groupsOf(manifest.within(request.path, damaged), request.path);
    this.#next = this.#groups.next().value;
    if (this.#next?.directory === undefined) this.#next = this.#groups.next().value;
  }

  *all(own: Entry | undefined): Generator<Listed> {
    if (own !== undefined) yield { entry: own, last: [] };
    const levels: Level[] = [{ entries: this.#in(this.#request.path), last: [], next: 0 }];
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      yield* this.#takeOrphans();
      const entry = level.entries[level.next++];
      if (entry === undefined) {
        levels.pop();
        continue;
      }
      const last = [...level.last, level.next === level.entries.length];
      yield { entry, last };
      if (entry.kind === "dir") levels.push({ entries: this.#in(entry.path), last, next: 0 });
    }
    while (this.#next !== undefined) this.#takeMisplaced(this.#next);
    yield* this.#takeOrphans();
  }

  #in(directory: Apath): readonly Entry[] {
    if (this.#groups === undefined) return sorted([...this.#manifest.list(directory, this.#damaged)], this.#request);
    for (let group = this.#next; group !== undefined && comesBefore(group, directory); group = this.#next) {
      this.#takeMisplaced(group);
    }
    const group = this.#next;
    if (group?.directory !== directory) return [];
    this.#next = this.#groups.next().value;
    return group.entries;
  }

  #takeMisplaced({ directory = TOP, entries }: Group): void {
    this.#next = this.#groups?.next().value;
    if (this.#noDirectory === undefined || !isWithin(directory, this.#noDirectory)) {
      this.#noDirectory = this.#noDirectoryAbove(directory);
    }
    if (this.#noDirectory === undefined) this.#orphans.push(...entries);
    else {
      const path = JSON.stringify(textOf(entries[0]?.path ?? directory));
      this.#damaged(new DamagedManifest(`${path} stands in what is no directory`), undefined);
    }
  }

  #noDirectoryAbove(path: Apath): Apath | undefined {
    for (let above = path; above !== TOP; above = parentOf(above)) {
      const entry = unlessFault(() => this.#manifest.entry(above), undefined);
      if (entry !== undefined && entry.kind !== "dir") return above;
    }
    return undefined;
  }

  *#takeOrphans(): Generator<Listed> {
    if (this.#orphans.length === 0) return;
    const orphans = this.#orphans;
    this.#orphans = [];
    for (const entry of orphans) yield { entry, last: [] };
  }
}

/** True if what is in `directory` comes later. */
function comesBefore({ entries: [first] }: Group, directory: Apath): boolean {
  return first !== undefined && compareApath(first.path, childOf(directory, rawOf("\0"))) < 0;
}
