/**
 * zstd frames (RFC 8878). The runtime compresses; this file writes frames for incompressible data, and walks over
 * frames, for a reader that has lost its position.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { DamagedObject, NoZstd } from "../format/faults.ts";

/** Compression level: 0 stores; higher levels take more time. */
export type Level = number;

const MAGIC = 0xfd2fb528;
/** The first of sixteen magic numbers of frames without data. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const BLOCK_BYTES = 128 * 1024;
const BLOCK_HEADER_BYTES = 3, CHECKSUM_BYTES = 4;
const RAW = 0, RLE = 1, RESERVED = 3;

/** Spare bytes of an output buffer: one that is exactly full is taken for too small. */
const SPARE_BYTES = 64;

let isThere: boolean | undefined;

/** True if zstd works. Deno 2.6 has the functions, but not always what they call: only trying shows it. */
export function hasZstd(): boolean {
  if (isThere === undefined) {
    try {
      isThere = zstdDecompressSync(zstdCompressSync(new Uint8Array(1))).length === 1;
    } catch {
      isThere = false; // the reason doesn't matter: it can't be had
    }
  }
  return isThere;
}

/** Compresses bytes to one frame, with content size and checksum. @throws NoZstd */
export function compress(bytes: Uint8Array, level: Level): Uint8Array<ArrayBuffer> {
  if (!hasZstd()) throw new NoZstd();
  const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 };
  // The types don't know of pledgedSrcSize; without it a frame doesn't say how large its content is. And all goes into
  // one buffer: pieces would be joined afterwards, and lie about until the next garbage collection.
  const options = { params, pledgedSrcSize: bytes.length, chunkSize: mostCompressed(bytes.length) };
  const { buffer, byteOffset, length } = zstdCompressSync(bytes, options);
  const frame = new Uint8Array(buffer as ArrayBuffer, byteOffset, length);
  // Deno puts an empty frame behind one that didn't fit into its first buffer.
  return frame.subarray(0, frameEnd(frame, 0));
}

/** The most bytes that compressing as many can give, with a frame's header and checksum. */
function mostCompressed(bytes: number): number {
  return bytes + (bytes >> 8) + SPARE_BYTES + (Math.max(0, BLOCK_BYTES - bytes) >> 11);
}

/**
 * Decompresses one frame, which must be all of `bytes`.
 * @param most largest content that is accepted; larger ones are refused before memory is allocated
 * @throws DamagedObject, NoZstd
 */
export function decompress(bytes: Uint8Array, most: number, what: string): Uint8Array<ArrayBuffer> {
  if (!hasZstd()) throw new NoZstd();
  const header = frameHeader(bytes, 0), size = header?.contentBytes;
  if (size === undefined || frameEnd(bytes, 0) !== bytes.length) {
    throw new DamagedObject(what, "it holds no whole zstd frame");
  }
  if (size > most) {
    throw new DamagedObject(what, `a frame of it has ${size} bytes, more than the ${most} that it may have`);
  }
  const raw = header?.hasChecksum === true ? undefined : rawContent(bytes, header?.bytes ?? 0, size);
  if (raw !== undefined) return raw;
  try {
    // All at once: pieces would be joined afterwards.
    const room = size + SPARE_BYTES, options = { maxOutputLength: room, chunkSize: room };
    const { buffer, byteOffset, length } = zstdDecompressSync(bytes, options);
    // A frame that ends early is no error there.
    if (length === size) return new Uint8Array(buffer as ArrayBuffer, byteOffset, length);
  } catch {
    // Reported below: the library's message is of no use to anybody.
  }
  throw new DamagedObject(what, "a zstd frame of it is damaged");
}

/** The content of a frame of raw blocks, which is copied in no time; undefined if it has others. @param at the first */
function rawContent(bytes: Uint8Array, at: number, size: number): Uint8Array<ArrayBuffer> | undefined {
  const content = new Uint8Array(size);
  for (let used = 0;;) {
    const word = bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16, length = word >> 3;
    if ((word >> 1 & 3) !== RAW || used + length > size) return undefined;
    at += BLOCK_HEADER_BYTES;
    content.set(bytes.subarray(at, at + length), used);
    used += length;
    at += length;
    if ((word & 1) === 1) return used === size ? content : undefined;
  }
}

/** Decompresses as much as possible of a frame that has lost its end; possibly nothing. */
export function decompressStart(bytes: Uint8Array, most: number): Uint8Array<ArrayBuffer> {
  if (!hasZstd()) throw new NoZstd();
  const size = frameHeader(bytes, 0)?.contentBytes;
  if (size === undefined || size > most) return new Uint8Array(0);
  try {
    return new Uint8Array(zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, size) }));
  } catch {
    return new Uint8Array(0); // nothing to be had
  }
}

/** Pieces of a frame of raw blocks, for incompressible data. It has no checksum, which would cost more than copying. */
export function* rawFrame(bytes: Uint8Array): Generator<Uint8Array> {
  const header = new Uint8Array(9), view = new DataView(header.buffer);
  view.setUint32(0, MAGIC, true);
  header[4] = 0b1010_0000; // content size in four bytes, and no window but the content
  view.setUint32(5, bytes.length, true);
  yield header;
  const blocks = Math.max(1, Math.ceil(bytes.length / BLOCK_BYTES));
  for (let i = 0; i < blocks; i++) {
    const block = bytes.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES);
    const word = (i === blocks - 1 ? 1 : 0) | RAW << 1 | block.length << 3;
    yield Uint8Array.of(word & 0xff, word >> 8 & 0xff, word >> 16);
    yield block;
  }
}

/** Length of a {@link rawFrame} in bytes. */
export function rawFrameBytes(contentBytes: number): number {
  return 9 + contentBytes + BLOCK_HEADER_BYTES * Math.max(1, Math.ceil(contentBytes / BLOCK_BYTES));
}

export interface FrameHeader {
  readonly bytes: number;
  /** Content size in bytes; undefined if the frame doesn't state it. */
  readonly contentBytes: number | undefined;
  readonly hasChecksum: boolean;
}

/** The header of the frame at `at`; undefined if there is none. */
export function frameHeader(bytes: Uint8Array, at: number): FrameHeader | undefined {
  const view = viewOf(bytes);
  if (at + 5 > bytes.length || view.getUint32(at, true) !== MAGIC) return undefined;
  const descriptor = bytes[at + 4]!, isSingle = (descriptor & 0x20) !== 0;
  if ((descriptor & 0x08) !== 0) return undefined; // reserved
  const sizeAt = 5 + (isSingle ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]!;
  const width = descriptor >> 6 === 0 ? (isSingle ? 1 : 0) : 1 << (descriptor >> 6);
  if (at + sizeAt + width > bytes.length) return undefined;
  return {
    bytes: sizeAt + width,
    contentBytes: sizeIn(view, at + sizeAt, width),
    hasChecksum: (descriptor & 0x04) !== 0,
  };
}

function sizeIn(view: DataView, at: number, width: number): number | undefined {
  switch (width) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    case 8:
      return Number(view.getBigUint64(at, true));
    default:
      return undefined;
  }
}

/**
 * The end of the frame at `at`, from its block headers; undefined if there is no frame, or if it extends beyond the
 * bytes.
 */
export function frameEnd(bytes: Uint8Array, at: number): number | undefined {
  const header = frameHeader(bytes, at);
  if (header === undefined) return undefined;
  for (let next = at + header.bytes;;) {
    if (next + BLOCK_HEADER_BYTES > bytes.length) return undefined;
    const word = bytes[next]! | bytes[next + 1]! << 8 | bytes[next + 2]! << 16;
    const type = word >> 1 & 3, size = word >> 3;
    if (type === RESERVED || (type !== RLE && size > BLOCK_BYTES)) return undefined;
    next += BLOCK_HEADER_BYTES + (type === RLE ? 1 : size);
    if ((word & 1) === 0) continue;
    if (header.hasChecksum) next += CHECKSUM_BYTES;
    return next <= bytes.length ? next : undefined;
  }
}

/** A frame that every zstd decoder skips. @param bytes its content */
export function skippableFrame(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(SKIPPABLE_HEADER_BYTES + bytes.length), view = new DataView(frame.buffer);
  view.setUint32(0, SKIPPABLE_MAGIC, true);
  view.setUint32(4, bytes.length, true);
  frame.set(bytes, SKIPPABLE_HEADER_BYTES);
  return frame;
}

export const SKIPPABLE_HEADER_BYTES = 8;

/** The content of a skippable frame from `at` to the end of the bytes; undefined if there is none. */
export function skippableContent(bytes: Uint8Array, at: number): Uint8Array | undefined {
  const view = viewOf(bytes), length = bytes.length - at - SKIPPABLE_HEADER_BYTES;
  if (at < 0 || length < 0 || view.getUint32(at, true) !== SKIPPABLE_MAGIC) return undefined;
  return view.getUint32(at + 4, true) === length ? bytes.subarray(at + SKIPPABLE_HEADER_BYTES) : undefined;
}

/** Where the next frame with data may begin, at or after `from`; undefined if there is none in these bytes. */
export function nextFrame(bytes: Uint8Array, from: number): number | undefined {
  for (let at = bytes.indexOf(0x28, from); at >= 0 && at + 4 <= bytes.length; at = bytes.indexOf(0x28, at + 1)) {
    if (bytes[at + 1] === 0xb5 && bytes[at + 2] === 0x2f && bytes[at + 3] === 0xfd) return at;
  }
  return undefined;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
