/** How much a storage holds, what sharing saves, and how it grew. */
import { classOfId } from "../../core/content_id.ts";
import { digestHexLength } from "../../core/digest.ts";
import type { Monitor } from "../../core/monitor.ts";
import { type Raw, rawOf } from "../../core/raw.ts";
import { Yielder } from "../../core/yielding.ts";
import { type VerificationReport, verificationStatus } from "../check/verification_status.ts";
import type { Dir } from "../../platform/disk.ts";
import type { LargeContent, SnapshotFigures } from "../../snapshot/catalog_queries.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { Storage } from "../../storage/storage.ts";

export interface StatsRequest {
  /** How many of the largest contents are told. */
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
export async function stats(storage: Storage, request: StatsRequest, monitor: Monitor): Promise<Stats> {
  const snapshots = storage.snapshots();
  monitor.current("adding up contents");
  const figures = new Map(storage.query((catalog) => catalog.figures()).map((one) => [one.sequence, one]));
  const all = [...figures.values()];
  const contents = sum(all, ({ newContents }) => newContents);
  const items = await measureItems(storage, request.signal, monitor);
  return {
    snapshots: snapshots.map((snapshot) => ({ ...snapshot, ...withoutSequence(figures.get(snapshot.sequence)) })),
    contents,
    contentBytes: sum(all, ({ newBytes }) => newBytes),
    logicalBytes: sum(snapshots, ({ bytes }) => bytes),
    manifestItems: items.manifests,
    manifestBytes: items.manifestBytes,
    unneededContents: Math.max(0, items.contents - contents),
    freeBytes: storage.dir.freeBytes(),
    verification: verificationStatus(storage),
    largest: storage.query((catalog) => catalog.largest(request.largest)),
  };
}

function sum<T>(all: readonly T[], amount: (one: T) => number): number {
  return all.reduce((total, one) => total + amount(one), 0);
}

function withoutSequence(figures: SnapshotFigures | undefined): Omit<SnapshotFigures, "sequence"> {
  const { newContents = 0, newBytes = 0, uniqueContents = 0, uniqueBytes = 0 } = figures ?? {};
  return { newContents, newBytes, uniqueContents, uniqueBytes };
}

/** Roots and hunks are asked for their sizes; contents, of which there may be millions, are only counted. */
async function measureItems(storage: Storage, signal: AbortSignal, monitor: Monitor) {
  const pace = new Yielder(storage.machine.clock, signal), digits = digestHexLength(storage.settings.algorithm);
  using content = storage.dir.openDir(rawOf("content"));
  let manifests = 0, manifestBytes = 0, contents = 0;
  let leaf: Raw | undefined;
  using open = new Leaf(content);
  for (const item of storage.listing.items()) {
    if (item.leaf !== leaf) {
      await pace.yieldIfDue();
      monitor.current(`content/${leaf = item.leaf}`);
    }
    const kind = classOfId(item.id, digits);
    if (kind === "content") contents++;
    else if (kind !== undefined) {
      manifests++;
      manifestBytes += open.at(item.leaf).stat(item.name)?.size ?? 0;
    }
  }
  return { manifests, manifestBytes, contents };
}

/** One directory of `content/` at a time. */
class Leaf implements Disposable {
  readonly #content: Dir;
  #path: Raw | undefined;
  #dir: Dir | undefined;

  constructor(content: Dir) {
    this.#content = content;
  }

  [Symbol.dispose](): void {
    this.#dir?.[Symbol.dispose]();
  }

  at(path: Raw): Dir {
    if (this.#dir !== undefined && this.#path === path) return this.#dir;
    this.#dir?.[Symbol.dispose]();
    this.#path = path;
    return this.#dir = this.#content.openPath(path);
  }
}
