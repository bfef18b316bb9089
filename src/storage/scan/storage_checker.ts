/** Checks everything in `content/`: its names, and the bytes of what has to be read. */
import { classOfId, knownRootId, type RootId } from "../../core/content_id.ts";
import type { Clock } from "../../core/clock.ts";
import { digestHexLength } from "../../core/digest.ts";
import type { Monitor } from "../../core/monitor.ts";
import { type Raw, textOf } from "../../core/raw.ts";
import { isInPart } from "../../core/subset.ts";
import { Yielder } from "../../core/yielding.ts";
import type { HunkRef } from "../../snapshot/hunk.ts";
import type { ObjectReport, RepositoryChecker, ScanReport, ScanRequest } from "../../snapshot/repository.ts";
import type { VerifiedHunk } from "../../snapshot/verify_hunk.ts";
import type { ItemListing } from "../content/item_listing.ts";
import { idOf, itemPath } from "../layout/item_path.ts";
import type { Settings } from "../layout/settings.ts";
import type { StoragePool } from "../threads/batch_executor.ts";
import type { VerifyResult } from "../threads/verify.ts";
import type { StrayTrees } from "../tree/stray_trees.ts";
import { type ItemBatch, ItemReader } from "./item_reader.ts";

/** Most ids of one leaf directory in a batch. */
const GATHERED = 1024;

export interface CheckerSetup {
  readonly settings: Settings;
  readonly listing: ItemListing;
  readonly pool: StoragePool;
  readonly clock: Clock;
  /** Begins to look for trees whose snapshots are gone. */
  readonly trees: () => StrayTrees;
}

export class StorageChecker implements RepositoryChecker {
  readonly #setup: CheckerSetup;
  readonly #request: ScanRequest;
  readonly #digits: number;

  constructor(setup: CheckerSetup, request: ScanRequest) {
    this.#setup = setup;
    this.#request = request;
    this.#digits = digestHexLength(setup.settings.algorithm);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#setup.pool[Symbol.asyncDispose]();
  }

  get width(): number {
    return this.#setup.pool.width;
  }

  get bytes(): number {
    return this.#setup.pool.bytes;
  }

  async *scan(monitor: Monitor): AsyncGenerator<ScanReport> {
    const { usualBytes, signal, chosen } = this.#request;
    const pace = new Yielder(this.#setup.clock, signal);
    const reports: ScanReport[] = [], trees = this.#setup.trees(), roots: RootId[] = [];
    const reader = new ItemReader(this.#setup.pool, usualBytes, (batch, result) => {
      reports.push({ seen: 0, strays: 0, bytes: result.bytes, read: this.#reportsOf(batch, result) });
    });
    const read = async (batch: ItemBatch) => {
      await pace.yieldIfDue();
      monitor.current(textOf(batch.leaf));
      await reader.read(batch);
    };
    for (const { leaf, names, strays } of this.#leaves()) {
      roots.push(...this.#rootsIn({ leaf, names }));
      yield { seen: names.length, strays, bytes: 0, read: [] };
      await read({ leaf, names: names.filter((name) => this.#isToRead(idOf(leaf, name))) });
      yield* reports.splice(0);
    }
    for (const batch of this.#batchesOf(chosen ?? [])) {
      await read(batch);
      yield* reports.splice(0);
    }
    await reader.finish();
    yield* reports;
    if (chosen === undefined) yield { seen: 0, strays: 0, bytes: 0, read: trees.among(roots).map(strayReport) };
  }

  #rootsIn({ leaf, names }: ItemBatch): RootId[] {
    const ids = names.filter((name) => name.endsWith("f0")).map((name) => idOf(leaf, name));
    return ids.filter((id) => classOfId(id, this.#digits) === "root").map(knownRootId);
  }

  /** True if an existing item has to be read. Of a part, only contents are: manifests are read anyway. */
  #isToRead(id: string): boolean {
    const { readData, part, chosen } = this.#request;
    if (part !== undefined) return isInPart(id, part) && classOfId(id, this.#digits) === "content";
    return readData && chosen === undefined;
  }

  *#leaves(): Generator<ItemBatch & { readonly strays: number }> {
    let leaf: Raw | undefined, names: Raw[] = [], strays = 0;
    for (const item of this.#setup.listing.items()) {
      if (item.leaf !== leaf) {
        if (leaf !== undefined) yield { leaf, names, strays };
        [leaf, names, strays] = [item.leaf, [], 0];
      }
      if (classOfId(item.id, this.#digits) === undefined) strays++;
      else names.push(item.name);
    }
    if (leaf !== undefined) yield { leaf, names, strays };
  }

  /** Groups contents of one directory that follow each other into batches. */
  *#batchesOf(ids: Iterable<string>): Generator<ItemBatch> {
    let leaf: Raw | undefined, names: Raw[] = [];
    for (const id of ids) {
      const { dir, name } = itemPath(this.#setup.settings, id);
      if (leaf !== undefined && (dir !== leaf || names.length >= GATHERED)) {
        yield { leaf, names };
        names = [];
      }
      leaf = dir;
      names.push(name);
    }
    if (leaf !== undefined) yield { leaf, names };
  }

  #reportsOf({ leaf, names }: ItemBatch, { damaged }: VerifyResult): ObjectReport[] {
    const whatIsWrong = new Map(damaged.map(({ index, what }) => [index, what]));
    return names.map((name, index) => {
      const id = idOf(leaf, name);
      return { id, kind: classOfId(id, this.#digits) ?? "content", damage: whatIsWrong.get(index) };
    });
  }

  verifyHunk(hunk: HunkRef): Promise<VerifiedHunk> {
    return this.#setup.pool.run("examine", hunk, { items: hunk.count, bytes: 0 });
  }
}

function strayReport(tree: string): ObjectReport {
  const damage = "The snapshot of this tree is gone from content/, though nobody has forgotten it";
  return { id: tree, kind: "object", damage, isLoss: true };
}
