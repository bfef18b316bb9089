/**
 * Hunks: pieces of a manifest, gzipped JSON Lines. The paths alone decide where one ends, so an unchanged part of a
 * tree gives the same hunk, with the same id and no new bytes, whatever changes around it.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import type { Apath } from "../core/apath.ts";
import type { HunkId } from "../core/content_id.ts";
import { beginsWith } from "../core/raw.ts";
import { DamagedManifest, LONGEST_LINE } from "./entry_line.ts";

/** A hunk as a root lists it. */
export interface HunkRef {
  /** Path of its first entry. */
  readonly first: Apath;
  /** Number of entries in it. */
  readonly count: number;
  readonly id: HunkId;
}

export const FEWEST_ENTRIES = 256;
export const MOST_ENTRIES = 4096;
/** Mask for the hash of a path: one path in 1024 ends a hunk. */
export const CUT_MASK = 1023;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
/** Length of text at which a hunk ends whatever its paths are: it has to fit into the memory of small machines. */
export const ENOUGH_TEXT = 16 * 1024 * 1024;
/**
 * Largest text that is read: several times what this tool writes, for hunks of other writers. More is taken for a bomb.
 */
const LARGEST_TEXT_BYTES = 128 * 1024 * 1024;
/** Memory that is allocated for a text at most before its size has been checked. */
const MOST_EXPECTED_BYTES = 8 * 1024 * 1024;
/** Usual hunks are not larger. It must not be more than a line may have. */
const SMALL_TEXT_BYTES = 2 * 1024 * 1024;
/** Longest line that is read, in bytes of UTF-8: a character takes up to three. */
const LONGEST_LINE_BYTES = 3 * LONGEST_LINE;
/** Largest number of entries that is read: more than any writer puts into a hunk. */
export const MOST_LINES = 65_536;
const NEWLINE = 10;
/** Measured: level 1 is 4 times faster than 6 and 15 % larger. */
const GZIP_LEVEL = 1;

/** Decides where hunks end. */
export class HunkCutter {
  #prefix = "";
  #prefixHash = FNV_OFFSET;

  /** True if the entry at `path` ends its hunk. @param count entries of the hunk, this one included */
  cutsAfter(path: Apath, count: number): boolean {
    if (count < FEWEST_ENTRIES) return false;
    return count >= MOST_ENTRIES || (this.#hash(path) & CUT_MASK) === 0;
  }

  /** FNV-1a (32 bits) of the path's bytes. The hash of the directory is cached. */
  #hash(path: Apath): number {
    const slash = path.lastIndexOf("/") + 1;
    if (path.length !== 0 && !(slash === this.#prefix.length && beginsWith(path, this.#prefix))) {
      this.#prefix = path.slice(0, slash);
      this.#prefixHash = fnv1a(FNV_OFFSET, this.#prefix, 0);
    }
    return fnv1a(this.#prefixHash, path, slash);
  }
}

function fnv1a(start: number, bytes: string, from: number): number {
  let hash = start;
  for (let i = from; i < bytes.length; i++) hash = Math.imul(hash ^ bytes.charCodeAt(i), FNV_PRIME);
  return hash;
}

/**
 * A hunk of these lines: gzipped, each line with a newline.
 * @param nonce gives the same lines another digest, in case a weak one is taken; it is stored in gzip's MTIME field
 */
export function encodeHunk(lines: readonly string[], nonce = 0): Uint8Array<ArrayBuffer> {
  const text = lines.join("\n") + "\n";
  const bytes = new Uint8Array(gzipSync(text, { level: GZIP_LEVEL }));
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(4, nonce, true);
  bytes[9] = 255; // RFC 1952: operating system unknown, so that every platform writes the same bytes
  return bytes;
}

/**
 * The lines of a hunk as bytes; the last one ends with a newline too.
 * @param count the required number of lines; undefined: any number
 * @throws DamagedManifest
 */
export function hunkText(bytes: Uint8Array<ArrayBuffer>, count?: number): Uint8Array<ArrayBuffer> {
  const text = unpackedText(bytes);
  checkLines(text, count);
  return text;
}

/** The text of a hunk; its lines are still to be checked. @throws DamagedManifest */
function unpackedText(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  try {
    const { buffer, byteOffset, length } = gunzipSync(bytes, {
      maxOutputLength: LARGEST_TEXT_BYTES,
      chunkSize: expectedBytes(bytes),
    });
    // Looking for a byte is slow in a Buffer.
    const text = new Uint8Array(buffer as ArrayBuffer, byteOffset, length);
    if (text.at(-1) !== NEWLINE) throw new DamagedManifest("a hunk doesn't end with a complete line");
    return text;
  } catch (error) {
    if (error instanceof DamagedManifest) throw error;
    throw new DamagedManifest(`a hunk can't be decompressed (${(error as Error).message})`);
  }
}

/**
 * Checks number and length of the lines before strings are made of them, which take more memory. @throws
 * DamagedManifest
 */
function checkLines(text: Uint8Array, count: number | undefined): void {
  let lines = 0;
  for (let start = 0, end: number; start < text.length; start = end + 1, lines++) {
    end = text.indexOf(NEWLINE, start);
    if (end - start > LONGEST_LINE_BYTES) throw new DamagedManifest(`a line of a hunk has ${end - start} bytes`);
  }
  checkNumber(lines, count);
}

/** @throws DamagedManifest */
function checkNumber(lines: number, count: number | undefined): void {
  if (lines <= (count ?? MOST_LINES)) return;
  throw new DamagedManifest(`a hunk has ${lines} entries instead of ${count ?? `${MOST_LINES} at most`}`);
}

/**
 * The size of the text according to gzip's trailer (RFC 1952, ISIZE), so that it is decompressed in one go and without
 * spare memory.
 */
function expectedBytes(gzipped: Uint8Array<ArrayBuffer>): number {
  const noted = gzipped.length < 4
    ? 0
    : new DataView(gzipped.buffer, gzipped.byteOffset).getUint32(gzipped.length - 4, true);
  return Math.min(Math.max(noted, 64) + 1, MOST_EXPECTED_BYTES);
}

/**
 * The lines of a hunk, without newlines. Lines that are not UTF-8 are empty.
 * @param count the required number of lines; undefined: any number
 * @throws DamagedManifest
 */
export function decodeHunk(bytes: Uint8Array<ArrayBuffer>, count?: number): string[] {
  const plain = unpackedText(bytes);
  // The strings of a small text don't take much, whatever its lines are.
  if (plain.length > SMALL_TEXT_BYTES) checkLines(plain, count);
  const lines = (decodedText(plain) ?? decodedLines(plain)).split("\n");
  lines.pop();
  checkNumber(lines.length, count);
  return lines;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** What a decoder that isn't strict makes of bytes that are not UTF-8. */
const REPLACEMENT = "\ufffd";

/** Undefined if the bytes are not UTF-8. */
function decodedText(bytes: Uint8Array<ArrayBuffer>): string | undefined {
  // A strict decoder takes three times as long.
  const text = decoder.decode(bytes);
  if (!text.includes(REPLACEMENT)) return text;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The text of a hunk in which lines that are not UTF-8 are empty, so that only these are lost. */
function decodedLines(text: Uint8Array<ArrayBuffer>): string {
  const lines: string[] = [];
  for (let start = 0, end: number; start < text.length; start = end + 1) {
    end = text.indexOf(NEWLINE, start);
    lines.push(decodedText(text.subarray(start, end)) ?? "", "\n");
  }
  return lines.join("");
}
