/** The icon of the packages for NAS: two stacked disks and an arrow that comes back, as a PNG drawn here. */
import { crc32, deflateSync } from "node:zlib";
import { type Bytes, joined } from "./archive.ts";

type Color = readonly [red: number, green: number, blue: number, alpha: number];

const CLEAR: Color = [0, 0, 0, 0];
const GROUND: Color = [28, 82, 122, 255];
const DISK: Color = [240, 246, 250, 255];
const SLOT: Color = [28, 82, 122, 255];
const LIGHT: Color = [98, 196, 120, 255];

/** @param size width and height in pixels */
export function icon(size: number): Bytes {
  const rows = new Uint8Array(size * (1 + 4 * size));
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      rows.set(colorAt((x + 0.5) / size, (y + 0.5) / size), y * (1 + 4 * size) + 1 + 4 * x);
    }
  }
  const header = new Uint8Array(13), view = new DataView(header.buffer);
  view.setUint32(0, size);
  view.setUint32(4, size);
  header.set([8, 6], 8); // 8 bits, with alpha
  const signature = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const body = new Uint8Array(deflateSync(rows));
  return joined([signature, chunk("IHDR", header), chunk("IDAT", body), chunk("IEND", new Uint8Array())]);
}

/** @param x, y from 0 to 1 */
function colorAt(x: number, y: number): Color {
  if (!isInRounded(x, y, { left: 0.02, top: 0.02, right: 0.98, bottom: 0.98, radius: 0.18 })) return CLEAR;
  for (const top of [0.2, 0.54]) {
    if (!isInRounded(x, y, { left: 0.16, top, right: 0.84, bottom: top + 0.26, radius: 0.06 })) continue;
    if (Math.hypot(x - 0.74, y - top - 0.13) < 0.045) return LIGHT;
    return Math.abs(y - top - 0.13) < 0.022 && x > 0.25 && x < 0.6 ? SLOT : DISK;
  }
  return GROUND;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly radius: number;
}

function isInRounded(x: number, y: number, { left, top, right, bottom, radius }: Box): boolean {
  const dx = Math.max(left + radius - x, 0, x - right + radius),
    dy = Math.max(top + radius - y, 0, y - bottom + radius);
  return Math.hypot(dx, dy) <= radius;
}

function chunk(type: string, data: Bytes): Bytes {
  const length = new Uint8Array(4), sum = new Uint8Array(4), body = joined([type, data]);
  new DataView(length.buffer).setUint32(0, data.length);
  new DataView(sum.buffer).setUint32(0, crc32(body));
  return joined([length, body, sum]);
}
