/** What the backup of a snapshot excluded, as far as the snapshot shows it: by .backupignore files and cache tags. */
import { type Apath, apathWithin, isWithin, nameOf, parentOf, TOP } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import type { Monitor } from "../../core/monitor.ts";
import { type Raw, rawOf, rawOfBytes, textOf } from "../../core/raw.ts";
import type { Filter } from "../../source/filter.ts";
import { IGNORE_FILE, parseIgnoreFile } from "../../source/ignore_file.ts";
import { CACHE_TAG } from "../../source/walk.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { LeftOut } from "../../snapshot/root.ts";
import type { ContentReader } from "../../snapshot/repository.ts";

export interface SurveyOptions {
  readonly manifest: Manifest;
  readonly leftOut: LeftOut;
  readonly monitor: Monitor;
}

export class BackupExclusions {
  /** Number of problems of the backup that no entry records: something may be missing, but it is unknown what. */
  readonly unaccounted: number;
  readonly #ignoreFiles: ReadonlyMap<Apath, Filter>;
  /** Directories of which only what marks them was taken, and its name. */
  readonly #marked: ReadonlyMap<Apath, Raw>;

  constructor(ignoreFiles: ReadonlyMap<Apath, Filter>, marked: ReadonlyMap<Apath, Raw>, unaccounted: number) {
    this.#ignoreFiles = ignoreFiles;
    this.#marked = marked;
    this.unaccounted = unaccounted;
  }

  /** True if the backup excluded a path. @param at path of the source that contains it */
  leavesOut(path: Apath, at: Apath, isDirectory: boolean): boolean {
    const marker = this.#marked.get(parentOf(path));
    if (marker !== undefined && nameOf(path) !== marker) return true;
    for (let above = parentOf(path); isWithin(above, at); above = parentOf(above)) {
      const relative = apathWithin(path, above);
      const decision = this.#ignoreFiles.get(above)?.decide(relative, isDirectory);
      if (decision !== undefined) return !decision.negated;
      if (above === TOP) return false;
    }
    return false;
  }
}

/** Reads the exclusions in one pass over the manifest. @throws DamagedManifest, DamagedContent */
export async function readBackupExclusions(
  reader: ContentReader,
  { manifest, leftOut, monitor }: SurveyOptions,
): Promise<BackupExclusions> {
  const ignoreFiles = new Map<Apath, Filter>(), marked = new Map<Apath, Raw>();
  const markers = new Set(leftOut.markers?.map(rawOf));
  let unaccounted = manifest.root.totals.problems;
  for (const entry of manifest.entries()) {
    if (entry.problems !== undefined) unaccounted -= entry.problems.length;
    const name = nameOf(entry.path);
    if (markers.has(name)) marked.set(parentOf(entry.path), name);
    if (entry.kind !== "file") continue;
    if (name === IGNORE_FILE && leftOut.ignored) {
      const filter = parseIgnoreFile(await contentText(reader, entry), textOf(entry.path), monitor);
      ignoreFiles.set(parentOf(entry.path), filter);
    } else if (name === CACHE_TAG && leftOut.caches) marked.set(parentOf(entry.path), name);
  }
  return new BackupExclusions(ignoreFiles, marked, unaccounted);
}

/** Reads a small file of a snapshot as text. @throws DamagedContent */
export async function contentText(reader: ContentReader, { content }: Entry): Promise<string> {
  if (content === undefined) return "";
  let bytes = "";
  for await (const chunk of reader.read(content)) bytes += rawOfBytes(chunk);
  return textOf(bytes);
}
