/**
 * Prunes a vault step by step (FORMAT.md, "Removing"). Writers take no locks: a unit is first doomed, visibly for all,
 * and a later run deletes it if no snapshot needs it then. A crash at any point leaves nothing but garbage.
 */
import { PlaceRefuses } from "../../backend/faults.ts";
import { type ObjectKey, objectKey } from "../../backend/backend.ts";
import type { Monitor } from "../../core/monitor.ts";
import { Yielder } from "../../core/yielding.ts";
import type { Machine } from "../../platform/machine.ts";
import type { RemovalRequest, RemovalSummary } from "../../snapshot/repository.ts";
import { AppendOnly, PruneOvertaken } from "../format/faults.ts";
import { encodeIndex, type IndexObject, type LedgerLine, type UnitLine } from "../index/index_object.ts";
import { ItemReader } from "../store/item_reader.ts";
import type { IndexObjectFacts, UnitIndex } from "../store/unit_index.ts";
import { chooseCompaction } from "./compaction.ts";
import { decide, type Decision } from "./decision.ts";
import { eachAtOnce } from "./each_at_once.ts";
import { inForce, isSame, ledgerPortions, supersededNow } from "./ledger.ts";
import { Lease } from "./lease.ts";
import { ListFinder } from "./lists.ts";
import { portionsOf } from "./portions.ts";
import { repack } from "./repack.ts";
import { ALL_RULES, paceOf, type PrunePace, type PruneRules } from "./rules.ts";
import { assertKnownVersions, type PrunedVault, type Survey, survey } from "./survey.ts";
import { summaryOf } from "./summary.ts";

export interface PruneOptions {
  readonly machine: Machine;
  /** Units that are uploaded at once. */
  readonly mostUploads: number;
  /** Target for the stored size of repacked units, in bytes. */
  readonly unitBytes: number;
  /** For tests: rules to switch off. */
  readonly rules?: PruneRules;
  /** For tests: lines in one ledger. */
  readonly ledgerLines?: number;
}

/** Attempts at a prune, as others may interfere. */
const MOST_ATTEMPTS = 3;
/** Largest stored size of a repacked unit in bytes: they are made in memory. */
const MOST_UNIT_BYTES = 64 * 1024 * 1024;
const NAME_BYTES = 32;
const DELETED_AT_ONCE = 4;
/** Age in ms from which leftovers are removed: those of a writer at work are younger. */
const LEFTOVER_MS = 24 * 3_600_000;
/** For tests: the shortest time, in graces, after which a tombstone may be dropped. */
const TEST_TOMBSTONE_GRACES = 2;

/** The survey, and what follows from it. */
interface Plan {
  readonly seen: Survey;
  readonly decision: Decision;
  readonly summary: RemovalSummary;
}

export class Pruner implements AsyncDisposable {
  readonly #vault: PrunedVault;
  readonly #options: PruneOptions;
  readonly #rules: PruneRules;
  readonly #pace: PrunePace;
  readonly #request: RemovalRequest;
  readonly #monitor: Monitor;
  #lease: Lease | undefined;
  #plan: Plan | undefined;

  /** @throws BadUsage */
  constructor(
    vault: Omit<PrunedVault, "lists">,
    { request, monitor, ...options }: PruneOptions & { readonly request: RemovalRequest; readonly monitor: Monitor },
  ) {
    const { objects, index } = vault;
    this.#vault = { ...vault, lists: new ListFinder(index, new ItemReader(objects.backend, objects.access)) };
    this.#options = options;
    this.#rules = options.rules ?? ALL_RULES;
    this.#pace = paceOf(request.pace);
    this.#request = request;
    this.#monitor = monitor;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lease?.[Symbol.asyncDispose]();
    this.#lease = undefined;
  }

  /** What a prune would do now. Writes nothing. @throws NeededMissing, UnknownReferences, NewerObject, Interrupted */
  async preview(): Promise<RemovalSummary> {
    return (await this.#decide(true)).summary;
  }

  /** Steps P0 to P3, writing nothing but the lease. @throws VaultBusy, AppendOnly, and as {@link preview} */
  async plan(): Promise<RemovalSummary> {
    await this.#assertRemovable();
    this.#lease ??= await Lease.take(this.#vault.objects, {
      host: this.#vault.host,
      clock: this.#options.machine.clock,
    });
    this.#plan = await this.#decide(false);
    return this.#plan.summary;
  }

  /** Checks that deleting is allowed: an append-only server refuses to delete even an object that doesn't exist. */
  async #assertRemovable(): Promise<void> {
    const { backend, random } = this.#vault.objects;
    try {
      if (backend.can.remove) return await backend.remove(objectKey("data", random(NAME_BYTES).toHex()));
    } catch (error) {
      if (!(error instanceof PlaceRefuses)) throw error;
    }
    throw new AppendOnly(backend.location);
  }

  async #decide(isPreview: boolean): Promise<Plan> {
    const { machine: { clock } } = this.#options, { without = new Set(), signal } = this.#request;
    this.#monitor.phase("reading manifests");
    const pace = new Yielder(clock, signal);
    const seen = await survey(this.#vault, { without, isPreview, rules: this.#rules, pace, monitor: this.#monitor });
    this.#monitor.phase("looking for what is not needed");
    const { key } = this.#vault.objects.access, { graceMs } = this.#pace;
    const decision = await decide(this.#vault.index, { ...seen, items: seen.needs.items }, {
      ...this.#pace,
      canReadData: key === undefined || key.dataIdentity !== undefined,
      ...(!this.#rules.tombstones && { dropTombstonesAfterMs: TEST_TOMBSTONE_GRACES * Math.max(graceMs, 1) }),
    }, () => pace.yieldIfDue());
    return { seen, decision, summary: summaryOf(this.#vault.index, { seen, decision }, this.#pace) };
  }

  /**
   * The writing part of P3, and P4 to P6. @returns number of items in deleted units @throws PruneOvertaken, VaultBusy,
   * Interrupted
   */
  async execute(monitor: Monitor, signal: AbortSignal): Promise<number> {
    let why = "nothing was planned";
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const plan = this.#plan ?? await this.#decide(false);
      this.#plan = undefined;
      const done = await this.#carryOut(plan, { monitor, signal });
      if (typeof done === "number") return done;
      why = done;
    }
    throw new PruneOvertaken(why);
  }

  /** Carries out a plan. @returns the number of deleted items, or the reason why another survey is needed */
  async #carryOut(plan: Plan, deleting: Deleting): Promise<number | string> {
    const { seen, decision } = plan, { signal } = deleting;
    const moved = await this.#repack(seen, decision, signal);
    const marks = withDoomed(decision.marks, moved, seen.nowMs);
    const rewritten = await this.#rewriteIndex(seen, decision, marks);
    if (rewritten.length === 0 && this.#changesNothing(seen, decision, marks)) return 0;
    await this.#lease?.renew();
    const { index } = this.#vault;
    if (this.#rules.lookBefore) {
      await index.refresh();
      if (!this.#isStill(seen)) return "another run has written its decisions";
    }
    const { superseded: keepsSuperseded } = this.#rules;
    const supersedes = supersededNow(seen.objects, { rewritten, keepsSuperseded });
    const own = await this.#writeLedgers(unlessListed(marks, decision, index), supersedes);
    if (this.#rules.lookAfter) {
      await index.refresh();
      await this.#lease?.assertHeld();
      if (!await this.#isUndisputed(seen, own)) return "another run has written its decisions, or removed some";
    }
    return await this.#delete(plan, supersedes, deleting);
  }

  async #repack(seen: Survey, { repack: names, homes }: Decision, signal: AbortSignal): Promise<readonly string[]> {
    if (names.length === 0) return [];
    const { machine, unitBytes, mostUploads } = this.#options, pace = new Yielder(machine.clock, signal);
    this.#monitor.phase("packing");
    return await repack(this.#vault, names, {
      machine,
      workers: this.#request.workers,
      signal,
      unitBytes: Math.min(unitBytes, MOST_UNIT_BYTES),
      mostUploads,
      items: seen.needs.items,
      roots: seen.roots,
      homes,
      pause: () => pace.yieldIfDue(),
      problem: (fault) => this.#monitor.problem(fault),
    });
  }

  /** Moves index lines of units that stay to new objects. @returns the names of the objects that this replaces */
  async #rewriteIndex(seen: Survey, { itemCounts }: Decision, marks: Marks): Promise<readonly string[]> {
    const { index } = this.#vault;
    const isGone = (unit: string) => marks.get(unit)?.mark === "gone";
    const objects = inForce(seen.objects).filter(({ kind }) => kind === "units")
      .map(({ name }) => ({ name, units: index.unitsIn(name) }));
    const chosen = chooseCompaction(objects, { isGone, itemsOf: (unit) => itemCounts.get(unit) });
    const staying = new Set(chosen.flatMap(({ units }) => units.filter((unit) => !isGone(unit))));
    for (const units of portionsOf(linesOf(index, staying))) {
      await this.#putIndex({ kind: "units", units, supersedes: [] });
    }
    return chosen.map(({ name }) => name);
  }

  /** True if the existing ledgers already say all this, and nothing waits to be deleted. */
  #changesNothing({ objects }: Survey, { deleted }: Decision, marks: Marks): boolean {
    const ledgers = inForce(objects).filter(({ kind }) => kind === "ledger").length;
    const former = new Map(Array.from(this.#vault.index.marks(), (line) => [line.unit, line]));
    const portions = marks.size === 0 ? 0 : ledgerPortions(marks.values(), this.#options.ledgerLines).length;
    return deleted.length === 0 && isSame(former, marks) && inForce(objects).length === objects.size &&
      (ledgers === 0 && portions === 0 || ledgers === 2 * Math.max(1, portions));
  }

  /** P4: true if none of the surveyed objects was superseded or removed, and no ledger was added. */
  #isStill(seen: Survey): boolean {
    const now = new Map(Array.from(this.#vault.index.objects(), (object) => [object.name, object]));
    const counting = new Set(inForce(now).map(({ name }) => name));
    assertKnownVersions(this.#vault.index);
    return inForce(seen.objects).every(({ name }) => counting.has(name)) &&
      !hasOtherLedger(now.values(), seen, new Set());
  }

  /** P5: true if all surveyed objects still exist, and all ledgers are surveyed ones or of this run. */
  async #isUndisputed(seen: Survey, own: ReadonlySet<string>): Promise<boolean> {
    const { index, objects: { backend } } = this.#vault;
    const now = new Map(Array.from(index.objects(), (object) => [object.name, object]));
    for (const name of own) {
      // A place may list late what it has.
      if (!now.has(name) && await backend.head(objectKey("index", name)) === undefined) return false;
    }
    return seen.objects.keys().every((name) => now.has(name)) && !hasOtherLedger(now.values(), seen, own);
  }

  /**
   * Writes ledgers: those with only tombstones first; the last one says what they supersede. Then all of them once
   * more.
   */
  async #writeLedgers(marks: readonly LedgerLine[], supersedes: readonly string[]): Promise<ReadonlySet<string>> {
    const portions = ledgerPortions(marks, this.#options.ledgerLines), own = new Set<string>();
    for (let copy = 0; copy < (this.#rules.twins ? 2 : 1); copy++) {
      for (const [index, lines] of portions.entries()) {
        const isLast = index === portions.length - 1;
        // Where nothing is encrypted, only the time distinguishes them.
        own.add(
          await this.#putIndex({ kind: "ledger", marks: lines, supersedes: isLast ? supersedes : [], ahead: copy }),
        );
      }
    }
    return own;
  }

  async #putIndex(
    { ahead = 0, ...said }: IndexContent & { readonly ahead?: number },
  ): Promise<string> {
    const { objects, index, host } = this.#vault, { access: { config }, auth, backend } = objects;
    const written = new Date(await backend.now() + ahead).toISOString();
    const object: IndexObject = { vault: config.id, host, written, ...said };
    const name = await objects.put("index", encodeIndex(object, auth));
    index.add(name, object);
    return name;
  }

  /** P6: deletes superseded objects, then units. @returns number of items in these @throws AppendOnly, Interrupted */
  async #delete(
    { seen, decision }: Plan,
    supersedes: readonly string[],
    { monitor, signal }: Deleting,
  ): Promise<number> {
    const { backend } = this.#vault.objects, pace = new Yielder(this.#options.machine.clock, signal);
    monitor.phase("removing");
    monitor.setTotal({ items: decision.deleted.length });
    let removed = 0;
    const remove = async (key: ObjectKey) => {
      await pace.yieldIfDue();
      monitor.current(key);
      await this.#remove(key);
    };
    await eachAtOnce(supersedes, DELETED_AT_ONCE, (name) => remove(objectKey("index", name)));
    await eachAtOnce(decision.deleted, DELETED_AT_ONCE, async (name) => {
      await remove(objectKey("data", name));
      const items = decision.itemCounts.get(name) ?? 0;
      removed += items;
      monitor.count("removedItems", items);
    });
    await backend.removeLeftovers(seen.nowMs - Math.max(this.#pace.graceMs, LEFTOVER_MS));
    return removed;
  }

  async #remove(key: ObjectKey): Promise<void> {
    const { backend } = this.#vault.objects;
    try {
      await backend.remove(key);
    } catch (error) {
      throw error instanceof PlaceRefuses ? new AppendOnly(backend.location) : error;
    }
  }
}

type Marks = ReadonlyMap<string, LedgerLine>;

type IndexContent =
  & { readonly supersedes: readonly string[] }
  & ({ readonly kind: "units"; readonly units: readonly UnitLine[] } | {
    readonly kind: "ledger";
    readonly marks: readonly LedgerLine[];
  });

interface Deleting {
  readonly monitor: Monitor;
  readonly signal: AbortSignal;
}

/** The marks with repacked units doomed. */
function withDoomed(marks: Marks, units: readonly string[], nowMs: number): Marks {
  const since = new Date(nowMs).toISOString();
  return new Map([...marks, ...units.map((unit) => [unit, { unit, mark: "doomed", since }] as const)]);
}

/** The lines without new orphans that their writers have listed since. */
function unlessListed(marks: Marks, { newOrphans }: Decision, index: Pick<UnitIndex, "unit">): LedgerLine[] {
  return [...marks.values()].filter(({ unit }) => !newOrphans.has(unit) || index.unit(unit) === undefined);
}

function hasOtherLedger(now: Iterable<IndexObjectFacts>, { objects }: Survey, own: ReadonlySet<string>): boolean {
  for (const { name, kind } of now) if (kind === "ledger" && !objects.has(name) && !own.has(name)) return true;
  return false;
}

function* linesOf(index: UnitIndex, units: Iterable<string>): Generator<UnitLine> {
  for (const name of units) {
    const facts = index.unit(name);
    if (facts === undefined) continue;
    const { state: _, since: __, ...line } = facts;
    yield { ...line, items: index.itemsOf(name) };
  }
}
