/** Stored values as JSON, in the formats of the commands' `--json`. */
import type { FoundVersion } from "../../operations/browse/find.ts";
import type { Difference } from "../../operations/browse/diff/diff.ts";
import type { HistoryVersion } from "../../operations/browse/history.ts";
import type { Plan } from "../../operations/plan/plan.ts";
import type { PlannedChange } from "../../operations/restore/restore_request.ts";
import type { SnapshotRange } from "../../operations/browse/snapshot_ranges.ts";
import type { Entry } from "../../core/entry.ts";
import { textOf } from "../../core/raw.ts";
import { isoOfNs } from "../../core/time_text.ts";
import type { PathVersion, State } from "../../snapshot/catalog_queries.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

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

function versionJson(version: PathVersion) {
  const { path, host, name } = version;
  return { path: textOf(path), host, name, ...storedStateJson(version) };
}

/** A state from the catalog, without the digest of its extended attributes. */
function storedStateJson({ content, xattrs: _, ...state }: State) {
  return stateJson(content === undefined ? state : { ...state, content });
}

function spanJson({ first, last, count, after }: SnapshotRange) {
  const brief = ({ id, time }: SnapshotRange["first"]) => ({ id, time });
  return { first: brief(first), last: brief(last), snapshots: count, current: after === undefined && last.complete };
}

export function foundJson({ version, span }: FoundVersion) {
  return { ...versionJson(version), ...spanJson(span) };
}

export function changeJson({ change, path, from, aspects, before, now }: Difference) {
  return {
    change,
    path: textOf(path),
    from: from === undefined ? undefined : textOf(from),
    aspects: before === undefined || now === undefined ? undefined : aspects,
    before: before === undefined ? undefined : storedStateJson(before),
    now: now === undefined ? undefined : storedStateJson(now),
  };
}

export function plannedChangeJson({ action, path }: PlannedChange) {
  return { action, path: textOf(path) };
}

export function backupPlanJson({ previous, excluded, largest, ...rest }: Plan) {
  return {
    ...rest,
    previous: previous === undefined ? undefined : { id: previous.id, time: previous.time },
    excluded: excluded.map(({ rule, entries, bytes }) => ({ by: rule.by, entries, bytes })),
    largest: largest.map(({ path, bytes, state }) => ({ path: textOf(path), bytes, state })),
  };
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
