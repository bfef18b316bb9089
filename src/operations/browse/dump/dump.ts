/** Writes a subtree of a snapshot as a tar or ZIP file while reading it. */
import {
  type Apath,
  apathWithin,
  childOf,
  compareApath,
  isWithin,
  parentOf,
  relativeOf,
  TOP,
} from "../../../core/apath.ts";
import { type Entry, KIND_BITS } from "../../../core/entry.ts";
import { Fault } from "../../../core/fault.ts";
import type { Monitor } from "../../../core/monitor.ts";
import { bytesOf, type Raw, raw, rawOf, textOf } from "../../../core/raw.ts";
import { fitsTar, TarWriter } from "../../../core/tar.ts";
import { msOfNs } from "../../../core/time_text.ts";
import { Yielder } from "../../../core/yielding.ts";
import { BelowLink, LinksPassed, zipName } from "./archive_names.ts";
import { type Listed, listing } from "../listing.ts";
import { resolvePath } from "../resolve_path.ts";
import { ZipWriter } from "./zip.ts";
import { DamagedContent } from "../../../snapshot/faults.ts";
import type { SnapshotInfo } from "../../../snapshot/snapshot_info.ts";
import type { ContentReader } from "../../../snapshot/repository.ts";
import type { OpenedRepository } from "../../opened.ts";

export type DumpFormat = "tar" | "zip";

export interface DumpRequest {
  readonly snapshot: SnapshotInfo;
  /** A directory, which is dumped with everything below it, or a single object. */
  readonly path: Apath;
  /** Only these, and what is in them, each below `path`. Absent: everything. */
  readonly only?: readonly Apath[];
  readonly format: DumpFormat;
  readonly signal: AbortSignal;
  /**
   * For an archive for an unknown machine: a ZIP file then has no links and no special modes. The text that this
   * returns at the end, if any, becomes the last entry, `backup-errors.txt` or, if that name is taken, `backup-errors
   * (2).txt`.
   */
  readonly report?: () => string | undefined;
}

/** The backup could not read this file, so that the snapshot contains only its metadata. */
export class NotDumped extends Fault {
  readonly code = "not-backed-up";
  readonly hint = "Look for it in another snapshot with `backup-tool find`";
  constructor(path: Apath) {
    super(`Cannot put ${JSON.stringify(textOf(path))} into the archive: the backup could not read it`);
  }
}

/**
 * Writes the archive. What can't be read is reported and skipped. Content that turns out to be damaged while it is
 * written is reported, but what was written stays in the archive.
 * @param write receives the bytes in order
 * @throws NotInSnapshot, DamagedManifest, WriteOnlyKey, Interrupted
 */
export async function dump(
  repository: Pick<OpenedRepository, "lockForReading" | "reader" | "manifest" | "machine">,
  request: DumpRequest,
  write: (bytes: Uint8Array<ArrayBuffer>) => void,
  monitor: Monitor,
): Promise<void> {
  const { snapshot, format, signal } = request;
  using _held = await repository.lockForReading(snapshot.id);
  await using reader = repository.reader({ workers: 0, signal });
  reader.assertReads?.();
  const path = resolvePath(await repository.manifest(snapshot.id), request.path, snapshot);
  const listed = await listings(repository, { ...request, path }, monitor);
  if (path === TOP && request.only === undefined) monitor.setTotal({ items: snapshot.files, bytes: snapshot.bytes });
  monitor.phase("writing the archive");
  const yielder = new Yielder(repository.machine.clock, signal), links = new LinksPassed();
  const taken = new Set<Raw>();
  const archive = format === "tar" ? new TarArchive(write) : new ZipArchive(write, {
    notice: (text) => monitor.notice(text),
    isForStrangers: request.report !== undefined,
  });
  for (const { entry } of listed) {
    await yielder.yieldIfDue();
    monitor.current(textOf(entry.path));
    const name = nameIn(entry.path, path);
    if (name.startsWith(REPORT)) taken.add(name);
    if (!archive.holds(entry)) {
      monitor.notice(`${textOf(entry.path)} is skipped: ${format} files can't hold a ${entry.kind}`);
      continue;
    }
    try {
      links.assertBelowNone(entry);
      await archive.add(entry, name, () => contentOf(entry, { reader, monitor, yielder }));
    } catch (error) {
      if (!(error instanceof DamagedContent || error instanceof NotDumped || error instanceof BelowLink)) throw error;
      monitor.problem(error);
    }
  }
  const report = request.report?.();
  if (report !== undefined) await archive.add(...reportFile(report, taken, repository.machine.clock.nowMs()));
  archive.finish();
}

/** What is dumped, depth first, as tar wants it: times of a directory are set when something outside of it follows. */
async function listings(
  repository: Pick<OpenedRepository, "manifest">,
  { snapshot, path, only }: DumpRequest,
  monitor: Monitor,
): Promise<Iterable<Listed>> {
  const all: Generator<Listed>[] = [];
  for (const top of only === undefined ? [path] : outermost(only)) {
    const asked = { snapshot, path: top, extent: "tree", order: "name", reverse: false } as const;
    all.push(await listing(repository, asked, (fault) => monitor.problem(fault)));
  }
  return all.length === 1 ? all[0]! : oneAfterTheOther(all);
}

function* oneAfterTheOther(all: readonly Generator<Listed>[]): Generator<Listed> {
  for (const one of all) yield* one;
}

/** The paths in order, each once, without those that are in another one. */
function outermost(paths: readonly Apath[]): readonly Apath[] {
  const sorted = [...new Set(paths)].sort(compareApath), kept: Apath[] = [];
  for (const path of sorted) if (!kept.some((above) => isWithin(path, above))) kept.push(path);
  return kept;
}

const REPORT = "backup-errors";

/** @param taken names that it can't have */
function reportFile(text: string, taken: ReadonlySet<Raw>, nowMs: number): [Entry, Raw, Content] {
  let name = rawOf(`${REPORT}.txt`);
  for (let next = 2; taken.has(name); next++) name = rawOf(`${REPORT} (${next}).txt`);
  const bytes = bytesOf(rawOf(text));
  const entry: Entry = {
    path: childOf(TOP, name),
    kind: "file",
    size: bytes.length,
    mtime: `${nowMs}000000`,
    mode: 0o644,
    uid: 0,
    gid: 0,
  };
  return [entry, name, () => Promise.resolve([bytes])];
}

/** Below the directory that holds what is dumped; "." is the top of a snapshot. */
function nameIn(path: Apath, dumped: Apath): Raw {
  return path === TOP ? rawOf(".") : relativeOf(apathWithin(path, parentOf(dumped)));
}

type Bytes = Uint8Array<ArrayBuffer>;
/** What is small comes as it is: a generator for each of a million files would take longer than they do. */
type Chunks = readonly Bytes[] | AsyncIterable<Bytes>;

/** Bytes of a file, as many as the manifest says. @throws DamagedContent, NotDumped before anything of it is given */
async function contentOf(
  entry: Entry,
  { reader, monitor, yielder }: { reader: ContentReader; monitor: Monitor; yielder: Yielder },
): Promise<Chunks> {
  const { path, kind, content, size } = entry;
  if (kind !== "file") return [];
  if (content === undefined) throw new NotDumped(path);
  const there = await reader.sizeOf(content);
  if (there !== undefined && there !== size) {
    throw new DamagedContent(content, `it has ${there} bytes instead of ${size}`);
  }
  const chunks = iteratorOf(reader.read(content));
  const first = await chunks.next();
  if (first.done) return size === 0 ? [] : yielding(exactly(entry, [], monitor), yielder);
  if (first.value.length < size) {
    return yielding(exactly(entry, startingWith(first.value, chunks), monitor), yielder);
  }
  const whole = first.value.slice(0, size);
  await chunks.next(); // to its end: only there it is known to be sound
  monitor.count("restoredBytes", size);
  monitor.count("restoredFiles");
  return [whole];
}

function iteratorOf<T>(all: Iterable<T> | AsyncIterable<T>): Iterator<T> | AsyncIterator<T> {
  return Symbol.asyncIterator in all ? all[Symbol.asyncIterator]() : all[Symbol.iterator]();
}

async function* startingWith<T>(first: T, rest: Iterator<T> | AsyncIterator<T>): AsyncGenerator<T> {
  try {
    for (let next: IteratorResult<T> = { value: first }; !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/** Lets the event loop have its turn between chunks. @throws Interrupted */
async function* yielding<T>(chunks: AsyncIterable<T>, yielder: Yielder): AsyncGenerator<T> {
  for await (const chunk of chunks) {
    await yielder.yieldIfDue();
    yield chunk;
  }
}

const ZEROS = new Uint8Array(64 * 1024);

/** The archive has announced the size by now: missing bytes are filled with zeros, and reported. */
async function* exactly(
  { path, size }: Entry,
  chunks: Chunks,
  monitor: Monitor,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let left = size;
  try {
    for await (const read of chunks) {
      const chunk = read.subarray(0, left);
      left -= chunk.length;
      monitor.count("restoredBytes", chunk.length);
      yield chunk;
    }
    if (left > 0) throw new DamagedContent(textOf(path), `it is ${left} bytes too short`);
    monitor.count("restoredFiles");
  } catch (error) {
    if (!(error instanceof DamagedContent)) throw error;
    monitor.problem(error);
  }
  for (; left > 0; left -= Math.min(left, ZEROS.length)) yield ZEROS.subarray(0, left);
}

type Write = (bytes: Uint8Array<ArrayBuffer>) => void;
/** Opens it. @throws DamagedContent, NotDumped before anything of it is given */
type Content = () => Promise<Chunks>;

class TarArchive {
  readonly #writer: TarWriter;
  /** Names of files that have several. */
  readonly #links = new Map<string, Raw>();

  constructor(write: Write) {
    this.#writer = new TarWriter(write);
  }

  holds({ kind }: Entry): boolean {
    return fitsTar(kind);
  }

  async add(entry: Entry, name: Raw, content: Content): Promise<void> {
    const { hardLink } = entry;
    const linkTo = hardLink === undefined ? undefined : this.#links.get(hardLink);
    await this.#writer.add(entry, name, linkTo === undefined ? { content: await content() } : { linkTo });
    if (hardLink !== undefined && linkTo === undefined) this.#links.set(hardLink, name);
  }

  finish(): void {
    this.#writer.finish();
  }
}

interface ZipManner {
  readonly notice: (text: string) => void;
  readonly isForStrangers: boolean;
}

class ZipArchive {
  readonly #writer: ZipWriter;
  readonly #notice: (text: string) => void;
  readonly #isForStrangers: boolean;

  constructor(write: Write, { notice, isForStrangers }: ZipManner) {
    this.#writer = new ZipWriter(write);
    this.#notice = notice;
    this.#isForStrangers = isForStrangers;
  }

  holds({ kind }: Entry): boolean {
    return kind === "file" || kind === "dir" || kind === "symlink" && !this.#isForStrangers;
  }

  async add({ path, kind, size, mode, mtime, target }: Entry, name: Raw, content: Content): Promise<void> {
    if (path === TOP) return; // a ZIP file has no entry for what holds it all
    const safe = zipName(name);
    if (safe !== name) this.#notice(`${textOf(path)} is called ${textOf(safe)} in the ZIP file`);
    const entry = {
      name: kind === "dir" ? raw`${safe}/` : safe,
      mode: (this.#isForStrangers ? mode & 0o777 : mode) | KIND_BITS[kind],
      mtimeMs: msOfNs(mtime),
    };
    if (kind === "symlink" && target !== undefined) {
      return await this.#writer.add(entry, [bytesOf(target)], target.length);
    }
    await this.#writer.add(entry, await content(), size);
  }

  finish(): void {
    this.#writer.finish();
  }
}
