/** Takes items out of a frame, with their tar entries as they are, for another unit. */
import { DamagedObject } from "../format/faults.ts";
import type { UnitFrame, UnitItem } from "./items.ts";
import { tarEntries } from "./tar_reader.ts";
import { itemIn } from "./unit_reader.ts";
import type { LaneName, TakenItem } from "./unit_writer.ts";

const TAR_BLOCK_BYTES = 512;

export interface WantedItem extends UnitItem {
  /** True for a copy that is kept for people. */
  readonly isCopy: boolean;
}

/**
 * Takes items, each verified.
 * @param plain the bytes of the frame
 * @param what names the unit, for messages
 * @returns views of `plain`
 * @throws DamagedObject
 */
export function takeItems(
  plain: Uint8Array<ArrayBuffer>,
  items: readonly WantedItem[],
  { frame, what }: { readonly frame: UnitFrame; readonly what: string },
): TakenItem[] {
  const entries = new Map(Array.from(tarEntries(plain), (entry) => [entry.at, entry])), lane = laneOf(frame);
  return items.map(({ frame: _, ...item }) => {
    const { id, at, size } = item, entry = entries.get(at);
    itemIn(plain, item, what);
    if (entry?.size !== size) throw new DamagedObject(what, `${id} is not where its tar file has an entry`);
    const end = at + Math.ceil(size / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;
    return { ...item, lane, entry: plain.subarray(entry.from, end), at: at - entry.from };
  });
}

/** Lane for a frame's items: what was stored uncompressed is incompressible. */
function laneOf({ length, plainBytes }: UnitFrame): LaneName {
  return length < plainBytes ? "compressed" : "raw";
}
