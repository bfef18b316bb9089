/** The root of a snapshot that a backup makes. */
import type { Clock } from "../../core/clock.ts";
import { textOf } from "../../core/raw.ts";
import { VERSION } from "../../core/version.ts";
import type { LeftOut, Totals } from "../../snapshot/root.ts";
import type { RootFields } from "../../snapshot/root_fields.ts";
import { originOf, type SourceRoot } from "../../source/placement.ts";
import type { BackupRequest } from "./backup_request.ts";

export interface SnapshotFacts {
  readonly startMs: number;
  readonly series: string;
  readonly roots: readonly SourceRoot[];
  /** Totals so far. */
  readonly totals: Totals;
}

/** Fields of the root of a snapshot that ends now. */
export function rootFieldsOf(
  request: BackupRequest,
  { startMs, series, roots, totals }: SnapshotFacts,
  clock: Clock,
): RootFields {
  return {
    start: new Date(startMs).toISOString(),
    end: new Date(clock.nowMs()).toISOString(),
    timeZone: clock.zone,
    offsetMinutes: clock.offsetMinutes(startMs),
    host: request.host,
    user: request.user,
    name: series,
    named: request.name !== undefined,
    sources: roots.map((root) => ({ path: textOf(originOf(root)), at: textOf(root.at) })),
    excludes: request.excludes,
    leftOut: leftOutBy(request),
    tags: request.tags,
    ...(request.description !== undefined && { description: request.description }),
    ...(request.job !== undefined && { job: request.job }),
    totals: { ...totals },
    tool: `backup-tool ${VERSION}`,
  };
}

function leftOutBy(request: BackupRequest): LeftOut {
  const { ignoreFiles, excludeCaches, markers = [], oneFileSystem, largestBytes, only } = request;
  return {
    ignored: ignoreFiles,
    caches: excludeCaches,
    ...(markers.length > 0 && { markers: markers.map(textOf) }),
    mounts: oneFileSystem,
    largerThan: largestBytes ?? null,
    unlisted: only !== undefined,
  };
}
