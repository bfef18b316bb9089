/**
 * Creates a storage from what a salvage has found: every snapshot whose root exists, with all of its files that do.
 * What belongs to no snapshot becomes one of its own, so that nothing is lost.
 */
import type { HunkId, RootId } from "../../core/content_id.ts";
import type { Entry } from "../../core/entry.ts";
import { Fault } from "../../core/fault.ts";
import { countingProblems, type Monitor } from "../../core/monitor.ts";
import { type Raw, rawOf, textOf } from "../../core/raw.ts";
import { Yielder } from "../../core/yielding.ts";
import type { Dir, Disk } from "../../platform/disk.ts";
import type { Machine } from "../../platform/machine.ts";
import { unlessNoDirectory } from "../../platform/open_optional.ts";
import type { HunkRef } from "../../snapshot/hunk.ts";
import { entriesOf, linesOf } from "../../snapshot/manifest.ts";
import { encodeRoot, parseRoot, type Root, type Totals } from "../../snapshot/root.ts";
import type { SnapshotReceiver } from "../../snapshot/snapshot_sink.ts";
import { initStorage } from "../../storage/layout/init.ts";
import { NoStorage, StorageExists } from "../../storage/layout/faults.ts";
import { openStorage, type Storage } from "../../storage/storage.ts";
import type { Writer } from "../../storage/writer.ts";
import { FileTree } from "../../vault/salvage/file_tree.ts";
import { heapAt } from "../../vault/salvage/heap.ts";
import { contentOfList, isPiece } from "../../vault/salvage/parts.ts";
import type { SalvageReport } from "../../vault/salvage/salvage.ts";
import { backup } from "../backup/backup.ts";
import type { SalvageRequest } from "./salvage_request.ts";

export interface SalvagedSnapshot {
  /** Id in the storage: that of its root, unless a part of its manifest is lost. */
  readonly id: RootId;
  /** Former id. */
  readonly found: RootId;
  /** True if only a copy of its root was found, so that nobody knows whether it was finished, or forgotten later. */
  readonly isCopy: boolean;
  readonly host: string;
  readonly name: string;
  /** ISO 8601 in UTC. */
  readonly time: string;
  readonly files: number;
  /** Number of files whose content is lost, and some of their paths. */
  readonly missingFiles: number;
  readonly missingPaths: readonly string[];
  /** Number of entries of which nothing is known. */
  readonly missingEntries: number;
}

export interface SalvagedStorage {
  readonly snapshots: readonly SalvagedSnapshot[];
  /** Roots without any hunk of their manifests. */
  readonly emptyRoots: readonly RootId[];
  /** Number of files that belong to no snapshot, and the snapshot that contains them now. */
  readonly otherFiles: number;
  readonly otherSnapshot: RootId | undefined;
  /** True if the storage contains everything that was found. */
  readonly isWhole: boolean;
}

const HEX_SPLIT = [2], SERIES_OF_OTHERS = "salvaged";
const SHOWN_PATHS = 100;
const DIGEST_DIGITS = 64;

type Found = Pick<SalvageReport, "roots" | "where" | "twins" | "spare">;

/** What of a hunk's files could be stored. */
interface StoredHunk extends Pick<Totals, "files" | "dirs" | "bytes"> {
  readonly missing: readonly string[];
}

export class StorageSalvage {
  readonly #machine: Machine;
  readonly #request: SalvageRequest;
  readonly #monitor: Monitor;
  readonly #work: Raw;

  /**
   * @param work directory for everything that is found; if it exists, an interrupted run is continued
   * @throws StorageExists
   */
  constructor(machine: Machine, request: SalvageRequest, monitor: Monitor, work: Raw) {
    this.#machine = machine;
    this.#request = request;
    this.#monitor = monitor;
    this.#work = work;
    const [before, target] = [work, request.target].map((path) => namesIn(machine.disk, path));
    if (before === undefined && (target ?? []).length > 0) {
      throw new StorageExists(request.target, "the directory is not empty");
    }
  }

  /** Creates the storage. Stored data is removed from where it was found. */
  async take(found: Found): Promise<SalvagedStorage> {
    const work = this.#work;
    using storage = this.#openStorage();
    using directory = this.#machine.disk.openDir(work);
    const tree = new FileTree(directory);
    let taken: Pick<SalvagedStorage, "snapshots" | "emptyRoots">;
    {
      using writer = storage.write("salvage");
      const pace = new Yielder(this.#machine.clock, this.#request.signal);
      const run = new SnapshotsOf(tree, found, { writer, monitor: this.#monitor, pace });
      taken = await run.take();
      for (const name of run.storedNames()) tree.remove(name);
    }
    const otherFiles = [...heapAt(this.#machine.disk, work)].length;
    showOwn(directory);
    if (otherFiles === 0) return { ...taken, otherFiles, otherSnapshot: undefined, isWhole: true };
    let problems = 0;
    const monitor = countingProblems(this.#monitor, () => problems++);
    const { id } = await backup(storage, this.#requestFor(work), monitor);
    return { ...taken, otherFiles, otherSnapshot: id, isWhole: problems === 0 };
  }

  #openStorage(): Storage {
    const { target } = this.#request;
    try {
      return openStorage(this.#machine, target, this.#monitor);
    } catch (error) {
      if (!(error instanceof NoStorage)) throw error;
    }
    initStorage(this.#machine, target, { algorithm: "sha256", hexSplit: HEX_SPLIT });
    return openStorage(this.#machine, target, this.#monitor);
  }

  #requestFor(work: Raw): Parameters<typeof backup>[1] {
    const { host, user, workers, signal } = this.#request;
    return {
      sources: [work],
      name: SERIES_OF_OTHERS,
      tags: [],
      excludes: [],
      ignoreFiles: false,
      oneFileSystem: false,
      excludeCaches: false,
      largestBytes: undefined,
      tree: false,
      host,
      user,
      workers,
      signal,
    };
  }
}

/** Lists of files that belong to no snapshot: what has that name, no backup takes. */
function showOwn(work: Dir): void {
  const own = rawOf(".backup-tool"), shown = rawOf("backup-tool");
  if (work.stat(own) !== undefined && work.stat(shown) === undefined) work.rename(own, work, shown);
}

/** What the root of a new file system may hold. */
const LOST_AND_FOUND = "lost+found";

/** Undefined if there is no such directory. */
function namesIn(disk: Disk, path: Raw): readonly Raw[] | undefined {
  using directory = unlessNoDirectory(() => disk.openDir(path));
  return directory?.list().names.filter((name) => name !== LOST_AND_FOUND);
}

interface Ends {
  readonly writer: Writer;
  readonly monitor: Monitor;
  readonly pace: Yielder;
}

class SnapshotsOf {
  readonly #tree: FileTree;
  readonly #found: Found;
  readonly #ends: Ends;
  readonly #hunks = new Map<HunkId, StoredHunk | undefined>();
  /** Digests of what is in the storage now. */
  readonly #stored = new Set<string>();

  constructor(tree: FileTree, found: Found, ends: Ends) {
    this.#tree = tree;
    this.#found = found;
    this.#ends = ends;
  }

  async take(): Promise<Pick<SalvagedStorage, "snapshots" | "emptyRoots">> {
    const snapshots: SalvagedSnapshot[] = [], emptyRoots: RootId[] = [];
    for (const { id, isCopy } of this.#found.roots) {
      const taken = await this.#snapshot(id);
      if (taken === undefined) emptyRoots.push(id);
      else snapshots.push({ ...taken, found: id, isCopy });
    }
    snapshots.sort((a, b) => a.time < b.time ? -1 : 1);
    return { snapshots, emptyRoots };
  }

  /** Names in the tree of everything that was stored, and of what only helped to find it. */
  storedNames(): Raw[] {
    const { where, twins, spare } = this.#found, spareNames = new Set(spare);
    const named = [...Array.from(where, ([digest, name]) => ({ digest, name })), ...twins];
    const spareDigests = new Set(named.filter(({ name }) => spareNames.has(name)).map(({ digest }) => digest));
    const isStored = ({ digest, name }: { readonly digest: string; readonly name: Raw }) =>
      this.#stored.has(digest) || (spareDigests.has(digest) && isPiece(name)) || this.#isListOfStored(name);
    return named.filter(isStored).map(({ name }) => name);
  }

  #isListOfStored(name: Raw): boolean {
    const content = contentOfList(name);
    return content !== undefined && this.#stored.has(content);
  }

  async #snapshot(id: RootId): Promise<Omit<SalvagedSnapshot, "found" | "isCopy"> | undefined> {
    const bytes = this.#bytesOf(id), root = bytes && parseRoot(bytes);
    if (bytes === undefined || root === undefined || root.storage.algorithm !== "sha256") return undefined;
    const { writer } = this.#ends;
    {
      await using receiver = writer.receive(bytes);
      for (const hunk of root.hunks) if (!this.#hunks.has(hunk.id)) await this.#takeHunk(hunk, receiver);
    }
    const there = root.hunks.filter((hunk) => this.#hunks.get(hunk.id) !== undefined);
    if (there.length === 0 && root.hunks.length > 0) return undefined;
    const isWhole = there.length === root.hunks.length, stored = there.flatMap(({ id }) => this.#hunks.get(id) ?? []);
    const final = isWhole ? bytes : remade(root, there, stored);
    await using receiver = writer.receive(final);
    const made = await receiver.commit([]);
    this.#stored.add(digestIn(id));
    return { id: made, ...factsOf(root, there, stored) };
  }

  /** Stores a hunk with all its contents that are there. */
  async #takeHunk(hunk: HunkRef, receiver: SnapshotReceiver): Promise<void> {
    const bytes = this.#bytesOf(hunk.id);
    try {
      this.#hunks.set(hunk.id, bytes && await this.#takeFiles(hunk, bytes, receiver));
      if (bytes === undefined) return;
      await receiver.checkpoint([{ ref: hunk, bytes }]);
      this.#stored.add(digestIn(hunk.id));
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== "damaged-manifest") throw error;
      this.#hunks.set(hunk.id, undefined); // whole, but nothing that this program can read
    }
  }

  async #takeFiles(hunk: HunkRef, bytes: Uint8Array<ArrayBuffer>, receiver: SnapshotReceiver): Promise<StoredHunk> {
    const { monitor, pace } = this.#ends, missing: string[] = [];
    let files = 0, dirs = 0, size = 0;
    for (const entry of entriesOf(linesOf(bytes, hunk), hunk)) {
      await pace.yieldIfDue();
      if (entry.kind === "dir") dirs++;
      if (entry.content === undefined) continue;
      files++;
      size += entry.size;
      monitor.current(textOf(entry.path));
      if (await this.#takeFile(entry, receiver)) monitor.count("storedItems");
      else missing.push(textOf(entry.path));
    }
    return { files, dirs, bytes: size, missing };
  }

  async #takeFile(entry: Entry, receiver: SnapshotReceiver): Promise<boolean> {
    const { content } = entry, name = content && this.#found.where.get(content);
    if (content === undefined || name === undefined) return false;
    await receiver.add([{ content, entry, open: () => this.#tree.read(name) }]);
    this.#stored.add(content);
    return true;
  }

  /** Of a root or hunk. */
  #bytesOf(id: RootId | HunkId): Uint8Array<ArrayBuffer> | undefined {
    const name = this.#found.where.get(digestIn(id));
    if (name === undefined) return undefined;
    const pieces = Array.from(this.#tree.read(name), (piece) => piece.slice());
    const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }
}

function digestIn(id: string): string {
  return id.slice(0, DIGEST_DIGITS);
}

/** A root for what is left of a list of files. */
function remade(root: Root, hunks: readonly HunkRef[], stored: readonly StoredHunk[]): Uint8Array<ArrayBuffer> {
  const entries = hunks.reduce((sum, { count }) => sum + count, 0), { problems } = root.totals;
  const sum = (field: "files" | "dirs" | "bytes") => stored.reduce((total, each) => total + each[field], 0);
  const totals = { entries, files: sum("files"), dirs: sum("dirs"), bytes: sum("bytes"), problems };
  return new TextEncoder().encode(encodeRoot({ ...root, hunks, totals, recovered: true, complete: false }));
}

function factsOf(
  { host, name, start, totals }: Root,
  hunks: readonly HunkRef[],
  stored: readonly StoredHunk[],
): Omit<SalvagedSnapshot, "id" | "found" | "isCopy"> {
  const missing = stored.flatMap(({ missing }) => missing);
  const entries = hunks.reduce((sum, { count }) => sum + count, 0);
  return {
    host,
    name,
    time: start,
    files: stored.reduce((sum, { files }) => sum + files, 0),
    missingFiles: missing.length,
    missingPaths: missing.slice(0, SHOWN_PATHS),
    missingEntries: Math.max(0, totals.entries - entries),
  };
}
