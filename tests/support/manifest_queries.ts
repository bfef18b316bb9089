/**
 * What a catalog answers, worked out from manifests each time anew: slow, and plain enough to be right. It stands in for
 * a catalog in the repository in memory, and is the model that the real one is compared with.
 */
import { hash } from "node:crypto";
import { type Apath, isWithin, nameOf, parentOf, TOP } from "../../src/core/apath.ts";
import type { ContentId } from "../../src/core/content_id.ts";
import type { Entry } from "../../src/core/entry.ts";
import type {
  Amount,
  CatalogQueries,
  Interval,
  LargeContent,
  PathChange,
  PathVersion,
  Ratios,
  SnapshotFigures,
  State,
  VerificationQueries,
  VerificationStatus,
  VersionQuery,
} from "../../src/snapshot/catalog_queries.ts";
import type { SnapshotInfo } from "../../src/snapshot/snapshot_info.ts";

/** A snapshot with all of its entries. */
export interface WholeSnapshot {
  readonly info: SnapshotInfo;
  readonly entries: readonly Entry[];
}

/** When a content was last read, and what was found. */
export interface Verification {
  readonly atMs: number;
  readonly state: "ok" | "damaged";
}

/** What a repository knows besides its manifests. */
export interface Learnt {
  readonly verifications: ReadonlyMap<string, Verification>;
  readonly ratios: Ratios;
}

export class ManifestQueries implements CatalogQueries {
  readonly verifications: VerificationQueries;
  readonly #snapshots: readonly WholeSnapshot[];
  readonly #learnt: Learnt;
  /** Ordered by path, then by series, then by time. */
  readonly #versions: readonly PathVersion[];

  /** @param snapshots oldest first */
  constructor(snapshots: readonly WholeSnapshot[], learnt: Learnt) {
    this.#snapshots = snapshots;
    this.#learnt = learnt;
    this.#versions = chainsOf(snapshots).flatMap(versionsOf).sort(
      inOrder<PathVersion>(pathText, seriesText, (v) => v.first),
    );
    this.verifications = new ManifestVerifications(sizesOf(this.#versions), learnt.verifications);
  }

  snapshots(): readonly SnapshotInfo[] {
    return this.#snapshots.map(({ info }) => info);
  }

  history(path: Apath): readonly PathVersion[] {
    return this.#versions.filter((version) => version.path === path).sort(
      inOrder<PathVersion>((v) => v.first, seriesText),
    );
  }

  *find(query: VersionQuery): Generator<PathVersion> {
    for (const version of this.#versions) if (this.#matches(version, query)) yield version;
  }

  #matches(version: PathVersion, query: VersionQuery): boolean {
    const { names, below, kinds, smallest = 0, largest = Infinity, content = "", snapshots, gone } = query;
    const name = query.ignoreCase ? lowerAscii(nameOf(version.path)) : nameOf(version.path);
    return version.size >= smallest && version.size <= largest && isInTime(version, query) &&
      (content === "" || version.content?.startsWith(content) === true) &&
      (kinds === undefined || kinds.includes(version.kind)) &&
      (names === undefined || names.some((glob) => globExpression(glob).test(name))) &&
      (below === undefined || below.some((dir) => isInside(version.path, dir))) &&
      (snapshots === undefined || snapshots.some((sequence) => this.#isIn(version, sequence))) &&
      (gone !== true || version.partial === undefined && !this.#isThere(version));
  }

  #isIn(version: PathVersion, sequence: number): boolean {
    const info = this.#snapshots.find(({ info }) => info.sequence === sequence)?.info;
    return info !== undefined && chainKey(info) === chainKeyOf(version) && sequence >= version.first &&
      sequence <= (version.last ?? Infinity);
  }

  /** True if the newest snapshot of the series has the path, whatever it is there. */
  #isThere({ path, ...version }: PathVersion): boolean {
    const key = chainKeyOf(version);
    return this.#versions.some((other) => other.path === path && other.last === undefined && chainKeyOf(other) === key);
  }

  *changes({ host, name, before, now }: Interval, below: Apath): Generator<PathChange> {
    const statesAt = (sequence: number) => {
      const found = this.#snapshots.find(({ info }) =>
        info.complete && info.host === host && info.name === name && info.sequence === sequence
      );
      return new Map(found?.entries.map((entry) => [entry.path, stateOf(entry)]));
    };
    const old = statesAt(before), fresh = statesAt(now);
    const paths = [...new Set([...old.keys(), ...fresh.keys()])].filter((path) => isWithin(path, below));
    for (const path of paths.sort(inOrder((path) => pathText({ path })))) {
      const change = { path, before: old.get(path), now: fresh.get(path) };
      if (keyOf(change.before) !== keyOf(change.now)) yield change;
    }
  }

  figures(): readonly SnapshotFigures[] {
    const inSnapshots = new Map<ContentId, { size: number; sequences: Set<number> }>();
    for (const { info, entries } of this.#snapshots) {
      for (const { content, size } of entries) {
        if (content === undefined) continue;
        const seen = inSnapshots.get(content) ?? { size, sequences: new Set() };
        inSnapshots.set(content, seen);
        seen.size = Math.max(seen.size, size);
        seen.sequences.add(info.sequence);
      }
    }
    const all = [...inSnapshots.values()];
    return this.#snapshots.map(({ info: { sequence } }) => {
      const fresh = all.filter(({ sequences }) => Math.min(...sequences) === sequence);
      const unique = fresh.filter(({ sequences }) => sequences.size === 1);
      const [news, uniques] = [amountOf(fresh), amountOf(unique)];
      return {
        sequence,
        newContents: news.contents,
        newBytes: news.bytes,
        uniqueContents: uniques.contents,
        uniqueBytes: uniques.bytes,
      };
    }).filter(({ newContents }) => newContents > 0);
  }

  largest(count: number): readonly LargeContent[] {
    const bySize = [...sizesOf(this.#versions)].sort(inOrder(([, size]) => -size, ([id]) => id));
    return bySize.slice(0, count).map(([content, size]) => {
      const among = this.#versions.filter((version) => version.content === content);
      const [first] = among.sort(inOrder<PathVersion>((v) => -v.size, (v) => v.first, pathText, seriesText));
      if (first === undefined) throw new Error(`Nothing has the content ${content}`);
      return { content, size, path: first.path };
    });
  }

  sizesAbove(bytes: number): Float64Array {
    const sizes = this.#versions.filter(({ content, size }) => content !== undefined && size > bytes);
    return Float64Array.from(new Set(sizes.map(({ size }) => size))).sort();
  }

  ratios(): Ratios {
    return this.#learnt.ratios;
  }

  damaged(): readonly ContentId[] {
    const damaged = [...this.#learnt.verifications].filter(([, { state }]) => state === "damaged");
    return damaged.map(([id]) => id as ContentId).sort();
  }

  asOfOneMoment<T>(action: () => T): T {
    return action();
  }
}

class ManifestVerifications implements VerificationQueries {
  readonly #sizes: ReadonlyMap<ContentId, number>;
  readonly #noted: ReadonlyMap<string, Verification>;

  constructor(sizes: ReadonlyMap<ContentId, number>, noted: ReadonlyMap<string, Verification>) {
    this.#sizes = sizes;
    this.#noted = noted;
  }

  total(): Amount {
    return amountOf(this.#contents());
  }

  estimate(): Amount {
    return this.total();
  }

  *longestAgo(): Generator<{ readonly id: ContentId; readonly size: number; readonly isDamaged: boolean }> {
    const contents = this.#contents().sort(
      inOrder((c) => c.noted?.state === "damaged" ? 0 : 1, (c) => c.noted?.atMs ?? -1, (c) => c.id),
    );
    for (const { id, size, noted } of contents) yield { id, size, isDamaged: noted?.state === "damaged" };
  }

  status(sinceMs: readonly number[]): VerificationStatus {
    const contents = this.#contents();
    const times = contents.flatMap(({ noted }) => noted === undefined ? [] : [noted.atMs]);
    return {
      all: amountOf(contents),
      never: amountOf(contents.filter(({ noted }) => noted === undefined)),
      damaged: amountOf(contents.filter(({ noted }) => noted?.state === "damaged")),
      since: sinceMs.map((ms) => amountOf(contents.filter(({ noted }) => noted?.state === "ok" && noted.atMs >= ms))),
      oldestMs: times.length === 0 ? undefined : Math.min(...times),
    };
  }

  #contents() {
    return [...this.#sizes].map(([id, size]) => ({ id, size, noted: this.#noted.get(id) }));
  }
}

type Chained = Pick<PathVersion, "host" | "name" | "partial">;

function chainKey({ host, name, complete, sequence }: SnapshotInfo): string {
  return chainKeyOf({ host, name, partial: complete ? undefined : sequence });
}

function chainKeyOf({ host, name, partial }: Chained): string {
  return JSON.stringify([host, name, partial]);
}

/** The complete snapshots of each series, and each partial one for itself. */
function chainsOf(snapshots: readonly WholeSnapshot[]): WholeSnapshot[][] {
  return [...Map.groupBy(snapshots, ({ info }) => chainKey(info)).values()];
}

/** Each path as long as it stays what it is, from one snapshot of the chain to the next. */
function versionsOf(chain: readonly WholeSnapshot[]): PathVersion[] {
  const found: PathVersion[] = [];
  let open = new Map<Apath, PathVersion>();
  for (const [index, { info, entries }] of chain.entries()) {
    const { host, name, sequence, complete } = info;
    const still = new Map<Apath, PathVersion>();
    for (const entry of entries) {
      const before = open.get(entry.path), state = stateOf(entry);
      const chained = { path: entry.path, host, name, partial: complete ? undefined : sequence };
      const goesOn = before !== undefined && keyOf(state) === keyOf(stateOfVersion(before));
      still.set(entry.path, goesOn ? before : { ...chained, first: sequence, last: undefined, ...state });
    }
    for (const [path, version] of open) {
      if (still.get(path) !== version) found.push({ ...version, last: chain[index - 1]?.info.sequence });
    }
    open = still;
  }
  const last = chain.at(-1)?.info;
  return [
    ...found,
    ...[...open.values()].map((one) => last?.complete === false ? { ...one, last: last.sequence } : one),
  ];
}

/** What a catalog keeps of an entry. */
export function stateOf(entry: Entry): State {
  const { kind, size, mtime, content, mode, uid, gid, user, group, device, target, xattrs, problems } = entry;
  return {
    kind,
    size,
    mtime,
    content,
    mode,
    uid,
    gid,
    ...(user !== undefined && { user }),
    ...(group !== undefined && { group }),
    ...(device !== undefined && { device }),
    ...(target !== undefined && { target }),
    ...(xattrs !== undefined && { xattrs: hash("sha1", JSON.stringify(xattrs)).slice(0, 16) }),
    ...(problems !== undefined && { problems }),
  };
}

/** A version's state alone. */
export function stateOfVersion(version: State): State {
  const { kind, size, mtime, content, mode, uid, gid, user, group, device, target, xattrs, problems } = version;
  const optional = { user, group, device, target, xattrs, problems };
  const given = Object.entries(optional).filter(([, value]) => value !== undefined);
  return { kind, size, mtime, content, mode, uid, gid, ...Object.fromEntries(given) };
}

/** Two states are the same if their keys are. */
function keyOf(state: State | undefined): string {
  return JSON.stringify(state ?? null);
}

function sizesOf(versions: readonly PathVersion[]): Map<ContentId, number> {
  const sizes = new Map<ContentId, number>();
  for (const { content, size } of versions) {
    if (content !== undefined) sizes.set(content, Math.max(size, sizes.get(content) ?? 0));
  }
  return sizes;
}

function amountOf(contents: readonly { readonly size: number }[]): Amount {
  return { contents: contents.length, bytes: contents.reduce((sum, { size }) => sum + size, 0) };
}

/** Names of directories above, so that what is in a directory stands together, whatever follows its name. */
function pathText({ path }: Pick<PathVersion, "path">): string {
  const directory = path === TOP ? "" : parentOf(path);
  return [directory.replaceAll("/", "\x01"), directory, nameOf(path)].join("\0");
}

function seriesText({ host, name, partial = 0 }: Chained): string {
  return [host, name, String(partial).padStart(16, "0")].join("\0");
}

/** Compares by the first of these that differs. */
function inOrder<T>(...keys: readonly ((value: T) => string | number)[]): (a: T, b: T) => number {
  return (a, b) => {
    for (const key of keys) {
      const [of, other] = [key(a), key(b)];
      if (of !== other) return of < other ? -1 : 1;
    }
    return 0;
  };
}

function isInTime({ mtime }: State, { since, before }: VersionQuery): boolean {
  const seconds = Number(BigInt(mtime) / 1_000_000_000n);
  return (since === undefined || seconds >= since) && (before === undefined || seconds < before);
}

function isInside(path: Apath, directory: Apath): boolean {
  return directory === TOP || path !== directory && isWithin(path, directory);
}

function lowerAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** SQLite's GLOB: `*`, `?` and sets in brackets. */
function globExpression(glob: string): RegExp {
  const parts = glob.match(/\[\^?\]?[^\]]*\]|[^]/g) ?? [];
  const source = parts.map((part) => {
    if (part === "*") return "[^]*";
    if (part === "?") return "[^]";
    if (part.length === 1) return part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
    return part.replace(
      /^\[(\^?)([^]*)\]$/,
      (_, not: string, set: string) => `[${not}${set.replace(/[\]\\^]/g, "\\$&")}]`,
    );
  });
  return new RegExp(`^${source.join("")}$`, "u");
}
