/** What a storage can be asked and told, one after the other: for storages whose files hold something wrong. */
import { parseApath, TOP } from "../../src/core/apath.ts";
import { Fault } from "../../src/core/fault.ts";
import { rawOf } from "../../src/core/raw.ts";
import { diff } from "../../src/operations/browse/diff/diff.ts";
import { dump } from "../../src/operations/browse/dump/dump.ts";
import { find, type FindRequest } from "../../src/operations/browse/find.ts";
import { history } from "../../src/operations/browse/history.ts";
import { listing } from "../../src/operations/browse/listing.ts";
import { stats } from "../../src/operations/browse/stats.ts";
import { forget } from "../../src/operations/forget/forget.ts";
import type { SnapshotInfo } from "../../src/snapshot/snapshot_info.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { TestMonitor, type World } from "./world.ts";

const EVERY_VERSION: FindRequest = {
  patterns: [],
  ignoreCase: false,
  kinds: [],
  smallest: undefined,
  largest: undefined,
  sinceMs: undefined,
  beforeMs: undefined,
  content: undefined,
  snapshots: undefined,
  gone: false,
};

const signal = new AbortController().signal;
const DAY_MS = 86_400_000;

/** Everything that the catalog says, as text. */
export async function answers(storage: Storage): Promise<string> {
  const { freeBytes: _, ...figures } = await stats(storage, { largest: 3, signal }, new TestMonitor());
  const snapshots = storage.snapshots(), [first, last] = [snapshots[0]!, snapshots.at(-1)!];
  using differences = await diff(
    storage,
    { before: first, now: last, below: TOP, readData: false, directoryTimes: true },
    new TestMonitor(),
  );
  return JSON.stringify([
    snapshots,
    figures,
    [...await find(storage, EVERY_VERSION)],
    await history(storage, parseApath("/a")),
    [...differences.list("depth-first")],
    [...storage.contentSizesAbove(0)],
    storage.damaged(),
    storage.query(({ verifications }) => verifications.status([0, DAY_MS])),
    storage.ratios() instanceof Map,
  ]);
}

/** Most bytes that an archive of a test's storage may have. */
const MOST_DUMPED = 16 * 1024 * 1024;

/**
 * Reads a snapshot in every way, restores it, and forgets it.
 * @returns codes of the faults that ended something; anything else is thrown
 */
export async function useSnapshot(world: World, id: string, target: string): Promise<string[]> {
  const faults: string[] = [];
  const attempt = async (action: (snapshot: SnapshotInfo, storage: Storage) => unknown): Promise<void> => {
    try {
      using storage = world.open();
      await action(storage.resolve(id), storage);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      faults.push(error.code);
    }
  };
  for (const extent of ["recursive", "tree"] as const) {
    await attempt(async (snapshot, storage) => {
      const request = { snapshot, path: TOP, order: "name", reverse: false, extent } as const;
      return [...await listing(storage, request, () => {})].length;
    });
  }
  let dumped = 0;
  for (const format of ["tar", "zip"] as const) {
    await attempt((snapshot, storage) =>
      dump(storage, { snapshot, path: TOP, format, signal }, ({ length }) => {
        if ((dumped += length) > MOST_DUMPED) throw new Error("the archive is larger than all contents");
      }, new TestMonitor())
    );
  }
  await attempt(() => world.restore(id, { target: rawOf(target) }));
  await attempt(() => world.check());
  await attempt(async (_, storage) => [...await find(storage, EVERY_VERSION)]);
  await attempt(async (snapshot, storage) => {
    const now = storage.resolve("latest");
    using differences = await diff(
      storage,
      { before: snapshot, now, below: TOP, readData: false, directoryTimes: true },
      new TestMonitor(),
    );
    return [...differences.list("depth-first")];
  });
  await attempt((_, storage) => forget(storage, { snapshots: [id], dryRun: false }, new TestMonitor()));
  return faults;
}
