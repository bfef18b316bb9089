/** Brings a catalog up to date with the snapshots of a vault. */
import type { Catalog } from "../../catalog/catalog.ts";
import type { CatalogFile } from "../../catalog/catalog_file.ts";
import { CatalogFault } from "../../catalog/faults.ts";
import { entriesToCompare } from "../../catalog/index_snapshots.ts";
import { chainsOf, type RootHeader, withSequence } from "../../catalog/snapshot_order.ts";
import type { RootId } from "../../core/content_id.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import type { ManifestSource } from "../../snapshot/manifest.ts";
import type { Root } from "../../snapshot/root.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { HunkStore } from "./hunk_store.ts";
import type { RootStore } from "./root_store.ts";

/**
 * Number of entries to compare up to which a change is made in place: more may be too much for one commit in memory.
 */
const FEW_ENTRIES = 20_000;

interface Step {
  readonly head: RootHeader;
  /** The previous complete snapshot of the same series. */
  readonly previous: RootHeader | undefined;
}

interface Plan {
  readonly removed: readonly RootId[];
  /** Snapshots with a new root, each with its former id. */
  readonly replaced: readonly (readonly [RootId, RootHeader])[];
  readonly added: readonly Step[];
}

/** True if a catalog knows exactly these snapshots, in this order. */
export function agrees(catalog: Catalog, heads: readonly RootHeader[]): boolean {
  const known = catalog.snapshots();
  return known.length === heads.length &&
    known.every(({ id, sequence }, i) => id === heads[i]?.id && sequence === heads[i]?.root.sequence);
}

export class CatalogUpdate {
  readonly #roots: RootStore;
  readonly #hunks: HunkStore;
  readonly #heads: readonly RootHeader[];

  /** @param heads all snapshots of the vault, in order */
  constructor(
    { roots, hunks }: { readonly roots: RootStore; readonly hunks: HunkStore },
    heads: readonly RootHeader[],
  ) {
    this.#roots = roots;
    this.#hunks = hunks;
    this.#heads = heads;
  }

  /**
   * Updates the file. @param isGood true if the file is as this program left it @throws CatalogFault, DiskFault,
   * DamagedContent
   */
  async run(file: CatalogFile, isGood: boolean): Promise<void> {
    const plan = isGood ? planIn(file, this.#heads) : undefined;
    if (plan === undefined) return await this.#makeAnew(file);
    const { added } = plan;
    const entries = await this.#load(added);
    if (entries <= FEW_ENTRIES && this.#changeInPlace(file, plan)) return;
    file.prepare("copy", (catalog) => this.#apply(catalog, plan));
    file.publish();
  }

  async #makeAnew(file: CatalogFile): Promise<void> {
    await this.#loadAll();
    file.prepare("new", (catalog) => this.#fill(catalog));
    file.publish();
  }

  /** Fills an empty catalog. */
  async fill(catalog: Catalog): Promise<void> {
    await this.#loadAll();
    this.#fill(catalog);
  }

  async #loadAll(): Promise<void> {
    for (const { id } of this.#heads) {
      const found = await this.#roots.find(id);
      if (found !== undefined) await this.#hunks.load([found.root]);
    }
  }

  #fill(catalog: Catalog): void {
    const byId = new Map(this.#heads.map((head) => [head.id, head]));
    catalog.fill(chainsOf(this.#heads), (id) => this.#sourceOf(id, byId.get(id)?.root.sequence));
  }

  /** Loads what the steps need. @returns number of entries to compare */
  async #load(steps: readonly Step[]): Promise<number> {
    let entries = 0;
    for (const { head, previous } of steps) {
      const [now, before] = [await this.#rootOf(head), previous && await this.#rootOf(previous)];
      await this.#hunks.load(before === undefined ? [now] : [now, before]);
      entries += entriesToCompare(before, now);
    }
    return entries;
  }

  async #rootOf({ id }: RootHeader): Promise<Root> {
    const found = await this.#roots.find(id);
    if (found === undefined) throw new DamagedContent(id, "it is missing");
    return found.root;
  }

  #sourceOf(id: RootId, sequence: number | undefined): ManifestSource {
    const root = this.#roots.atHand(id);
    if (root === undefined) throw new DamagedContent(id, "it is missing");
    return withSequence(this.#hunks.sourceOf({ id, root }), sequence ?? root.sequence);
  }

  /** Changes the file in place. @returns false if that isn't possible now; nothing was done then */
  #changeInPlace(file: CatalogFile, plan: Plan): boolean {
    const opened = file.open("update");
    if ("stale" in opened) return false;
    using catalog = opened;
    try {
      this.#apply(catalog, plan);
      return true;
    } catch (error) {
      if (error instanceof CatalogFault) return false;
      throw error;
    }
  }

  #apply(catalog: Catalog, { removed, replaced, added }: Plan): void {
    const known = new Set(catalog.generation());
    if (removed.length > 0) catalog.remove(removed);
    for (const [former, head] of replaced) {
      if (known.has(former)) catalog.replaceRoot(former, head.id, this.#sourceOf(head.id, head.root.sequence).root);
    }
    for (const { head, previous } of added) {
      if (known.has(head.id)) continue;
      const before = previous && this.#sourceOf(previous.id, previous.root.sequence);
      catalog.apply(this.#sourceOf(head.id, head.root.sequence), before);
    }
  }
}

/** The plan for a file; undefined if the catalog has to be rebuilt. */
function planIn(file: CatalogFile, heads: readonly RootHeader[]): Plan | undefined {
  const opened = file.open("read");
  if ("stale" in opened) return undefined;
  using catalog = opened;
  return planFor(catalog.snapshots(), heads);
}

function planFor(known: readonly SnapshotInfo[], heads: readonly RootHeader[]): Plan | undefined {
  const wanted = new Map(heads.map((head) => [head.id, head])), isKnown = new Map(known.map((info) => [info.id, info]));
  const replaced = heads.flatMap((head) => {
    const { id, root: { replaces, formerly, sequence } } = head;
    // One that was rewritten is another one to the catalog.
    const isOther = replaces === undefined || formerly !== undefined || wanted.has(replaces);
    const former = isOther ? undefined : isKnown.get(replaces);
    return former === undefined || isKnown.has(id) || former.sequence !== sequence ? [] : [[former.id, head] as const];
  });
  const formers = new Set(replaced.map(([former]) => former)), renewed = new Set(replaced.map(([, { id }]) => id));
  const kept = known.filter(({ id }) => wanted.has(id) || formers.has(id));
  const added = heads.filter(({ id }) => !isKnown.has(id) && !renewed.has(id));
  const last = kept.at(-1)?.sequence ?? 0;
  const isInOrder = kept.every(({ id, sequence }) => formers.has(id) || wanted.get(id)?.root.sequence === sequence) &&
    added.every(({ root }) => root.sequence > last);
  if (kept.length === 0 || !isInOrder) return undefined;
  return {
    removed: known.filter((info) => !kept.includes(info)).map(({ id }) => id),
    replaced,
    added: added.map((head) => ({ head, previous: previousIn(heads, head) })),
  };
}

function previousIn(heads: readonly RootHeader[], { root }: RootHeader): RootHeader | undefined {
  return heads.findLast((other) =>
    other.root.complete && other.root.host === root.host && other.root.name === root.name &&
    other.root.sequence < root.sequence
  );
}
