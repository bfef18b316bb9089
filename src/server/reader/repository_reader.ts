/** Reads a repository in the calling thread. */
import type {
  ArchiveRequest,
  BackupPlan,
  ByteRange,
  DiffPage,
  DiffRequest,
  EntryOrder,
  EntryPage,
  FileAnswer,
  FileRequest,
  PlanRequest,
  PreviewRequest,
  Reader,
  RestorePreview,
  SearchPage,
  SearchRequest,
  SnapshotList,
} from "./reader.ts";
import { archiveBytes } from "./archive.ts";
import { Bodies } from "./bodies.ts";
import { EntryCache } from "./entry_cache.ts";
import { SILENT } from "./silent_monitor.ts";
import { LINES_LENGTH, ToldLines } from "./told_lines.ts";
import { backupPlanJson, changeJson, plannedChangeJson } from "./value_json.ts";
import { maySee } from "../accounts/account.ts";
import { type Apath, childOf, compareApath, nameOf, parentOf, TOP } from "../../core/apath.ts";
import type { ContentId, RootId } from "../../core/content_id.ts";
import { hashBytes } from "../../core/digest.ts";
import type { Entry } from "../../core/entry.ts";
import { BadUsage, type Fault } from "../../core/fault.ts";
import type { Raw } from "../../core/raw.ts";
import { rawOf } from "../../core/raw.ts";
import { find, type FoundVersion } from "../../operations/browse/find.ts";
import { type VaultStatus, vaultStatus } from "../../operations/copied/vault_status.ts";
import { diff, type Difference, type Differences } from "../../operations/browse/diff/diff.ts";
import { history, type HistoryVersion } from "../../operations/browse/history.ts";
import { type Retention, retention } from "../../operations/forget/retention.ts";
import { type Stats, stats } from "../../operations/browse/stats.ts";
import { type Plan, plan } from "../../operations/plan/plan.ts";
import { marksFrom } from "../../operations/settings/backup_settings.ts";
import { selectionOf, settingsOf } from "../../jobs/kinds/backup_job.ts";
import { restoreRequest, snapshotFor } from "../../jobs/kinds/restore_job.ts";
import { type FolderPage, folders, type FoldersRequest } from "../../operations/folders.ts";
import { previewRestore } from "../../operations/restore/restore.ts";
import type { PlannedChange } from "../../operations/restore/restore_request.ts";
import { readHistory } from "../../jobs/state/history.ts";
import type { HistoryEntry } from "../../jobs/state/stored_state.ts";
import { openPlainFile } from "../../platform/plain_file.ts";
import { Storage } from "../../storage/storage.ts";
import type { OpenedRepository } from "../../operations/opened.ts";
import { NoSnapshot } from "../../snapshot/faults.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { Totals } from "../../snapshot/root.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

const CACHED_MANIFESTS = 8, LARGEST = 20;
const STATS_MS = 60_000, MOST_CHANGES = 500, MOST_PROBLEMS = 20;
/** Versions that are decoded and compared between two checks for other waiting work. */
const VERSIONS_OF_A_SLICE = 500;

type Bytes = Uint8Array<ArrayBuffer>;

/** Opens the repository on first use, and again after a failure. */
export type OpenRepository = () => Promise<OpenedRepository>;

/** Opens a vault by its name in the configuration. @throws the faults of opening it */
export type OpenVault = (name: string) => Promise<OpenedRepository>;

const noVaults: OpenVault = (name) => {
  throw new BadUsage(`There is no vault ${JSON.stringify(name)}`, "Name it in the configuration");
};

export class RepositoryReader implements Reader, AsyncDisposable {
  readonly #open: OpenRepository;
  readonly #openVault: OpenVault;
  readonly #stop = new AbortController();
  readonly #manifests = new Map<RootId, Promise<Manifest>>();
  readonly #entries = new EntryCache();
  readonly #bodies = new Bodies(this.#stop.signal);
  #list: SnapshotList = { version: "none", snapshots: [] };
  #repository: Promise<OpenedRepository> | undefined;
  #stats: { readonly of: string; readonly atMs: number; readonly stats: Stats } | undefined;

  constructor(open: OpenRepository, openVault: OpenVault = noVaults) {
    this.#open = open;
    this.#openVault = openVault;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    const opening = this.#repository;
    this.#repository = undefined;
    await this.#bodies[Symbol.asyncDispose]();
    await opening?.then((repository) => repository[Symbol.asyncDispose](), () => {});
  }

  async list(known?: string): Promise<SnapshotList | undefined> {
    const snapshots = await (await this.#opened()).snapshots();
    if (!isSame(snapshots, this.#list.snapshots)) this.#list = { version: versionOf(snapshots), snapshots };
    return known === this.#list.version ? undefined : this.#list;
  }

  async entry(snapshot: RootId, path: Apath): Promise<Entry | undefined> {
    return this.#entries.entry(snapshot, await this.#manifest(snapshot), path);
  }

  async file({ snapshot, path, version, wantsBody }: FileRequest): Promise<FileAnswer | "changed"> {
    if (version !== undefined && await this.list(version) !== undefined) return "changed";
    const entry = await this.entry(snapshot, path);
    if (!wantsBody || entry?.kind !== "file" || entry.content === undefined) return { entry };
    return { entry, body: this.#bodies.of(await this.#opened(), entry.content, entry.size) };
  }

  async entries(
    snapshot: RootId,
    directory: Apath,
    after: Raw | undefined,
    limit: number,
    order: EntryOrder = "name",
  ): Promise<EntryPage> {
    const manifest = await this.#manifest(snapshot), entries: Entry[] = [];
    if (order === "reverse") return lastEntries(manifest, directory, after, limit);
    const from = childOf(directory, after ?? rawOf("\0"));
    for (const entry of manifest.entries(from)) {
      if (entry.path === TOP || entry.path === from) continue;
      if (parentOf(entry.path) !== directory) break;
      if (entries.length === limit) return { entries, next: nameOf(entries.at(-1)!.path) };
      entries.push(entry);
    }
    return { entries, next: undefined };
  }

  async history(path: Apath): Promise<readonly HistoryVersion[]> {
    return await history(await this.#opened(), path);
  }

  async search({ series, after, limit, ...request }: SearchRequest): Promise<SearchPage> {
    const repository = await this.#opened(), { clock } = repository.machine;
    const found: FoundVersion[] = [];
    let seen = 0;
    for (const one of await find(repository, { ...request, snapshots: undefined, pageAfter: after ?? "start" })) {
      if (++seen % VERSIONS_OF_A_SLICE === 0) await clock.sleep(0);
      const { path } = one.version, last = found.at(-1)?.version.path;
      if (!maySee(series === undefined ? {} : { series }, one.version)) continue;
      if (last !== undefined && last !== path && found.length >= limit) return { found, next: last };
      found.push(one);
    }
    return { found, next: undefined };
  }

  async jobHistory(last: number): Promise<readonly HistoryEntry[]> {
    const repository = await this.#opened(), entries: HistoryEntry[] = [];
    if (!(repository instanceof Storage)) return [];
    for (const entry of readHistory(repository)) {
      entries.push(entry);
      if (entries.length > 2 * last) entries.splice(0, last);
    }
    return entries.slice(-last);
  }

  async stats(): Promise<Stats> {
    const repository = await this.#opened(), all = await repository.snapshots();
    const of = `${all.length} ${all.at(-1)?.id}`, nowMs = repository.machine.clock.nowMs();
    if (this.#stats?.of === of && nowMs - this.#stats.atMs < STATS_MS) return this.#stats.stats;
    const found = await stats(repository, { largest: LARGEST, signal: this.#stop.signal }, SILENT);
    this.#stats = { of, atMs: nowMs, stats: found };
    return found;
  }

  async id(): Promise<string> {
    return (await this.#opened()).id;
  }

  async retention(): Promise<Retention> {
    return await retention(await this.#opened());
  }

  async totals(snapshot: RootId): Promise<Totals> {
    return (await this.#manifest(snapshot)).root.totals;
  }

  async diff({ limit, ...request }: DiffRequest): Promise<DiffPage> {
    const repository = await this.#opened();
    using differences = await differencesOf(repository, request);
    const list = differences.list("depth-first"), changes: Difference[] = [];
    let next = list.next();
    for (let count = 1; !next.done; count++, next = list.next()) {
      if (changes.length < limit) changes.push(next.value);
      if (count % VERSIONS_OF_A_SLICE === 0) await repository.machine.clock.sleep(0);
    }
    return { changes, summary: next.value };
  }

  async previewRestore(request: PreviewRequest): Promise<RestorePreview> {
    const changes: PlannedChange[] = [];
    const counts = await this.#preview(request, (change) => {
      if (changes.length < MOST_CHANGES) changes.push(change);
    });
    return { changes, counts };
  }

  async *restoreChanges(request: PreviewRequest): AsyncGenerator<Bytes> {
    const lines = new ToldLines(), tell = (change: PlannedChange) => lines.tell(plannedChangeJson(change));
    let summary: RestorePreview["counts"] = {};
    const work = this.#preview(request, tell, () => lines.ready()).then((counts) => summary = counts);
    yield* lines.parts(work, () => ({ summary }));
  }

  async #preview(
    { job, own }: PreviewRequest,
    tell: (change: PlannedChange) => void,
    ready?: () => Promise<void>,
  ): Promise<RestorePreview["counts"]> {
    const repository = await this.#opened(), snapshot = snapshotFor(await repository.snapshots(), job);
    const terms = { disk: repository.machine.disk, own, workers: 0, signal: this.#stop.signal };
    const counts: Partial<Record<PlannedChange["action"], number>> = {};
    const counted = (change: PlannedChange) => {
      counts[change.action] = (counts[change.action] ?? 0) + 1;
      tell(change);
    };
    await previewRestore(repository, restoreRequest(job, snapshot, terms), SILENT, counted, ready);
    return counts;
  }

  async vault(name: string): Promise<VaultStatus> {
    const own = await this.#opened();
    await using vault = await this.#openVault(name);
    return await vaultStatus(own, vault, this.#stop.signal, SILENT);
  }

  async planBackup(request: PlanRequest): Promise<BackupPlan> {
    const problems: string[] = [];
    const plan = await this.#plan(request, ({ message }) => {
      if (problems.length < MOST_PROBLEMS) problems.push(message);
    });
    return { plan, problems };
  }

  async *backupLines(request: PlanRequest): AsyncGenerator<Bytes> {
    const lines = new ToldLines();
    let summary: unknown;
    // It never waits until somebody takes the lines, for problems are few; it ends when nobody will.
    const signal = AbortSignal.any([this.#stop.signal, lines.signal]);
    const work = this.#plan(request, ({ message }) => lines.tell({ problem: message }), signal);
    yield* lines.parts(work.then((made) => summary = backupPlanJson(made)), () => ({ summary }));
  }

  async #plan(
    { job, host }: PlanRequest,
    problem: (fault: Fault) => void,
    signal = this.#stop.signal,
  ): Promise<Plan> {
    const repository = await this.#opened();
    const selection = selectionOf(job, repository.machine.disk, host), { tree } = marksFrom(settingsOf(job));
    return await plan(repository, { ...selection, tree, signal }, { ...SILENT, problem });
  }

  async folders(request: FoldersRequest): Promise<FolderPage | undefined> {
    return folders((await this.#opened()).machine.disk, request);
  }

  async *content(id: ContentId, range?: ByteRange): AsyncGenerator<Bytes> {
    const repository = await this.#opened();
    await using reader = repository.reader({ workers: 0, signal: this.#stop.signal });
    const { from, to } = range ?? { from: 0, to: Infinity };
    if (range !== undefined && (yield* partOfFile(reader.plainFile?.(id), range))) return;
    let at = 0, held: Bytes | undefined;
    for await (const chunk of reader.read(id)) {
      const part = chunk.slice(Math.max(0, from - at), Math.max(0, Math.min(chunk.length, to - at)));
      at += chunk.length;
      // The last bytes go out only when it is known that all are right.
      if (held !== undefined && part.length > 0) yield held;
      if (part.length > 0) held = part;
      if (at >= to && to !== Infinity && part.length === 0) break;
    }
    if (held !== undefined) yield held;
  }

  async *archive(request: ArchiveRequest): AsyncGenerator<Bytes> {
    const repository = await this.#opened();
    const snapshot = snapshotOf(await repository.snapshots(), request.snapshot);
    yield* archiveBytes(repository, { ...request, snapshot }, this.#stop.signal);
  }

  async *changes(request: Omit<DiffRequest, "limit">): AsyncGenerator<Bytes> {
    using differences = await differencesOf(await this.#opened(), request);
    const list = differences.list("depth-first");
    let text = "", next = list.next();
    for (; !next.done; next = list.next()) {
      text += `${JSON.stringify(changeJson(next.value))}\n`;
      if (text.length < LINES_LENGTH) continue;
      yield new TextEncoder().encode(text);
      text = "";
    }
    yield new TextEncoder().encode(`${text}${JSON.stringify({ summary: next.value })}\n`);
  }

  async #opened(): Promise<OpenedRepository> {
    const opening = this.#repository ??= this.#open();
    try {
      return await opening;
    } catch (error) {
      this.#repository = undefined;
      throw error;
    }
  }

  async #manifest(id: RootId): Promise<Manifest> {
    const known = this.#manifests.get(id), loading = known ?? this.#loaded(id);
    this.#manifests.delete(id);
    this.#manifests.set(id, loading);
    const [oldest] = this.#manifests.keys();
    if (this.#manifests.size > CACHED_MANIFESTS && oldest !== undefined) this.#manifests.delete(oldest);
    try {
      return await loading;
    } catch (error) {
      this.#manifests.delete(id);
      throw error;
    }
  }

  async #loaded(id: RootId): Promise<Manifest> {
    return await (await this.#opened()).manifest(id);
  }
}

/**
 * A part from within a plain file, without reading what lies before it. One that goes on to the end isn't given: it can
 * be verified. @returns true if it was given
 */
async function* partOfFile(path: Raw | undefined, { from, to }: ByteRange): AsyncGenerator<Bytes, boolean> {
  using file = path === undefined ? undefined : await openPlainFile(path);
  if (file === undefined || await file.size() <= to) return false;
  // The pieces go to another thread, with their buffers.
  for await (const piece of file.pieces(from, to)) yield piece.slice();
  return true;
}

/** A page of a directory's entries from the last one on, or from the one before `after`. */
function lastEntries(manifest: Manifest, directory: Apath, after: Raw | undefined, limit: number): EntryPage {
  const kept: Entry[] = [], end = after === undefined ? undefined : childOf(directory, after);
  for (const entry of manifest.list(directory)) {
    if (end !== undefined && compareApath(entry.path, end) >= 0) break;
    kept.push(entry);
    if (kept.length > limit + 1) kept.shift();
  }
  const entries = kept.slice(-limit).reverse();
  return { entries, next: kept.length > limit ? nameOf(entries.at(-1)!.path) : undefined };
}

async function differencesOf(
  repository: OpenedRepository,
  { before, now, below }: Omit<DiffRequest, "limit">,
): Promise<Differences> {
  const all = await repository.snapshots(), pair = { before: snapshotOf(all, before), now: snapshotOf(all, now) };
  return await diff(repository, { ...pair, below, readData: false, directoryTimes: false }, SILENT);
}

/** True if these are the same ids, which tell everything of a snapshot. */
function isSame(some: readonly SnapshotInfo[], others: readonly SnapshotInfo[]): boolean {
  return some.length === others.length && some.every(({ id }, at) => id === others[at]!.id);
}

function versionOf(snapshots: readonly SnapshotInfo[]): string {
  return hashBytes("sha256", new TextEncoder().encode(snapshots.map(({ id }) => id).join(" ")));
}

/** The snapshot with this id. @throws NoSnapshot */
function snapshotOf(all: readonly SnapshotInfo[], id: RootId): SnapshotInfo {
  const found = all.find((one) => one.id === id);
  if (found === undefined) throw new NoSnapshot(id, "it was forgotten");
  return found;
}
