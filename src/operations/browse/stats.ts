/** Size of a storage, savings by sharing, and growth. */
import type { Monitor } from "../../core/monitor.ts";
import { type VerificationReport, verificationStatus } from "../check/verification_status.ts";
import type { LargeContent, SnapshotFigures } from "../../snapshot/catalog_queries.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { OpenedRepository } from "../opened.ts";

export interface StatsRequest {
  /** Number of the largest contents to report. */
  readonly largest: number;
  readonly signal: AbortSignal;
}

export interface Stats {
  readonly snapshots: readonly (SnapshotInfo & Omit<SnapshotFigures, "sequence">)[];
  /** Number of different contents that snapshots need. */
  readonly contents: number;
  readonly contentBytes: number;
  /** Total size of all files of all snapshots, as if each were a full copy. */
  readonly logicalBytes: number;
  /** Number of snapshot roots and hunks in `content/`. */
  readonly manifestItems: number;
  readonly manifestBytes: number;
  /** Number of contents that no snapshot needs: leftovers, which `prune` removes. Undefined: only a prune can tell. */
  readonly unneededContents: number | undefined;
  /** Free space of the file system; undefined where unknown. */
  readonly freeBytes: number | undefined;
  /** When contents were last verified by a check. */
  readonly verification: VerificationReport;
  readonly largest: readonly LargeContent[];
}

/** Computes the statistics, without a lock. @throws Interrupted */
export async function stats(repository: OpenedRepository, request: StatsRequest, monitor: Monitor): Promise<Stats> {
  const snapshots = await repository.snapshots();
  monitor.current("adding up contents");
  const figures = new Map((await repository.query((catalog) => catalog.figures())).map((one) => [one.sequence, one]));
  const all = [...figures.values()];
  const contents = sum(all, ({ newContents }) => newContents);
  const usage = await repository.usage(request.signal, monitor);
  return {
    snapshots: snapshots.map((snapshot) => ({ ...snapshot, ...withoutSequence(figures.get(snapshot.sequence)) })),
    contents,
    contentBytes: sum(all, ({ newBytes }) => newBytes),
    logicalBytes: sum(snapshots, ({ bytes }) => bytes),
    manifestItems: usage.manifestItems,
    manifestBytes: usage.manifestBytes,
    unneededContents: usage.contents === undefined ? undefined : Math.max(0, usage.contents - contents),
    freeBytes: usage.freeBytes,
    verification: await verificationStatus(repository),
    largest: await repository.query((catalog) => catalog.largest(request.largest)),
  };
}

function sum<T>(all: readonly T[], amount: (one: T) => number): number {
  return all.reduce((total, one) => total + amount(one), 0);
}

function withoutSequence(figures: SnapshotFigures | undefined): Omit<SnapshotFigures, "sequence"> {
  const { newContents = 0, newBytes = 0, uniqueContents = 0, uniqueBytes = 0 } = figures ?? {};
  return { newContents, newBytes, uniqueContents, uniqueBytes };
}
