/** A snapshot on its way into a repository in memory: one thread, no trees. */
import type { Apath } from "../../src/core/apath.ts";
import { type ContentId, contentIdOf, hunkIdOf, type RootId } from "../../src/core/content_id.ts";
import { hashBytes } from "../../src/core/digest.ts";
import { Fault, Interrupted } from "../../src/core/fault.ts";
import { toFaultData } from "../../src/core/fault_data.ts";
import { type Dir, DiskFault } from "../../src/platform/disk.ts";
import { encodeXattrs } from "../../src/platform/xattr_text.ts";
import { encodeHunk, type HunkRef } from "../../src/snapshot/hunk.ts";
import type { IngestBatch, IngestResult, StoreResult, StoreTask } from "../../src/snapshot/ingest_batch.ts";
import { nextSequence, type Root } from "../../src/snapshot/root.ts";
import { type RootFields, rootOf } from "../../src/snapshot/root_fields.ts";
import type { SinkRequest, SnapshotSink, StreamResult } from "../../src/snapshot/snapshot_sink.ts";
import { type Bytes, joined, type MemoryRepository } from "./memory_repository.ts";

export class MemorySink implements SnapshotSink {
  readonly width = 1;
  readonly tree = undefined;
  readonly damaged: ReadonlySet<string>;
  bytes = 0;
  readonly #repository: MemoryRepository;
  readonly #request: SinkRequest;
  readonly #addRoot: (root: Root) => RootId;
  #checkpoint: RootId | undefined;

  constructor(repository: MemoryRepository, request: SinkRequest, addRoot: (root: Root) => RootId) {
    this.#repository = repository;
    this.#request = request;
    this.#addRoot = addRoot;
    const { verifications } = repository;
    this.damaged = new Set([...verifications].flatMap(([id, { state }]) => state === "damaged" ? [id] : []));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  // deno-lint-ignore require-await -- what fails at once is a rejection all the same
  async ingest({ stores, relied }: IngestBatch): Promise<IngestResult> {
    const { disk } = this.#repository.machine;
    const results = stores.map(({ rootPath, relative, files }) => {
      using root = disk.openDir(rootPath);
      using source = root.openPath(relative);
      return files.map((task) => this.#store(task, source));
    });
    const missing = relied.flatMap((id, i) => this.#repository.contents.has(id) ? [] : [i]);
    return { links: [], stores: results, missing };
  }

  #store(task: StoreTask, source: Dir): StoreResult {
    if (this.#request.signal.aborted) throw new Interrupted();
    const nothing = { bytes: 0, seen: undefined, xattrs: undefined, link: "none", problem: undefined } as const;
    try {
      using file = source.open(task.name);
      if (file === undefined) throw new DiskFault("ENOENT", "open", task.name);
      const bytes = new Uint8Array(task.size);
      file.read(bytes, 0);
      const { content, isNew } = this.#keep(bytes);
      const xattrs = encodeXattrs(file.xattrs());
      return { ...nothing, content, how: isNew ? "new" : "known", bytes: isNew ? bytes.length : 0, xattrs };
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return { ...nothing, content: undefined, how: "failed", problem: toFaultData(error) };
    }
  }

  #keep(bytes: Bytes): { readonly content: ContentId; readonly isNew: boolean } {
    const content = contentIdOf(hashBytes(this.#repository.algorithm, bytes));
    const { contents, verifications, machine: { clock } } = this.#repository;
    const isNew = !contents.has(content);
    contents.set(content, bytes);
    if (verifications.get(content)?.state === "damaged") {
      verifications.set(content, { atMs: clock.nowMs(), state: "ok" });
    }
    this.bytes += bytes.length;
    return { content, isNew };
  }

  keepUp(): void {}

  async ingestStream(chunks: AsyncIterable<Bytes>): Promise<StreamResult> {
    const all: Bytes[] = [];
    for await (const chunk of chunks) all.push(chunk.slice());
    const bytes = joined(all), { content, isNew } = this.#keep(bytes);
    return { content, size: bytes.length, isNew, bytes: isNew ? bytes.length : 0 };
  }

  addHunk(first: Apath, lines: readonly string[]): { readonly ref: HunkRef; readonly newBytes: number } {
    const bytes = encodeHunk(lines), id = hunkIdOf(hashBytes(this.#repository.algorithm, bytes));
    const newBytes = this.#repository.hunks.has(id) ? 0 : bytes.length;
    this.#repository.hunks.set(id, bytes);
    return { ref: { first, count: lines.length, id }, newBytes };
  }

  keepHunk({ id }: HunkRef): void {
    if (!this.#repository.hunks.has(id)) throw new Error(`The hunk ${id} is kept, and is not there`);
  }

  checkpoint(fields: RootFields, hunks: readonly HunkRef[]): Promise<void> {
    const former = this.#checkpoint;
    this.#checkpoint = this.#addRoot(this.#root(fields, hunks, false));
    if (former !== undefined) this.#repository.roots.delete(former);
    return Promise.resolve();
  }

  commit(fields: RootFields, hunks: readonly HunkRef[]): Promise<RootId> {
    const id = this.#addRoot(this.#root(fields, hunks, true));
    const partials = this.#request.previous.filter(({ complete }) => !complete).map(({ id }) => id);
    for (const former of [...partials, this.#checkpoint]) {
      if (former !== undefined) this.#repository.roots.delete(former);
    }
    return Promise.resolve(id);
  }

  #root(fields: RootFields, hunks: readonly HunkRef[], complete: boolean): Root {
    const { id, algorithm } = this.#repository, { previous, isPrivate } = this.#request;
    return rootOf(fields, {
      storage: { id, algorithm, hexSplit: [2] },
      sequence: nextSequence(this.#repository.snapshots().at(-1)?.sequence ?? 0),
      previous: previous[0]?.id ?? null,
      tree: null,
      private: isPrivate,
      complete,
      hunks,
    });
  }
}
