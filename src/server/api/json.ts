/** Answers for programs. What `--json` of a command says of something is what the interface says of it, too. */
import type { Reply } from "../exchange/route.ts";
import type { FoundVersion } from "../../operations/browse/find.ts";
import type { HistoryVersion } from "../../operations/browse/history.ts";
import type { SnapshotRange } from "../../operations/browse/snapshot_ranges.ts";
import type { Entry } from "../../core/entry.ts";
import { textOf } from "../../core/raw.ts";
import { isoOfNs } from "../../core/time_text.ts";
import type { PathVersion } from "../../snapshot/catalog_queries.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

/** `-0`, undefined and lone surrogates as JSON has them. */
export function jsonReply(value: unknown, status = 200, headers: Reply["headers"] = {}): Reply {
  return { status, headers: { ...headers, "content-type": "application/json" }, body: `${JSON.stringify(value)}\n` };
}

export function snapshotJson({ id, time, tree, host, name, sources, tags, files, bytes, complete }: SnapshotInfo) {
  return { id, time, tree, host, name, sources, tags, files, bytes, complete };
}

export function entryJson(entry: Entry) {
  const { path, ctime, inode, hardLink, sparse, xattrs, aclNames, birthtime, flags } = entry;
  return {
    path: textOf(path),
    ...stateJson(entry),
    ctime: ctime === undefined ? undefined : isoOfNs(ctime),
    inode,
    hardLink,
    sparse,
    xattrs,
    aclNames,
    birthtime: birthtime === undefined ? undefined : isoOfNs(birthtime),
    flags,
  };
}

function stateJson(
  { kind, size, mtime, mode, uid, gid, user, group, device, content, target, problems }: Omit<Entry, "path" | "xattrs">,
) {
  return {
    kind,
    size: kind === "file" ? size : undefined,
    mtime: isoOfNs(mtime),
    mode: mode.toString(8).padStart(4, "0"),
    uid,
    gid,
    user,
    group,
    device,
    content,
    target: target === undefined ? undefined : textOf(target),
    problems,
  };
}

function versionJson({ path, host, name, content, xattrs: _, ...version }: PathVersion) {
  const state = content === undefined ? version : { ...version, content };
  return { path: textOf(path), host, name, ...stateJson(state) };
}

function spanJson({ first, last, count, after }: SnapshotRange) {
  const brief = ({ id, time }: SnapshotRange["first"]) => ({ id, time });
  return { first: brief(first), last: brief(last), snapshots: count, current: after === undefined && last.complete };
}

export function foundJson({ version, span }: FoundVersion) {
  return { ...versionJson(version), ...spanJson(span) };
}

export function historyJson({ version, span, change, aspects, goneIn }: HistoryVersion) {
  return {
    ...versionJson(version),
    change,
    aspects,
    ...spanJson(span),
    goneIn: goneIn === undefined ? undefined : { id: goneIn.id, time: goneIn.time },
  };
}
