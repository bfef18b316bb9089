/** Looking for damage: everything a snapshot needs is there, in order and, if asked for, as its checksum says. */
import { classOfId, type ContentId, type RootId } from "../core/content_id.ts";
import { Fault } from "../core/fault.ts";
import type { Monitor } from "../core/monitor.ts";
import { type Raw, rawOf, textOf } from "../core/raw.ts";
import { digestHexLength } from "../storage/digest.ts";
import type { HunkRef } from "../storage/hunk.ts";
import { itemPath, leafDirs } from "../storage/item_path.ts";
import type { Manifest } from "../storage/manifest.ts";
import type { Storage } from "../storage/storage.ts";
import type { VerifyResult } from "../storage/verify.ts";
import { Pace } from "./pace.ts";

export interface Finding {
  readonly what: string;
  /** An id, or a path in the storage. */
  readonly where: string;
  /** "damage": data is lost or wrong; "note": worth knowing, nothing is lost. */
  readonly severity: "damage" | "note";
  /** Some of the paths that are affected, as "snapshot:path". */
  readonly paths: readonly string[];
}

export interface CheckRequest {
  readonly readData: boolean;
  readonly workers: number;
  readonly signal: AbortSignal;
}

export interface CheckResult {
  /** Items in `content/` that were looked at. */
  readonly items: number;
  /** Bytes that were read and compared with their checksums. */
  readonly bytes: number;
  /** Findings of damage. */
  readonly damaged: number;
  readonly snapshots: number;
}

const BATCH_ITEMS = 128;
/** Paths named for one damaged item: enough to know what it is about. */
const PATHS_SHOWN = 5;

/** Reports every finding instead of stopping at the first. Takes no lock. @throws Interrupted */
export async function check(
  storage: Storage,
  request: CheckRequest,
  found: (finding: Finding) => void,
  monitor: Monitor,
): Promise<CheckResult> {
  return await new CheckRun(storage, request, found, monitor).make();
}

class CheckRun {
  readonly #storage: Storage;
  readonly #request: CheckRequest;
  readonly #found: (finding: Finding) => void;
  readonly #monitor: Monitor;
  readonly #pace: Pace;
  #damaged = 0;
  #items = 0;
  #bytes = 0;
  #strays = 0;
  /** Contents that are missing, of the wrong size, or have wrong bytes: to name the paths they mean. */
  readonly #bad = new Map<string, string>();

  constructor(
    storage: Storage,
    request: CheckRequest,
    found: (finding: Finding) => void,
    monitor: Monitor,
  ) {
    this.#storage = storage;
    this.#request = request;
    this.#found = found;
    this.#monitor = monitor;
    this.#pace = new Pace(storage.machine.clock, request.signal);
  }

  async make(): Promise<CheckResult> {
    const roots = this.#storage.rootIds();
    const manifests = roots.map((id) => this.#openRoot(id)).filter((manifest) => manifest !== undefined);
    this.#checkCatalog(roots);
    const verified = await this.#walkItems();
    for (const { id, manifest } of manifests) await this.#checkManifest(id, manifest);
    this.#nameDamage(manifests);
    this.#remember(verified);
    return { items: this.#items, bytes: this.#bytes, damaged: this.#damaged, snapshots: manifests.length };
  }

  #report(finding: Finding): void {
    if (finding.severity === "damage") this.#damaged++;
    this.#found(finding);
  }

  #openRoot(id: RootId): { id: RootId; manifest: Manifest } | undefined {
    try {
      return { id, manifest: this.#storage.manifest(id) };
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.#report({ what: `A snapshot can't be read: ${error.message}`, where: id, severity: "damage", paths: [] });
      return undefined;
    }
  }

  /** The catalog is a cache; one that had to be replaced is told by the storage itself. */
  #checkCatalog(roots: readonly RootId[]): void {
    const known = new Set<string>(this.#storage.snapshots().map(({ id }) => id));
    for (const id of roots) {
      if (known.has(id)) continue;
      this.#report({ what: "The catalog doesn't know this snapshot", where: id, severity: "note", paths: [] });
    }
  }

  /** Looks at every item: its name, and its bytes if asked for. */
  async #walkItems(): Promise<{ id: string; state: "ok" | "damaged" }[]> {
    const verified: { id: string; state: "ok" | "damaged" }[] = [];
    using pool = this.#storage.pool(this.#request.workers);
    const underWay: Promise<VerifyResult[]>[] = [];
    const finishOldest = async () => {
      for (const result of await underWay.shift()!) verified.push(this.#take(result));
    };
    for (const { leaf, names } of this.#leaves()) {
      await this.#pace.step();
      this.#items += names.length;
      this.#monitor.at(textOf(leaf));
      if (!this.#request.readData) continue;
      for (let at = 0; at < names.length; at += BATCH_ITEMS) {
        const batch = { leaf, names: names.slice(at, at + BATCH_ITEMS) };
        const results = pool.run("verify", batch, batch.names.length);
        results.catch(() => {}); // awaited in order later; until then a failure is no unhandled one
        underWay.push(results);
        while (underWay.length > pool.width) await finishOldest();
      }
    }
    while (underWay.length > 0) await finishOldest();
    if (this.#strays > 0) {
      const what = `${this.#strays} names in content/ are no items of this storage`;
      this.#report({ what, where: "content", severity: "note", paths: [] });
    }
    return verified;
  }

  *#leaves(): Generator<{ leaf: Raw; names: Raw[] }> {
    const length = digestHexLength(this.#storage.settings.algorithm);
    let leaf: Raw | undefined, names: Raw[] = [];
    for (const item of this.#storage.items()) {
      if (item.leaf !== leaf) {
        if (leaf !== undefined) yield { leaf, names };
        [leaf, names] = [item.leaf, []];
      }
      if (classOfId(item.id, length) === undefined) this.#strays++;
      else names.push(item.name);
    }
    if (leaf !== undefined) yield { leaf, names };
  }

  #take({ id, bytes, damage }: VerifyResult): { id: string; state: "ok" | "damaged" } {
    this.#bytes += bytes;
    this.#monitor.count("checkedItems");
    this.#monitor.count("checkedBytes", bytes);
    if (damage === undefined) return { id, state: "ok" };
    if (classOfId(id, digestHexLength(this.#storage.settings.algorithm)) === "content") this.#bad.set(id, damage);
    else this.#report({ what: `A part of a manifest is damaged: ${damage}`, where: id, severity: "damage", paths: [] });
    return { id, state: "damaged" };
  }

  /** Hunks are sound and in order, and the contents they name are there with the right size. */
  async #checkManifest(id: RootId, manifest: Manifest): Promise<void> {
    const seen = this.#hunksSeen;
    for (const [index, hunk] of manifest.root.hunks.entries()) {
      await this.#pace.step();
      if (seen.has(hunk.id)) continue;
      seen.add(hunk.id);
      this.#checkHunk(id, manifest, hunk, index);
    }
  }
  readonly #hunksSeen = new Set<string>();

  #checkHunk(id: RootId, manifest: Manifest, hunk: HunkRef, index: number): void {
    try {
      for (const entry of manifest.hunkEntries(index)) {
        if (entry.content === undefined || this.#bad.has(entry.content)) continue;
        const size = this.#sizeOf(entry.content);
        if (size === undefined) this.#bad.set(entry.content, "it is missing");
        else if (size !== entry.size) this.#bad.set(entry.content, `it has ${size} bytes instead of ${entry.size}`);
      }
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      const paths = [`${id.slice(0, 12)}:${textOf(hunk.first)} and ${hunk.count - 1} entries after it`];
      this.#report({
        what: `A part of a manifest is damaged: ${error.message}`,
        where: hunk.id,
        severity: "damage",
        paths,
      });
    }
  }

  #sizeOf(id: ContentId): number | undefined {
    const { dir, name } = itemPath(this.#storage.settings, id);
    using content = this.#storage.dir.openDir(rawOf("content"));
    using leaf = [...leafDirs(this.#storage.settings)].includes(dir) ? content.openPath(dir) : undefined;
    const stat = leaf?.stat(name);
    return stat?.kind === "file" ? stat.size : undefined;
  }

  /** One more pass over the manifests, only if something is bad: which paths does it mean? */
  #nameDamage(manifests: readonly { id: RootId; manifest: Manifest }[]): void {
    if (this.#bad.size === 0) return;
    const paths = new Map<string, string[]>();
    for (const { id, manifest } of manifests) {
      for (let index = 0; index < manifest.root.hunks.length; index++) this.#collect(id, manifest, index, paths);
    }
    for (const [id, damage] of this.#bad) {
      const affected = paths.get(id);
      const what = affected === undefined
        ? `An item that no snapshot needs is damaged: ${damage}`
        : `Content is damaged: ${damage}`;
      this.#report({ what, where: id, severity: affected === undefined ? "note" : "damage", paths: affected ?? [] });
    }
  }

  #collect(id: RootId, manifest: Manifest, index: number, paths: Map<string, string[]>): void {
    try {
      for (const { content, path } of manifest.hunkEntries(index)) {
        if (content === undefined || !this.#bad.has(content)) continue;
        const list = paths.get(content) ?? [];
        if (list.length < PATHS_SHOWN) list.push(`${id.slice(0, 12)}:${textOf(path)}`);
        paths.set(content, list);
      }
    } catch (error) {
      if (!(error instanceof Fault)) throw error; // reported when the hunk was checked
    }
  }

  /** So that the next backup stores damaged contents again. A storage that can't be written is checked all the same. */
  #remember(verified: readonly { id: string; state: "ok" | "damaged" }[]): void {
    const bad = [...this.#bad.keys()].map((id) => ({ id, state: "damaged" as const }));
    const contents = verified.filter(({ id, state }) => state === "ok" && !this.#bad.has(id));
    if (bad.length + contents.length === 0) return;
    try {
      using writer = this.#storage.write("check");
      writer.recordVerified([...contents, ...bad], this.#storage.machine.clock.nowMs());
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.#monitor.notice(`The result of the check could not be noted: ${error.message}`);
    }
  }
}
