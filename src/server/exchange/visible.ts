/** What an account may see. Routes get snapshots only from here, so that no other series are revealed. */
import type { Exchange } from "./route.ts";
import { visibleIn } from "./known_snapshots.ts";
import type { FileAnswer } from "../reader/reader.ts";
import { type Apath, apathOf, TOP } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import { unlessFault } from "../../core/fault.ts";
import { type Raw, textOf } from "../../core/raw.ts";
import { NotInSnapshot } from "../../operations/browse/resolve_path.ts";
import { resolveSnapshot } from "../../snapshot/resolve.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

type Asking = Pick<Exchange, "site" | "account">;

/** Visible snapshots, oldest first: the same array as long as nothing has changed. */
export async function visibleSnapshots({ site, account }: Asking): Promise<readonly SnapshotInfo[]> {
  return visibleIn(await site.snapshots.now(), account);
}

/** A path in a snapshot. */
export interface Located {
  readonly snapshot: SnapshotInfo;
  readonly path: Apath;
}

/**
 * Looks a file up with a single question to the reader, if the snapshots were listed before and haven't changed since.
 * @param locate finds it among visible snapshots; undefined: it isn't there
 */
export async function lookUp(
  { site, account }: Asking,
  locate: (visible: readonly SnapshotInfo[]) => Located | undefined,
  wantsBody: boolean,
): Promise<Located & FileAnswer | undefined> {
  const { last } = site.snapshots, known = last && unlessFault(() => locate(visibleIn(last, account)), undefined);
  if (last !== undefined && known !== undefined) {
    const request = { snapshot: known.snapshot.id, path: known.path, version: last.version, wantsBody };
    const answer = await site.reader.file(request);
    if (answer !== "changed") return { ...known, ...answer };
  }
  const found = locate(visibleIn(await site.snapshots.now(), account));
  if (found === undefined) return undefined;
  const answer = await site.reader.file({
    snapshot: found.snapshot.id,
    path: found.path,
    version: undefined,
    wantsBody,
  });
  return answer === "changed" ? undefined : { ...found, ...answer };
}

/**
 * A visible snapshot. @param name an id or its prefix, a tree, `latest`, `NAME:latest~1` ... @throws NoSnapshot,
 * AmbiguousSnapshot
 */
export async function visibleSnapshot(asking: Asking, name: Raw | string): Promise<SnapshotInfo> {
  return resolveSnapshot(textOf(name), await visibleSnapshots(asking));
}

/** An entry of a visible snapshot. @throws NoSnapshot, AmbiguousSnapshot, NotInSnapshot */
export async function visibleEntry(
  asking: Asking,
  name: Raw | string,
  path: Apath,
): Promise<{ readonly snapshot: SnapshotInfo; readonly entry: Entry }> {
  const snapshot = await visibleSnapshot(asking, name), entry = await entryOf(asking, snapshot, path);
  return { snapshot, entry };
}

/** As {@link visibleEntry}, with what its contents need. @param wantsBody true if the whole contents are wanted */
export async function visibleFile(
  asking: Asking,
  name: Raw | string,
  path: Apath,
  wantsBody: boolean,
): Promise<FileAnswer & { readonly entry: Entry }> {
  const locate = (visible: readonly SnapshotInfo[]) => ({ snapshot: resolveSnapshot(textOf(name), visible), path });
  const found = await lookUp(asking, locate, wantsBody);
  if (found?.entry === undefined) return await visibleEntry(asking, name, path);
  return { ...found, entry: found.entry };
}

/** An entry of a snapshot. @throws NotInSnapshot */
export async function entryOf({ site }: Asking, snapshot: SnapshotInfo, path: Apath): Promise<Entry> {
  const entry = await site.reader.entry(snapshot.id, path);
  if (entry !== undefined) return entry;
  if (path === TOP) return { path: TOP, kind: "dir", size: 0, mtime: "0", mode: 0o755, uid: 0, gid: 0 };
  throw new NotInSnapshot(path, snapshot);
}

/** The path for these segments. @throws BadPath */
export function pathOf(segments: readonly Raw[]): Apath {
  return segments.length === 0 ? TOP : apathOf(`/${segments.join("/")}`);
}

/** Snapshots of one host and name, oldest first. The series with the newest snapshot comes first. */
export interface SeriesOf {
  readonly host: string;
  readonly name: string;
  readonly snapshots: readonly SnapshotInfo[];
  readonly last: SnapshotInfo;
}

export function seriesOf(snapshots: readonly SnapshotInfo[]): SeriesOf[] {
  const groups = Map.groupBy(snapshots, ({ host, name }) => `${host}\0${name}`);
  return [...groups.values()].map((own) => {
    const last = own.at(-1)!;
    return { host: last.host, name: last.name, snapshots: own, last };
  }).sort((a, b) => a.last.time < b.last.time ? 1 : -1);
}
