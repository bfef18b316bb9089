/**
 * Repairs a vault: lists units that no index lists, gives up damaged units, and stores their contents again: intact
 * ones from the units themselves, the rest from any other copy. What nothing can repair is named, with every path of
 * every snapshot that needs it.
 */
import type { Apath } from "../../core/apath.ts";
import { type ContentId, type HunkId, knownContentId, type RootId } from "../../core/content_id.ts";
import { newHasher } from "../../core/digest.ts";
import { unlessFault } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { patiently } from "../../core/patience.ts";
import { type Raw, textOf } from "../../core/raw.ts";
import { shortId } from "../../core/short_id.ts";
import { pluralText } from "../../core/size_text.ts";
import type { WorkOptions } from "../../core/work.ts";
import { Yielder } from "../../core/yielding.ts";
import { entriesOf, linesOf, Manifest } from "../../snapshot/manifest.ts";
import type { HunkRef } from "../../snapshot/hunk.ts";
import { contentsOf } from "../../snapshot/hunk_contents.ts";
import type { Repository } from "../../snapshot/repository.ts";
import type { Root } from "../../snapshot/root.ts";
import {
  type AffectedPath,
  type DamagedFile,
  findAffected,
  HunkReferences,
} from "../../storage/repair/affected_paths.ts";
import { placesIn } from "../../storage/repair/content_repairer.ts";
import { type BrokenObject, damagedObjects } from "../../vault/repair/damaged_objects.ts";
import { missingAmong } from "../../vault/repair/unit_damages.ts";
import type { ContentPieces, VaultRepairer } from "../../vault/repair/vault_repairer.ts";
import type { Vault } from "../../vault/vault.ts";
import { becomeWriter } from "../become_writer.ts";
import { check } from "../check/check.ts";
import { livePath } from "../drill/proof.ts";
import { orNothing } from "./or_nothing.ts";
import type { Repaired, RepairResult } from "./repaired.ts";
import { type ContentCopy, KEPT, VaultCopies } from "./vault_copies.ts";

export interface VaultRepairRequest extends WorkOptions {
  /** Read every byte first, to find all damage. Otherwise, only missing or truncated objects are repaired. */
  readonly readData: boolean;
  /** Repositories that may contain copies. They are only read. */
  readonly from: readonly Repository[];
  /** Absolute paths of directories that may contain the files. */
  readonly directories?: readonly Raw[];
  /** Only report what would be done. Takes no lease. */
  readonly dryRun: boolean;
  /** Lost snapshots to restore, from copies of their roots or from other repositories. */
  readonly snapshots?: readonly RootId[];
  /**
   * Names of objects in `snapshots/` that are damaged beyond use, and are to be removed, with the loss of what they
   * contained.
   */
  readonly discard?: readonly string[];
  /** Name of this machine, whose sources may contain lost data. */
  readonly host: string;
}

/**
 * Repairs a vault.
 * @throws VaultBusy, NewerObject, PruneOvertaken, Interrupted, and failures that prevent any reading or writing
 */
export async function repairVault(
  vault: Vault,
  request: VaultRepairRequest,
  tell: (repaired: Repaired) => void,
  monitor: Monitor,
): Promise<RepairResult> {
  await using copies = new VaultCopies(vault, request.from, request.signal);
  if (request.dryRun) {
    return await new VaultRepair(vault, { request, tell, monitor, copies, repairer: undefined }).run();
  }
  await using writer = await becomeWriter(vault, "repair");
  let result: RepairResult & { readonly states: Map<ContentId, "ok" | "damaged">; readonly useless: readonly RootId[] };
  {
    await using repairer = await patiently(() => writer.repairer(), vault.machine);
    result = await new VaultRepair(vault, { request, tell, monitor, copies, repairer }).run();
  }
  for (const id of await writer.forget(result.useless)) {
    monitor.notice(`The partial snapshot ${shortId(id)} is gone: something of it was lost`);
  }
  const items = Array.from(result.states, ([id, state]) => ({ id, state }));
  await writer.recordVerified(items, vault.machine.clock.nowMs());
  return result;
}

interface RepairTools {
  readonly request: VaultRepairRequest;
  readonly tell: (repaired: Repaired) => void;
  readonly monitor: Monitor;
  readonly copies: VaultCopies;
  /** Absent: nothing is changed. */
  readonly repairer: VaultRepairer | undefined;
}

interface Suspects {
  readonly hunks: ReadonlyMap<string, string>;
  readonly contents: ReadonlyMap<string, string>;
  /** Contents that no snapshot is known to need: a hunk that can't be read may name them. */
  readonly unneeded: ReadonlyMap<string, string>;
}

const ITSELF = "what was whole of it";

class VaultRepair {
  readonly #vault: Vault;
  readonly #tools: RepairTools;
  readonly #pace: Yielder;
  readonly #states = new Map<ContentId, "ok" | "damaged">();
  readonly #lostPaths = new Map<string, AffectedPath[]>();
  readonly #useless = new Set<RootId>();
  /** Those that were repaired. */
  readonly #hunks = new Map<HunkId, Uint8Array<ArrayBuffer>>();
  /** Units that were given up, and what is wrong with them. */
  readonly #damages = new Map<string, string>();
  /** Those of them that an earlier run had given up. */
  readonly #givenUp = new Set<string>();
  /** Roots of complete and partial snapshots. */
  #roots: ReadonlyMap<RootId, Root> = new Map();
  /** Damaged objects of snapshots that the cache has. */
  readonly #kept = new Set<string>();
  #healed = 0;
  #lost = 0;

  constructor(vault: Vault, tools: RepairTools) {
    this.#vault = vault;
    this.#tools = tools;
    this.#pace = new Yielder(vault.machine.clock, tools.request.signal);
  }

  async run(): Promise<
    RepairResult & { readonly states: Map<ContentId, "ok" | "damaged">; readonly useless: readonly RootId[] }
  > {
    const { request, repairer } = this.#tools;
    for (const id of request.snapshots ?? []) await this.#bringBack(id);
    const broken = await this.#replaceObjects(await damagedObjects(this.#vault.objects, request.signal));
    await this.#healIndex(broken.filter(({ kind }) => kind === "index"));
    await this.#healRoots(broken.filter(({ kind }) => kind === "snapshots"));
    this.#noteKeys(broken.filter(({ kind }) => kind === "keys"));
    await this.#readRoots();
    const first = await this.#suspects(request.readData);
    await this.#giveUpUnits([...first.contents.keys(), ...first.hunks.keys()]);
    // What these name wasn't looked at yet.
    const isMore = await this.#healHunks(first) > 0, more = isMore ? await this.#contentsOfHealed() : [];
    const suspects = new Map([...first.contents, ...more, ...(isMore ? first.unneeded : [])]);
    if (isMore) await this.#giveUpUnits([...suspects.keys()]);
    await this.#healContents(suspects);
    if (this.#damages.size > 0) await this.#moveTheRest(new Set(suspects.keys()));
    await repairer?.flush();
    for (const [unit, what] of this.#damages) this.#tellUnit(unit, what);
    const { size: damaged } = new Set([...first.hunks.keys(), ...suspects.keys()]);
    return {
      damaged: Math.max(damaged, this.#healed + this.#lost),
      healed: this.#healed,
      lost: this.#lost,
      states: this.#states,
      useless: [...this.#useless],
    };
  }

  /** @param ids of what may lie in units that are damaged @returns how many were found that weren't known */
  async #giveUpUnits(ids: readonly string[]): Promise<number> {
    const { repairer } = this.#tools, before = this.#damages.size;
    for (const [unit, what] of await repairer?.damagesOf(ids) ?? []) {
      if (this.#damages.has(unit)) continue;
      this.#damages.set(unit, what);
      if (repairer?.isReliable(unit) === false) this.#givenUp.add(unit);
    }
    if (this.#damages.size > before) await repairer?.doom(this.#damages.keys());
    return this.#damages.size - before;
  }

  /** Only if it is asked for: who knows whether it was forgotten, or never finished? */
  async #bringBack(id: RootId): Promise<void> {
    const { copies, repairer, request } = this.#tools, what = "its root is lost";
    if (await this.#vault.roots.find(id) !== undefined) return;
    const copy = await repairer?.copyOfRoot(id), found = copy === undefined ? await copies.object(id) : undefined;
    const bytes = copy ?? found?.bytes, isStored = bytes !== undefined && await repairer?.storeRoot(id, bytes) === true;
    const from = isStored || (request.dryRun && bytes !== undefined) ? found?.from ?? "a copy in a unit" : undefined;
    this.#note({ kind: "root", id, what, from, quarantine: undefined, affected: [] });
  }

  /** Takes intact objects from other copies of this vault. @returns those that have none */
  async #replaceObjects(broken: readonly BrokenObject[]): Promise<BrokenObject[]> {
    const { copies, repairer } = this.#tools, rest: BrokenObject[] = [], roots: string[] = [];
    for (const object of broken) {
      const copy = await copies.sameObject(object);
      if (copy === undefined || await repairer?.replaceObject(object, copy.bytes) === false) rest.push(object);
      else {
        if (object.kind === "snapshots") roots.push(object.name);
        this.#noteObject(object, copy.from);
      }
    }
    if (repairer !== undefined) await this.#vault.roots.distrust(roots);
    return rest;
  }

  #noteKeys(broken: readonly BrokenObject[]): void {
    for (const key of broken) this.#noteObject(key, undefined);
    if (broken.length === 0) return;
    this.#tools.monitor.notice(
      "A damaged key opens nothing: make another with `backup-tool key add`, and remove it with `backup-tool key remove`",
    );
  }

  #noteObject({ kind, name, what }: BrokenObject, from: string | undefined): void {
    this.#note({ kind: "object", id: `${kind}/${name}`, what, from, quarantine: undefined, affected: [] });
  }

  /** Lists what no index lists, or only damaged objects of it, which go then. */
  async #healIndex(broken: readonly BrokenObject[]): Promise<void> {
    const { repairer, monitor } = this.#tools, names = new Set(broken.map(({ name }) => name));
    const { listed, unreadable } = await repairer?.listUnlisted(names) ?? { listed: 0, unreadable: 0 };
    if (listed > 0) monitor.notice(`${pluralText(listed, "unit")} that no index knew of: listed now`);
    if (unreadable > 0) monitor.notice(`${pluralText(unreadable, "unit")} that no index knows of can't be read`);
    if (broken.length > 0) await repairer?.removeFromIndex(names);
    for (const object of broken) this.#noteObject(object, "the units that it listed");
  }

  /** Stores roots again that the cache still has. Of others, nobody knows which snapshots they were. */
  async #healRoots(broken: readonly BrokenObject[]): Promise<void> {
    const what = new Map(broken.map((object) => [object.name, object.what]));
    for (const [name, stored] of await this.#vault.roots.distrust(what.keys())) {
      await this.#tools.repairer?.renewRoot(name, stored);
      this.#kept.add(name);
      const { id } = stored, affected: Repaired["affected"] = [];
      this.#note({ kind: "root", id, what: what.get(name) ?? "", from: KEPT, quarantine: undefined, affected });
    }
  }

  async #readRoots(): Promise<void> {
    const stored = await this.#vault.roots.all();
    this.#roots = new Map(stored.map(({ id, root }) => [id, root]));
    const { repairer, monitor, request: { discard = [] } } = this.#tools;
    for (const name of discard) {
      await repairer?.discardRoot(name);
      monitor.notice(`snapshots/${name} is given up`);
    }
    for (const [name, { code, message: what }] of this.#vault.roots.unusable) {
      // Whose it was nobody knows: a copy elsewhere comes back by `copy`, or by its id.
      if (code === "newer-object" || discard.includes(name) || this.#kept.has(name)) continue;
      this.#note({ kind: "root", id: `snapshots/${name}`, what, from: undefined, quarantine: undefined, affected: [] });
    }
  }

  /** What a check complains about, and what is wrong with it. */
  async #suspects(readData: boolean): Promise<Suspects> {
    const { request: { workers, signal }, monitor } = this.#tools;
    const [hunks, contents, unneeded] = [
      new Map<string, string>(),
      new Map<string, string>(),
      new Map<string, string>(),
    ];
    await check(this.#vault, { readData, onlyLooks: true, workers, signal }, ({ where, what, severity }) => {
      const isNeeded = severity === "damage";
      if (isNeeded && /^[0-9a-f]{64}f1$/.test(where)) hunks.set(where, what);
      else if (/^[0-9a-f]{64}$/.test(where)) (isNeeded ? contents : unneeded).set(where, what);
    }, monitor);
    return { hunks, contents, unneeded };
  }

  /** Suspects among what repaired hunks name. */
  async #contentsOfHealed(): Promise<ReadonlyMap<string, string>> {
    if (this.#tools.repairer !== undefined) return (await this.#suspects(false)).contents;
    // As long as nothing is stored, no check finds them.
    const users = [...this.#users().values()].map(({ hunk }) => hunk).filter(({ id }) => this.#hunks.has(id));
    const named = users.flatMap((hunk) => unlessFault(() => contentsOf(this.#hunks.get(hunk.id)!, hunk), []));
    const missing = await missingAmong(this.#vault, new Set(named.map(knownContentId)));
    return new Map(missing.map((id) => [id, "it is missing"]));
  }

  /** @returns how many are there again */
  async #healHunks({ hunks }: Suspects): Promise<number> {
    if (hunks.size === 0) return 0;
    const { copies, repairer } = this.#tools;
    let healed = 0;
    for (const { hunk, snapshots } of this.#users().values()) {
      const what = hunks.get(hunk.id);
      if (what === undefined) continue;
      await this.#pace.yieldIfDue();
      const copy = await copies.hunk(hunk.id);
      if (copy !== undefined) await repairer?.storeHunk(hunk.id, copy.bytes);
      if (copy !== undefined) this.#hunks.set(hunk.id, copy.bytes);
      if (copy !== undefined) healed++;
      const affected = [{ path: rangeText(hunk), snapshots }];
      this.#noteNeeded({ kind: "hunk", id: hunk.id, what, from: copy?.from, quarantine: undefined, affected });
    }
    await repairer?.flush();
    return healed;
  }

  async #healContents(suspects: ReadonlyMap<string, string>): Promise<void> {
    if (suspects.size === 0) return;
    const linesOf = (hunk: HunkRef) => this.#linesOf(hunk), pace = this.#pace;
    const files = await findAffected(this.#users(), new Set(suspects.keys()), { linesOf, pace });
    for (const file of files) {
      await this.#pace.yieldIfDue();
      this.#tools.monitor.current(`looking for a copy of ${textOf(file.affected[0]!.path)}`);
      const from = await this.#healContent(file);
      this.#states.set(file.id, from === undefined ? "damaged" : "ok");
      if (from === undefined) await this.#noteLostIn(file);
      const affected = file.affected.map(({ path, snapshots }) => ({ path: textOf(path), snapshots }));
      const what = suspects.get(file.id) ?? "it is damaged";
      this.#noteNeeded({ kind: "content", id: file.id, what, from, quarantine: undefined, affected });
    }
  }

  /** @returns where a copy came from */
  async #healContent(file: DamagedFile): Promise<string | undefined> {
    const { copies } = this.#tools;
    for await (const copy of copies.contents(file.id, file.size, this.#livePaths(file))) {
      if (await this.#isHealedBy(file, copy)) return copy.from;
    }
    return undefined;
  }

  /** Which parts a large content has is only known when it was cut: one may lie in a unit that seemed to be whole. */
  async #isHealedBy(file: DamagedFile, copy: ContentCopy): Promise<boolean> {
    const { repairer } = this.#tools;
    for (;;) {
      const pieces = await copy.open();
      if (pieces === undefined) return false;
      if (repairer === undefined) return await orNothing(() => isOf(file.id, pieces)) === true;
      if (await orNothing(() => this.#store(repairer, file, pieces)) !== true) return false;
      if (file.size <= this.#vault.objects.access.config.chunker.wholeUpTo) return true;
      await repairer.flush();
      if (await this.#giveUpUnits([file.id]) === 0) return true;
    }
  }

  async #store(repairer: VaultRepairer, { id, affected }: DamagedFile, pieces: ContentPieces): Promise<boolean> {
    const [{ path, snapshots: [snapshot] }] = affected as [AffectedPath];
    const entry = snapshot === undefined ? undefined : (await this.#vault.manifest(snapshot)).entry(path);
    const root = snapshot === undefined ? undefined : this.#roots.get(snapshot);
    return entry !== undefined && root !== undefined && await repairer.storeContent(id, pieces, entry, root);
  }

  *#livePaths({ affected }: DamagedFile): Generator<Raw> {
    const tried = new Set<Raw>();
    for (const { path, snapshots } of affected) {
      for (const snapshot of snapshots) {
        for (const place of this.#placesOf(path, this.#roots.get(snapshot))) {
          if (!tried.has(place)) yield place;
          tried.add(place);
        }
      }
    }
  }

  *#placesOf(path: Apath, root: Root | undefined): Generator<Raw> {
    const { host, directories = [] } = this.#tools.request;
    const live = root?.host === host ? livePath(root, path) : undefined;
    if (live !== undefined) yield live;
    for (const { at } of root?.sources ?? []) for (const each of directories) yield* placesIn(each, path, at);
  }

  async #noteLostIn({ id, affected }: DamagedFile): Promise<void> {
    for (const unit of await this.#tools.repairer?.unitsOf(id) ?? []) {
      this.#lostPaths.set(unit, [...this.#lostPaths.get(unit) ?? [], ...affected]);
    }
  }

  /** What else is needed of units that were given up: it is whole in them, and has to be somewhere else when they go. */
  async #moveTheRest(known: ReadonlySet<string>): Promise<void> {
    const { repairer, monitor } = this.#tools, seen = new Set(known), hunks = new Set<string>();
    if (repairer === undefined) return;
    monitor.phase("packing");
    if (!this.#canRead) monitor.notice("What is whole in damaged units stays in them: this is a write-only key");
    for (const root of this.#roots.values()) {
      for (const hunk of root.hunks) {
        if (hunks.has(hunk.id)) continue;
        hunks.add(hunk.id);
        const bytes = await orNothing(() => this.#vault.contents.hunk(hunk.id));
        if (bytes === undefined) continue; // reported already
        if (!repairer.hasHunk(hunk.id)) await repairer.storeHunk(hunk.id, bytes);
        if (this.#canRead) await this.#moveContents(repairer, { hunk, bytes, root }, seen);
      }
    }
  }

  get #canRead(): boolean {
    const { key } = this.#vault.objects.access;
    return key === undefined || key.dataIdentity !== undefined;
  }

  async #moveContents(
    repairer: VaultRepairer,
    { hunk, bytes, root }: { readonly hunk: HunkRef; readonly bytes: Uint8Array<ArrayBuffer>; readonly root: Root },
    seen: Set<string>,
  ): Promise<void> {
    for (const entry of entriesOf(linesOf(bytes, hunk), hunk, () => {})) {
      const { content } = entry;
      if (content === undefined || seen.has(content)) continue;
      seen.add(content);
      await this.#pace.yieldIfDue();
      if (await repairer.isSafe(content)) continue;
      await orNothing(() => repairer.storeContent(content, this.#vault.contents.read(content), entry, root));
    }
  }

  #tellUnit(unit: string, what: string): void {
    const paths = new Map<string, Set<RootId>>();
    for (const { path, snapshots } of this.#lostPaths.get(unit) ?? []) {
      paths.set(textOf(path), new Set([...paths.get(textOf(path)) ?? [], ...snapshots]));
    }
    const affected = Array.from(paths, ([path, snapshots]) => ({ path, snapshots: [...snapshots] }));
    if (affected.length === 0 && this.#givenUp.has(unit)) return;
    const from = affected.length === 0 ? ITSELF : undefined;
    this.#tools.tell({ kind: "unit", id: unit, what, from, quarantine: undefined, affected });
  }

  /** Losses that affect only partial snapshots are not reported: those snapshots are removed. */
  #noteNeeded(found: Repaired): void {
    const isPartial = (id: RootId) => this.#roots.get(id)?.complete === false;
    const users = found.affected.flatMap(({ snapshots }) => snapshots);
    if (found.from === undefined) { for (const id of users) if (isPartial(id)) this.#useless.add(id); }
    if (found.from !== undefined || !users.every(isPartial)) this.#note(found);
  }

  #note(found: Repaired): void {
    if (found.from !== undefined) this.#healed++;
    else this.#lost++;
    this.#tools.tell(found);
  }

  #users(): HunkReferences {
    const inOrder = [...this.#roots].sort(([, a], [, b]) => a.start < b.start ? 1 : -1);
    return new HunkReferences(
      inOrder.map(([id, root]) => ({ id, manifest: new Manifest(() => new Uint8Array(), root) })),
    );
  }

  async #linesOf(hunk: HunkRef): Promise<readonly string[]> {
    return linesOf(this.#hunks.get(hunk.id) ?? await this.#vault.contents.hunk(hunk.id), hunk);
  }
}

async function isOf(id: ContentId, pieces: ContentPieces): Promise<boolean> {
  const hasher = newHasher("sha256");
  for await (const piece of pieces) hasher.update(piece);
  return hasher.hex() === id;
}

/** "/photos/a.jpg and 1023 entries after it" */
function rangeText({ first, count }: HunkRef): string {
  return count > 1 ? `${textOf(first)} and ${count - 1} entries after it` : textOf(first);
}
