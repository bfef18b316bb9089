/**
 * Facts of a line about its unit, without the items. Equal facts give equal bytes: class (1: data 0, meta 1), size (6),
 * length of the head (2), the head, and for each frame offset, length and plain bytes (4 each).
 */
import { Buffer } from "node:buffer";
import type { UnitLine } from "../index/index_object.ts";
import { UNIT_CLASSES, type UnitFrame } from "../pack/items.ts";

const HEADER_BYTES = 9, FRAME_BYTES = 12;

export type LineFacts = Pick<UnitLine, "unitClass" | "size" | "head" | "frames">;

export function packFacts({ unitClass, size, head, frames }: LineFacts): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.alloc(HEADER_BYTES + head.length + frames.length * FRAME_BYTES);
  bytes.writeUInt8(UNIT_CLASSES.indexOf(unitClass));
  bytes.writeUIntBE(size, 1, 6);
  bytes.writeUInt16BE(head.length, 7);
  bytes.set(head, HEADER_BYTES);
  let at = HEADER_BYTES + head.length;
  for (const { from, length, plainBytes } of frames) {
    for (const number of [from, length, plainBytes]) at = bytes.writeUInt32BE(number, at);
  }
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Decodes the result of {@link packFacts}. Not for bytes of any other origin. */
export function unpackFacts(packed: Uint8Array<ArrayBuffer>): LineFacts {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  const end = HEADER_BYTES + view.getUint16(7), frames: UnitFrame[] = [];
  for (let at = end; at < packed.length; at += FRAME_BYTES) {
    const [from, length, plainBytes] = [view.getUint32(at), view.getUint32(at + 4), view.getUint32(at + 8)];
    frames.push({ from, length, plainBytes });
  }
  return {
    unitClass: UNIT_CLASSES[view.getUint8(0)] ?? "data",
    size: view.getUint16(1) * 2 ** 32 + view.getUint32(3),
    head: packed.slice(HEADER_BYTES, end),
    frames,
  };
}
