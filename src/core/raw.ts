/**
 * Names and paths as bytes.
 *
 * A file name on Linux is any sequence of bytes but NUL and `/`; text is only a custom. A `Raw` is a "byte string": a
 * JavaScript string with one character, 0 to 255, per byte. V8 keeps such a string in one byte per character, `===` and
 * `<` compare it bytewise, and slicing works as usual, so paths cost no conversion on the way from the kernel and back.
 *
 * For people and for JSON a `Raw` becomes text by {@link textOf}: valid UTF-8 is decoded, every other byte `b` becomes
 * the lone surrogate U+DC00 + b (the convention of Python's `surrogateescape`), so that the way back is exact.
 */
import { Buffer } from "node:buffer";

declare const kind: unique symbol;
/** A string type whose values come only from its own parser. */
export type Branded<T, K extends string> = T & { readonly [kind]: Readonly<Record<K, true>> };
/** A byte string: a file name or a path as the file system has it. */
export type Raw = Branded<string, "Raw">;

// deno-lint-ignore no-control-regex -- the ASCII range is meant
const ASCII = /^[\x00-\x7f]*$/;
const encoder = new TextEncoder();

/** Encodes text as bytes; lone surrogates U+DC80 to U+DCFF stand for single bytes, as {@link textOf} writes them. */
export function rawOf(text: string): Raw {
  if (ASCII.test(text)) return text as Raw;
  let raw = "";
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code < 0x80) raw += character;
    else if (code >= 0xdc80 && code <= 0xdcff) raw += String.fromCharCode(code - 0xdc00);
    else raw += rawOfBytes(encoder.encode(character));
  }
  return raw as Raw;
}

/** Decodes a byte string; see the head of this file for bytes that are not UTF-8. */
export function textOf(raw: string): string {
  if (ASCII.test(raw)) return raw;
  let text = "", done = 0;
  for (let at = 0; at < raw.length;) {
    const first = raw.charCodeAt(at);
    if (first < 0x80) {
      at++;
      continue;
    }
    const code = codePointAt(raw, at);
    text += raw.slice(done, at) + String.fromCodePoint(code ?? 0xdc00 + first);
    done = at += code === undefined ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return text + raw.slice(done);
}

/** What the UTF-8 sequence at `at` stands for, which is not ASCII; undefined if it isn't valid (RFC 3629, section 4). */
function codePointAt(raw: string, at: number): number | undefined {
  const first = raw.charCodeAt(at);
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length === 0) return undefined;
  let code = first & (0xff >> (length + 1));
  for (let i = 1; i < length; i++) {
    const next = raw.charCodeAt(at + i);
    if ((next & 0xc0) !== 0x80) return undefined;
    code = code << 6 | next & 0x3f;
  }
  const isOverlong = code < SMALLEST_OF_LENGTH[length]!;
  const isSurrogate = code >= 0xd800 && code <= 0xdfff;
  return isOverlong || isSurrogate || code > 0x10ffff ? undefined : code;
}

/** Smallest code point that needs a sequence of that length. */
const SMALLEST_OF_LENGTH = [0, 0, 0x80, 0x800, 0x10000];

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const PIECE_BYTES = 8192;

/** Converts bytes to a byte string. */
export function rawOfBytes(bytes: Uint8Array): Raw {
  // Up to fifty times faster than decoding as Latin-1, where Deno before 2.7 goes byte by byte.
  const text = decoder.decode(bytes);
  if (text.length === bytes.length && !text.includes("\ufffd")) return text as Raw;
  const { buffer, byteOffset, length } = bytes;
  const view = Buffer.from(buffer, byteOffset, length);
  let raw = "";
  for (let at = 0; at < length; at += PIECE_BYTES) raw += view.toString("latin1", at, at + PIECE_BYTES);
  return raw as Raw;
}

/** Converts a byte string to bytes. */
export function bytesOf(raw: Raw): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

/**
 * The same as `text.startsWith(start, at)`, which is compiled to a loop over the characters and takes ten times as long
 * for more than a few of them.
 */
export function beginsWith(text: string, start: string, at = 0): boolean {
  return text.slice(at, at + start.length) === start;
}

/** Copies a text. A part of a long text would keep all of it in memory. */
export function ownText<T extends string>(text: T): T {
  return [...text].join("") as T;
}

/** The empty byte string: the path of a directory relative to itself. */
export const EMPTY = "" as Raw;
/** The top of a file system. */
export const ROOT = "/" as Raw;

/** Brands text that this program made from bytes and kept elsewhere, for example in its catalog. It is not checked. */
export function knownRaw(text: string): Raw {
  return text as Raw;
}

/** Template tag for byte strings: literal parts are text, and every value is a byte string or a number. */
export function raw(parts: TemplateStringsArray, ...values: readonly (Raw | number)[]): Raw {
  let whole = "";
  for (const [i, part] of parts.entries()) whole += rawOf(part) + (values[i] ?? "");
  return whole as Raw;
}

/** The same as `slice()` of a string. */
export function sliceRaw(raw: Raw, from: number, to?: number): Raw {
  return raw.slice(from, to) as Raw;
}

/** The same as `split()` of a string. */
export function splitRaw(raw: Raw, separator: string): Raw[] {
  return raw.split(separator) as Raw[];
}

/** Replaces every match by the byte that `byteOf` makes of its first group. @param pattern with the flag `g` */
export function replaceBytes(raw: Raw, pattern: RegExp, byteOf: (group: string) => number): Raw {
  return raw.replace(pattern, (_, group: string) => String.fromCharCode(byteOf(group))) as Raw;
}

/** Replaces every match by other bytes. @param pattern with the flag `g` */
export function replaceRaw(raw: Raw, pattern: RegExp, by: Raw): Raw {
  return raw.replace(pattern, () => by) as Raw;
}

/** `name` inside `dir`; either may be empty. */
export function joinRaw(dir: Raw, name: Raw): Raw {
  if (dir === "" || name === "") return (dir + name) as Raw;
  return (dir.endsWith("/") ? dir + name : `${dir}/${name}`) as Raw;
}

/** Joins names to a path, each inside the one before it. */
export function joinAll(names: readonly Raw[]): Raw {
  return names.join("/") as Raw;
}

/**
 * The directory that holds `path`: "/" for the top and for its children, "" for a relative path with a single
 * component.
 */
export function parentPath(path: Raw): Raw {
  const slash = path.lastIndexOf("/");
  return (slash > 0 ? path.slice(0, slash) : slash === 0 ? "/" : "") as Raw;
}

/** The last component; empty for "/". */
export function baseName(path: Raw): Raw {
  return path.slice(path.lastIndexOf("/") + 1) as Raw;
}

/** True if the absolute `path` lies below `directory`. */
export function isBelow(path: Raw, directory: Raw): boolean {
  return path !== directory && (directory === "/" || path.startsWith(`${directory}/`));
}

/** `path` relative to `top`, which it equals or lies below; "" for `top` itself. */
export function relativeTo(top: Raw, path: Raw): Raw {
  return path.slice(top === "/" ? 1 : top.length + 1) as Raw;
}

/** The path in a copy at `to` that corresponds to `path`, which equals `from` or lies below it. */
export function movedPath(path: Raw, from: Raw, to: Raw): Raw {
  return joinRaw(to, relativeTo(from, path));
}
