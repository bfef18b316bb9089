/** Takes a snapshot from elsewhere into a vault: contents, then hunks, then the root, each when all before it is stored. */
import { hash } from "node:crypto";
import { type RootId, rootIdOf } from "../../core/content_id.ts";
import type { Raw } from "../../core/raw.ts";
import { OtherAlgorithm } from "../../snapshot/faults.ts";
import { parseRoot, type Root } from "../../snapshot/root.ts";
import type { HunkWithBytes, ReceivedFile, SnapshotReceiver } from "../../snapshot/snapshot_sink.ts";
import { VaultChanged } from "../format/faults.ts";
import { MOST_FRAME_BYTES } from "../format/limits.ts";
import { LIST_SUFFIX } from "../pack/items.ts";
import { hunkName, rootName, snapshotDirectory } from "../pack/tar_names.ts";
import { type NewItem, OWN_FIELDS } from "../pack/unit_writer.ts";
import type { VaultContents } from "../store/contents.ts";
import type { RootStore } from "../store/root_store.ts";
import type { SealedObjects } from "../store/sealed_objects.ts";
import type { UnitIndex } from "../store/unit_index.ts";
import { ContentPacker } from "./content_packer.ts";
import type { UnitPacker } from "./unit_packer.ts";

/** What all receivers of one writer share. */
export interface WriterParts {
  readonly objects: SealedObjects;
  readonly index: UnitIndex;
  readonly contents: VaultContents;
  readonly roots: RootStore;
  readonly packer: UnitPacker;
  /** Units that hold something of what this writer has stored or found: all of them have to stay. */
  readonly reliedOn: Set<string>;
}

/** Room for the header of a root's copy in its frame. */
const MOST_COPY_BYTES = MOST_FRAME_BYTES / 2;

export class VaultReceiver implements SnapshotReceiver {
  readonly #parts: WriterParts;
  readonly #id: RootId;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #root: Root;
  readonly #directory: Raw;
  readonly #contents: ContentPacker;

  /** @param bytes of the root @throws DamagedManifest, NewerFormat, OtherAlgorithm */
  constructor(parts: WriterParts, bytes: Uint8Array<ArrayBuffer>) {
    this.#parts = parts;
    this.#bytes = bytes;
    this.#root = parseRoot(bytes);
    this.#id = rootIdOf(hash("sha256", bytes));
    const { storage, host, name: series, start } = this.#root;
    if (storage.algorithm !== "sha256") throw new OtherAlgorithm(storage.algorithm, "sha256");
    this.#directory = snapshotDirectory({ host, series, start });
    const { packer, index, objects: { access }, reliedOn } = parts;
    this.#contents = new ContentPacker({ packer, index, access, relyOn: (unit) => reliedOn.add(unit) });
  }

  /** What was stored stays: another try finds it. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  async add(batch: readonly ReceivedFile[]): Promise<readonly ("stored" | "reused")[]> {
    const results: ("stored" | "reused")[] = [];
    for (const file of batch) {
      const isThere = await this.#reuse(file);
      if (!isThere) await this.#contents.add(file, this.#directory);
      results.push(isThere ? "reused" : "stored");
    }
    return results;
  }

  async #reuse({ content }: ReceivedFile): Promise<boolean> {
    const { packer, contents, reliedOn } = this.#parts;
    if (packer.isPending(content, "data") || packer.isPending(content + LIST_SUFFIX, "meta")) return true;
    const homes = await contents.reliableHomes(content);
    for (const { unit } of homes ?? []) reliedOn.add(unit.unit);
    return homes !== undefined;
  }

  async checkpoint(hunks: readonly HunkWithBytes[]): Promise<void> {
    await this.#addHunks(hunks);
    await this.#parts.packer.flush();
  }

  /** @throws VaultChanged if something that the snapshot relies on was removed meanwhile */
  async commit(hunks: readonly HunkWithBytes[]): Promise<RootId> {
    const { packer, roots } = this.#parts;
    await this.#addHunks(hunks);
    if (this.#bytes.length <= MOST_COPY_BYTES) {
      await packer.addCopy("meta", ownItem(this.#id, rootName(this.#id), this.#bytes));
    }
    await packer.flush();
    await this.#assertReliable();
    await roots.put({ id: this.#id, bytes: this.#bytes, root: this.#root });
    // Whoever decided to remove something before the root was there is seen now.
    await this.#assertReliable();
    return this.#id;
  }

  async #addHunks(hunks: readonly HunkWithBytes[]): Promise<void> {
    const { index, packer, reliedOn } = this.#parts;
    for (const { ref: { id }, bytes } of hunks) {
      const home = index.reliableHome(id, "meta");
      if (home !== undefined) reliedOn.add(home.unit.unit);
      else if (!packer.isPending(id, "meta")) await packer.add("meta", ownItem(id, hunkName(id), bytes));
    }
  }

  async #assertReliable(): Promise<void> {
    const { index, reliedOn } = this.#parts;
    await index.refresh();
    const lost = [...reliedOn].filter((unit) => !index.isReliable(unit));
    if (lost.length === 0) return;
    for (const unit of lost) reliedOn.delete(unit);
    throw new VaultChanged(lost.length);
  }
}

function ownItem(id: string, name: Raw, bytes: Uint8Array<ArrayBuffer>): NewItem {
  return { id, name, fields: OWN_FIELDS, bytes, lane: "compressed" };
}
