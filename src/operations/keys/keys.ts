/**
 * The keys of a vault: who may open it, and with what. All keys give the same secret, each under a passphrase of its own;
 * so removing one keeps nobody out who has read it. {@link UNSHARING} says that to people.
 */
import { type Backend, objectKey } from "../../backend/backend.ts";
import { PlaceRefuses } from "../../backend/faults.ts";
import { BadUsage, type Fault } from "../../core/fault.ts";
import { baseName, bytesOf, parentPath, type Raw, rawOf } from "../../core/raw.ts";
import { DiskFault } from "../../platform/disk.ts";
import type { Machine } from "../../platform/machine.ts";
import { NotEncrypted, WriteOnlyKey } from "../../vault/format/faults.ts";
import { LastFullKey, NoSuchKey, PassphraseTaken } from "../../vault/keys/faults.ts";
import { type KeyFacts, type KeyNotes, noteKey, readKeyNotes, writeKeyNotes } from "../../vault/keys/key_notes.ts";
import { keyIds, openedKey, putKey } from "../../vault/keys/key_objects.ts";
import { encodeKeyFile, type KeyLabel } from "../../vault/seal/key_file.ts";
import { type VaultKey, writeOnlyKey } from "../../vault/seal/keys.ts";
import { paperText } from "../../vault/seal/paper.ts";
import type { VaultAccess } from "../../vault/store/sealed_objects.ts";

/** A vault, and what opened it. Its index isn't needed. */
export interface KeyPlace {
  readonly backend: Backend;
  readonly access: VaultAccess;
  /** Remembers what keys are called. */
  readonly machine: Pick<Machine, "clock" | "disk" | "random" | "state">;
  /** For tests: less makes a passphrase quick to try. */
  readonly workFactor?: number;
}

export interface ListedKey {
  /** Name of its object in `keys/`. */
  readonly id: string;
  /** What this machine knows of it; undefined: it was made elsewhere, and has never opened the vault here. */
  readonly facts: KeyFacts | undefined;
  /** It was given just now. */
  readonly isInUse: boolean;
}

/** What removing a key, or changing its passphrase, can't do. */
export const UNSHARING =
  "Whoever has a copy of the key, or of the object that was removed and its passphrase, can still open this vault. " +
  "To keep them out, make a new vault and copy the snapshots that are to stay.";

/** @throws NotEncrypted */
export async function listKeys(place: KeyPlace): Promise<readonly ListedKey[]> {
  const { vault } = held(place), { keys } = readKeyNotes(place.machine, vault);
  const ids = await keyIds(place.backend);
  return ids.map((id) => ({ id, facts: keys.get(id), isInUse: id === place.access.keyId }));
}

export interface NewKey {
  readonly passphrase: string;
  /** For people. */
  readonly name: string;
  /** It can store, but not read contents: for a host that only backs up. */
  readonly writeOnly: boolean;
}

/** @returns the id of the new key @throws NotEncrypted, WriteOnlyKey, PassphraseTaken, BadUsage if the passphrase is empty */
export async function addKey(place: KeyPlace, { passphrase, name, writeOnly }: NewKey): Promise<string> {
  const key = await heldAs(place, writeOnly);
  return await put(place, key, { name, passphrase });
}

async function put(
  place: KeyPlace,
  key: VaultKey,
  { name, passphrase }: { readonly name: string; readonly passphrase: string },
): Promise<string> {
  const { backend, machine, workFactor } = place, { vault } = held(place);
  if (passphrase === "") throw new BadUsage("The passphrase is empty", "Choose one of four or more random words");
  for (const id of await keyIds(backend)) {
    if (await orUnreadable(openedKey(backend, id, passphrase)) !== undefined) throw new PassphraseTaken(id);
  }
  const label = labelFor(place, name), id = await putKey(backend, { key, label }, { passphrase, workFactor });
  const kind = key.dataIdentity === undefined ? "write-only" : "full";
  noteKey(machine, vault, id, { kind, name, created: label.created.slice(0, 10) });
  return id;
}

/** A damaged object is opened by nothing. */
async function orUnreadable(text: Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await text;
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof Error && ["bad-key-file", "damaged-object", "beyond-limit"].includes(error.name);
}

export interface RemovedKey {
  readonly id: string;
  readonly facts: KeyFacts | undefined;
  /** How many are left. */
  readonly left: number;
}

/**
 * Removes a key; see {@link UNSHARING}.
 * @param id its id, or how it begins @param evenLast also if no other is known here to be a full one
 * @throws NotEncrypted, NoSuchKey, LastFullKey, PlaceRefuses
 */
export async function removeKey(
  place: KeyPlace,
  id: string,
  { evenLast = false }: { readonly evenLast?: boolean } = {},
): Promise<RemovedKey> {
  const { vault } = held(place), ids = await keyIds(place.backend), found = idIn(ids, id);
  const notes = readKeyNotes(place.machine, vault), left = ids.filter((each) => each !== found);
  const isWriteOnly = notes.keys.get(found)?.kind === "write-only";
  const inUse = place.access.key?.dataIdentity === undefined ? undefined : place.access.keyId;
  const staysReadable = left.some((each) => each === inUse || notes.keys.get(each)?.kind === "full");
  if (!isWriteOnly && !staysReadable && !evenLast) throw new LastFullKey(found);
  await place.backend.remove(objectKey("keys", found));
  forget(place, found, notes);
  return { id: found, facts: notes.keys.get(found), left: left.length };
}

function forget({ machine, access }: KeyPlace, id: string, { keys, last }: KeyNotes): void {
  const others = new Map([...keys].filter(([each]) => each !== id));
  writeKeyNotes(machine, access.config.id, { keys: others, last: last === id ? undefined : last });
}

/** @throws NoSuchKey */
function idIn(ids: readonly string[], start: string): string {
  const found = start === "" ? [] : ids.filter((id) => id.startsWith(start)), [id] = found;
  if (id === undefined || found.length > 1) throw new NoSuchKey(start, found.length);
  return id;
}

export interface ChangedKey {
  /** The key under the new passphrase. */
  readonly id: string;
  readonly former: string;
  /** Why the former one is still there: the place doesn't let it be removed. */
  readonly stays?: Fault;
}

/**
 * Puts the key that a passphrase opened under another one; see {@link UNSHARING}. The former goes when the new one is there.
 * @throws NotEncrypted, PassphraseTaken, BadUsage if the vault was opened by something else than a passphrase
 */
export async function changePassphrase(place: KeyPlace, passphrase: string): Promise<ChangedKey> {
  const { key, vault } = held(place), { keyId: former } = place.access;
  if (former === undefined) {
    throw new BadUsage(
      "A key file has no passphrase that could be changed",
      "Give the passphrase of the key that is to be changed; or add a key, and remove the other one",
    );
  }
  const notes = readKeyNotes(place.machine, vault), name = notes.keys.get(former)?.name ?? "first";
  const id = await put(place, key, { name, passphrase });
  try {
    await place.backend.remove(objectKey("keys", former));
  } catch (error) {
    if (!(error instanceof PlaceRefuses)) throw error;
    return { id, former, stays: error };
  }
  forget(place, former, readKeyNotes(place.machine, vault));
  return { id, former };
}

export interface KeyCopy {
  /** For people; default: that of the key that was given, or "exported". */
  readonly name?: string;
  /** Without what reads contents. Default: all that is at hand. */
  readonly writeOnly?: boolean;
}

/** Only its owner may read what holds a key. */
const PRIVATE_FILE = 0o600;

/**
 * Writes the key into a new file: an identity file of age, which `--key-file` takes. Nothing protects it but its mode.
 * @param path absolute @throws NotEncrypted, DiskFault also if something is there
 */
export async function exportKey(place: KeyPlace, path: Raw, copy: KeyCopy = {}): Promise<void> {
  const text = encodeKeyFile(await copied(place, copy), labelFor(place, nameFor(place, copy)));
  using directory = place.machine.disk.openDir(parentPath(path));
  const name = baseName(path);
  using file = directory.create(name, PRIVATE_FILE);
  if (file === undefined) throw new DiskFault("EEXIST", "create", path);
  try {
    file.write(bytesOf(rawOf(text)), 0);
    file.sync();
    directory.sync();
  } catch (error) {
    directory.unlink(name);
    throw error;
  }
}

/** Lines to print: vault, secret lines, the same to type, and as a QR code. `--key-file` reads them. @throws NotEncrypted */
export async function paperOf(place: KeyPlace, copy: KeyCopy = {}): Promise<string> {
  return await paperText(await copied(place, copy), labelFor(place, nameFor(place, copy)));
}

async function copied(place: KeyPlace, { writeOnly = false }: KeyCopy): Promise<VaultKey> {
  return writeOnly ? await heldAs(place, true) : held(place).key;
}

function nameFor(place: KeyPlace, { name }: KeyCopy): string {
  const { keyId, config } = place.access;
  const known = keyId === undefined ? undefined : readKeyNotes(place.machine, config.id).keys.get(keyId)?.name;
  return name ?? known ?? "exported";
}

function labelFor({ access, machine }: KeyPlace, name: string): KeyLabel {
  return { vault: access.config.id, name, created: new Date(machine.clock.nowMs()).toISOString() };
}

/** @throws NotEncrypted */
function held({ backend, access: { key, config } }: KeyPlace): { readonly key: VaultKey; readonly vault: string } {
  if (key === undefined) throw new NotEncrypted(backend.location);
  return { key, vault: config.id };
}

/** @throws NotEncrypted, WriteOnlyKey if more is wanted than there is */
async function heldAs(place: KeyPlace, writeOnly: boolean): Promise<VaultKey> {
  const { key } = held(place);
  if (writeOnly) return await writeOnlyKey(key.metaIdentity, key.dataRecipient);
  if (key.dataIdentity === undefined) throw new WriteOnlyKey();
  return key;
}
