/**
 * Receives a snapshot from another repository into a vault: contents, then hunks, then the root, each once all before
 * it is stored.
 */
import { hash } from "node:crypto";
import { type HunkId, type RootId, rootIdOf } from "../../core/content_id.ts";
import { Fault } from "../../core/fault.ts";
import { type Raw, textOf } from "../../core/raw.ts";
import { OtherAlgorithm } from "../../snapshot/faults.ts";
import { parseRoot, type Root } from "../../snapshot/root.ts";
import type { HunkWithBytes, ReceivedFile, SnapshotReceiver, SnapshotSource } from "../../snapshot/snapshot_sink.ts";
import { LostFromVault } from "../format/faults.ts";
import { snapshotDirectory } from "../pack/tar_names.ts";
import type { RootStore } from "../store/root_store.ts";
import type { ReceivedPacker } from "./received_packer.ts";
import { isThere, type LostContent } from "./reliance.ts";
import { RootMaker } from "./root_maker.ts";
import { removePartial } from "./roots.ts";
import type { RunStore } from "./run_store.ts";

/** State that all receivers of one writer share. */
export interface ReceiverParts {
  readonly store: RunStore;
  readonly roots: RootStore;
  readonly packer: ReceivedPacker;
  /** Makes all packers hand over what they have packed. */
  readonly finish: () => Promise<void>;
  /** Hunks of existing snapshots, which have everything that they name: that is checked at the end. */
  readonly hunks: ReadonlySet<HunkId>;
}

export class VaultReceiver implements SnapshotReceiver {
  readonly #parts: ReceiverParts;
  readonly #id: RootId;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #root: Root;
  readonly #directory: Raw;
  readonly #source: SnapshotSource | undefined;
  readonly #maker: RootMaker;
  /** Hunks that were received, now or earlier. */
  readonly #there = new Set<HunkId>();
  #partial: RootId | undefined;

  /** @param bytes of the root @throws DamagedManifest, NewerFormat, OtherAlgorithm */
  constructor(parts: ReceiverParts, bytes: Uint8Array<ArrayBuffer>, source: SnapshotSource | undefined) {
    this.#parts = parts;
    this.#bytes = bytes;
    this.#source = source;
    this.#root = parseRoot(bytes);
    this.#id = rootIdOf(hash("sha256", bytes));
    const { storage, host, name: series, start } = this.#root;
    if (storage.algorithm !== "sha256") throw new OtherAlgorithm(storage.algorithm, "sha256");
    this.#directory = snapshotDirectory({ host, series, start });
    this.#maker = new RootMaker({
      store: parts.store,
      roots: parts.roots,
      flush: () => this.#flush(),
      hunkOf: (id) => parts.store.hunkAgain(id, source),
      storeAgain: (lost) => this.#storeAgain(lost),
    });
  }

  /** Keeps what was stored: another attempt reuses it. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  hasHunk(id: HunkId): boolean {
    const { store, hunks } = this.#parts;
    return hunks.has(id) && store.has(id, "meta");
  }

  get width(): number {
    return this.#parts.packer.width;
  }

  async add(batch: readonly ReceivedFile[]): Promise<readonly ("stored" | "reused")[]> {
    const { store, packer } = this.#parts, files: ReceivedFile[] = [];
    for (const file of batch) {
      // What is being packed may be claimed already; it is there only once that is done.
      if (packer.isUnderWay(file.content) || !(await isThere(store, file.content))) files.push(file);
    }
    const stored = await packer.add({ files, directory: this.#directory });
    return batch.map(({ content }) => stored.delete(content) ? "stored" : "reused");
  }

  async #storeAgain(lost: readonly LostContent[]): Promise<void> {
    const { store: { contents }, packer } = this.#parts, directory = this.#directory, gone: string[] = [];
    for (const { content, entry, path } of lost) {
      const open = () => (this.#source ?? contents).read(content);
      try {
        await packer.add({ files: [{ content, entry, open }], directory });
      } catch (error) {
        if (!(error instanceof Fault) || error.code !== "damaged-content") throw error;
        gone.push(textOf(path));
      }
    }
    if (gone.length > 0) throw new LostFromVault(gone);
  }

  async checkpoint(hunks: readonly HunkWithBytes[], tail?: HunkWithBytes): Promise<void> {
    await this.#addHunks(hunks);
    if (tail !== undefined) await this.#addHunks([tail]);
    const all = this.#root.hunks, last = all.findLastIndex(({ id }) => this.#there.has(id));
    const soFar = all.slice(0, last + 1).filter(({ id }) => this.#parts.store.has(id, "meta"));
    if (tail !== undefined) soFar.push(tail.ref);
    if (soFar.length === 0) return await this.#flush();
    const { replaces: _, formerly: _former, ...root } = this.#root, former = this.#partial;
    this.#partial = await this.#maker.make({ ...root, tree: null, complete: false, for: this.#id, hunks: soFar });
    if (former !== undefined && former !== this.#partial) await removePartial(this.#parts.roots, [former]);
  }

  async commit(hunks: readonly HunkWithBytes[]): Promise<RootId> {
    await this.#addHunks(hunks);
    await this.#maker.put({ id: this.#id, bytes: this.#bytes, root: this.#root });
    const { roots } = this.#parts, partial = (await roots.heads()).filter(({ info }) => info.for === this.#id);
    await removePartial(roots, partial.map(({ id }) => id));
    return this.#id;
  }

  async #flush(): Promise<void> {
    await this.#parts.finish();
    await this.#parts.store.flush();
  }

  async #addHunks(hunks: readonly HunkWithBytes[]): Promise<void> {
    const { store } = this.#parts;
    for (const { ref: { id }, bytes } of hunks) {
      store.addHunk(id, bytes);
      this.#there.add(id);
    }
    await store.keepUp();
  }
}
