/** The tree below /dav: series, times, and files of snapshots. */
import type { Exchange } from "../exchange/route.ts";
import { remembered } from "../exchange/known_snapshots.ts";
import type { FileAnswer } from "../reader/reader.ts";
import { lookUp, pathOf, type SeriesOf, seriesOf, visibleSnapshots } from "../exchange/visible.ts";
import { type Apath, TOP } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import { baseName, type Raw, rawOf, splitRaw, textOf } from "../../core/raw.ts";
import { msOfNs } from "../../core/time_text.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

/** A directory, or a file with its contents. */
export interface Resource {
  /** Path below /dav, as names. */
  readonly segments: readonly Raw[];
  readonly isDirectory: boolean;
  /** True for the top of the server, above /dav. */
  readonly isTop?: boolean;
  /** Milliseconds since 1970. */
  readonly mtimeMs: number;
  /** Entry of a file; absent for directories. */
  readonly entry?: Entry;
  /** Entries of a directory, in batches, as there may be many. */
  readonly children: () => AsyncIterable<readonly Resource[]>;
}

const seriesByName = remembered(namedSeries), snapshotsByName = remembered(namedSnapshots);

type Asking = Pick<Exchange, "site" | "account">;

export const LATEST = rawOf("latest");
const PAGE = 500;

/** Names that operating systems look for everywhere; asking the repository for each would be expensive. */
const LITTER = /^(?:\._.*|\.DS_Store|desktop\.ini|Thumbs\.db)$/i;

/** The resource at a path; undefined if there is none. Everything from one call uses the same snapshot as `latest`. */
export async function resourceAt(asking: Asking, segments: readonly Raw[]): Promise<Resource | undefined> {
  if (segments.some((name) => LITTER.test(name))) return undefined;
  const series = seriesByName(await visibleSnapshots(asking)), [name, time, ...path] = segments;
  if (name === undefined) return rootOf(asking, series);
  const own = series.get(name);
  if (own === undefined) return undefined;
  if (time === undefined) return seriesResource(asking, name, own);
  const snapshot = snapshotsByName(own.snapshots).get(time);
  return snapshot && await inSnapshot(asking, { snapshot, above: [name, time] }, path);
}

/** What there is at a path; undefined for nothing. @param wantsBody true if contents are wanted with it */
export async function fileAt(
  asking: Asking,
  segments: readonly Raw[],
  wantsBody: boolean,
): Promise<FileAnswer | "directory" | undefined> {
  const [name, time, ...path] = segments;
  if (name === undefined || time === undefined || path.length === 0) {
    return await resourceAt(asking, segments) === undefined ? undefined : "directory";
  }
  if (segments.some((one) => LITTER.test(one))) return undefined;
  const found = await lookUp(asking, (visible) => {
    const own = seriesByName(visible).get(name), snapshot = own && snapshotsByName(own.snapshots).get(time);
    return snapshot && { snapshot, path: pathOf(path) };
  }, wantsBody);
  if (found?.entry?.kind === "dir") return "directory";
  return found?.entry?.kind === "file" && found.entry.content !== undefined ? found : undefined;
}

/** The top of the server, which holds nothing but /dav. */
export async function topResource(asking: Asking): Promise<Resource> {
  const root = rootOf(asking, seriesByName(await visibleSnapshots(asking)));
  return { ...root, isTop: true, children: () => once([root]) };
}

function rootOf(asking: Asking, series: ReadonlyMap<Raw, SeriesOf>): Resource {
  const children = [...series].map(([name, own]) => seriesResource(asking, name, own));
  return directory([], Math.max(0, ...children.map(({ mtimeMs }) => mtimeMs)), () => once(children));
}

function seriesResource(asking: Asking, name: Raw, { snapshots, last }: SeriesOf): Resource {
  const children = () =>
    once([...snapshotsByName(snapshots)].map(([time, snapshot]) => topOf(asking, { snapshot, above: [name, time] })));
  return directory([name], Date.parse(last.time), children);
}

interface Place {
  readonly snapshot: SnapshotInfo;
  /** Names above the snapshot's files. */
  readonly above: readonly Raw[];
}

function topOf(asking: Asking, place: Place): Resource {
  return directory(place.above, Date.parse(place.snapshot.time), () => childrenIn(asking, place, TOP));
}

async function inSnapshot(asking: Asking, place: Place, path: readonly Raw[]): Promise<Resource | undefined> {
  if (path.length === 0) return topOf(asking, place);
  const entry = await asking.site.reader.entry(place.snapshot.id, pathOf(path));
  return entry && resourceOf(asking, place, entry);
}

/** A resource for an entry; undefined for symlinks, devices and files that could not be backed up. */
function resourceOf(asking: Asking, place: Place, entry: Entry): Resource | undefined {
  const names = splitRaw(entry.path, "/").slice(1), segments = [...place.above, ...names];
  const mtimeMs = msOfNs(entry.mtime);
  if (entry.kind === "dir") return directory(segments, mtimeMs, () => childrenIn(asking, place, entry.path));
  if (entry.kind !== "file" || entry.content === undefined) return undefined;
  return { segments, isDirectory: false, mtimeMs, entry, children: () => once([]) };
}

async function* childrenIn(asking: Asking, place: Place, path: Apath): AsyncGenerator<readonly Resource[]> {
  const { reader } = asking.site;
  for (let after: Raw | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
    const page = await reader.entries(place.snapshot.id, path, after, PAGE);
    yield page.entries.flatMap((entry) =>
      LITTER.test(baseName(entry.path)) ? [] : resourceOf(asking, place, entry) ?? []
    );
    after = page.next;
  }
}

function directory(segments: readonly Raw[], mtimeMs: number, children: Resource["children"]): Resource {
  return { segments, isDirectory: true, mtimeMs, children };
}

async function* once(all: readonly Resource[]): AsyncGenerator<readonly Resource[]> {
  yield await Promise.resolve(all);
}

/** Series by name; those of several hosts with the same name get the host appended. Partial snapshots are excluded. */
function namedSeries(snapshots: readonly SnapshotInfo[]): Map<Raw, SeriesOf> {
  const all = seriesOf(snapshots.filter(({ complete }) => complete));
  const hosts = Map.groupBy(all, ({ name }) => name);
  return named(all, ({ host, name }) => (hosts.get(name)?.length ?? 0) > 1 ? `${name}@${host}` : name);
}

/** Snapshots by time, newest first, preceded by `latest`. */
function namedSnapshots(snapshots: readonly SnapshotInfo[]): Map<Raw, SnapshotInfo> {
  const all = snapshots.filter(({ complete }) => complete), last = all.at(-1);
  const byTime = named(all, ({ time, offsetMinutes }) => localStamp(Date.parse(time) + offsetMinutes * 60_000));
  return new Map([...(last === undefined ? [] : [[LATEST, last] as const]), ...[...byTime].reverse()]);
}

/** Gives each object a unique name. */
function named<T>(all: readonly T[], nameOf: (one: T) => string): Map<Raw, T> {
  const names = new Map<Raw, T>();
  for (const one of all) {
    const name = fileName(nameOf(one));
    let free = name;
    for (let n = 2; names.has(rawOf(free)); n++) free = `${name}-${n}`;
    names.set(rawOf(free), one);
  }
  return names;
}

/** "2026-11-20 23-05-07": Windows allows no colons in names. */
function localStamp(localMs: number): string {
  return new Date(localMs).toISOString().slice(0, 19).replace("T", " ").replaceAll(":", "-");
}

/** The text as a file name that every system accepts. */
function fileName(text: string): string {
  // deno-lint-ignore no-control-regex
  const name = text.replace(/[\x00-\x1f\x7f\\/:*?"<>|]/g, "_").replace(/[. ]$/, "_");
  return name === "" || name.startsWith(".") ? `_${name}` : name;
}

export function displayName({ segments, isTop }: Resource): string {
  const last = segments.at(-1);
  return last === undefined ? isTop ? "" : "dav" : textOf(last);
}
