/** What an import publishes, made from its snapshot: looked through, or packed. */
import { type Apath, nameOf, parentOf, TOP } from "../core/apath.ts";
import type { Entry, Kind } from "../core/entry.ts";
import { bytesOf, type Raw, textOf } from "../core/raw.ts";
import { msOfNs } from "../core/time_text.ts";
import type { Pace } from "../operations/pace.ts";
import { ZipWriter } from "../operations/zip.ts";
import { type Dir, DiskFault } from "../platform/disk.ts";
import type { Manifest } from "../storage/manifest.ts";
import { ImportIncomplete } from "./faults.ts";
import type { JobRun } from "./job_run.ts";

/** Bits of the kind, as stat(2) has them. */
const KIND_BITS: Readonly<Partial<Record<Kind, number>>> = { file: 0o100000, dir: 0o040000, symlink: 0o120000 };

/** The first path, as text, that is not in the copy as the snapshot has it. @param entries in apath order */
export async function lacksAnything(copy: Dir, entries: Iterable<Entry>, pace: Pace): Promise<string | undefined> {
  let at: Apath | undefined;
  let directory: Dir | undefined;
  try {
    for (const entry of entries) {
      if (entry.path === TOP) continue;
      const parent = parentOf(entry.path);
      if (parent !== at) {
        directory?.[Symbol.dispose]();
        directory = undefined;
        directory = copy.openPath(parent.slice(1) as Raw);
        at = parent;
      }
      await pace.step();
      const stat = directory!.stat(nameOf(entry.path));
      const isThere = stat?.kind === entry.kind && (entry.kind !== "file" || stat.size === entry.size);
      if (!isThere) return textOf(entry.path);
    }
    return undefined;
  } catch (error) {
    if (error instanceof DiskFault && error.errno === "ENOENT") return textOf(error.path);
    throw error;
  } finally {
    directory?.[Symbol.dispose]();
  }
}

/** Packs a whole snapshot into a ZIP file, durably; every content is verified on the way. @throws ImportIncomplete */
export async function packSnapshot({ storage, pace }: JobRun, manifest: Manifest, work: Dir, name: Raw): Promise<void> {
  using file = work.create(name, 0o600);
  if (file === undefined) throw new DiskFault("EEXIST", "create", name);
  let at = 0;
  const zip = new ZipWriter((bytes) => {
    file.write(bytes, at);
    at += bytes.length;
  });
  for (const entry of manifest.entries(TOP)) {
    await pace.step();
    if (entry.path === TOP) continue;
    const bits = KIND_BITS[entry.kind];
    if (bits === undefined) throw new ImportIncomplete(textOf(entry.path), `a ${entry.kind} can't be packed`);
    const path = entry.path.slice(1) + (entry.kind === "dir" ? "/" : "") as Raw;
    const facts = { name: path, mode: bits | entry.mode, mtimeMs: msOfNs(entry.mtime) };
    if (entry.kind === "symlink") await zip.add(facts, [bytesOf(entry.target!)], entry.target!.length);
    else if (entry.kind === "dir") await zip.add(facts, [], 0);
    else await zip.add(facts, storage.readContent(entry.content!), entry.size);
  }
  zip.finish();
  file.sync();
}
