/** Makes what an import publishes from its snapshot: a verified copy, or a ZIP file. */
import { type Apath, nameOf, parentOf, relativeOf, TOP } from "../../core/apath.ts";
import type { Entry, Kind } from "../../core/entry.ts";
import { unlessFault } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { baseName, bytesOf, EMPTY, joinRaw, parentPath, type Raw, raw, textOf } from "../../core/raw.ts";
import { msOfNs } from "../../core/time_text.ts";
import type { Yielder } from "../../core/yielding.ts";
import { ImportIncomplete } from "../faults.ts";
import type { JobRun } from "../run/job_run.ts";
import { LinksPassed, zipName } from "../../operations/browse/dump/archive_names.ts";
import { ZipWriter } from "../../operations/browse/dump/zip.ts";
import { ACL_ATTRIBUTE } from "../../platform/acl.ts";
import { Descent } from "../../platform/descent.ts";
import { type Dir, type Disk, DiskFault } from "../../platform/disk.ts";
import type { Manifest } from "../../snapshot/manifest.ts";

/** To read a file, or to read and enter a directory. */
const GROUP_ALL = 0o050, OTHERS_ALL = 0o005;

/** Bits of the kind, as stat(2) has them. */
const KIND_BITS: Readonly<Partial<Record<Kind, number>>> = { file: 0o100000, dir: 0o040000, symlink: 0o120000 };

/** Why a ZIP file can't hold such a thing. */
function cannotPack(kind: Kind): string {
  return `a ${kind} can't be packed`;
}

/**
 * Fails if a source contains anything that a ZIP file can't hold. Otherwise this would be noticed only after the whole
 * source was read; what is added later is still noticed then.
 * @throws ImportIncomplete, Interrupted
 */
export async function assertPackable(disk: Disk, source: Raw, pace: Yielder): Promise<void> {
  const open: Raw[] = [];
  const look = async (directory: Dir, at: Raw, names: readonly Raw[], kinds: readonly (Kind | undefined)[]) => {
    for (const [i, name] of names.entries()) {
      await pace.yieldIfDue();
      const kind = kinds[i] ?? directory.stat(name)?.kind;
      if (kind === "dir") open.push(joinRaw(at, name));
      else if (kind !== undefined && KIND_BITS[kind] === undefined) {
        throw new ImportIncomplete(textOf(joinRaw(at, name)), cannotPack(kind));
      }
    }
  };
  const parent = parentPath(source);
  using above = disk.openDir(parent);
  await look(above, parent, [baseName(source)], []);
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const path = at;
    // The backup reports what can't be read, or has gone.
    using directory = unlessFault(() => disk.openDir(path), undefined);
    const { names, kinds } = directory?.list() ?? { names: [], kinds: [] };
    if (directory !== undefined) await look(directory, at, names, kinds);
  }
}

/** Mode and group for a ZIP file, which must not be easier to read than what it contains. */
export interface ZipAccess {
  readonly mode: number;
  /** Undefined if the group's rights don't matter. */
  readonly gid: number | undefined;
}

/** Determines who may read a ZIP file: those who may read everything in it. */
export async function accessOfZip(manifest: Manifest, pace: Yielder): Promise<ZipAccess> {
  let common = manifest.root.private ? 0 : GROUP_ALL | OTHERS_ALL, gid: number | undefined, isOneGroup = true;
  for (const { kind, mode, gid: own, xattrs = {} } of manifest.entries(TOP)) {
    await pace.yieldIfDue();
    if (kind === "symlink") continue;
    // With an ACL, the bits of the group are no more than its mask.
    const exact = ACL_ATTRIBUTE in xattrs ? mode & ~(GROUP_ALL | OTHERS_ALL) : mode;
    // To read a directory is to enter it, too; to enter a file is nothing.
    common &= kind === "dir" ? exact : exact | 0o011;
    isOneGroup &&= own === (gid ??= own);
  }
  const isForAll = (common & OTHERS_ALL) === OTHERS_ALL, isForGroup = (common & GROUP_ALL) === GROUP_ALL;
  // Members of a file's group that may not read it are among the others of the ZIP file.
  if (isForAll && isForGroup) return { mode: 0o644, gid: undefined };
  return isForGroup && isOneGroup ? { mode: 0o640, gid } : { mode: 0o600, gid: undefined };
}

/**
 * The first path, as text, whose copy differs from the snapshot; undefined if there is none.
 * @param entries in apath order
 */
export async function lacksAnything(copy: Dir, entries: Iterable<Entry>, pace: Yielder): Promise<string | undefined> {
  let opened: { readonly path: Apath; readonly directory: Dir } | undefined;
  using descent = new Descent(copy);
  try {
    for (const entry of entries) {
      if (entry.path === TOP) continue;
      const parent = parentOf(entry.path);
      if (opened?.path !== parent) {
        opened?.directory[Symbol.dispose]();
        opened = undefined;
        opened = { path: parent, directory: descent.open(relativeOf(parent)) };
      }
      await pace.yieldIfDue();
      const stat = opened.directory.stat(nameOf(entry.path));
      const isThere = stat?.kind === entry.kind && (entry.kind !== "file" || stat.size === entry.size);
      if (!isThere) return textOf(entry.path);
    }
    return undefined;
  } catch (error) {
    if (error instanceof DiskFault && error.errno === "ENOENT") return textOf(error.path);
    throw error;
  } finally {
    opened?.directory[Symbol.dispose]();
  }
}

/** @throws Interrupted between two chunks */
async function* counted(
  chunks: Iterable<Uint8Array<ArrayBuffer>>,
  monitor: Monitor,
  pace: Yielder,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (const chunk of chunks) {
    await pace.yieldIfDue();
    monitor.count("restoredBytes", chunk.length);
    yield chunk;
  }
}

/** Durably packs a whole snapshot into a ZIP file, verifying every content. @throws ImportIncomplete */
export async function packSnapshot(
  run: JobRun,
  manifest: Manifest,
  work: Dir,
  name: Raw,
): Promise<void> {
  using file = work.create(name, 0o600);
  if (file === undefined) throw new DiskFault("EEXIST", "create", name);
  let at = 0;
  const zip = new ZipWriter((bytes) => {
    file.write(bytes, at);
    at += bytes.length;
  });
  const links = new LinksPassed();
  run.monitor.phase("packing");
  for (const entry of manifest.entries(TOP)) {
    await run.pace.yieldIfDue();
    run.monitor.current(textOf(entry.path));
    if (entry.path === TOP) continue;
    links.assertBelowNone(entry);
    await packEntry(run, entry, zip);
  }
  zip.finish();
  file.sync();
}

async function packEntry(
  { storage, monitor, pace }: JobRun,
  { path, kind, mode, mtime, size, target = EMPTY, content }: Entry,
  zip: ZipWriter,
): Promise<void> {
  const bits = KIND_BITS[kind], name = relativeOf(path), safe = zipName(name);
  if (bits === undefined) throw new ImportIncomplete(textOf(path), cannotPack(kind));
  if (safe !== name) monitor.notice(`${textOf(name)} is called ${textOf(safe)} in the ZIP file`);
  const facts = { name: kind === "dir" ? raw`${safe}/` : safe, mode: bits | mode, mtimeMs: msOfNs(mtime) };
  if (kind === "symlink") await zip.add(facts, [bytesOf(target)], target.length);
  else if (kind === "dir") await zip.add(facts, [], 0);
  else if (content === undefined) throw new ImportIncomplete(textOf(path), "it could not be read");
  else await zip.add(facts, counted(storage.readContent(content), monitor, pace), size);
}
