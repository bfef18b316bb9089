/** A repository in memory: the plainest that keeps the promises of the seam, for tests of what stands on it. */
import type { Apath } from "../../src/core/apath.ts";
import { type ContentId, type HunkId, hunkIdOf, type RootId, rootIdOf } from "../../src/core/content_id.ts";
import { type Algorithm, hashBytes } from "../../src/core/digest.ts";
import { Fault, Interrupted } from "../../src/core/fault.ts";
import type { Monitor } from "../../src/core/monitor.ts";
import type { Policy } from "../../src/core/policy.ts";
import { rawOf } from "../../src/core/raw.ts";
import { atOnce } from "../../src/core/steps.ts";
import { isInPart } from "../../src/core/subset.ts";
import type { BatchCost, WorkOptions } from "../../src/core/work.ts";
import type { OpenedRepository } from "../../src/operations/opened.ts";
import { Meter } from "../../src/platform/meter.ts";
import type { OwnPlaces } from "../../src/platform/own_places.ts";
import type { Machine } from "../../src/platform/machine.ts";
import { StopFlag } from "../../src/platform/stop_flag.ts";
import type { CatalogQueries, Ratios } from "../../src/snapshot/catalog_queries.ts";
import type { ExtractBatch, ExtractResult } from "../../src/snapshot/extract_batch.ts";
import { DamagedContent, NoSnapshot, OtherAlgorithm } from "../../src/snapshot/faults.ts";
import { encodeHunk, type HunkRef } from "../../src/snapshot/hunk.ts";
import { contentsOf } from "../../src/snapshot/hunk_contents.ts";
import { Manifest } from "../../src/snapshot/manifest.ts";
import type {
  ContentIndex,
  ContentReader,
  ObjectReport,
  RemovalPlan,
  RemovalRequest,
  RemovalSummary,
  Repository,
  RepositoryChecker,
  RepositoryUsage,
  RepositoryWriter,
  Rewriting,
  ScanReport,
  ScanRequest,
  VerifiedItem,
} from "../../src/snapshot/repository.ts";
import { encodeRoot, type LabelChanges, parseRoot, type Root } from "../../src/snapshot/root.ts";
import { infoOf, type SnapshotInfo } from "../../src/snapshot/snapshot_info.ts";
import type { HunkWithBytes, ReceivedFile, SinkRequest, SnapshotReceiver } from "../../src/snapshot/snapshot_sink.ts";
import { type VerifiedHunk, verifyHunk } from "../../src/snapshot/verify_hunk.ts";
import { Locked } from "../../src/storage/layout/faults.ts";
import { UnknownReferences } from "../../src/snapshot/faults.ts";
import { type ContentSource, FileWriter } from "../../src/target/file_writer.ts";
import { MemorySink } from "./memory_sink.ts";
import { ManifestQueries, type Verification, type WholeSnapshot } from "./manifest_queries.ts";

export type Bytes = Uint8Array<ArrayBuffer>;
/** What one is, by its id. */
export type ObjectKind = "content" | "hunk" | "root";

export interface MemoryOptions {
  readonly machine: Machine;
  readonly id: string;
  readonly algorithm: Algorithm;
}

/** Everything in it, by id. Bytes may be replaced by others, as damage does. */
export class MemoryRepository implements OpenedRepository {
  readonly location = "memory";
  readonly machine: Machine;
  readonly id: string;
  readonly algorithm: Algorithm;
  readonly contents = new Map<ContentId, Bytes>();
  readonly hunks = new Map<HunkId, Bytes>();
  readonly roots = new Map<RootId, Bytes>();
  readonly verifications = new Map<string, Verification>();
  ratios: Ratios = new Map();
  keptPolicy: Policy | undefined;
  /** What its writer says it does, while there is one. */
  holder: string | undefined;
  readonly #readers = new Map<RootId, number>();

  constructor({ machine, id, algorithm }: MemoryOptions) {
    this.machine = machine;
    this.id = id;
    this.algorithm = algorithm;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  /** Takes over snapshots that it doesn't have yet, with all they need. */
  async takeFrom(other: Repository): Promise<void> {
    await using reader = other.reader({ workers: 0, signal: new AbortController().signal });
    for (const id of await other.rootIds()) {
      if (this.roots.has(id)) continue;
      const bytes = await other.object(id);
      for (const hunk of parseRoot(bytes).hunks) await this.#takeHunk(hunk, other, reader);
      this.roots.set(id, bytes);
    }
    for (const id of this.rootIds()) if (!(await other.rootIds()).includes(id)) this.roots.delete(id);
  }

  async #takeHunk(hunk: HunkRef, other: Repository, reader: ContentReader): Promise<void> {
    const bytes = await other.object(hunk.id);
    for (const content of contentsOf(bytes, hunk) as ContentId[]) {
      if (this.contents.has(content)) continue;
      const chunks: Bytes[] = [];
      for await (const chunk of reader.read(content)) chunks.push(chunk.slice());
      this.contents.set(content, joined(chunks));
    }
    this.hunks.set(hunk.id, bytes);
  }

  cachedSnapshots(): SnapshotInfo[] {
    return this.snapshots();
  }

  snapshots(): SnapshotInfo[] {
    const readable = this.rootIds().flatMap((id) => {
      const root = unlessDamaged(() => this.root(id));
      return root === undefined ? [] : [infoOf(id, root)];
    });
    return readable.sort((a, b) => a.sequence - b.sequence || (a.time + a.id < b.time + b.id ? -1 : 1));
  }

  provenSnapshots(): SnapshotInfo[] {
    return this.snapshots();
  }

  rootIds(): RootId[] {
    return [...this.roots.keys()].sort();
  }

  /** @throws DamagedContent, DamagedManifest */
  root(id: RootId): Root {
    return parseRoot(this.object(id));
  }

  manifest(id: RootId): Manifest {
    return new Manifest((hunk) => this.object(hunk), this.root(id));
  }

  object(id: RootId | HunkId): Bytes {
    const bytes = this.#bytesOf(id);
    if (bytes === undefined) throw new DamagedContent(id, "it is missing");
    if (!this.isWhole(id, bytes)) throw new DamagedContent(id, "its bytes don't match its checksum");
    return bytes.slice();
  }

  isWhole(id: string, bytes: Bytes): boolean {
    return id.startsWith(hashBytes(this.algorithm, bytes));
  }

  #bytesOf(id: string): Bytes | undefined {
    return this.roots.get(id as RootId) ?? this.hunks.get(id as HunkId) ?? this.contents.get(id as ContentId);
  }

  /** Everything there is, in the order of ids. */
  objects(): { readonly id: string; readonly kind: ObjectKind; readonly bytes: Bytes }[] {
    const all = ([["content", this.contents], ["hunk", this.hunks], ["root", this.roots]] as const)
      .flatMap(([kind, objects]) => [...objects].map(([id, bytes]) => ({ id, kind, bytes })));
    return all.sort((a, b) => a.id < b.id ? -1 : 1);
  }

  lockForReading(id: RootId): Disposable {
    if (!this.roots.has(id)) throw new NoSnapshot(id);
    const count = (by: number) => void this.#readers.set(id, (this.#readers.get(id) ?? 0) + by);
    count(1);
    return { [Symbol.dispose]: () => count(-1) };
  }

  ownPlaces(): OwnPlaces {
    return NOWHERE;
  }

  isBeingRead(id: RootId): boolean {
    return (this.#readers.get(id) ?? 0) > 0;
  }

  query<T>(question: (catalog: CatalogQueries) => T): T {
    return question(new ManifestQueries(this.#wholeSnapshots(), this));
  }

  queryEach<T>(question: (catalog: CatalogQueries) => Iterable<T>): Iterable<T> {
    return this.query(question);
  }

  tempFor(): undefined {
    return undefined;
  }

  #wholeSnapshots(): WholeSnapshot[] {
    return this.snapshots().map((info) => ({
      info,
      entries: [...this.manifest(info.id).entries(undefined, () => {})],
    }));
  }

  reader({ signal }: WorkOptions): MemoryReader {
    return new MemoryReader(this, signal);
  }

  contentIndex(): ContentIndex {
    const { contents, verifications } = this;
    return {
      has: (id) => contents.has(id) && verifications.get(id)?.state !== "damaged",
      sizeOf: (id) => contents.get(id)?.length,
      hasSize: (bytes) => [...contents.values()].some(({ length }) => length === bytes),
      [Symbol.dispose]: () => {},
    };
  }

  checker(request: ScanRequest): MemoryChecker {
    return new MemoryChecker(this, request);
  }

  policy(): Policy | undefined {
    return this.keptPolicy;
  }

  usage(): Promise<RepositoryUsage> {
    const manifests = [...this.roots.values(), ...this.hunks.values()];
    return Promise.resolve({
      manifestItems: manifests.length,
      manifestBytes: manifests.reduce((sum, { length }) => sum + length, 0),
      contents: this.contents.size,
      freeBytes: undefined,
    });
  }

  hasWriter(): boolean {
    return this.holder !== undefined;
  }

  previewRemoval({ without = new Set() }: RemovalRequest): Promise<RemovalSummary> {
    return Promise.resolve().then(() => this.removable(without).summary);
  }

  /** What no snapshot needs. @throws UnknownReferences */
  removable(without: ReadonlySet<RootId>): { readonly ids: readonly string[]; readonly summary: RemovalSummary } {
    const kept = this.rootIds().filter((id) => !without.has(id)), needed = new Set<string>();
    const unreadable = new Map<string, string>();
    for (const id of kept) {
      try {
        for (const hunk of this.root(id).hunks) {
          needed.add(hunk.id);
          for (const content of contentsOf(this.object(hunk.id), hunk)) needed.add(content);
        }
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        unreadable.set(id, error.message);
      }
    }
    if (unreadable.size > 0) throw new UnknownReferences(unreadable);
    const objects = this.objects().filter(({ kind }) => kind !== "root");
    const unneeded = objects.filter(({ id }) => !needed.has(id));
    const contents = unneeded.filter(({ kind }) => kind === "content").length;
    const summary = {
      contents,
      hunks: unneeded.length - contents,
      bytes: unneeded.reduce((sum, { bytes }) => sum + bytes.length, 0),
      linkedContents: 0,
      leftovers: 0,
      leftoverBytes: 0,
      neededItems: objects.length - unneeded.length,
      snapshots: kept.length,
    };
    return { ids: unneeded.map(({ id }) => id), summary };
  }

  write(holder: string): MemoryWriter {
    if (this.holder !== undefined) throw new Locked(rawOf(this.location), this.holder);
    this.holder = holder;
    return new MemoryWriter(this);
  }
}

/** It takes no place in the file system. */
const NOWHERE: OwnPlaces = {
  addCopies: () => {},
  whyNotFound: () => undefined,
  whyNotListed: () => undefined,
  isOfStorage: () => false,
  around: () => undefined,
  heldBy: () => undefined,
  isPart: () => false,
};

function unlessDamaged<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

export function joined(chunks: readonly Bytes[]): Bytes {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** Larger contents come in several pieces. */
const CHUNK_BYTES = 64 * 1024;

class MemoryReader implements ContentReader {
  readonly width = 1;
  readonly #repository: MemoryRepository;
  readonly #signal: AbortSignal;
  readonly #meter = new Meter();

  constructor(repository: MemoryRepository, signal: AbortSignal) {
    this.#repository = repository;
    this.#signal = signal;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  get bytes(): number {
    return this.#meter.total;
  }

  *read(id: ContentId): Generator<Bytes> {
    const bytes = this.#repository.contents.get(id);
    if (bytes === undefined) throw new DamagedContent(id, "it is missing");
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.slice(at, at + CHUNK_BYTES);
    if (!this.#repository.isWhole(id, bytes)) throw new DamagedContent(id, "its bytes don't match its checksum");
  }

  sizeOf(id: ContentId): number | undefined {
    return this.#repository.contents.get(id)?.length;
  }

  // deno-lint-ignore require-await -- what fails at once is a rejection all the same
  async extract(batch: ExtractBatch, _cost: BatchCost): Promise<readonly ExtractResult[]> {
    const { machine: { disk }, algorithm, contents } = this.#repository;
    using root = disk.openDir(batch.rootPath);
    using target = root.openPath(batch.relative);
    const tools = { algorithm, buffer: new Uint8Array(CHUNK_BYTES), stop: new StopFlag(), meter: this.#meter };
    return atOnce(
      new FileWriter(target, batch, tools).run((content) => {
        if (this.#signal.aborted) throw new Interrupted();
        return new MemoryContent(content, contents.get(content));
      }),
    );
  }
}

class MemoryContent implements ContentSource {
  readonly #id: ContentId;
  readonly #bytes: Bytes | undefined;

  constructor(id: ContentId, bytes: Bytes | undefined) {
    this.#id = id;
    this.#bytes = bytes;
  }

  [Symbol.dispose](): void {}

  open(): void {
    if (this.#bytes === undefined) throw new DamagedContent(this.#id, "it is missing");
  }

  size(): number {
    return this.#bytes?.length ?? 0;
  }

  read(into: Bytes, position: number): number {
    const piece = this.#bytes?.subarray(position, position + into.length) ?? new Uint8Array();
    into.set(piece);
    return piece.length;
  }

  cloneTo(): boolean {
    return false;
  }

  isItem(): boolean {
    return false;
  }
}

class MemoryChecker implements RepositoryChecker {
  readonly width = 1;
  bytes = 0;
  readonly #repository: MemoryRepository;
  readonly #request: ScanRequest;

  constructor(repository: MemoryRepository, request: ScanRequest) {
    this.#repository = repository;
    this.#request = request;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  async *scan(monitor: Monitor): AsyncGenerator<ScanReport> {
    const { readData, part, chosen, signal } = this.#request;
    const isToRead = (id: string, kind: ObjectKind) =>
      part === undefined ? readData && chosen === undefined : kind === "content" && isInPart(id, part);
    for (const { id, kind, bytes } of this.#repository.objects()) {
      if (signal.aborted) throw new Interrupted();
      monitor.current(id);
      yield isToRead(id, kind) ? this.#reportOn(id, kind, bytes, 1) : { seen: 1, read: [], bytes: 0, strays: 0 };
    }
    for (const id of chosen ?? []) {
      yield this.#reportOn(id, "content", this.#repository.contents.get(id as ContentId), 0);
    }
  }

  #reportOn(id: string, kind: ObjectKind, bytes: Bytes | undefined, seen: number): ScanReport {
    const isWhole = bytes !== undefined && this.#repository.isWhole(id, bytes);
    const damage = bytes === undefined ? "it is missing" : isWhole ? undefined : "its bytes don't match its checksum";
    const read: readonly ObjectReport[] = [{ id, kind, damage }];
    this.bytes += bytes?.length ?? 0;
    return { seen, read, bytes: bytes?.length ?? 0, strays: 0 };
  }

  // deno-lint-ignore require-await -- what fails at once is a rejection all the same
  async verifyHunk(hunk: HunkRef): Promise<VerifiedHunk> {
    const { contents } = this.#repository;
    return verifyHunk(hunk, this.#repository.object(hunk.id), (id) => contents.get(id)?.length);
  }
}

class MemoryReceiver implements SnapshotReceiver {
  readonly #repository: MemoryRepository;
  readonly #root: Bytes;

  constructor(repository: MemoryRepository, root: Bytes) {
    this.#repository = repository;
    this.#root = root;
    const { algorithm } = parseRoot(root).storage;
    if (algorithm !== repository.algorithm) throw new OtherAlgorithm(algorithm, repository.algorithm);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  async add(batch: readonly ReceivedFile[]): Promise<("stored" | "reused")[]> {
    const { contents, algorithm } = this.#repository, results: ("stored" | "reused")[] = [];
    for (const { content, open } of batch) {
      results.push(contents.has(content) ? "reused" : "stored");
      if (contents.has(content)) continue;
      const chunks: Bytes[] = [];
      for await (const chunk of open()) chunks.push(chunk.slice());
      const bytes = joined(chunks);
      if (hashBytes(algorithm, bytes) !== content) throw new DamagedContent(content, "other bytes came");
      contents.set(content, bytes);
    }
    return results;
  }

  checkpoint(hunks: readonly HunkWithBytes[]): Promise<void> {
    for (const { ref, bytes } of hunks) this.#repository.hunks.set(ref.id, bytes);
    return Promise.resolve();
  }

  async commit(hunks: readonly HunkWithBytes[]): Promise<RootId> {
    await this.checkpoint(hunks);
    const id = rootIdOf(hashBytes(this.#repository.algorithm, this.#root));
    this.#repository.roots.set(id, this.#root);
    return id;
  }
}

class MemoryWriter implements RepositoryWriter {
  readonly #repository: MemoryRepository;

  constructor(repository: MemoryRepository) {
    this.#repository = repository;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#repository.holder = undefined;
    return Promise.resolve();
  }

  begin(request: SinkRequest): MemorySink {
    return new MemorySink(this.#repository, request, (root) => this.#addRoot(root));
  }

  forget(ids: readonly RootId[]): RootId[] {
    const free = ids.filter((id) => !this.#repository.isBeingRead(id));
    for (const id of free) this.#repository.roots.delete(id);
    return free;
  }

  replaceRoot(id: RootId, changes: LabelChanges): RootId | undefined {
    if (this.#repository.isBeingRead(id)) return undefined;
    const { formerly: _, ...former } = this.#repository.root(id);
    const renewed = this.#addRoot({ ...former, ...changes, replaces: id });
    this.#repository.roots.delete(id);
    return renewed;
  }

  async rewrite(id: RootId, { changes, entries }: Rewriting): Promise<RootId | undefined> {
    if (this.#repository.isBeingRead(id)) return undefined;
    const former = this.#repository.root(id), { start, host, name } = former;
    const rewritten = await entries?.({ addHunk: (first, lines) => this.#addHunk(first, lines) });
    const tree = rewritten === undefined ? former.tree : null;
    const root = { ...former, ...changes, ...rewritten, tree, replaces: id, formerly: { start, host, name } };
    const renewed = this.#addRoot(root);
    this.#repository.roots.delete(id);
    return renewed;
  }

  #addHunk(first: Apath, lines: readonly string[]): { ref: HunkRef; newBytes: number } {
    const bytes = encodeHunk(lines), id = hunkIdOf(hashBytes(this.#repository.algorithm, bytes));
    this.#repository.hunks.set(id, bytes);
    return { ref: { first, count: lines.length, id }, newBytes: bytes.length };
  }

  #addRoot(root: Root): RootId {
    const bytes = new TextEncoder().encode(encodeRoot(root));
    const id = rootIdOf(hashBytes(this.#repository.algorithm, bytes));
    this.#repository.roots.set(id, bytes);
    return id;
  }

  receive(root: Bytes): SnapshotReceiver {
    return new MemoryReceiver(this.#repository, root);
  }

  // deno-lint-ignore require-await -- what fails at once is a rejection all the same
  async planRemoval({ without = new Set() }: RemovalRequest): Promise<RemovalPlan> {
    const { ids, summary } = this.#repository.removable(without);
    return { summary, execute: (monitor) => Promise.resolve(this.#remove(ids, monitor)) };
  }

  #remove(ids: readonly string[], monitor: Monitor): number {
    const { contents, hunks, verifications } = this.#repository;
    for (const id of ids) {
      contents.delete(id as ContentId);
      hunks.delete(id as HunkId);
      monitor.count("removedItems");
    }
    const needed = new Set(
      this.#repository.query(({ verifications }) => [...verifications.longestAgo()].map(({ id }) => id)),
    );
    for (const id of verifications.keys()) if (!needed.has(id as ContentId)) verifications.delete(id);
    return ids.length;
  }

  recordVerified(items: Iterable<VerifiedItem>, atMs: number): void {
    for (const { id, state } of items) this.#repository.verifications.set(id, { atMs, state });
  }

  setPolicy(policy: Policy | undefined): void {
    this.#repository.keptPolicy = policy;
  }
}
