/** Units made of whatever a test wants in them. */
import { hash } from "node:crypto";
import type { Random } from "../../src/core/clock.ts";
import { type Raw, rawOf } from "../../src/core/raw.ts";
import { type FinishedUnit, type NewItem, PackBuffers, UnitWriter } from "../../src/vault/pack/unit_writer.ts";
import type { StoredUnit } from "../../src/vault/pack/unit_reader.ts";
import { makeHead, openHead } from "../../src/vault/seal/age_header.ts";
import { fullKey, identitiesOf, newDataIdentity, type VaultKey } from "../../src/vault/seal/keys.ts";
import { MemoryOutput } from "../../src/vault/seal/output.ts";
import { bodyOf } from "../../src/vault/seal/sealed_body.ts";
import { sealInto } from "../../src/vault/seal/sealer.ts";

export const VAULT = "8fe2467d-f123-4159-837f-236fab4da903";
export const random: Random = (bytes) => crypto.getRandomValues(new Uint8Array(bytes));
export const FIELDS = { mode: 0o640, uid: 1000, gid: 100, user: "me", group: "users", mtime: "1763672711123456789" };

let key: Promise<VaultKey> | undefined;

/** One key for all tests of a process. */
export function testKey(): Promise<VaultKey> {
  return key ??= fullKey(newDataIdentity(random));
}

/** Bytes that anybody can make again. @param entropy of 256 values, so many occur: 256 can't be compressed */
export function noise(length: number, seed: number, entropy = 256): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = (seed * 2654435761 >>> 0) || 1;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = (state >>> 8) % entropy;
  }
  return bytes;
}

export function sha256(bytes: Uint8Array): string {
  return hash("sha256", bytes, "hex");
}

/** A file as an item of a data unit. */
export function fileItem(name: string, bytes: Uint8Array<ArrayBuffer>, more: Partial<NewItem> = {}): NewItem {
  return { id: sha256(bytes), name: rawOf(name), fields: FIELDS, bytes, lane: "compressed", ...more };
}

export interface MadeUnit {
  readonly unit: FinishedUnit;
  /** The object. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface UnitOptions {
  readonly unitClass?: "data" | "meta";
  /** Default: encrypted. */
  readonly plain?: boolean;
  readonly copies?: readonly NewItem[];
}

export async function makeUnit(items: readonly NewItem[], options: UnitOptions = {}): Promise<MadeUnit> {
  const { unitClass = "data", plain = false, copies = [] } = options;
  const { dataRecipient, metaRecipient } = await testKey();
  const head = plain ? undefined : await makeHead([unitClass === "data" ? dataRecipient : metaRecipient], random);
  const output = MemoryOutput.own(1 << 16), sealer = sealInto(output, head);
  const writer = new UnitWriter({
    vault: VAULT,
    unitClass,
    sealer,
    unitBytes: 2 ** 30,
    level: 3,
    buffers: new PackBuffers(),
  });
  for (const item of items) writer.add(item);
  for (const copy of copies) writer.addCopy(copy);
  const unit = writer.finish();
  return { unit, bytes: output.bytes.slice() };
}

/** A unit in memory; like every backend, it gives exactly what is asked for or fails. */
export async function openMade(bytes: Uint8Array<ArrayBuffer>, plain = false): Promise<StoredUnit> {
  const head = plain ? undefined : await openHead(bytes.subarray(0, 4096), identitiesOf(await testKey()), "data/test");
  return {
    body: bodyOf(head, bytes.length, "data/test"),
    read: ({ from, length }) => {
      const found = bytes.slice(from, from + length);
      return found.length === length
        ? Promise.resolve(found)
        : Promise.reject(new Error(`no bytes ${from} + ${length}`));
    },
  };
}

/** True if a program is installed. */
export function isInstalled(program: string): boolean {
  try {
    new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync();
    return true;
  } catch {
    return false;
  }
}

export function raw(text: string): Raw {
  return rawOf(text);
}
