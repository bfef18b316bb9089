/** How much a storage holds, what sharing saves, and how it grew. */
import type { Monitor } from "../../core/monitor.ts";
import { type VerificationReport, verificationStatus } from "../check/verification_status.ts";
import type { LargeContent, SnapshotFigures } from "../../snapshot/catalog_queries.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { OpenedRepository } from "../opened.ts";

export interface StatsRequest {
  /** How many of the largest contents are reported. */
  readonly largest: number;
  readonly signal: AbortSignal;
}

export interface Stats {
  readonly snapshots: readonly (SnapshotInfo & Omit<SnapshotFigures, "sequence">)[];
  /** Different contents that the snapshots need, and their sizes. */
  readonly contents: number;
  readonly contentBytes: number;
  /** Sizes of all files of all snapshots, as if each were a full copy. */
  readonly logicalBytes: number;
  /** Snapshot roots and hunks in `content/`, and their sizes. */
  readonly manifestItems: number;
  readonly manifestBytes: number;
  /** Contents that are there but no snapshot needs: leftovers, which `prune` removes. */
  readonly unneededContents: number;
  /** Left on the file system; undefined where unknown. */
  readonly freeBytes: number | undefined;
  /** How long ago contents were read by a check. */
  readonly verification: VerificationReport;
  readonly largest: readonly LargeContent[];
}

/** Takes no lock. @throws Interrupted */
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
    unneededContents: Math.max(0, usage.contents - contents),
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
