/** Checks a vault for damage: that everything exists and can be read and, if requested, every byte of it. */
import { type ContentId, knownContentId } from "../../core/content_id.ts";
import { collectingEvery } from "../../core/garbage.ts";
import type { Monitor } from "../../core/monitor.ts";
import { pluralText } from "../../core/size_text.ts";
import { contentsOf } from "../../snapshot/hunk_contents.ts";
import type { HunkRef } from "../../snapshot/hunk.ts";
import type { ObjectReport, RepositoryChecker, ScanReport, ScanRequest } from "../../snapshot/repository.ts";
import { type VerifiedHunk, verifyHunk } from "../../snapshot/verify_hunk.ts";
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
  /** Called if data has to be read; the pool is closed with the checker. */
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
    const pool = this.#pool ??= this.#options.openPool();
    using check = new DataCheck({ objects, index, contents, sizes, pool }, this.#request);
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
    const { contents } = this.#vault, sizes = await this.#unitSizes(), bytes = await contents.hunk(hunk.id);
    const found = new Map<ContentId, number | undefined>(), isThere = (home: Home) => sizes.isThere(home);
    for (const text of contentsOf(bytes, hunk)) {
      const id = knownContentId(text);
      if (found.has(id)) continue;
      const home = this.#homes.find(id, isThere);
      found.set(id, home === undefined ? await contents.sizeOf(id, isThere) : home.item.size);
    }
    return verifyHunk(hunk, () => bytes, (id) => found.get(id));
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
