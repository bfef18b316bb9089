/**
 * Removes from `content/` what no snapshot needs. The needs are read from all manifests and from nothing else, under
 * the writer lock, so that nothing can become needed meanwhile. Trees and archives keep their files: only one of their
 * names is removed.
 */
import { openDirIfThere } from "../../platform/open_optional.ts";
import { classOfId, knownHunkId } from "../../core/content_id.ts";
import { digestHexLength } from "../../core/digest.ts";
import { Fault } from "../../core/fault.ts";
import { IdList } from "../../core/id_list.ts";
import type { Monitor } from "../../core/monitor.ts";
import { type Raw, rawOf, textOf } from "../../core/raw.ts";
import type { Stat } from "../../core/stat.ts";
import { Yielder } from "../../core/yielding.ts";
import type { Dir } from "../../platform/disk.ts";
import type { Machine } from "../../platform/machine.ts";
import type { RemovalRequest, RemovalSummary } from "../../snapshot/repository.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { ItemListing } from "../content/item_listing.ts";
import type { ManifestStore } from "../content/manifest_store.ts";
import { itemPath } from "../layout/item_path.ts";
import type { Settings } from "../layout/settings.ts";
import type { StoragePool } from "../threads/batch_executor.ts";
import { collectReferences, type References } from "./references.ts";

const ITEMS_PER_STEP = 64;

/** What removal needs from a storage. */
export interface RemovableStorage {
  readonly machine: Machine;
  readonly dir: Dir;
  readonly settings: Settings;
  readonly manifests: ManifestStore;
  readonly listing: ItemListing;
  snapshots(): readonly SnapshotInfo[];
  pool(workers: number, signal: AbortSignal): StoragePool;
}

export type Leftovers = Pick<RemovalSummary, "leftovers" | "leftoverBytes">;

/** Finds, then removes, contents and hunks that no snapshot needs. To be used once. */
export class Removal {
  readonly #storage: RemovableStorage;
  readonly #request: RemovalRequest;
  readonly #monitor: Monitor;
  readonly #pace: Yielder;
  readonly #digits: number;
  /** Ids to remove, leaf by leaf. */
  readonly #unneeded = new IdList();

  constructor(storage: RemovableStorage, request: RemovalRequest, monitor: Monitor) {
    this.#storage = storage;
    this.#request = request;
    this.#monitor = monitor;
    this.#pace = new Yielder(storage.machine.clock, request.signal);
    this.#digits = digestHexLength(storage.settings.algorithm);
  }

  async plan(): Promise<Omit<RemovalSummary, keyof Leftovers>> {
    const { workers, signal, without } = this.#request;
    // One that a crash left behind must not vouch for what is removed here.
    this.#storage.snapshots();
    const roots = this.#storage.listing.rootIds().filter((id) => without?.has(id) !== true);
    await using pool = this.#storage.pool(workers, signal);
    this.#monitor.phase("reading manifests");
    const references = await collectReferences(this.#storage.manifests, roots, {
      pool,
      pace: this.#pace,
      monitor: this.#monitor,
    });
    return { ...await this.#findUnneeded(references), snapshots: roots.length };
  }

  async #findUnneeded(references: References) {
    const found = { contents: 0, hunks: 0, bytes: 0, linkedContents: 0, neededItems: 0 };
    using leaves = new LeafCursor(this.#storage.dir);
    // Other names are mostly those of trees, which go with their snapshots.
    const losesTrees = (this.#request.without?.size ?? 0) > 0;
    let items = 0;
    this.#monitor.phase("looking for what is not needed");
    for (const { id, leaf, name } of this.#storage.listing.items()) {
      if (items++ % ITEMS_PER_STEP === 0) await this.#pace.yieldIfDue();
      const kind = classOfId(id, this.#digits);
      // Other names mean nothing, and are nobody's to remove; roots are what makes everything else needed.
      if (kind === undefined || kind === "root") continue;
      if (kind === "hunk" ? references.hunks.has(knownHunkId(id)) : references.contents.has(id)) {
        found.neededItems++;
        continue;
      }
      const stat = leaves.at(leaf)?.stat(name);
      if (stat?.kind !== "file") continue;
      this.#monitor.current(textOf(leaf));
      this.#unneeded.add(id);
      if (kind === "hunk") found.hunks++;
      else found.contents++;
      if (stat.links > 1 && !losesTrees) found.linkedContents++;
      else found.bytes += usedBytes(stat);
    }
    return found;
  }

  /** @returns number of removed items */
  async execute(monitor: Monitor, signal: AbortSignal): Promise<number> {
    monitor.phase("removing");
    monitor.setTotal({ items: this.#unneeded.length });
    const pace = new Yielder(this.#storage.machine.clock, signal);
    using leaves = new LeafCursor(this.#storage.dir);
    let removed = 0;
    for (const id of this.#unneeded) {
      await pace.yieldIfDue();
      const { dir, name } = itemPath(this.#storage.settings, id);
      monitor.current(textOf(dir));
      if (!leaves.at(dir)?.unlink(name)) continue;
      removed++;
      monitor.count("removedItems");
    }
    return removed;
  }
}

/** The open leaf directory of the current item: items arrive leaf by leaf. */
export class LeafCursor implements Disposable {
  readonly #content: Dir;
  #open: { readonly path: Raw; readonly dir: Dir | undefined } | undefined;

  constructor(storage: Dir) {
    this.#content = storage.openDir(rawOf("content"));
  }

  /** The open directory; undefined if it doesn't exist. */
  at(path: Raw): Dir | undefined {
    if (this.#open?.path !== path) {
      this.#open?.dir?.[Symbol.dispose]();
      this.#open = undefined;
      this.#open = { path, dir: openDirIfThere(this.#content, path) };
    }
    return this.#open.dir;
  }

  [Symbol.dispose](): void {
    this.#open?.dir?.[Symbol.dispose]();
    this.#content[Symbol.dispose]();
  }
}

function usedBytes({ blocks, size }: Stat): number {
  return blocks === undefined ? size : blocks * 512;
}

/** Number and size in bytes of the files in tmp/. */
export function measureLeftovers(storage: Dir): Leftovers {
  try {
    using temp = storage.openDir(rawOf("tmp"));
    return measure(temp);
  } catch (error) {
    if (error instanceof Fault) return { leftovers: 0, leftoverBytes: 0 };
    throw error;
  }
}

/** Most levels that are measured: each takes a file descriptor. */
const DEEPEST_MEASURED = 64;

/** Measures a directory, except what is too deep: the figures are only informative. */
function measure(directory: Dir, level = 1): { leftovers: number; leftoverBytes: number } {
  const sum = { leftovers: 0, leftoverBytes: 0 };
  for (const name of directory.list().names) {
    const stat = directory.stat(name);
    if (stat?.kind === "dir") {
      if (level >= DEEPEST_MEASURED) continue;
      using below = directory.openDir(name);
      const inside = measure(below, level + 1);
      sum.leftovers += inside.leftovers;
      sum.leftoverBytes += inside.leftoverBytes;
    } else if (stat !== undefined) {
      sum.leftovers++;
      if (stat.links === 1) sum.leftoverBytes += usedBytes(stat);
    }
  }
  return sum;
}
