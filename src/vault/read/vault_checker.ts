/** Looks for damage in a vault: what its objects are called and how large they are, and if asked, every byte of them. */
import { type ContentId, knownContentId } from "../../core/content_id.ts";
import { Fault, Interrupted } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { isInPart } from "../../core/subset.ts";
import { contentsOf } from "../../snapshot/hunk_contents.ts";
import type { HunkRef } from "../../snapshot/hunk.ts";
import type { ObjectReport, RepositoryChecker, ScanReport, ScanRequest } from "../../snapshot/repository.ts";
import { type VerifiedHunk, verifyHunk } from "../../snapshot/verify_hunk.ts";
import { kindOfItem, LIST_SUFFIX } from "../pack/items.ts";
import type { VaultContents } from "../store/contents.ts";
import type { SealedObjects } from "../store/sealed_objects.ts";
import type { UnitIndex } from "../store/unit_index.ts";

interface CheckedVault {
  readonly objects: SealedObjects;
  readonly index: UnitIndex;
  readonly contents: VaultContents;
}

export class VaultChecker implements RepositoryChecker {
  readonly #vault: CheckedVault;
  readonly #request: ScanRequest;
  readonly width = 4;
  #bytes = 0;

  constructor(vault: CheckedVault, request: ScanRequest) {
    this.#vault = vault;
    this.#request = request;
  }

  get bytes(): number {
    return this.#bytes;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  async *scan(monitor: Monitor): AsyncGenerator<ScanReport> {
    yield await this.#scanUnits();
    for (const id of this.#wanted()) {
      if (this.#request.signal.aborted) throw new Interrupted();
      monitor.current(id);
      yield await this.#read(id);
    }
  }

  /** Whether the units that the index names are there, and as large as it says. */
  async #scanUnits(): Promise<ScanReport> {
    const stored = await this.#vault.objects.list("data"), read: ObjectReport[] = [];
    const { index } = this.#vault;
    for (const unit of index.unitNames()) {
      const there = stored.get(unit), size = index.unit(unit)?.size;
      if (there === size) continue;
      const damage = there === undefined ? "it is missing" : `it has ${there} bytes instead of ${size}`;
      read.push({ id: unit, kind: "unit", damage });
    }
    return { seen: stored.size, read, bytes: 0, strays: 0 };
  }

  /** Ids of contents, by units; of large ones after all of their parts. Manifests are read anyway. */
  *#wanted(): Generator<string> {
    const { readData, part, chosen } = this.#request;
    if (chosen !== undefined) yield* chosen;
    if (!readData || chosen !== undefined) return;
    for (const id of this.#contentIds()) if (part === undefined || isInPart(id, part)) yield id;
  }

  *#contentIds(): Generator<string> {
    const { index } = this.#vault, seen = new Set<string>(), large: string[] = [];
    for (const name of index.unitNames()) {
      const isData = index.unit(name)?.unitClass === "data";
      for (const { id } of index.itemsOf(name)) {
        if (seen.has(id)) continue;
        if (isData) yield id;
        else if (kindOfItem(id) === "list") large.push(id.slice(0, -LIST_SUFFIX.length));
        seen.add(id);
      }
    }
    yield* large;
  }

  async #read(id: string): Promise<ScanReport> {
    let bytes = 0, damage: string | undefined;
    try {
      for await (const piece of this.#vault.contents.read(knownContentId(id))) {
        bytes += piece.length;
        this.#bytes += piece.length;
      }
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== "damaged-content") throw error;
      damage = error.message.replace(/^Content \S+ is damaged: /, "");
    }
    return { seen: 0, read: [{ id, kind: "content", damage }], bytes, strays: 0 };
  }

  async verifyHunk(hunk: HunkRef): Promise<VerifiedHunk> {
    const { contents } = this.#vault, bytes = await contents.hunk(hunk.id);
    const sizes = new Map<ContentId, number | undefined>();
    for (const text of contentsOf(bytes, hunk)) {
      const id = knownContentId(text);
      if (!sizes.has(id)) sizes.set(id, await contents.sizeOf(id));
    }
    return verifyHunk(hunk, () => bytes, (id) => sizes.get(id));
  }
}
