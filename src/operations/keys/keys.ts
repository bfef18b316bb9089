/**
 * Manages the keys of a vault. All keys unlock the same secret, each with its own passphrase; so removing a key doesn't
 * lock out anybody who has read the secret. {@link UNSHARING} explains that to users.
 */
import { type Backend, objectKey } from "../../backend/backend.ts";
import { PlaceRefuses } from "../../backend/faults.ts";
import { BadUsage, type Fault } from "../../core/fault.ts";
import { baseName, bytesOf, parentPath, type Raw, rawOf } from "../../core/raw.ts";
import { DiskFault } from "../../platform/disk.ts";
import type { Machine } from "../../platform/machine.ts";
import { WriteOnlyKey } from "../../vault/format/faults.ts";
import { LastFullKey, NoSuchKey, PassphraseTaken, WithoutKeys } from "../../vault/keys/faults.ts";
import { type KeyFacts, type KeyNotes, noteKey, readKeyNotes, writeKeyNotes } from "../../vault/keys/key_notes.ts";
import { keyIds, openedKey, putKey } from "../../vault/keys/key_objects.ts";
import { encodeKeyFile, type KeyLabel } from "../../vault/seal/key_file.ts";
import { type VaultKey, writeOnlyKey } from "../../vault/seal/keys.ts";
import { paperText } from "../../vault/seal/paper.ts";
import type { VaultAccess } from "../../vault/store/sealed_objects.ts";

/** A vault and the key that opened it, without its index. */
export interface KeyPlace {
  readonly backend: Backend;
  readonly access: VaultAccess;
  /** Stores the names of keys. */
  readonly machine: Pick<Machine, "clock" | "disk" | "random" | "state">;
  /** For tests: a lower value makes passphrases faster. */
  readonly workFactor?: number;
}

export interface ListedKey {
  /** Name of its object in `keys/`. */
  readonly id: string;
  /** What this machine knows of the key; undefined if it was made elsewhere and has never opened the vault here. */
  readonly facts: KeyFacts | undefined;
  /** True for the key that opened the vault now. */
  readonly isInUse: boolean;
}

/** Explains the limits of removing a key, or of changing its passphrase. */
export const UNSHARING =
  "Whoever has a copy of the key, or of the object that was removed and its passphrase, can still open this vault. " +
  "To keep them out, make a new vault and copy the snapshots that are to stay.";

/** Lists the keys. @throws WithoutKeys */
export async function listKeys(place: KeyPlace): Promise<readonly ListedKey[]> {
  const { vault } = held(place), { keys } = readKeyNotes(place.machine, vault);
  const ids = await keyIds(place.backend);
  return ids.map((id) => ({ id, facts: keys.get(id), isInUse: id === place.access.keyId }));
}

export interface NewKey {
  readonly passphrase: string;
  /** Name for people. */
  readonly name: string;
  /** True if the key can store but not read contents: for a host that only backs up. */
  readonly writeOnly: boolean;
}

/**
 * Adds a key.
 * @returns its id
 * @throws WithoutKeys, WriteOnlyKey, PassphraseTaken, BadUsage if the passphrase is empty
 */
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
  return error instanceof Error &&
    ["bad-key-file", "damaged-key", "damaged-object", "beyond-limit"].includes(error.name);
}

export interface RemovedKey {
  readonly id: string;
  readonly facts: KeyFacts | undefined;
  /** Number of remaining keys. */
  readonly left: number;
}

/**
 * Removes a key; see {@link UNSHARING}.
 * @param id its id, or a prefix
 * @param evenLast true: even if no other key is known here to be a full one
 * @throws WithoutKeys, NoSuchKey, LastFullKey, PlaceRefuses
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
  /** Id of the key with the new passphrase. */
  readonly id: string;
  readonly former: string;
  /** Set if the former key still exists: why the place doesn't allow its removal. */
  readonly stays?: Fault;
}

/**
 * Changes the passphrase of the key that opened the vault; see {@link UNSHARING}. The former key is removed once the
 * new one is stored.
 * @throws WithoutKeys, PassphraseTaken, BadUsage if the vault was not opened with a passphrase
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
  /** Name for people; default: that of the key in use, or "exported". */
  readonly name?: string;
  /** True: without the part that reads contents. Default: everything available. */
  readonly writeOnly?: boolean;
}

/** Only its owner may read what holds a key. */
const PRIVATE_FILE = 0o600;

/**
 * Writes the key to a new file: an age identity file for `--key-file`. Only its mode protects it.
 * @param path absolute
 * @throws WithoutKeys, DiskFault, also if the file exists
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

/**
 * The key as text to print: the vault, and the secret as lines, in a form to type, and as a QR code. `--key-file` reads
 * it.
 * @throws WithoutKeys
 */
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

/** @throws WithoutKeys */
function held({ backend, access: { key, config } }: KeyPlace): { readonly key: VaultKey; readonly vault: string } {
  if (key === undefined) throw new WithoutKeys(backend.location);
  return { key, vault: config.id };
}

/** @throws WithoutKeys, WriteOnlyKey if more is wanted than there is */
async function heldAs(place: KeyPlace, writeOnly: boolean): Promise<VaultKey> {
  const { key } = held(place);
  if (writeOnly) return await writeOnlyKey(key.metaIdentity, key.dataRecipient);
  if (key.dataIdentity === undefined) throw new WriteOnlyKey();
  return key;
}
