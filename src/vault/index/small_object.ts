/** Objects that are read as a whole: one zstd frame, encrypted. All of `index/`, `snapshots/` and `locks/`. */
import type { Random } from "../../core/clock.ts";
import { releaseMemory } from "../../core/garbage.ts";
import { BeyondLimit } from "../format/faults.ts";
import { MOST_HEAD_BYTES, MOST_PLAIN_BYTES, MOST_SEALED_BYTES } from "../format/limits.ts";
import { compress, decompress } from "../pack/zstd.ts";
import { makeHead, openHead } from "../seal/age_header.ts";
import { MemoryOutput } from "../seal/output.ts";
import { bodyOf } from "../seal/sealed_body.ts";
import { sealInto } from "../seal/sealer.ts";

/** An object that is ready to be stored. */
export interface MadeObject {
  /** SHA-256 of the bytes, in lower-case hex. */
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const LEVEL = 3;

/** Makes an object. @param recipient undefined without encryption */
export async function makeObject(
  plain: Uint8Array,
  recipient: string | undefined,
  random: Random,
): Promise<MadeObject> {
  if (plain.length > MOST_PLAIN_BYTES) throw new Error(`An object would have ${plain.length} plain bytes`);
  const output = MemoryOutput.own();
  const sealer = sealInto(output, recipient === undefined ? undefined : await makeHead([recipient], random));
  sealer.add(compress(plain, LEVEL));
  return { name: sealer.finish(), bytes: output.bytes };
}

/**
 * Decrypts and decompresses an object.
 * @param identities undefined without encryption
 * @param what the object, for messages
 * @throws DamagedObject, BeyondLimit, WrongKey
 */
export async function openObject(
  bytes: Uint8Array<ArrayBuffer>,
  identities: readonly string[] | undefined,
  what: string,
): Promise<Uint8Array<ArrayBuffer>> {
  if (bytes.length > MOST_SEALED_BYTES) throw new BeyondLimit(what, "its size", MOST_SEALED_BYTES);
  const start = bytes.subarray(0, MOST_HEAD_BYTES);
  const head = identities === undefined ? undefined : await openHead(start, identities, what);
  const body = bodyOf(head, bytes.length, what), all = { from: 0, length: body.plainBytes };
  const frame = body.open(bytes.subarray(head?.bytes.length ?? 0), all);
  const plain = decompress(frame, MOST_PLAIN_BYTES, what);
  releaseMemory(frame);
  return plain;
}
