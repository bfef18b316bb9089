/**
 * Repairs damaged or missing data from other copies: trees, the files that were backed up, other storages. What nothing
 * can repair is put into quarantine and named, with every path of every snapshot that needs it.
 *
 * Roots and hunks can also be rebuilt from the catalog and from other snapshots: see {@link recoverRoot} and {@link
 * recoverLines}.
 *
 * Roots come first, then hunks, then contents, because each lists what is needed of the next. A root that can't be
 * repaired stays where it is: it keeps `prune` from removing what only that snapshot needs.
 */
import { shortId } from "../../core/short_id.ts";
import type { HunkId, RootId } from "../../core/content_id.ts";
import { Fault, unlessFault } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { type Raw, rawOf, textOf } from "../../core/raw.ts";
import { Yielder } from "../../core/yielding.ts";
import { becomeWriter } from "../become_writer.ts";
import { check } from "../check/check.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import type { HunkRef } from "../../snapshot/hunk.ts";
import { linesOf } from "../../snapshot/manifest.ts";
import { NewerFormat } from "../../snapshot/origin.ts";
import type { Repository } from "../../snapshot/repository.ts";
import {
  type AffectedPath,
  type DamagedFile,
  findAffected,
  findDamagedHunks,
  HunkReferences,
} from "../../storage/repair/affected_paths.ts";
import { ContentRepairer, type SnapshotPlaces } from "../../storage/repair/content_repairer.ts";
import { type ReadableSnapshot, readableSnapshots, recoverLines } from "../../storage/recovery/recover_hunk.ts";
import { findRecoverable, recoverRoot } from "../../storage/recovery/recover_root.ts";
import { RepairSource } from "../../storage/repair/repair_source.ts";
import { Storage } from "../../storage/storage.ts";
import { quarantineItem, treeOf } from "../../storage/repair/repair_places.ts";
import type { Writer } from "../../storage/writer.ts";
import { RemoteCopies } from "./remote_copies.ts";
import type { Repaired, RepairResult } from "./repaired.ts";

export interface RepairRequest {
  /**
   * Read every byte first, to find all damage. Otherwise, only data that is missing or has a wrong size, and earlier
   * findings of checks, are repaired.
   */
  readonly readData: boolean;
  /** Repositories that may contain copies. They are only read. */
  readonly from: readonly Repository[];
  /** Absolute paths of directories that may contain the files. */
  readonly directories?: readonly Raw[];
  /** Only report what would be done. Takes no lock. */
  readonly dryRun: boolean;
  readonly workers: number;
  readonly signal: AbortSignal;
}

/** Repairs a storage. @throws Locked, Interrupted, DiskFault of the storage */
export async function repair(
  storage: Storage,
  request: RepairRequest,
  tell: (repaired: Repaired) => void,
  monitor: Monitor,
): Promise<RepairResult> {
  await using run = new RepairRun(storage, request, tell, monitor);
  await run.manifests();
  await run.contents();
  return run.result;
}

class RepairRun implements AsyncDisposable {
  readonly #storage: Storage;
  readonly #request: RepairRequest;
  readonly #tell: (repaired: Repaired) => void;
  readonly #monitor: Monitor;
  readonly #pace: Yielder;
  readonly #others: readonly RepairSource[];
  readonly #remotes: RemoteCopies;
  #healed = 0;
  #lost = 0;

  constructor(storage: Storage, request: RepairRequest, tell: (repaired: Repaired) => void, monitor: Monitor) {
    this.#storage = storage;
    this.#request = request;
    this.#tell = tell;
    this.#monitor = monitor;
    this.#pace = new Yielder(storage.machine.clock, request.signal);
    const storages = request.from.filter((other) => other instanceof Storage);
    this.#others = storages.map((other) => new RepairSource(other));
    const remotes = request.from.filter((other) => !(other instanceof Storage));
    this.#remotes = new RemoteCopies(storage, remotes, request.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const other of this.#others) other[Symbol.dispose]();
    await this.#remotes[Symbol.asyncDispose]();
  }

  get result(): RepairResult {
    return { damaged: this.#healed + this.#lost, healed: this.#healed, lost: this.#lost };
  }

  /** Repairs roots and hunks. */
  async manifests(): Promise<void> {
    this.#monitor.phase("reading manifests");
    using writer = this.#request.dryRun ? undefined : await becomeWriter(this.#storage, "repair");
    this.#takeBackVanished(writer !== undefined);
    let isChanged = false;
    for (const id of this.#storage.listing.rootIds()) isChanged = await this.#healRoot(id, writer) || isChanged;
    const replaced = new Map<HunkId, HunkRef>();
    for (const { hunk, what, snapshots } of await findDamagedHunks(this.#storage, this.#users(), this.#pace)) {
      const from = await this.#healObject(hunk.id) ?? this.#recover(hunk, snapshots, replaced);
      this.#note({ kind: "hunk", id: hunk.id, what, from, affected: [{ path: rangeText(hunk), snapshots }] });
    }
    if (writer === undefined) return;
    if (replaced.size > 0) await this.#replaceHunks(replaced, writer);
    if (replaced.size > 0 || isChanged) writer.rebuildCatalog();
  }

  /** Snapshots of which only trees are left: whoever opens the catalog for writing gives back those that it knows. */
  #takeBackVanished(isWriter: boolean): void {
    const storage = this.#storage, vanished = storage.strayTrees(isWriter);
    if (vanished.length === 0) return;
    if (isWriter) storage.catalog();
    const left = new Set(isWriter ? storage.strayTrees(isWriter) : vanished);
    // The catalog as it is: nobody may change it now.
    if (!isWriter) { for (const one of storage.cachedSnapshots()) left.delete(treeOf(storage, one) ?? ""); }
    for (const id of vanished) {
      const from = left.has(id) ? undefined : "the catalog";
      this.#note({ kind: "root", id, what: "only its tree is left", from, affected: [] });
    }
  }

  /** From what the catalog and other snapshots say of its paths. @param replaced gets a hunk that takes its place */
  #recover(hunk: HunkRef, users: readonly RootId[], replaced: Map<HunkId, HunkRef>): string | undefined {
    const options = { catalog: this.#storage.catalog(), snapshots: this.#manifests(), users };
    const lines = unlessFault(() => recoverLines(hunk, options), undefined);
    if (lines === undefined) return undefined;
    if (this.#request.dryRun) return "the catalog";
    const { manifests: objects } = this.#storage;
    if (objects.remakeHunk(hunk.id, lines)) return "other snapshots";
    quarantineItem(this.#storage, hunk.id);
    replaced.set(hunk.id, objects.writeHunk(hunk.first, lines).ref);
    return "the catalog";
  }

  /** Snapshots can't be changed: they are rebuilt, with another id. */
  async #replaceHunks(replaced: ReadonlyMap<HunkId, HunkRef>, writer: Writer): Promise<void> {
    for (const { id, manifest: { root } } of this.#manifests()) {
      if (!root.hunks.some((hunk) => replaced.has(hunk.id))) continue;
      const hunks = root.hunks.map((hunk) => replaced.get(hunk.id) ?? hunk);
      this.#tellRemade(id, await writer.checkpoint({ ...root, recovered: true, hunks }, id));
    }
  }

  #tellRemade(id: RootId, made: RootId): void {
    this.#monitor.notice(`The snapshot ${shortId(id)} was rebuilt as ${shortId(made)}`);
  }

  /** @returns true if it can be read again, or there is a new one in its place: the catalog doesn't know either */
  async #healRoot(id: RootId, writer: Writer | undefined): Promise<boolean> {
    try {
      this.#storage.manifests.readRoot(id);
      return false;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      // What a newer program made is not for this one to repair.
      if (error instanceof NewerFormat) return false;
      const copy = await this.#healObject(id);
      const isRemade = copy === undefined && await this.#remakeRoot(id, writer);
      const from = isRemade ? "the catalog" : copy;
      this.#note({ kind: "root", id, what: error.message, from, affected: [] });
      return from !== undefined;
    }
  }

  async #remakeRoot(id: RootId, writer: Writer | undefined): Promise<boolean> {
    const storage = this.#storage, catalog = storage.catalog();
    const found = findRecoverable(catalog, id);
    if (found === undefined || writer === undefined) return found !== undefined;
    const snapshots = this.#manifests();
    const root = recoverRoot(found, { storage, catalog, snapshots, monitor: this.#monitor });
    this.#tellRemade(id, await writer.checkpoint(root, undefined));
    quarantineItem(storage, id);
    return true;
  }

  async #healObject(id: Parameters<RepairSource["object"]>[0]): Promise<string | undefined> {
    for (const other of this.#others) {
      const bytes = other.object(id);
      if (bytes !== undefined && this.#putBack(id, bytes)) return other.path;
    }
    const found = await this.#remotes.object(id);
    return found !== undefined && this.#putBack(id, found.bytes) ? found.from : undefined;
  }

  /** @returns false if the other one has another checksum */
  #putBack(id: Parameters<RepairSource["object"]>[0], bytes: Uint8Array<ArrayBuffer>): boolean {
    try {
      if (!this.#request.dryRun) this.#storage.manifests.putBack(id, bytes);
      return true;
    } catch (error) {
      if (error instanceof DamagedContent) return false;
      throw error;
    }
  }

  /** Repairs contents that snapshots need. */
  async contents(): Promise<void> {
    const suspects = await this.#suspects();
    if (suspects.size === 0) return;
    using writer = this.#request.dryRun ? undefined : await becomeWriter(this.#storage, "repair");
    const users = this.#users();
    const files = await findAffected(users, suspects, { linesOf: (hunk) => this.#linesOf(hunk), pace: this.#pace });
    for (const other of this.#others) other.expect(files);
    using healer = new ContentRepairer(this.#storage, {
      snapshots: this.#places(),
      others: this.#others,
      directories: this.#request.directories ?? [],
      heals: !this.#request.dryRun,
    });
    const states: { id: string; state: "ok" | "damaged" }[] = [];
    for (const file of files) {
      await this.#pace.yieldIfDue();
      states.push({ id: file.id, state: await this.#healContent(file, healer) ? "ok" : "damaged" });
    }
    if (writer === undefined) return;
    this.#monitor.phase("making it durable");
    await this.#storage.dir.syncFileSystem();
    writer.recordVerified(states, this.#storage.machine.clock.nowMs());
  }

  /** Contents that a check complains about, now or earlier. */
  async #suspects(): Promise<Set<string>> {
    const { readData, workers, signal, dryRun: onlyLooks } = this.#request;
    const suspects = new Set<string>();
    const request = { readData, onlyLooks, workers, signal };
    await check(this.#storage, request, ({ where }) => suspects.add(where), this.#monitor);
    for (const id of this.#storage.damaged()) suspects.add(id);
    return suspects;
  }

  /** @returns true if it is whole now */
  async #healContent(file: DamagedFile, healer: ContentRepairer): Promise<boolean> {
    const what = healer.diagnose(file);
    if (what === undefined) return true;
    this.#monitor.current(`looking for a copy of ${textOf(file.affected[0]!.path)}`);
    const from = healer.heal(file) ?? await this.#remotes.heal(file, healer, !this.#request.dryRun);
    for (const place of healer.takeAside()) this.#monitor.notice(`What had the place of a content is now in ${place}`);
    this.#note({ kind: "content", id: file.id, what, from, affected: file.affected.map(toText) });
    return from !== undefined;
  }

  #note(found: Omit<Repaired, "quarantine">): void {
    if (found.from !== undefined) this.#healed++;
    else this.#lost++;
    const moves = found.from === undefined && !this.#request.dryRun && found.kind !== "root";
    const place = moves ? quarantineItem(this.#storage, found.id) : undefined;
    this.#tell({ ...found, quarantine: place });
  }

  #linesOf(hunk: HunkRef): readonly string[] {
    return linesOf(this.#storage.manifests.read(hunk.id), hunk);
  }

  #users(): HunkReferences {
    return new HunkReferences(this.#manifests());
  }

  /** Of all snapshots that can be read, newest first. */
  #manifests(): ReadableSnapshot[] {
    return readableSnapshots(this.#storage);
  }

  #places(): Map<RootId, SnapshotPlaces> {
    const known = new Map(this.#storage.snapshots().map((snapshot) => [snapshot.id, snapshot]));
    return new Map(
      this.#manifests().map(({ id, manifest }) => {
        const snapshot = known.get(id);
        const tree = snapshot === undefined ? undefined : treeOf(this.#storage, snapshot);
        return [id, { sources: manifest.root.sources, tree: tree === undefined ? undefined : rawOf(tree) }];
      }),
    );
  }
}

function toText({ path, snapshots }: AffectedPath): Repaired["affected"][number] {
  return { path: textOf(path), snapshots };
}

/** "/photos/a.jpg and 1023 entries after it" */
function rangeText({ first, count }: HunkRef): string {
  return count > 1 ? `${textOf(first)} and ${count - 1} entries after it` : textOf(first);
}
