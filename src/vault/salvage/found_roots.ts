/** Finds roots of snapshots in a heap, in objects of `snapshots/`. */
import { ROOT_SUFFIX, type RootId, rootIdOf } from "../../core/content_id.ts";
import { unlessFault } from "../../core/fault.ts";
import type { Raw } from "../../core/raw.ts";
import { parseRoot } from "../../snapshot/root.ts";
import { MOST_PLAIN_BYTES } from "../format/limits.ts";
import { parseSnapshot } from "../index/snapshot_object.ts";
import { OWN_DIRECTORY } from "../pack/tar_names.ts";
import { decompress, frameHeader } from "../pack/zstd.ts";
import type { Plaintext } from "./plaintext.ts";

export interface FoundRoot {
  readonly id: RootId;
  /** True if it was only found in a unit: that snapshot may be unfinished or forgotten. */
  readonly isCopy: boolean;
}

/**
 * The root in an object of `snapshots/`; undefined if it is another object, or isn't signed.
 * @param auths keys that may have signed it; without any, no root of an encrypted vault is trusted
 */
export function rootIn(
  plaintext: Plaintext,
  what: string,
  auths: readonly Uint8Array[],
): FoundRoot & { readonly bytes: Uint8Array<ArrayBuffer> } | undefined {
  const size = frameHeader(plaintext.read(0, MOST_HEADER_BYTES), 0)?.contentBytes;
  if (size === undefined || size > MOST_PLAIN_BYTES || plaintext.size > MOST_PLAIN_BYTES) return undefined;
  const plain = unlessFault(
    () => decompress(plaintext.read(0, plaintext.size), MOST_PLAIN_BYTES, what),
    undefined,
  );
  if (plain === undefined) return undefined;
  for (const auth of plaintext.isSealed ? auths : [undefined]) {
    const found = unlessFault(() => {
      const { id, bytes } = parseSnapshot(plain, what, auth);
      parseRoot(bytes);
      return { id, bytes: bytes.slice(), isCopy: false };
    }, undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Longest header of a zstd frame. */
const MOST_HEADER_BYTES = 18;
const COPY = new RegExp(`^\\${OWN_DIRECTORY}/roots/([0-9a-f]{64})${ROOT_SUFFIX}\\.json$`);

/** As {@link rootIn}, for a file that was in a unit. @param digest of its bytes */
export function copiedRoot({ name, digest }: { readonly name: Raw; readonly digest: string }): FoundRoot | undefined {
  return COPY.exec(name)?.[1] === digest ? { id: rootIdOf(digest), isCopy: true } : undefined;
}
