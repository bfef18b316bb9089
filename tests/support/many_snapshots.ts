/**
 * Makes a storage with many files and snapshots in a short time: manifests are real, contents are not there. It takes about 7
 * seconds of processor time for each snapshot of a million files, and 20 for the first.
 */
import { hash } from "node:crypto";
import { type Apath, childOf, TOP } from "../../src/core/apath.ts";
import type { ContentId, RootId } from "../../src/core/content_id.ts";
import type { Kind } from "../../src/core/entry.ts";
import { rawOf } from "../../src/core/raw.ts";
import { encodeLine, statPrefix } from "../../src/snapshot/entry_line.ts";
import type { HunkRef } from "../../src/snapshot/hunk.ts";
import { SnapshotWriter } from "../../src/snapshot/snapshot_writer.ts";
import type { Storage } from "../../src/storage/storage.ts";
import type { Writer } from "../../src/storage/writer.ts";
import { TestMonitor } from "./world.ts";

export interface ManySnapshots {
  readonly files: number;
  readonly snapshots: number;
  /** Part of the files that is different in each snapshot: most of it changed, the rest added, removed, moved, chmodded. */
  readonly changed: number;
  readonly host?: string;
  readonly name?: string;
}

const FILES_IN_DIRECTORY = 40, DIRECTORIES_IN_ONE = 25;
const START_MS = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;

interface FakeFile {
  name: string;
  /** Makes the content. */
  seed: number;
  size: number;
  mtimeMs: number;
  mode: number;
  /** What was written of it, for the next snapshot. */
  line?: string;
}

interface FakeDirectory {
  readonly path: Apath;
  mtimeMs: number;
  files: FakeFile[];
}

/** Writes roots and hunks; the catalog is not told. @returns ids, oldest first */
export async function makeManySnapshots(storage: Storage, options: ManySnapshots): Promise<RootId[]> {
  using writer = storage.write("test");
  const source = new FakeSource(options.files);
  const ids: RootId[] = [];
  for (let n = 0; n < options.snapshots; n++) {
    if (n > 0) source.change(options.changed, START_MS + n * DAY_MS);
    ids.push(await writeSnapshot(storage, writer, source, { ...options, n }));
  }
  return ids;
}

class FakeSource {
  readonly directories: FakeDirectory[] = [];
  #seed = 1;
  #made = 0;
  files = 0;
  bytes = 0;

  constructor(files: number) {
    const count = Math.ceil(files / FILES_IN_DIRECTORY);
    for (let i = 0; i < count; i++) {
      const outer = String(Math.floor(i / DIRECTORIES_IN_ONE)).padStart(4, "0");
      const path = `/photos-${outer}/album-${String(i % DIRECTORIES_IN_ONE).padStart(2, "0")}` as Apath;
      const directory: FakeDirectory = { path, mtimeMs: START_MS, files: [] };
      this.directories.push(directory);
      for (let k = 0; k < FILES_IN_DIRECTORY && this.#made < files; k++) this.add(directory, START_MS - k * 1000);
    }
  }

  /** 0 to `below` - 1. */
  #random(below: number): number {
    this.#seed = (this.#seed * 48271) % 0x7fffffff;
    return this.#seed % below;
  }

  #anywhere(): FakeDirectory {
    return this.directories[this.#random(this.directories.length)]!;
  }

  add(directory: FakeDirectory, atMs: number): void {
    const n = this.#made++;
    const kind = n % 10 === 0 ? "txt" : "jpg";
    directory.files.push({
      name: `IMG_${String(n).padStart(8, "0")}.${kind}`,
      seed: n,
      size: n % 1_000_003,
      mtimeMs: atMs,
      mode: 0o644,
    });
  }

  /** Changes about that part of the files. */
  change(part: number, nowMs: number): void {
    const count = Math.round(this.#made * part);
    for (let i = 0; i < count; i++) {
      const directory = this.#anywhere();
      const at = directory.files.length === 0 ? -1 : this.#random(directory.files.length);
      const file = directory.files[at];
      const what = i % 10;
      if (what === 0 || file === undefined) this.add(directory, nowMs);
      else if (what === 1) directory.files.splice(at, 1);
      else if (what === 2) directory.files[at] = withoutLine({ ...file, mode: file.mode ^ 0o44 });
      else if (what === 3) this.#move(directory, at, nowMs);
      else {directory.files[at] = withoutLine({
          ...file,
          seed: nowMs + i,
          size: this.#random(5_000_000),
          mtimeMs: nowMs + i,
        });}
      if (what === 0 || what === 1 || what === 3) directory.mtimeMs = nowMs;
    }
  }

  #move(from: FakeDirectory, at: number, nowMs: number): void {
    const [file] = from.files.splice(at, 1);
    const to = this.#anywhere();
    to.files.push(withoutLine({ ...file!, name: `moved-${this.#made++}.jpg` }));
    to.mtimeMs = nowMs;
  }
}

async function writeSnapshot(
  storage: Storage,
  writer: Writer,
  source: FakeSource,
  options: ManySnapshots & { readonly n: number },
): Promise<RootId> {
  const manifest = new SnapshotWriter(
    { addHunk: (first, lines) => storage.manifests.writeHunk(first, lines) },
    new TestMonitor(),
  );
  const totals = { entries: 0, files: 0, dirs: 0, bytes: 0, problems: 0 };
  for (const { path, line, size } of linesOf(source)) {
    manifest.add(path, line, undefined);
    totals.entries++;
    if (size === undefined) totals.dirs++;
    else totals.files++;
    totals.bytes += size ?? 0;
  }
  return await writer.checkpoint(rootOf(storage, options, totals, manifest.finish()), undefined);
}

function* linesOf({ directories }: FakeSource): Generator<{ path: Apath; line: string; size: number | undefined }> {
  yield directoryLine(TOP, START_MS);
  const outer = new Map<string, FakeDirectory[]>();
  for (const directory of directories) {
    const parent = directory.path.slice(0, directory.path.lastIndexOf("/"));
    outer.set(parent, [...(outer.get(parent) ?? []), directory]);
  }
  for (const path of outer.keys()) yield directoryLine(path as Apath, START_MS);
  for (const inner of outer.values()) {
    for (const { path, mtimeMs } of inner) yield directoryLine(path, mtimeMs);
    for (const { path, files } of inner) {
      files.sort((a, b) => (a.name < b.name ? -1 : 1));
      for (const file of files) yield fileLine(childOf(path, rawOf(file.name)), file);
    }
  }
}

const OWNER = { uid: 1000, gid: 1000, user: "somebody", group: "family" };

function directoryLine(path: Apath, mtimeMs: number) {
  const seen = { ...OWNER, kind: "dir" as Kind, size: 0, mode: 0o755, mtime: nsOf(mtimeMs), inode: "7" };
  return { path, line: encodeLine(statPrefix(path, seen), {}), size: undefined };
}

function withoutLine({ line: _, ...file }: FakeFile): FakeFile {
  return file;
}

function fileLine(path: Apath, file: FakeFile) {
  file.line ??= lineOf(path, file);
  return { path, line: file.line, size: file.size };
}

function lineOf(path: Apath, { seed, size, mtimeMs, mode }: FakeFile): string {
  const mtime = nsOf(mtimeMs);
  const seen = { ...OWNER, kind: "file" as Kind, size, mode, mtime, ctime: mtime, inode: String(seed % 10_000_000) };
  return encodeLine(statPrefix(path, seen), { content: contentOf(seed) });
}

function nsOf(ms: number): string {
  return `${ms}${String(ms % 1_000_000).padStart(6, "0")}`;
}

function contentOf(seed: number): ContentId {
  return hash("sha256", String(seed)) as ContentId;
}

function rootOf(
  storage: Storage,
  { n, host = "testhost", name = "photos" }: ManySnapshots & { readonly n: number },
  totals: Parameters<Writer["checkpoint"]>[0]["totals"],
  hunks: readonly HunkRef[],
): Parameters<Writer["checkpoint"]>[0] {
  const { id, algorithm, hexSplit } = storage.settings;
  const start = new Date(START_MS + n * DAY_MS).toISOString();
  return {
    version: 1,
    storage: { id, algorithm, hexSplit },
    sequence: n + 1,
    previous: null,
    start,
    end: start,
    timeZone: "Europe/Berlin",
    offsetMinutes: 60,
    tree: null,
    private: false,
    host,
    user: "tester",
    name,
    sources: [{ path: "/photos", at: "/" }],
    excludes: [],
    tags: [],
    complete: true,
    totals,
    tool: "backup-tool test",
    hunks,
  };
}
