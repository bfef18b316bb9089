/** Entries by their paths, of the parts of manifests that were asked for last: files are read directory by directory. */
import type { Apath } from "../../core/apath.ts";
import type { RootId } from "../../core/content_id.ts";
import type { Entry } from "../../core/entry.ts";
import type { Fault } from "../../core/fault.ts";
import type { Manifest } from "../../snapshot/manifest.ts";

/** Each has a thousand entries or so. */
const CACHED_HUNKS = 16;

interface Hunk {
  readonly entries: ReadonlyMap<Apath, Entry>;
  /** What could not be read of it. */
  readonly damage: Fault | undefined;
}

export class EntryCache {
  readonly #hunks = new Map<string, Hunk>();

  /** As `manifest.entry(path)`. @param id of the manifest's snapshot @throws DamagedManifest, DamagedContent */
  entry(id: RootId, manifest: Manifest, path: Apath): Entry | undefined {
    const at = manifest.hunkOf(path);
    if (at === undefined) return undefined;
    const { entries, damage } = this.#hunk(`${id} ${at}`, manifest, at), found = entries.get(path);
    if (found === undefined && damage !== undefined) throw damage;
    return found;
  }

  #hunk(key: string, manifest: Manifest, at: number): Hunk {
    const hunk = this.#hunks.get(key) ?? readHunk(manifest, at);
    this.#hunks.delete(key);
    this.#hunks.set(key, hunk);
    const [oldest] = this.#hunks.keys();
    if (this.#hunks.size > CACHED_HUNKS && oldest !== undefined) this.#hunks.delete(oldest);
    return hunk;
  }
}

function readHunk(manifest: Manifest, at: number): Hunk {
  const entries = new Map<Apath, Entry>();
  let damage: Fault | undefined;
  for (const entry of manifest.hunkEntries(at, (fault) => damage = fault)) entries.set(entry.path, entry);
  return { entries, damage };
}
