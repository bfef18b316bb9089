/**
 * Removing what no snapshot needs: contents and hunks of snapshots that were forgotten, and what crashed runs left behind.
 *
 * What is needed is read from all manifests under the writer lock, so that nothing can begin to be needed meanwhile. A
 * root was removed durably before anything of it is: a crash at any moment leaves nothing but work for the next prune.
 * Trees and archives keep their files: what is removed here is only one name of them.
 */
import { classOfId, type HunkId, type RootId } from "../core/content_id.ts";
import { Fault } from "../core/fault.ts";
import type { Monitor } from "../core/monitor.ts";
import { type Raw, rawOf, textOf } from "../core/raw.ts";
import type { Dir, Stat } from "../platform/disk.ts";
import { digestHexLength } from "../storage/digest.ts";
import { itemPath, openLeaf } from "../storage/item_path.ts";
import type { Storage, Writer } from "../storage/storage.ts";
import { IdList } from "./id_list.ts";
import { Pace } from "./pace.ts";
import { collectReferences, type References } from "./references.ts";

export interface PruneRequest {
  /** Only plan. Takes no lock: what another run is storing at the moment counts as unneeded. */
  readonly dryRun: boolean;
  /** Snapshots that are about to be forgotten, for a dry run: as if they were gone. */
  readonly without?: ReadonlySet<RootId>;
  readonly workers: number;
  readonly signal: AbortSignal;
}

/** What nothing needs. Bytes are those that the file system gets back. */
export interface PrunePlan {
  readonly contents: number;
  readonly hunks: number;
  readonly bytes: number;
  /** Contents among them that trees outside of this storage, or archives, still have: removing them frees nothing. */
  readonly linkedContents: number;
  /** Files that crashed runs left in tmp/, and their bytes. */
  readonly leftovers: number;
  readonly leftoverBytes: number;
  /** Contents and hunks that stay, and how many snapshots need them. */
  readonly neededItems: number;
  readonly snapshots: number;
}

export interface PruneResult extends PrunePlan {
  /** Contents and hunks that were removed: all of the plan, or none in a dry run. */
  readonly removedItems: number;
}

/**
 * @param planned is told the plan before anything is removed
 * @throws UnknownReferences, Locked, Interrupted, DiskFault
 */
export async function prune(
  storage: Storage,
  request: PruneRequest,
  planned: (plan: PrunePlan) => void,
  monitor: Monitor,
): Promise<PruneResult> {
  // Before the lock is taken: whoever has it empties tmp/.
  const leftovers = measureLeftovers(storage);
  using writer = request.dryRun ? undefined : storage.write("prune");
  const run = new PruneRun(storage, request, monitor);
  const isBusy = writer === undefined && storage.hasWriter();
  const plan = { ...await run.plan(), ...leftovers };
  if (writer === undefined && (isBusy || storage.hasWriter())) {
    monitor.notice("Another run is writing to the storage: what it stores counts as unneeded here");
  }
  planned(plan);
  return { ...plan, removedItems: writer === undefined ? 0 : await run.remove(writer) };
}

const ITEMS_PER_STEP = 64;

class PruneRun {
  readonly #storage: Storage;
  readonly #request: PruneRequest;
  readonly #monitor: Monitor;
  readonly #pace: Pace;
  readonly #digits: number;
  /** What is to be removed, leaf by leaf. */
  readonly #unneeded = new IdList();

  constructor(storage: Storage, request: PruneRequest, monitor: Monitor) {
    this.#storage = storage;
    this.#request = request;
    this.#monitor = monitor;
    this.#pace = new Pace(storage.machine.clock, request.signal);
    this.#digits = digestHexLength(storage.settings.algorithm);
  }

  async plan(): Promise<Omit<PrunePlan, "leftovers" | "leftoverBytes">> {
    const { workers, signal, without } = this.#request;
    // One that a crash left behind must not vouch for what is removed here.
    this.#storage.snapshots();
    const roots = this.#storage.rootIds().filter((id) => without?.has(id) !== true);
    await using pool = this.#storage.pool(workers, signal);
    this.#monitor.phase("reading manifests");
    const references = await collectReferences(this.#storage, roots, {
      pool,
      pace: this.#pace,
      monitor: this.#monitor,
    });
    return { ...await this.#findUnneeded(references), snapshots: roots.length };
  }

  async #findUnneeded(references: References) {
    const found = { contents: 0, hunks: 0, bytes: 0, linkedContents: 0, neededItems: 0 };
    using leaves = new LeafCursor(this.#storage);
    let items = 0;
    this.#monitor.phase("looking for what is not needed");
    for (const { id, leaf, name } of this.#storage.items()) {
      if (items++ % ITEMS_PER_STEP === 0) await this.#pace.step();
      const kind = classOfId(id, this.#digits);
      // Other names mean nothing, and are nobody's to remove; roots are what makes everything else needed.
      if (kind === undefined || kind === "root") continue;
      if (kind === "hunk" ? references.hunks.has(id as HunkId) : references.contents.has(id)) {
        found.neededItems++;
        continue;
      }
      const stat = leaves.at(leaf)?.stat(name);
      if (stat?.kind !== "file") continue;
      this.#monitor.at(textOf(leaf));
      this.#unneeded.add(id);
      if (kind === "hunk") found.hunks++;
      else found.contents++;
      if (stat.links > 1) found.linkedContents++;
      else found.bytes += usedBytes(stat);
    }
    return found;
  }

  async remove(writer: Writer): Promise<number> {
    this.#monitor.phase("removing");
    this.#monitor.expect({ items: this.#unneeded.length });
    using leaves = new LeafCursor(this.#storage);
    let removed = 0;
    for (const id of this.#unneeded) {
      await this.#pace.step();
      const { dir, name } = itemPath(this.#storage.settings, id);
      this.#monitor.at(textOf(dir));
      if (!leaves.at(dir)?.unlink(name)) continue;
      removed++;
      this.#monitor.count("removedItems");
    }
    writer.forgetVerifications();
    writer.compactCatalog();
    return removed;
  }
}

/** Each level takes a descriptor. */
const DEEPEST_MEASURED = 64;

/** The leaf directory of the item at hand, open: items come leaf by leaf. */
class LeafCursor implements Disposable {
  readonly #content: Dir;
  #open: { readonly path: Raw; readonly dir: Dir | undefined } | undefined;

  constructor(storage: Storage) {
    this.#content = storage.dir.openDir(rawOf("content"));
  }

  /** Undefined if it is not there. */
  at(path: Raw): Dir | undefined {
    if (this.#open?.path !== path) {
      this.#open?.dir?.[Symbol.dispose]();
      this.#open = undefined;
      this.#open = { path, dir: openLeaf(this.#content, path) };
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

function measureLeftovers(storage: Storage): Pick<PrunePlan, "leftovers" | "leftoverBytes"> {
  try {
    using temp = storage.dir.openDir(rawOf("tmp"));
    return measure(temp);
  } catch (error) {
    if (error instanceof Fault) return { leftovers: 0, leftoverBytes: 0 };
    throw error;
  }
}

/** Of what is not too deep: the figures are for people. */
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
