/** Checks for damage: everything that a snapshot needs exists, is in order and, if requested, matches its checksum. */
import type { ContentId, RootId } from "../../core/content_id.ts";
import type { Subset } from "../../core/subset.ts";
import type { ObjectReport, RepositoryChecker, ScanReport } from "../../snapshot/repository.ts";
import { becomeWriter } from "../become_writer.ts";
import type { OpenedRepository } from "../opened.ts";
import { chooseContents } from "./select_contents.ts";
import { shortId } from "../../core/short_id.ts";
import { type Apath, compareApath, isWithin, TOP } from "../../core/apath.ts";
import { Fault } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { textOf } from "../../core/raw.ts";
import type { HunkRef } from "../../snapshot/hunk.ts";
import { DamagedManifest } from "../../snapshot/entry_line.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import { IdList } from "../../core/id_list.ts";
import { Yielder } from "../../core/yielding.ts";

export interface Finding {
  readonly what: string;
  /** An id, or a path in the storage. */
  readonly where: string;
  /** "damage": data is lost or wrong; "note": noteworthy, but nothing is lost. */
  readonly severity: "damage" | "note";
  /** Some of the affected paths, as "snapshot:path"; for a damaged hunk, "snapshot:path and n entries after it". */
  readonly paths: readonly string[];
}

export interface CheckRequest {
  /** Read every byte. */
  readonly readData: boolean;
  /** Read only a part of the contents. */
  readonly subset?: Subset;
  /** Restricts the check to this snapshot, and to this path and what is below it. */
  readonly only?: { readonly snapshot: RootId; readonly path: Apath };
  /** Don't record the results. */
  readonly onlyLooks?: boolean;
  readonly workers: number;
  readonly signal: AbortSignal;
}

export interface CheckResult {
  /** Number of items in `content/` that were examined. */
  readonly items: number;
  /** Bytes that were read and compared with checksums. */
  readonly bytes: number;
  /** Number of items that were read. */
  readonly readItems: number;
  /** Number of findings of damage. */
  readonly damaged: number;
  readonly snapshots: number;
}

/** What was read is noted that often. */
const NOTE_MS = 10 * 60_000;
/** Hunks that the threads are asked to look at before one is waited for: work for a second. */
const HUNKS_AHEAD = 256;
/** Paths named for one damaged item: enough to know what it is about. */
const PATHS_SHOWN = 5;

/** Runs a check. Reports every finding instead of stopping at the first. Takes no lock. @throws Interrupted */
export async function check(
  repository: OpenedRepository,
  request: CheckRequest,
  found: (finding: Finding) => void,
  monitor: Monitor,
): Promise<CheckResult> {
  return await new CheckRun(repository, request, found, monitor).make();
}

class CheckRun {
  readonly #repository: OpenedRepository;
  readonly #request: CheckRequest;
  readonly #found: (finding: Finding) => void;
  readonly #monitor: Monitor;
  readonly #pace: Yielder;
  #damaged = 0;
  #items = 0;
  #bytes = 0;
  #readItems = 0;
  #strays = 0;
  /** Contents of the one snapshot that is checked. */
  #own: IdList | undefined;
  /** Of one item, as far as the snapshots tell: whether threads are worth it must be decided before items are read. */
  #usualBytes = 0;
  /** Contents that were read and are as their names say, since that was last noted. */
  #sound = new IdList();
  #notedMs: number;
  /** Contents that are missing, of the wrong size, or have wrong bytes, and what is wrong. */
  readonly #bad = new Map<string, string>();
  /** Those that need no snapshot of their own: their damage is reported with others. */
  readonly #parts = new Set<string>();
  /** Damaged hunks, and the paths that they contain: "snapshot:path". */
  readonly #badHunks = new Map<string, { readonly what: string; readonly paths: string[] }>();
  /** Last path of every hunk that was asked for: no snapshot needs to look at it again. */
  readonly #lastPaths = new Map<string, Promise<Apath>>();

  constructor(
    repository: OpenedRepository,
    request: CheckRequest,
    found: (finding: Finding) => void,
    monitor: Monitor,
  ) {
    this.#repository = repository;
    this.#request = request;
    this.#found = found;
    this.#monitor = monitor;
    this.#pace = new Yielder(repository.machine.clock, request.signal);
    this.#notedMs = repository.machine.clock.nowMs();
  }

  async make(): Promise<CheckResult> {
    const { readData, subset, only, workers, signal } = this.#request;
    const { contents, bytes } = readData && only === undefined
      ? await this.#repository.query(({ verifications }) => verifications.estimate())
      : { contents: 0, bytes: 0 };
    // Of parts nobody knows how much they come to before they have been chosen.
    if (contents > 0 && subset === undefined) this.#monitor.setTotal({ items: contents, bytes });
    const roots = only === undefined ? await this.#repository.rootIds() : [only.snapshot];
    const snapshots = await this.#readableOf(roots);
    if (only === undefined) await this.#checkCatalog(roots);
    const isPart = subset?.kind === "part", chosen = await this.#chosen(snapshots);
    try {
      await using checker = this.#repository.checker({
        readData: readData && only === undefined,
        ...(isPart && { part: subset }),
        ...(chosen !== undefined && { chosen }),
        contents,
        usualBytes: this.#usualBytes,
        workers,
        signal,
      });
      await this.#look(snapshots, checker);
    } finally {
      // What an interrupted check has read needn't be read again.
      await this.#remember();
    }
    return {
      items: this.#own?.length ?? this.#items,
      bytes: this.#bytes,
      readItems: this.#readItems,
      damaged: this.#damaged,
      snapshots: snapshots.length,
    };
  }

  /** The contents that are read: undefined if that is all or none, or if their names say which. */
  async #chosen(snapshots: readonly RootId[]): Promise<IdList | undefined> {
    const { readData, subset, only } = this.#request;
    if (only !== undefined) {
      this.#own = new IdList();
      const seen = new Set<ContentId>();
      for await (const { manifest } of this.#manifests(snapshots)) {
        for (const { content } of manifest.within(only.path, () => {})) {
          if (content !== undefined && !seen.has(content)) this.#own.add(content);
          if (content !== undefined) seen.add(content);
        }
      }
      return readData ? this.#own : undefined;
    }
    return subset === undefined || subset.kind === "part" ? undefined : await chooseContents(this.#repository, subset);
  }

  async #look(snapshots: readonly RootId[], checker: RepositoryChecker): Promise<void> {
    using _followed = this.#monitor.follow("checkedBytes", () => checker.bytes);
    this.#monitor.phase(this.#request.readData ? "verifying" : "reading manifests");
    for await (const part of checker.scan(this.#monitor)) await this.#take(part);
    if (this.#strays > 0 && this.#request.only === undefined) {
      const what = `${this.#strays} names in content/ are no items of this storage`;
      this.#report({ what, where: "content", severity: "note", paths: [] });
    }
    this.#monitor.phase("reading manifests");
    const begun = Promise.withResolvers<void>();
    const manifests = this.#checkManifests(snapshots, checker, begun.resolve).finally(begun.resolve);
    manifests.catch(() => {}); // awaited soon
    // The threads have enough to do for that long, once they have been asked.
    await begun.promise;
    await this.#tryToRemember();
    await manifests;
    // Its memory is better used by what follows.
    await checker[Symbol.asyncDispose]();
    this.#reportHunks();
    await this.#reportContents(snapshots);
  }

  #report(finding: Finding): void {
    if (finding.severity === "damage") this.#damaged++;
    this.#found(finding);
  }

  async #readableOf(roots: readonly RootId[]): Promise<RootId[]> {
    const readable: RootId[] = [];
    for (const id of roots) if (await this.#isReadable(id)) readable.push(id);
    return readable;
  }

  async #isReadable(id: RootId): Promise<boolean> {
    try {
      const { bytes, files } = (await this.#repository.manifest(id)).root.totals;
      this.#usualBytes = Math.max(this.#usualBytes, bytes / Math.max(files, 1));
      return true;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.#report({ what: `A snapshot can't be read: ${error.message}`, where: id, severity: "damage", paths: [] });
      return false;
    }
  }

  /** The catalog is a cache; the repository itself reports when it had to be replaced. */
  async #checkCatalog(roots: readonly RootId[]): Promise<void> {
    const known = new Set<string>((await this.#repository.snapshots()).map(({ id }) => id));
    for (const id of roots) {
      if (known.has(id)) continue;
      this.#report({ what: "The catalog doesn't know this snapshot", where: id, severity: "note", paths: [] });
    }
  }

  async #take({ seen, strays, bytes, read }: ScanReport): Promise<void> {
    this.#items += seen;
    this.#strays += strays;
    this.#bytes += bytes;
    this.#readItems += read.length;
    this.#monitor.count("checkedItems", read.length);
    this.#monitor.count("checkedBytes", bytes);
    for (const report of read) this.#takeObject(report);
    await this.#noteIfDue();
  }

  /** Damage of a root was found when it was opened. */
  #takeObject({ id, kind, damage, isLoss = false, isPart = false }: ObjectReport): void {
    if (kind === "object") {
      const severity = isLoss ? "damage" : "note";
      // It is of no snapshot in particular.
      if (damage !== undefined && this.#request.only === undefined) {
        this.#report({ what: damage, where: id, severity, paths: [] });
      }
    } else if (kind === "content") {
      if (damage === undefined) this.#sound.add(id);
      else this.#bad.set(id, damage);
      if (damage !== undefined && isPart) this.#parts.add(id);
    } else if (kind === "hunk" && damage !== undefined) this.#badHunks.set(id, { what: damage, paths: [] });
  }

  /** A check of many hours that is cut short was not for nothing. */
  async #noteIfDue(): Promise<void> {
    if (this.#repository.machine.clock.nowMs() - this.#notedMs < NOTE_MS) return;
    this.#notedMs = this.#repository.machine.clock.nowMs();
    await this.#tryToRemember();
  }

  /**
   * Hunks are sound and in order, and the contents they name are there with the right size.
   * @param begun called when the threads have work
   */
  async #checkManifests(
    snapshots: readonly RootId[],
    checker: RepositoryChecker,
    begun: () => void,
  ): Promise<void> {
    // Without threads, each is looked at as soon as it is asked for.
    const ahead = checker.width === 1 ? 1 : HUNKS_AHEAD;
    for await (const { id, manifest } of this.#manifests(snapshots)) {
      const { hunks } = manifest.root;
      let last: Apath | undefined, asked = 0;
      for (const [index, hunk] of hunks.entries()) {
        await this.#pace.yieldIfDue();
        while (asked < Math.min(hunks.length, index + ahead)) this.#examine(hunks[asked++]!, checker);
        begun();
        last = await this.#checkHunk(id, hunk, last);
      }
    }
  }

  /** Opened one after the other: all lists of hunks together may be large. */
  async *#manifests(snapshots: readonly RootId[]): AsyncGenerator<{ id: RootId; manifest: Manifest }> {
    for (const id of snapshots) {
      try {
        yield { id, manifest: await this.#repository.manifest(id) };
      } catch (error) {
        if (!(error instanceof Fault)) throw error; // it was removed in the meantime: a check takes no lock
      }
    }
  }

  /** Has a hunk looked at, unless that was done for another snapshot. */
  #examine(hunk: HunkRef, checker: RepositoryChecker): void {
    if (this.#lastPaths.has(hunk.id)) return;
    const last = checker.verifyHunk(hunk).then((result) => {
      for (const { id, what } of result.damaged) if (!this.#bad.has(id)) this.#bad.set(id, what);
      return result.last;
    });
    last.catch(() => {}); // awaited in order later; until then a failure is no unhandled one
    this.#lastPaths.set(hunk.id, last);
  }

  /** @param before last path of the hunk before it @returns last path of this one, if it is sound */
  async #checkHunk(id: RootId, hunk: HunkRef, before: Apath | undefined): Promise<Apath | undefined> {
    try {
      if (before !== undefined && compareApath(before, hunk.first) >= 0) {
        throw new DamagedManifest(`hunks overlap at ${JSON.stringify(textOf(hunk.first))}`);
      }
      return await this.#lastPaths.get(hunk.id);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      let bad = this.#badHunks.get(hunk.id);
      if (bad === undefined) this.#badHunks.set(hunk.id, bad = { what: error.message, paths: [] });
      if (bad.paths.length < PATHS_SHOWN) bad.paths.push(rangeText(id, hunk));
      return undefined;
    }
  }

  #reportHunks(): void {
    for (const [where, { what: why, paths }] of this.#badHunks) {
      const isNeeded = paths.length > 0;
      if (!isNeeded && this.#request.only !== undefined) continue;
      const what = `A part of a manifest ${isNeeded ? "" : "that no snapshot needs "}is damaged: ${why}`;
      this.#report({ what, where, severity: isNeeded ? "damage" : "note", paths });
    }
  }

  /** One more pass over the manifests, only if something is bad: which paths does it mean? */
  async #reportContents(snapshots: readonly RootId[]): Promise<void> {
    if (this.#bad.size === 0) return;
    const paths = new Map<string, string[]>();
    for await (const { id, manifest } of this.#manifests(snapshots)) {
      for (let index = 0; index < manifest.root.hunks.length; index++) {
        await this.#pace.yieldIfDue();
        this.#collect(id, manifest, index, paths);
      }
    }
    for (const [id, damage] of this.#bad) {
      const affected = paths.get(id);
      // Of one snapshot, nobody asked for what others need.
      if (affected === undefined && (this.#parts.has(id) || this.#request.only !== undefined)) continue;
      const what = affected === undefined
        ? `An item that no snapshot needs is damaged: ${damage}`
        : `Content is damaged: ${damage}`;
      this.#report({ what, where: id, severity: affected === undefined ? "note" : "damage", paths: affected ?? [] });
    }
  }

  #collect(id: RootId, manifest: Manifest, index: number, paths: Map<string, string[]>): void {
    const top = this.#request.only?.path ?? TOP;
    try {
      for (const { content, path } of manifest.hunkEntries(index, () => {})) {
        if (content === undefined || !isWithin(path, top) || !this.#bad.has(content)) continue;
        const list = paths.get(content) ?? [];
        if (list.length < PATHS_SHOWN) list.push(`${shortId(id)}:${textOf(path)}`);
        paths.set(content, list);
      }
    } catch (error) {
      if (!(error instanceof Fault)) throw error; // reported when the hunk was checked
    }
  }

  /** So that the next backup stores damaged contents again. A storage that can't be written is checked all the same. */
  async #remember(): Promise<void> {
    const fault = await this.#tryToRemember({ waits: true });
    if (fault !== undefined) this.#monitor.notice(`The result of the check could not be noted: ${fault.message}`);
  }

  /** @returns why it could not be done now */
  async #tryToRemember({ waits }: { readonly waits: boolean } = { waits: false }): Promise<Fault | undefined> {
    if (this.#request.onlyLooks || this.#bad.size + this.#sound.length === 0) return undefined;
    try {
      await using writer = await (waits ? becomeWriter(this.#repository, "check") : this.#repository.write("check"));
      const items = { [Symbol.iterator]: () => this.#verified() };
      await writer.recordVerified(items, this.#repository.machine.clock.nowMs());
      this.#sound = new IdList();
      return undefined;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return error;
    }
  }

  /**
   * A content whose bytes match its name may still be of another size than the manifest says: bad ones come last. In
   * another order than its own, a million of them would take the catalog several times as long, and have it hold most of
   * its pages at once.
   */
  *#verified(): Generator<{ id: string; state: "ok" | "damaged" }> {
    for (const id of this.#sound.byBeginning()) yield { id, state: "ok" };
    for (const id of this.#bad.keys()) yield { id, state: "damaged" };
  }
}

/** "snapshot:first path and 1023 more entries". */
function rangeText(id: RootId, { first, count }: HunkRef): string {
  const more = count > 1 ? ` and ${count - 1} entries after it` : "";
  return `${shortId(id)}:${textOf(first)}${more}`;
}
