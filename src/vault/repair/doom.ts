/**
 * Announces to all clients that units can no longer be relied on, by a ledger that dooms them, written like a prune's.
 * Only the ledgers that it supersedes are deleted here.
 */
import { PruneOvertaken } from "../format/faults.ts";
import { encodeIndex, type IndexObject, type LedgerLine } from "../index/index_object.ts";
import type { Lease } from "../prune/lease.ts";
import { ledgerPortions, supersededNow } from "../prune/ledger.ts";
import { assertKnownVersions } from "../prune/survey.ts";
import type { SealedObjects } from "../store/sealed_objects.ts";
import { removeObject } from "./damaged_objects.ts";
import type { UnitIndex } from "../store/unit_index.ts";

export interface DoomingVault {
  readonly objects: SealedObjects;
  readonly index: UnitIndex;
  readonly lease: Lease;
  /** Host that is recorded as the writer of the ledger. */
  readonly host: string;
}

/**
 * Dooms units.
 * @param isDue whether the ledgers have to be written anew in any case
 * @returns the number of units that could be relied on before @throws PruneOvertaken, VaultBusy, NewerObject
 */
export async function doomUnits(vault: DoomingVault, units: Iterable<string>, { isDue = false } = {}): Promise<number> {
  const { objects, index, lease } = vault;
  await lease.renew();
  await index.refresh();
  assertKnownVersions(index);
  const nowMs = await objects.backend.now(), marks = new Map(Array.from(index.marks(), (line) => [line.unit, line]));
  const before = new Map(Array.from(index.objects(), (object) => [object.name, object]));
  const fresh = [...units].filter((unit) => index.isReliable(unit) && marks.get(unit)?.mark !== "gone");
  const supersedes = supersededNow(before, { rewritten: [], keepsSuperseded: true });
  if (fresh.length === 0 && !(isDue && marks.size + supersedes.length > 0)) return 0;
  const since = new Date(nowMs).toISOString();
  for (const unit of fresh) marks.set(unit, { unit, mark: "doomed", since });
  const own = await writeLedgers(vault, [...marks.values()], supersedes);
  await index.refresh();
  await lease.assertHeld();
  const now = new Map(Array.from(index.objects(), (object) => [object.name, object]));
  const others = [...now.values()].filter(({ name, kind }) => kind === "ledger" && !before.has(name) && !own.has(name));
  const isMissing = [...before.keys(), ...own].some((name) => !now.has(name));
  if (others.length > 0 || isMissing) throw new PruneOvertaken("another run has written its decisions");
  for (const name of supersedes) if (!await removeObject(objects, { kind: "index", name })) break; // without effect
  return fresh.length;
}

/** Writes the ledgers twice: one lost object must not bring back deleted units. */
async function writeLedgers(
  { objects, index, host }: DoomingVault,
  marks: readonly LedgerLine[],
  supersedes: readonly string[],
): Promise<ReadonlySet<string>> {
  const portions = ledgerPortions(marks), own = new Set<string>(), vault = objects.access.config.id;
  for (const copy of [0, 1]) {
    for (const [i, lines] of portions.entries()) {
      // Where nothing is encrypted, only the time distinguishes them.
      const written = new Date(await objects.backend.now() + copy).toISOString();
      const replaced = i === portions.length - 1 ? supersedes : [];
      const object: IndexObject = { kind: "ledger", vault, host, written, supersedes: replaced, marks: lines };
      const name = await objects.put("index", encodeIndex(object, objects.auth));
      index.add(name, object);
      own.add(name);
    }
  }
  return own;
}
