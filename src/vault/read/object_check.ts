/** Checks every small object of a vault: that it matches its name, that it is signed, and that it can be read. */
import { hash } from "node:crypto";
import { type ListedObject, objectKey, type ObjectKind } from "../../backend/backend.ts";
import { MissingObject } from "../../backend/faults.ts";
import { Fault, Interrupted } from "../../core/fault.ts";
import type { RootId } from "../../core/content_id.ts";
import type { ObjectReport } from "../../snapshot/repository.ts";
import { parseRoot } from "../../snapshot/root.ts";
import { DamagedObject, isOfObject, NewerObject } from "../format/faults.ts";
import { MOST_SMALL_BYTES } from "../format/limits.ts";
import { type IndexLines, readIndex } from "../index/index_object.ts";
import { parseSnapshot } from "../index/snapshot_object.ts";
import { parseLease } from "../index/lease_object.ts";
import type { SealedObjects, SmallKind } from "../store/sealed_objects.ts";

export interface ObjectRule {
  readonly kind: Exclude<ObjectKind, "data">;
  /** True if damage to such an object loses data or access. */
  readonly isLoss: boolean;
  /** @returns the id of the snapshot, if it is one @throws a description of the damage */
  readonly look: (objects: SealedObjects, object: ListedObject) => Promise<RootId | undefined>;
}

/** Rules for each kind. Damage to the index is no loss here: what it leads to is reported as missing. */
const RULES: readonly ObjectRule[] = [
  { kind: "keys", isLoss: true, look: lookAtKey },
  { kind: "locks", isLoss: false, look: signed("locks") },
  { kind: "index", isLoss: false, look: signed("index") },
  { kind: "snapshots", isLoss: true, look: signed("snapshots") },
];

/** @returns for each kind the number of objects, and reports of the damaged ones */
export async function* checkObjects(
  objects: SealedObjects,
  signal: AbortSignal,
): AsyncGenerator<{ readonly seen: number; readonly read: readonly ObjectReport[] }> {
  for (const rule of RULES) {
    const read: ObjectReport[] = [];
    let seen = 0;
    for await (const { name, fault, root } of lookAtEach(objects, rule, signal)) {
      seen++;
      if (root !== undefined) read.push({ id: root, kind: "root", damage: undefined });
      if (fault === undefined) continue;
      const isLoss = rule.isLoss && !(fault instanceof NewerObject);
      read.push({ id: `${rule.kind}/${name}`, kind: "object", damage: fault.message, isLoss });
    }
    yield { seen, read };
  }
}

/** An object, and what is wrong with it. */
interface Looked {
  readonly rule: ObjectRule;
  readonly name: string;
  readonly fault: Fault | undefined;
  /** Id of the snapshot, if it is one. */
  readonly root: RootId | undefined;
}

/** Looks at all objects but units, one after the other. */
export async function* lookAtObjects(objects: SealedObjects, signal: AbortSignal): AsyncGenerator<Looked> {
  for (const rule of RULES) yield* lookAtEach(objects, rule, signal);
}

async function* lookAtEach(objects: SealedObjects, rule: ObjectRule, signal: AbortSignal): AsyncGenerator<Looked> {
  for await (const object of objects.backend.list(rule.kind, signal)) {
    if (signal.aborted) throw new Interrupted();
    const found = await faultOr(() => rule.look(objects, object));
    const isFault = found instanceof Fault;
    yield { rule, name: object.name, fault: isFault ? found : undefined, root: isFault ? undefined : found };
  }
}

async function faultOr<T>(look: () => Promise<T>): Promise<T | Fault | undefined> {
  try {
    return await look();
  } catch (error) {
    if (!isOfObject(error)) throw error;
    return error instanceof MissingObject ? undefined : error; // removed since it was listed
  }
}

/** Checks an object of `keys/`; only the holder of its passphrase could check more. */
async function lookAtKey({ backend }: SealedObjects, { name, size }: ListedObject): Promise<undefined> {
  const key = objectKey("keys", name);
  if (size > MOST_SMALL_BYTES) throw new DamagedObject(key, `it has ${size} bytes`);
  if (hash("sha256", await backend.get(key)) !== name) throw new DamagedObject(key, "its bytes don't match its name");
}

function signed(kind: SmallKind): ObjectRule["look"] {
  return async (objects, { name, size }) => {
    const what = `${kind}/${name}`, bytes = await objects.get(kind, name, size), { auth, access: { config } } = objects;
    if (kind === "index") assertLines(readIndex(bytes, what, { vault: config.id, auth }));
    if (kind === "locks") parseLease(bytes, what, { vault: config.id, auth });
    if (kind !== "snapshots") return undefined;
    const root = parseSnapshot(bytes, what, auth);
    parseRoot(root.bytes);
    return root.id;
  };
}

/** Takes each line, which verifies it. */
function assertLines(index: IndexLines): void {
  if (index.kind === "units") { for (const _ of index.units); }
}
