/** A subtree of a snapshot as one tar or ZIP file, written while it is read. */
import { type Apath, parentOf, TOP } from "../core/apath.ts";
import { type Entry, KIND_BITS } from "../core/entry.ts";
import { Fault, Interrupted } from "../core/fault.ts";
import type { Monitor } from "../core/monitor.ts";
import { bytesOf, type Raw, textOf } from "../core/raw.ts";
import { fitsTar, TarWriter } from "../core/tar.ts";
import { msOfNs } from "../core/time_text.ts";
import type { SnapshotInfo } from "../storage/catalog/catalog.ts";
import { DamagedContent } from "../storage/faults.ts";
import type { Storage } from "../storage/storage.ts";
import { BelowLink, LinksPassed, zipName } from "./archive_names.ts";
import { listing } from "./listing.ts";
import { Pace } from "./pace.ts";
import { pathMeant } from "./path_meant.ts";
import { ZipWriter } from "./zip.ts";

export type DumpFormat = "tar" | "zip";

export interface DumpRequest {
  readonly snapshot: SnapshotInfo;
  /** A directory, with everything below it, or a single object. */
  readonly path: Apath;
  readonly format: DumpFormat;
  readonly signal: AbortSignal;
}

/** A file that the backup could not read is in the snapshot by name only. */
export class NotDumped extends Fault {
  readonly code = "not-backed-up";
  readonly hint = "Look for it in another snapshot with `backup-tool find`";
  constructor(path: Apath) {
    super(`Cannot put ${JSON.stringify(textOf(path))} into the archive: the backup could not read it`);
  }
}

/**
 * What can't be read is told and left out; a content that turns out to be damaged on the way is told, and what is in the
 * archive by then stays. @param write gets the bytes in order @throws NotInSnapshot, DamagedManifest, Interrupted
 */
export async function dump(
  storage: Storage,
  request: DumpRequest,
  write: (bytes: Uint8Array<ArrayBuffer>) => void,
  monitor: Monitor,
): Promise<void> {
  const { snapshot, format, signal } = request;
  using _held = storage.hold(snapshot.id);
  const path = pathMeant(storage.manifest(snapshot.id), request.path, snapshot);
  // Depth first, as tar wants it: times of a directory are set when something outside of it follows.
  const listed = listing(storage, { snapshot, path, extent: "tree", order: "name", reverse: false }, (fault) => {
    monitor.problem(fault);
  });
  if (path === TOP) monitor.expect({ items: snapshot.files, bytes: snapshot.bytes });
  monitor.phase("writing the archive");
  const pace = new Pace(storage.machine.clock, signal), links = new LinksPassed();
  const archive = format === "tar"
    ? new TarArchive(write, pace)
    : new ZipArchive(write, (text) => monitor.notice(text));
  for (const { entry } of listed) {
    await pace.step();
    monitor.at(textOf(entry.path));
    const name = nameIn(entry.path, path);
    if (!archive.holds(entry)) {
      monitor.notice(`${textOf(entry.path)} is left out: ${format} files can't hold a ${entry.kind}`);
      continue;
    }
    try {
      links.assertBelowNone(entry);
      await archive.add(entry, name, () => stoppable(contentOf(storage, entry, monitor), signal));
    } catch (error) {
      if (![DamagedContent, NotDumped, BelowLink].some((foreseen) => error instanceof foreseen)) throw error;
      monitor.problem(error as Fault);
    }
  }
  archive.finish();
}

/** Below the directory that holds what is dumped; "." is the top of a snapshot. */
function nameIn(path: Apath, dumped: Apath): Raw {
  if (path === TOP) return "." as Raw;
  const above = parentOf(dumped);
  return path.slice(above === TOP ? 1 : above.length + 1) as Raw;
}

/** Bytes of a file, as many as the manifest says. @throws DamagedContent, NotDumped before anything of it is given */
function contentOf(storage: Storage, entry: Entry, monitor: Monitor): Iterable<Uint8Array<ArrayBuffer>> {
  if (entry.kind !== "file") return [];
  if (entry.content === undefined) throw new NotDumped(entry.path);
  const there = storage.contentSize(entry.content);
  if (there !== undefined && there !== entry.size) {
    throw new DamagedContent(entry.content, `it has ${there} bytes instead of ${entry.size}`);
  }
  const chunks = storage.readContent(entry.content);
  const first = chunks.next();
  if (first.done) return entry.size === 0 ? [] : exactly(entry, [], monitor);
  if (first.value.length < entry.size) return exactly(entry, startingWith(first.value, chunks), monitor);
  const whole = first.value.slice(0, entry.size);
  chunks.next(); // to its end: only there it is known to be sound
  return exactly(entry, [whole], monitor);
}

/** Whoever takes the chunks may let the event loop have its turn between them. @throws Interrupted */
export function* stoppable<T>(chunks: Iterable<T>, signal: AbortSignal): Generator<T> {
  for (const chunk of chunks) {
    if (signal.aborted) throw new Interrupted();
    yield chunk;
  }
}

function* startingWith<T>(first: T, rest: Iterable<T>): Generator<T> {
  yield first;
  yield* rest;
}

const ZEROS = new Uint8Array(64 * 1024);

/** An archive has announced the size by now: what is missing is made up for with zeros, and told. */
function* exactly(
  { path, size }: Entry,
  chunks: Iterable<Uint8Array<ArrayBuffer>>,
  monitor: Monitor,
): Generator<Uint8Array<ArrayBuffer>> {
  let left = size;
  try {
    for (const read of chunks) {
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
type Content = () => Iterable<Uint8Array<ArrayBuffer>>;

class TarArchive {
  readonly #writer: TarWriter;
  readonly #pace: Pace;
  /** Names of files that have several. */
  readonly #links = new Map<string, Raw>();

  constructor(write: Write, pace: Pace) {
    this.#writer = new TarWriter(write);
    this.#pace = pace;
  }

  holds({ kind }: Entry): boolean {
    return fitsTar(kind);
  }

  async add(entry: Entry, name: Raw, content: Content): Promise<void> {
    const { hardLink } = entry;
    const linkTo = hardLink === undefined ? undefined : this.#links.get(hardLink);
    const steps = this.#writer.add(entry, name, linkTo === undefined ? { content: content() } : { linkTo });
    for (const _ of steps) await this.#pace.step();
    if (hardLink !== undefined && linkTo === undefined) this.#links.set(hardLink, name);
  }

  finish(): void {
    this.#writer.finish();
  }
}

class ZipArchive {
  readonly #writer: ZipWriter;
  readonly #notice: (text: string) => void;

  constructor(write: Write, notice: (text: string) => void) {
    this.#writer = new ZipWriter(write);
    this.#notice = notice;
  }

  holds({ kind }: Entry): boolean {
    return kind === "file" || kind === "dir" || kind === "symlink";
  }

  async add({ path, kind, size, mode, mtime, target }: Entry, name: Raw, content: Content): Promise<void> {
    if (path === TOP) return; // a ZIP file has no entry for what holds it all
    const safe = zipName(name);
    if (safe !== name) this.#notice(`${textOf(path)} is called ${textOf(safe)} in the ZIP file`);
    const entry = {
      name: kind === "dir" ? `${safe}/` as Raw : safe,
      mode: mode | KIND_BITS[kind],
      mtimeMs: msOfNs(mtime),
    };
    if (kind === "symlink" && target !== undefined) {
      return await this.#writer.add(entry, [bytesOf(target)], target.length);
    }
    await this.#writer.add(entry, content(), size);
  }

  finish(): void {
    this.#writer.finish();
  }
}
