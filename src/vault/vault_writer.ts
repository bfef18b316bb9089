/** Changes a vault. There may be many writers at once, on many machines: each only adds objects, or removes roots. */
import { hash } from "node:crypto";
import type { Catalog } from "../catalog/catalog.ts";
import { type RootId, rootIdOf } from "../core/content_id.ts";
import type { Fault } from "../core/fault.ts";
import { parseRoot, type Root } from "../snapshot/root.ts";
import { fieldsOf, parseJson } from "../core/json.ts";
import type { Monitor } from "../core/monitor.ts";
import type { RemovalPlan, RemovalRequest, RepositoryWriter, VerifiedItem } from "../snapshot/repository.ts";
import type { SnapshotSink } from "../snapshot/snapshot_sink.ts";
import { NotForVaults } from "./format/faults.ts";
import type { Pruner } from "./prune/pruner.ts";
import { VaultReceiver, type WriterParts } from "./write/receiver.ts";
import { UnitPacker } from "./write/unit_packer.ts";

export type NewPruner = (request: RemovalRequest, monitor: Monitor) => Pruner;

type ChangeCatalog = (action: (catalog: Catalog) => void) => Promise<void>;

export class VaultWriter implements RepositoryWriter {
  readonly #parts: WriterParts;
  readonly #changeCatalog: ChangeCatalog;
  readonly #lock: Disposable;
  readonly #newPruner: NewPruner;
  readonly #refusal: Fault | undefined;
  #pruner: Pruner | undefined;

  constructor(
    vault: Omit<WriterParts, "packer" | "reliedOn"> & {
      readonly changeCatalog: ChangeCatalog;
      /** Held until the writer is disposed. */
      readonly lock: Disposable;
      readonly pruner: NewPruner;
    },
    { refusal, ...options }: {
      readonly host: string;
      readonly unitBytes: number | undefined;
      /** Why nothing may be stored. */
      readonly refusal?: Fault | undefined;
    },
  ) {
    const { changeCatalog, lock, pruner, ...parts } = vault, reliedOn = new Set<string>();
    this.#refusal = refusal;
    this.#parts = { ...parts, reliedOn, packer: new UnitPacker(parts.objects, parts.index, { ...options, reliedOn }) };
    this.#changeCatalog = changeCatalog;
    this.#lock = lock;
    this.#newPruner = pruner;
  }

  /** What was packed, and is in no unit yet, is dropped. */
  async [Symbol.asyncDispose](): Promise<void> {
    using _lock = this.#lock;
    await this.#pruner?.[Symbol.asyncDispose]();
  }

  begin(): Promise<SnapshotSink> {
    return Promise.reject(new NotForVaults("back up into it directly"));
  }

  #assertMayStore(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
  }

  async receive(root: Uint8Array<ArrayBuffer>): Promise<VaultReceiver> {
    this.#assertMayStore();
    await this.#parts.index.refresh();
    return new VaultReceiver(this.#parts, root);
  }

  async forget(ids: readonly RootId[]): Promise<readonly RootId[]> {
    const removed: RootId[] = [];
    for (const id of ids) if (await this.#parts.roots.remove(id)) removed.push(id);
    return removed;
  }

  /** Fields that this version doesn't know stay. A crash in between leaves both roots: the newer one counts. */
  async replaceRoot(id: RootId, { tags }: Pick<Root, "tags">): Promise<RootId | undefined> {
    this.#assertMayStore();
    const { roots } = this.#parts, former = await roots.find(id);
    if (former === undefined) return undefined;
    const fields = fieldsOf(parseJson(new TextDecoder().decode(former.bytes)));
    const text = `${JSON.stringify({ ...fields, tags, replaces: id }, undefined, 2)}\n`;
    const bytes = new TextEncoder().encode(text), renewed = rootIdOf(hash("sha256", bytes));
    await roots.put({ id: renewed, bytes, root: parseRoot(bytes) });
    await roots.remove(id);
    return renewed;
  }

  /** Takes the lease, until this is disposed or something else is planned. @throws VaultBusy, AppendOnly, NeededMissing, UnknownReferences */
  async planRemoval(request: RemovalRequest, monitor: Monitor): Promise<RemovalPlan> {
    if (this.#refusal !== undefined) throw this.#refusal;
    await this.#pruner?.[Symbol.asyncDispose]();
    const pruner = this.#pruner = this.#newPruner(request, monitor);
    return {
      summary: await pruner.plan(),
      execute: (monitor, signal) => pruner.execute(monitor, signal),
    };
  }

  async recordVerified(items: Iterable<VerifiedItem>, atMs: number): Promise<void> {
    await this.#changeCatalog((catalog) => catalog.recordVerified(items, atMs));
  }

  setPolicy(): Promise<void> {
    return Promise.reject(new NotForVaults("keep a policy"));
  }
}
