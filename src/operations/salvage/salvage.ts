/** Recovers files from the remains of a vault: into a directory under their names, or into a new storage. */
import type { Monitor } from "../../core/monitor.ts";
import { baseName, parentPath, type Raw, raw, textOf } from "../../core/raw.ts";
import { makeDirectories } from "../../platform/disk.ts";
import type { Machine } from "../../platform/machine.ts";
import { removeRecursively } from "../../platform/remove_recursively.ts";
import { heapAt } from "../../vault/salvage/heap.ts";
import { type HeapEntry, salvage, type SalvageReport } from "../../vault/salvage/salvage.ts";
import { type SalvagedStorage, StorageSalvage } from "./into_storage.ts";
import { keysFor } from "./salvage_key.ts";
import type { SalvageRequest } from "./salvage_request.ts";

/** What was found, and the outcome. Paths of files are in the target. */
export interface SalvageResult extends Omit<SalvageReport, "where" | "twins" | "spare"> {
  /** Set if a storage was created. */
  readonly storage?: SalvagedStorage;
}

const DIRECTORY_MODE = 0o700;

/**
 * Runs a salvage.
 * @throws BadKeyFile, WrongPassphrase, Interrupted, DiskFault of the target and of missing inputs, StorageExists
 */
export async function salvageHeap(
  machine: Machine,
  request: SalvageRequest,
  monitor: Monitor,
): Promise<SalvageResult> {
  return request.asStorage
    ? await intoStorage(machine, request, monitor)
    : await intoDirectory(machine, request, request.target, monitor);
}

async function intoDirectory(
  machine: Machine,
  request: SalvageRequest,
  path: Raw,
  monitor: Monitor,
  keepsParts = false,
): Promise<SalvageReport> {
  const { disk } = machine, { heap, secret, signal } = request;
  using target = makeDirectories(disk, path, DIRECTORY_MODE);
  function* entries(): Generator<HeapEntry> {
    for (const each of heap) yield* heapAt(disk, each, target);
  }
  const keys = await keysFor(secret, entries);
  return await salvage(entries(), {
    ...keys,
    target,
    signal,
    keepsParts,
    onUnit: ({ path, files }) => {
      monitor.current(path);
      monitor.count("restoredFiles", files);
    },
  });
}

/** By way of a directory beside it, which goes away when all of it is in the storage. */
async function intoStorage(machine: Machine, request: SalvageRequest, monitor: Monitor): Promise<SalvageResult> {
  const { disk } = machine, work = raw`${request.target}.salvaged`;
  const into = new StorageSalvage(machine, request, monitor, work);
  const { where, twins, spare, ...report } = await intoDirectory(machine, request, work, monitor, true);
  const storage = await into.take({ ...report, where, twins, spare });
  if (storage.isWhole) {
    using parent = disk.openDir(parentPath(work));
    removeRecursively(parent, baseName(work));
  } else {
    monitor.notice(`What could not be stored is still in ${textOf(work)}`);
  }
  return { ...report, storage };
}
