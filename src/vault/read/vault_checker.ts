/** Checks a vault for damage: that everything exists and can be read and, if requested, every byte of it. */
import type { ContentId } from "../../core/content_id.ts";
import { collectingEvery } from "../../core/garbage.ts";
import type { Monitor } from "../../core/monitor.ts";
import { pluralText } from "../../core/size_text.ts";
import type { HunkRef } from "../../snapshot/hunk.ts";
import type { ObjectReport, RepositoryChecker, ScanReport, ScanRequest } from "../../snapshot/repository.ts";
import { type DamagedItem, damageOf, type VerifiedHunk } from "../../snapshot/verify_hunk.ts";
import type { VaultPool } from "../threads/vault_executor.ts";
import { DataCheck } from "./data_check.ts";
import type { Home } from "../store/unit_index.ts";
import { NearHomes } from "../store/near_homes.ts";
import { checkObjects } from "./object_check.ts";
import { UnitSizes } from "./unit_sizes.ts";
import { sealedDataCheck } from "./sealed_data_check.ts";
import type { ReadVault } from "./vault_reader.ts";

/** Hunks that are fetched at once. */
const HUNKS_AT_ONCE = 4;
/** Number of hunks, at some 3 MB of garbage each, after which it is collected. */
const HUNKS_PER_COLLECTION = 16;

export interface CheckerOptions {
  /** The pool is closed with the checker. */
  readonly openPool: () => VaultPool;
  /** Names of pages that lie beside the objects. */
  readonly pages: () => readonly string[];
}

export class VaultChecker implements RepositoryChecker {
  readonly #vault: ReadVault;
  readonly #request: ScanRequest;
  readonly #options: CheckerOptions;
  #pool: VaultPool | undefined;
  readonly #homes: NearHomes;
  #sizes: Promise<UnitSizes> | undefined;
  /** Turns: each hunk waits for the one that had the same turn before. */
  readonly #turns: Promise<unknown>[] = Array.from({ length: HUNKS_AT_ONCE }, () => Promise.resolve());
  #asked = 0;
  readonly #collect = collectingEvery(HUNKS_PER_COLLECTION);
  readonly width = HUNKS_AT_ONCE;

  constructor(vault: ReadVault, request: ScanRequest, options: CheckerOptions) {
    this.#vault = vault;
    this.#homes = new NearHomes(vault.index);
    this.#request = request;
    this.#options = options;
  }

  get bytes(): number {
    return this.#pool?.bytes ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool?.[Symbol.asyncDispose]();
    this.#pool = undefined;
  }

  async *scan(monitor: Monitor): AsyncGenerator<ScanReport> {
    const { readData, part, chosen, signal } = this.#request;
    await this.#vault.index.recheck();
    for await (const { seen, read } of checkObjects(this.#vault.objects, signal)) {
      // Roots are read in any case; whoever wants data read wants to know of which.
      const told = readData && part === undefined && chosen === undefined
        ? read
        : read.filter(({ damage }) => damage !== undefined);
      yield { seen, read: told, bytes: 0, strays: 0 };
    }
    yield { seen: 0, read: this.#options.pages().map(pageReport), bytes: 0, strays: 0 };
    const sizes = await this.#unitSizes();
    yield { seen: sizes.listed, read: unitReports(sizes), bytes: 0, strays: 0 };
    if (readData || chosen !== undefined) yield* this.#readData(sizes, monitor);
  }

  async *#readData(sizes: UnitSizes, monitor: Monitor): AsyncGenerator<ScanReport> {
    const { key } = this.#vault.objects.access, { objects, index, contents } = this.#vault;
    if (key !== undefined && key.dataIdentity === undefined) {
      monitor.notice("Contents were not opened: this is a write-only key. Their units were compared with their names");
      return yield* sealedDataCheck({ objects, index, sizes }, this.#request);
    }
    using check = new DataCheck({ objects, index, contents, sizes, pool: this.#threads() }, this.#request);
    yield* check.run();
  }

  #unitSizes(): Promise<UnitSizes> {
    return this.#sizes ??= UnitSizes.of(this.#vault.objects, this.#vault.index);
  }

  verifyHunk(hunk: HunkRef): Promise<VerifiedHunk> {
    const turn = this.#asked++ % HUNKS_AT_ONCE, before = this.#turns[turn];
    const verified = (async () => {
      await before;
      return await this.#verifyHunk(hunk);
    })();
    this.#turns[turn] = verified.catch(() => {});
    return verified;
  }

  async #verifyHunk(hunk: HunkRef): Promise<VerifiedHunk> {
    this.#collect();
    // It may be a part of a frame, from which other hunks are read too.
    const bytes = (await this.#vault.contents.hunk(hunk.id)).slice(), load = { items: hunk.count, bytes: 0 };
    const { last, contents, sizes } = await this.#threads().run("hunk", { hunk, bytes }, load, [bytes.buffer]);
    const damaged: DamagedItem[] = [],
      isThere = await this.#isThere(),
      others = new Map<ContentId, number | undefined>();
    for (const [i, id] of contents.entries()) {
      let there = this.#homes.find(id, isThere)?.item.size;
      if (there === undefined && !others.has(id)) others.set(id, await this.#vault.contents.sizeOf(id, isThere));
      there ??= others.get(id);
      const damage = damageOf(id, sizes[i]!, there);
      if (damage !== undefined) damaged.push(damage);
    }
    return { last, damaged };
  }

  async #isThere(): Promise<(home: Home) => boolean> {
    const sizes = await this.#unitSizes();
    return (home) => sizes.isThere(home);
  }

  #threads(): VaultPool {
    return this.#pool ??= this.#options.openPool();
  }
}

/** Reports of damaged units. What is lost with them is reported by contents and hunks. */
function unitReports(sizes: UnitSizes): ObjectReport[] {
  const reports = sizes.damages().map(({ unit, damage }): ObjectReport => {
    return { id: `data/${unit}`, kind: "object", damage: `A unit is damaged: ${damage}` };
  });
  const { unlisted } = sizes;
  if (unlisted === 0) return reports;
  const are = pluralText(unlisted, "unit is", "units are");
  const damage = `${are} in no index: left by interrupted runs, or the index is lost`;
  return [...reports, { id: "data", kind: "object", damage }];
}

/** Whoever can write to the vault's place may have made it. */
function pageReport(name: string): ObjectReport {
  const damage = "This page is no part of the vault: never give a passphrase or key to it";
  return { id: name, kind: "object", damage };
}
