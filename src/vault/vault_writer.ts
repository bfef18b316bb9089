/** Changes a vault. Many writers may work at once, on many machines: each only adds objects, or removes roots. */
import { hash } from "node:crypto";
import type { Apath } from "../core/apath.ts";
import { type HunkId, hunkIdOf, type RootId, rootIdOf } from "../core/content_id.ts";
import type { Fault } from "../core/fault.ts";
import { textOf } from "../core/raw.ts";
import { encodeHunk, type HunkRef } from "../snapshot/hunk.ts";
import { type LabelChanges, parseRoot } from "../snapshot/root.ts";
import { fieldsOf, parseJson } from "../core/json.ts";
import type { Monitor } from "../core/monitor.ts";
import type { WorkOptions } from "../core/work.ts";
import type { RemovalPlan, RemovalRequest, RepositoryWriter, Rewriting, VerifiedItem } from "../snapshot/repository.ts";
import type { Machine } from "../platform/machine.ts";
import type { HunkWithBytes, SinkRequest, SnapshotSource } from "../snapshot/snapshot_sink.ts";
import { NotForVaults } from "./format/faults.ts";
import type { Pruner } from "./prune/pruner.ts";
import { VaultRepairer } from "./repair/vault_repairer.ts";
import type { RootStore } from "./store/root_store.ts";
import { type ContentNotes, VaultSink } from "./backup/vault_sink.ts";
import { type ChangeOfCatalog, notingVerified } from "./store/vault_catalog.ts";
import { LocalPacker } from "./write/local_packer.ts";
import { PackThreads } from "./write/pack_threads.ts";
import { ReceivedPacker } from "./write/received_packer.ts";
import { VaultReceiver } from "./write/receiver.ts";
import { type RunOptions, type RunParts, RunStore } from "./write/run_store.ts";

export interface WriterVault extends RunParts {
  readonly roots: RootStore;
  readonly machine: Machine;
  readonly notes: ContentNotes;
  readonly pruner: NewPruner;
  readonly changeCatalog: (action: ChangeOfCatalog) => Promise<void>;
  /** Lock that is held until the writer is disposed. */
  readonly lock: Disposable;
}

export interface WriterOptions extends Omit<RunOptions, "disk"> {
  /** Reason why nothing may be stored; undefined if storing is allowed. */
  readonly refusal: Fault | undefined;
}

/** No threads. */
const ALONE: WorkOptions = { workers: 0, signal: new AbortController().signal };

export type NewPruner = (request: RemovalRequest, monitor: Monitor) => Pruner;

export class VaultWriter implements RepositoryWriter {
  readonly #vault: WriterVault;
  readonly #refusal: Fault | undefined;
  readonly #store: RunStore;
  readonly #local: LocalPacker;
  readonly #keptHunks: Disposable;
  #pruner: Pruner | undefined;
  #received: { readonly threads: PackThreads; readonly packer: ReceivedPacker } | undefined;

  constructor(vault: WriterVault, { refusal, ...options }: WriterOptions) {
    this.#vault = vault;
    this.#keptHunks = vault.roots.keepHunks();
    this.#refusal = refusal;
    this.#store = new RunStore(vault, { ...options, disk: vault.machine.disk });
    this.#local = new LocalPacker(this.#store);
  }

  /** Drops what was packed and is not in a unit yet. */
  async [Symbol.asyncDispose](): Promise<void> {
    using _lock = this.#vault.lock;
    using _kept = this.#keptHunks;
    await this.#pruner?.[Symbol.asyncDispose]();
    await this.#received?.threads[Symbol.asyncDispose]();
    this.#local[Symbol.dispose]();
    await this.#store[Symbol.asyncDispose]();
  }

  async begin(request: SinkRequest, monitor: Monitor): Promise<VaultSink> {
    this.#assertMayStore();
    const { index, roots, machine, notes } = this.#vault;
    index.doWithoutTails();
    return await VaultSink.begin({ store: this.#store, roots, machine, notes }, request, monitor);
  }

  #assertMayStore(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
  }

  async receive(
    root: Uint8Array<ArrayBuffer>,
    source?: SnapshotSource,
    work: WorkOptions = ALONE,
  ): Promise<VaultReceiver> {
    this.#assertMayStore();
    const { index, roots } = this.#vault, store = this.#store;
    index.doWithoutTails();
    await store.catchUp();
    const hunks = store.hasDoubtful ? [] : await hunksOf(roots);
    const { threads, packer } = this.#received ??= this.#beginReceiving(work);
    const finish = async () => {
      await threads.finish();
      await this.#local.finish();
    };
    return new VaultReceiver({ store, roots, packer, finish, hunks: new Set(hunks) }, root, source);
  }

  /** All received snapshots share the threads. */
  #beginReceiving(work: WorkOptions): { readonly threads: PackThreads; readonly packer: ReceivedPacker } {
    const store = this.#store, { machine } = this.#vault;
    const threads = new PackThreads(store, { ...work, machine, ratios: new Map() });
    return { threads, packer: new ReceivedPacker(threads, store) };
  }

  /** Begins a repair. The repairer holds the lease until it is disposed. @throws VaultBusy, NewerObject */
  async repairer(): Promise<VaultRepairer> {
    this.#assertMayStore();
    const { roots, machine: { clock } } = this.#vault;
    return await VaultRepairer.begin({ store: this.#store, local: this.#local, roots, clock });
  }

  async forget(ids: readonly RootId[]): Promise<readonly RootId[]> {
    const removed: RootId[] = [];
    for (const id of ids) if (await this.#vault.roots.remove(id)) removed.push(id);
    return removed;
  }

  /**
   * Replaces a root and keeps fields that this version doesn't know. A crash in between leaves both roots; the newer
   * one counts.
   */
  async replaceRoot(id: RootId, changes: LabelChanges): Promise<RootId | undefined> {
    this.#assertMayStore();
    const { roots } = this.#vault, former = await roots.find(id);
    if (former === undefined) return undefined;
    const { formerly: _, ...fields } = fieldsOf(parseJson(new TextDecoder().decode(former.bytes)));
    const bytes = rootBytes({ ...fields, ...changes, replaces: id }), renewed = rootIdOf(hash("sha256", bytes));
    await roots.put({ id: renewed, bytes, root: parseRoot(bytes) });
    await roots.remove(id);
    return renewed;
  }

  /** Rewrites a snapshot, as {@link replaceRoot}. What the new root needs is checked as for any new snapshot. */
  async rewrite(id: RootId, { changes, entries }: Rewriting): Promise<RootId | undefined> {
    this.#assertMayStore();
    const { roots } = this.#vault, former = await roots.find(id);
    if (former === undefined) return undefined;
    const { start, host, name } = former.root, hunks: HunkWithBytes[] = [];
    const rewritten = await entries?.({ addHunk: (first, lines) => addedTo(hunks, first, lines) });
    const fields = fieldsOf(parseJson(new TextDecoder().decode(former.bytes)));
    const manifest = rewritten && {
      tree: null,
      totals: rewritten.totals,
      hunks: rewritten.hunks.map((hunk) => ({ ...hunk, first: textOf(hunk.first) })),
    };
    const root = { ...fields, ...changes, ...manifest, replaces: id, formerly: { start, host, name } };
    await using receiver = await this.receive(rootBytes(root));
    const renewed = await receiver.commit(hunks);
    await roots.remove(id);
    return renewed;
  }

  /**
   * Plans a prune. Holds the lease until this is disposed or another plan is made. @throws VaultBusy, AppendOnly,
   * NeededMissing, UnknownReferences
   */
  async planRemoval(request: RemovalRequest, monitor: Monitor): Promise<RemovalPlan> {
    if (this.#refusal !== undefined) throw this.#refusal;
    await this.#pruner?.[Symbol.asyncDispose]();
    const pruner = this.#pruner = this.#vault.pruner(request, monitor);
    return {
      summary: await pruner.plan(),
      execute: (monitor, signal) => pruner.execute(monitor, signal),
    };
  }

  async recordVerified(items: Iterable<VerifiedItem>, atMs: number): Promise<void> {
    await this.#vault.changeCatalog(notingVerified(items, atMs));
  }

  setPolicy(): Promise<void> {
    return Promise.reject(new NotForVaults("keep a policy"));
  }
}

function rootBytes(fields: object): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${JSON.stringify(fields, undefined, 2)}\n`);
}

/** Adds a hunk to the list, to be stored once all are known. */
function addedTo(hunks: HunkWithBytes[], first: Apath, lines: readonly string[]): { ref: HunkRef; newBytes: number } {
  const bytes = encodeHunk(lines), ref = { first, count: lines.length, id: hunkIdOf(hash("sha256", bytes)) };
  hunks.push({ ref, bytes });
  return { ref, newBytes: bytes.length };
}

async function hunksOf(roots: RootStore): Promise<Iterable<HunkId>> {
  const hunks = new Set<HunkId>();
  for (const { id } of await roots.heads()) {
    for (const hunk of (await roots.find(id))?.root.hunks ?? []) hunks.add(hunk.id);
  }
  return hunks;
}
