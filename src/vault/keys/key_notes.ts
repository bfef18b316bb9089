/**
 * Notes of this machine about the keys of a vault: which one opened it last, because trying one takes a second, and the
 * names of the others. The notes hold no secrets, and are never needed.
 */
import { Fault } from "../../core/fault.ts";
import { BadJson, fieldsOf, parseJson } from "../../core/json.ts";
import { rawOf } from "../../core/raw.ts";
import type { Machine } from "../../platform/machine.ts";
import { readStateFile, replaceStateFile, type StatePlace } from "../../platform/state_file.ts";
import { isObjectName } from "../format/json_fields.ts";

export const KEY_KINDS = ["full", "write-only"] as const;
/** "write-only": the key can store contents, but not read them. */
export type KeyKind = typeof KEY_KINDS[number];

export interface KeyFacts {
  readonly kind: KeyKind;
  /** Name for people; undefined if the key file has none. */
  readonly name: string | undefined;
  /** Date of creation, "2026-11-20". */
  readonly created: string | undefined;
}

export interface KeyNotes {
  /** Facts by name of the object in `keys/`. */
  readonly keys: ReadonlyMap<string, KeyFacts>;
  /** The key that opened the vault last. */
  readonly last: string | undefined;
}

type NotingMachine = Pick<Machine, "disk" | "state" | "random">;

const FORMAT = "backup-tool key notes";
const NO_NOTES: KeyNotes = { keys: new Map(), last: undefined };

/** Reads the notes; empty if there are none. @param vault UUID of the vault */
export function readKeyNotes(machine: NotingMachine, vault: string): KeyNotes {
  try {
    const text = readStateFile(machine, placeOf(vault));
    return text === undefined ? NO_NOTES : notesIn(fieldsOf(parseJson(text)));
  } catch (error) {
    if (error instanceof Fault || error instanceof BadJson) return NO_NOTES; // keys are tried in any order, then
    throw error;
  }
}

/** Writes the notes. Failures are ignored. */
export function writeKeyNotes(machine: NotingMachine, vault: string, { keys, last }: KeyNotes): void {
  const fields = { format: FORMAT, version: 1, keys: Object.fromEntries(keys), last };
  try {
    replaceStateFile(machine, placeOf(vault), `${JSON.stringify(fields)}\n`);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
  }
}

/** Notes one more key. @param isLast true if it has just opened the vault */
export function noteKey(machine: NotingMachine, vault: string, id: string, facts: KeyFacts, isLast = false): void {
  const { keys, last } = readKeyNotes(machine, vault), known = keys.get(id);
  const isKnown = known !== undefined && JSON.stringify(known) === JSON.stringify(facts);
  if (isKnown && (!isLast || last === id)) return;
  writeKeyNotes(machine, vault, { keys: new Map([...keys, [id, facts]]), last: isLast ? id : last });
}

function placeOf(vault: string): StatePlace {
  return { directory: rawOf("vaults"), name: rawOf(`${vault}.keys.json`) };
}

function notesIn(fields: Readonly<Record<string, unknown>>): KeyNotes {
  if (fields["format"] !== FORMAT || fields["version"] !== 1) return NO_NOTES;
  const { last } = fields, keys = new Map<string, KeyFacts>();
  for (const [id, value] of Object.entries(fieldsOf(fields["keys"]))) {
    const facts = factsIn(fieldsOf(value));
    if (isObjectName(id) && facts !== undefined) keys.set(id, facts);
  }
  return { keys, last: isObjectName(last) ? last : undefined };
}

function factsIn({ kind, name, created }: Readonly<Record<string, unknown>>): KeyFacts | undefined {
  const known = KEY_KINDS.find((each) => each === kind);
  const text = (value: unknown) => typeof value === "string" ? value : undefined;
  return known && { kind: known, name: text(name), created: text(created) };
}
