/** Objects of `snapshots/`: a root, byte for byte as in a storage, and its signature. */
import { hash } from "node:crypto";
import { ROOT_SUFFIX, type RootId } from "../../core/content_id.ts";
import { BeyondLimit, DamagedObject } from "../faults.ts";
import { MOST_PLAIN_BYTES } from "../limits.ts";
import { sign, verified } from "./signed.ts";

/** A root as it came; what it says is judged by whoever parses it. */
export interface SignedRoot {
  /** The same in every storage and vault. */
  readonly id: RootId;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export function rootIdOf(root: Uint8Array): RootId {
  return `${hash("sha256", root, "hex")}${ROOT_SUFFIX}` as RootId;
}

/** The plain bytes of a snapshot object. @param auth undefined: nothing is encrypted, and nothing signed */
export function encodeSnapshot(root: Uint8Array, auth: Uint8Array | undefined): Uint8Array<ArrayBuffer> {
  return sign(root, "root", auth);
}

/** @param what the object @throws NotSigned, DamagedObject, BeyondLimit */
export function parseSnapshot(bytes: Uint8Array<ArrayBuffer>, what: string, auth: Uint8Array | undefined): SignedRoot {
  if (bytes.length > MOST_PLAIN_BYTES) throw new BeyondLimit(what, "its plain size", MOST_PLAIN_BYTES);
  const root = verified(bytes, { signed: "root", auth, what });
  if (root.length === 0) throw new DamagedObject(what, "it is empty");
  return { id: rootIdOf(root), bytes: root };
}
