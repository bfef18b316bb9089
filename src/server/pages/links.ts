/** Addresses of pages. */
import { encodedPath, encodedSegment } from "../exchange/target.ts";
import { type Apath, TOP } from "../../core/apath.ts";
import { rawOf } from "../../core/raw.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

type Snapshot = Pick<SnapshotInfo, "id">;

export function browseLink({ id }: Snapshot, path: Apath = TOP): string {
  return `/browse/${id}${encodedPath(path)}`;
}

export function contentLink({ id }: Snapshot, path: Apath, isInline = false): string {
  return `/content/${id}${encodedPath(path)}${isInline ? "?inline" : ""}`;
}

export function archiveLink({ id }: Snapshot, path: Apath): string {
  return `/archive/${id}${encodedPath(path)}`;
}

export function restoreLink({ id }: Snapshot, path: Apath): string {
  return `/restore/${id}${encodedPath(path)}`;
}

/** Address of the series, at its newest snapshot. */
export function seriesLink({ host, name }: { readonly host: string; readonly name: string }): string {
  return `/series/${encodedSegment(rawOf(host))}/${encodedSegment(rawOf(name))}`;
}

/** A path with a query. @param parameters undefined ones are omitted */
export function withQuery(path: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const pairs = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [`${name}=${encodedSegment(rawOf(value))}`]
  );
  return pairs.length === 0 ? path : `${path}?${pairs.join("&")}`;
}
