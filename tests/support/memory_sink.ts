/** A snapshot on its way into a repository in memory: one thread, no trees. */
import type { Apath } from "../../src/core/apath.ts";
import { type ContentId, contentIdOf, hunkIdOf, type RootId } from "../../src/core/content_id.ts";
import { hashBytes } from "../../src/core/digest.ts";
import { Fault, Interrupted } from "../../src/core/fault.ts";
import { toFaultData } from "../../src/core/fault_data.ts";
import { type Raw, textOf } from "../../src/core/raw.ts";
import type { Stat } from "../../src/core/stat.ts";
import type { Dir, OpenFile } from "../../src/platform/disk.ts";
import { encodeXattrs } from "../../src/platform/xattr_text.ts";
import { StaticChanged } from "../../src/snapshot/faults.ts";
import { encodeHunk, type HunkRef } from "../../src/snapshot/hunk.ts";
import type { IngestBatch, IngestResult, StoreBatch, StoreResult, StoreTask } from "../../src/snapshot/ingest_batch.ts";
import { nextSequence, type Root } from "../../src/snapshot/root.ts";
import { type RootFields, rootOf } from "../../src/snapshot/root_fields.ts";
import type { SinkRequest, SnapshotSink, StreamResult } from "../../src/snapshot/snapshot_sink.ts";
import { type Bytes, joined, type MemoryRepository } from "./memory_repository.ts";

const CHUNK_BYTES = 64 * 1024;

class Vanished extends Fault {
  readonly code = "source-vanished";
  readonly hint = "";
  constructor(dir: Dir, name: Raw) {
    super(`Cannot read ${textOf(dir.path)}/${textOf(name)}: it vanished during the backup`);
  }
}

export class MemorySink implements SnapshotSink {
  readonly width = 1;
  readonly tree = undefined;
  readonly damaged: ReadonlySet<string>;
  bytes = 0;
  readonly #repository: MemoryRepository;
  readonly #request: SinkRequest;
  readonly #addRoot: (root: Root) => RootId;
  /** Contents that were damaged, and are whole again. */
  readonly #mended = new Set<string>();
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

  relyOn(content: ContentId): boolean {
    return this.#repository.contents.has(content);
  }

  // deno-lint-ignore require-await -- what fails at once is a rejection all the same
  async ingest({ stores }: IngestBatch): Promise<IngestResult> {
    if (this.#request.signal.aborted) throw new Interrupted();
    return { links: [], stores: stores.map((batch) => this.#storeAll(batch)) };
  }

  #storeAll({ rootPath, relative, files }: StoreBatch): StoreResult[] {
    return files.map((task) => {
      try {
        using root = this.#repository.machine.disk.openDir(rootPath);
        using source = root.openPath(relative);
        return this.#store(task, source);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        return { ...NOTHING, ...(task.guarded && keptOf(task)), problem: toFaultData(error) };
      }
    });
  }

  #store(task: StoreTask, source: Dir): StoreResult {
    using file = source.open(task.name);
    if (file === undefined) throw new Vanished(source, task.name);
    const xattrs = encodeXattrs(file.xattrs()), bytes = bytesOf(file), stat = file.stat();
    const content = this.#idOf(bytes);
    if (task.guarded && task.content !== undefined && content !== task.content) {
      const path = `${textOf(source.path)}/${textOf(task.name)}`;
      const fault = new StaticChanged(path, "its bytes have, while its size and time have not");
      return { ...NOTHING, ...keptOf(task), xattrs, problem: toFaultData(fault) };
    }
    const isNew = this.#keep(content, bytes);
    const seen = isSame(task, stat) && bytes.length === task.size ? undefined : { ...stat, size: bytes.length };
    return { ...NOTHING, content, how: isNew ? "new" : "known", bytes: isNew ? bytes.length : 0, seen, xattrs };
  }

  #idOf(bytes: Bytes): ContentId {
    return contentIdOf(hashBytes(this.#repository.algorithm, bytes));
  }

  /** @returns false if it is there, and whole */
  #keep(id: ContentId, bytes: Bytes): boolean {
    this.bytes += bytes.length;
    if (this.damaged.has(id)) this.#mended.add(id);
    const there = this.#repository.contents.get(id);
    if (there !== undefined && this.#repository.isWhole(id, there)) return false;
    this.#repository.contents.set(id, bytes);
    return true;
  }

  keepUp(): void {}

  async ingestStream(chunks: AsyncIterable<Bytes>): Promise<StreamResult> {
    const all: Bytes[] = [];
    for await (const chunk of chunks) all.push(chunk.slice());
    const bytes = joined(all), content = this.#idOf(bytes), isNew = this.#keep(content, bytes);
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
    const { roots, verifications, machine: { clock } } = this.#repository;
    const id = this.#addRoot(this.#root(fields, hunks, true));
    const partials = this.#request.previous.filter(({ complete }) => !complete).map(({ id }) => id);
    for (const former of [...partials, this.#checkpoint]) {
      if (former !== undefined && !this.#repository.isBeingRead(former)) roots.delete(former);
    }
    for (const content of this.#mended) verifications.set(content, { atMs: clock.nowMs(), state: "ok" });
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

const NOTHING: StoreResult = {
  content: undefined,
  how: "failed",
  bytes: 0,
  seen: undefined,
  xattrs: undefined,
  link: "none",
  problem: undefined,
};

/** A guarded file keeps the content that it had. */
function keptOf({ content }: StoreTask): Pick<StoreResult, "content" | "how"> {
  return { content, how: "kept" };
}

function bytesOf(file: Pick<OpenFile, "read">): Bytes {
  const chunks: Bytes[] = [];
  for (let at = 0;;) {
    const chunk = new Uint8Array(CHUNK_BYTES), got = file.read(chunk, at);
    if (got === 0) return joined(chunks);
    chunks.push(chunk.subarray(0, got));
    at += got;
  }
}

function isSame(a: Pick<Stat, "size" | "mtime" | "ctime" | "inode">, b: Stat): boolean {
  return a.size === b.size && a.mtime === b.mtime && a.ctime === b.ctime && a.inode === b.inode;
}
