/** The root of a snapshot in the making. */
import { textOf } from "../../core/raw.ts";
import { VERSION } from "../../core/version.ts";
import { originOf } from "../../source/placement.ts";
import type { LeftOut, Root } from "../../snapshot/root.ts";
import type { Storage } from "../../storage/storage.ts";
import type { BackupRequest } from "./backup.ts";
import type { Comparison } from "./comparison.ts";

/** What changes while a run goes on. */
type Progress = Pick<Root, "sequence" | "tree" | "private" | "complete" | "totals" | "hunks"> & {
  readonly startMs: number;
};

export function rootOf(
  { machine: { clock }, settings }: Storage,
  request: BackupRequest,
  { previous, series, roots }: Comparison,
  { startMs, ...progress }: Progress,
): Root {
  const { id, algorithm, hexSplit } = settings;
  const { sequence, tree, private: isPrivate, complete, totals, hunks } = progress;
  return {
    version: 1,
    storage: { id, algorithm, hexSplit },
    sequence,
    previous: previous[0]?.id ?? null,
    start: new Date(startMs).toISOString(),
    end: new Date(clock.nowMs()).toISOString(),
    timeZone: clock.zone,
    offsetMinutes: clock.offsetMinutes(startMs),
    tree,
    private: isPrivate,
    host: request.host,
    user: request.user,
    name: series,
    named: request.name !== undefined,
    sources: roots.map((root) => ({ path: textOf(originOf(root)), at: textOf(root.at) })),
    excludes: request.excludes,
    leftOut: leftOutBy(request),
    tags: request.tags,
    ...(request.job !== undefined && { job: request.job }),
    complete,
    totals,
    tool: `backup-tool ${VERSION}`,
    hunks,
  };
}

function leftOutBy({ ignoreFiles, excludeCaches, oneFileSystem, largestBytes, only }: BackupRequest): LeftOut {
  return {
    ignored: ignoreFiles,
    caches: excludeCaches,
    mounts: oneFileSystem,
    largerThan: largestBytes ?? null,
    unlisted: only !== undefined,
  };
}
