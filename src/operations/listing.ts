/** What a snapshot holds: a directory, everything below it, or a tree of it, in an order of choice. */
import { type Apath, parentOf } from "../core/apath.ts";
import type { Entry } from "../core/entry.ts";
import type { SnapshotInfo } from "../storage/catalog/catalog.ts";
import type { Manifest } from "../storage/manifest.ts";
import type { Storage } from "../storage/storage.ts";
import { pathMeant } from "./path_meant.ts";

/** Within each directory; "size" and "time" from the largest and the newest on. */
export type Order = "name" | "size" | "time";

export interface ListingRequest {
  readonly snapshot: SnapshotInfo;
  readonly path: Apath;
  readonly order: Order;
  readonly reverse: boolean;
  /** What is in the directory; that and everything below, directory by directory; or each directory's content right after it. */
  readonly extent: "directory" | "recursive" | "tree";
}

export interface Listed {
  readonly entry: Entry;
  /** For each level below the path, whether nothing more follows on it; empty for the path itself. */
  readonly last: readonly boolean[];
}

/** What is no directory is listed itself; so is a directory whose extent is more than its content. @throws NotInSnapshot */
export function listing(storage: Storage, asked: ListingRequest): Generator<Listed> {
  const { snapshot, extent } = asked;
  const manifest = storage.manifest(snapshot.id);
  const request = { ...asked, path: pathMeant(manifest, asked.path, snapshot) };
  const own = manifest.entry(request.path);
  if (own !== undefined && own.kind !== "dir") return one(own);
  if (extent === "tree") return new TreeListing(manifest, request).all(own);
  return plain(manifest, request);
}

function* one(entry: Entry): Generator<Listed> {
  yield { entry, last: [] };
}

function* plain(manifest: Manifest, request: ListingRequest): Generator<Listed> {
  const { path, extent } = request;
  const entries = extent === "directory" ? manifest.list(path) : manifest.within(path);
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

/**
 * Goes depth first. In the order of names that is the order of the manifest, directory by directory, and one pass will do;
 * in any other, each directory is looked up.
 */
class TreeListing {
  readonly #manifest: Manifest;
  readonly #request: ListingRequest;
  readonly #groups: Generator<Group, undefined> | undefined;
  #next: Group | undefined;

  constructor(manifest: Manifest, request: ListingRequest) {
    this.#manifest = manifest;
    this.#request = request;
    if (!isAsItComes(request)) return;
    this.#groups = groupsOf(manifest.within(request.path), request.path);
    this.#next = this.#groups.next().value;
    if (this.#next?.directory === undefined) this.#next = this.#groups.next().value;
  }

  *all(own: Entry | undefined): Generator<Listed> {
    if (own !== undefined) yield { entry: own, last: [] };
    yield* this.#below(this.#request.path, []);
  }

  *#below(directory: Apath, above: readonly boolean[]): Generator<Listed> {
    const entries = this.#in(directory);
    for (const [at, entry] of entries.entries()) {
      const last = [...above, at === entries.length - 1];
      yield { entry, last };
      if (entry.kind === "dir") yield* this.#below(entry.path, last);
    }
  }

  #in(directory: Apath): Entry[] {
    if (this.#groups === undefined) return sorted([...this.#manifest.list(directory)], this.#request);
    const group = this.#next;
    if (group?.directory !== directory) return [];
    this.#next = this.#groups.next().value;
    return group.entries;
  }
}
