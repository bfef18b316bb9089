/** Objects of `snapshots/`: a root with the same bytes as in a storage, and its signature. */
import { hash } from "node:crypto";
import { type RootId, rootIdOf } from "../../core/content_id.ts";
import { BeyondLimit, DamagedObject } from "../format/faults.ts";
import { MOST_PLAIN_BYTES } from "../format/limits.ts";
import { sign, verified } from "./signed.ts";

/** A signed root; its fields are validated by whoever parses it. */
export interface SignedRoot {
  /** Id of the root, which is the same in every storage and vault. */
  readonly id: RootId;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Encodes a snapshot object, in plain bytes. @param auth key for signatures; undefined without encryption */
export function encodeSnapshot(root: Uint8Array, auth: Uint8Array | undefined): Uint8Array<ArrayBuffer> {
  return sign(root, "root", auth);
}

/** Verifies a snapshot object. @param what the object, for messages @throws NotSigned, DamagedObject, BeyondLimit */
export function parseSnapshot(bytes: Uint8Array<ArrayBuffer>, what: string, auth: Uint8Array | undefined): SignedRoot {
  if (bytes.length > MOST_PLAIN_BYTES) throw new BeyondLimit(what, "its plain size", MOST_PLAIN_BYTES);
  const root = verified(bytes, { signed: "root", auth, what });
  if (root.length === 0) throw new DamagedObject(what, "it is empty");
  return { id: rootIdOf(hash("sha256", root)), bytes: root };
}
