/** Objects of `snapshots/`: a root, byte for byte as in a storage, and its signature. */
import { hash } from "node:crypto";
import { type RootId, rootIdOf } from "../../core/content_id.ts";
import { BeyondLimit, DamagedObject } from "../format/faults.ts";
import { MOST_PLAIN_BYTES } from "../format/limits.ts";
import { sign, verified } from "./signed.ts";

/** A root as it came; what it says is judged by whoever parses it. */
export interface SignedRoot {
  /** The same in every storage and vault. */
  readonly id: RootId;
  readonly bytes: Uint8Array<ArrayBuffer>;
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
  return { id: rootIdOf(hash("sha256", root)), bytes: root };
}
