/** What the backup of a snapshot left out, as far as the snapshot itself tells: its .backupignore files and cache tags. */
import { type Apath, apathWithin, isWithin, nameOf, parentOf, TOP } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import type { Monitor } from "../../core/monitor.ts";
import { rawOfBytes, textOf } from "../../core/raw.ts";
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
  /** Problems of the backup that no entry tells of: something may be missing, and nobody knows what. */
  readonly unaccounted: number;
  readonly #ignoreFiles: ReadonlyMap<Apath, Filter>;
  readonly #caches: ReadonlySet<Apath>;

  constructor(ignoreFiles: ReadonlyMap<Apath, Filter>, caches: ReadonlySet<Apath>, unaccounted: number) {
    this.#ignoreFiles = ignoreFiles;
    this.#caches = caches;
    this.unaccounted = unaccounted;
  }

  /** @param at of the source that `path` belongs to */
  leavesOut(path: Apath, at: Apath, isDirectory: boolean): boolean {
    if (this.#caches.has(parentOf(path)) && nameOf(path) !== CACHE_TAG) return true;
    for (let above = parentOf(path); isWithin(above, at); above = parentOf(above)) {
      const relative = apathWithin(path, above);
      const decision = this.#ignoreFiles.get(above)?.decide(relative, isDirectory);
      if (decision !== undefined) return !decision.negated;
      if (above === TOP) return false;
    }
    return false;
  }
}

/** One pass over the manifest. @throws DamagedManifest, DamagedContent */
export async function readBackupExclusions(
  reader: ContentReader,
  { manifest, leftOut, monitor }: SurveyOptions,
): Promise<BackupExclusions> {
  const ignoreFiles = new Map<Apath, Filter>(), caches = new Set<Apath>();
  let unaccounted = manifest.root.totals.problems;
  for (const entry of manifest.entries()) {
    if (entry.problems !== undefined) unaccounted -= entry.problems.length;
    if (entry.kind !== "file") continue;
    const name = nameOf(entry.path);
    if (name === IGNORE_FILE && leftOut.ignored) {
      const filter = parseIgnoreFile(await contentText(reader, entry), textOf(entry.path), monitor);
      ignoreFiles.set(parentOf(entry.path), filter);
    } else if (name === CACHE_TAG && leftOut.caches) caches.add(parentOf(entry.path));
  }
  return new BackupExclusions(ignoreFiles, caches, unaccounted);
}

/** Text of a small file of a snapshot. @throws DamagedContent */
export async function contentText(reader: ContentReader, { content }: Entry): Promise<string> {
  if (content === undefined) return "";
  let bytes = "";
  for await (const chunk of reader.read(content)) bytes += rawOfBytes(chunk);
  return textOf(bytes);
}
