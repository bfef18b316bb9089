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
declare const kind: unique symbol;
/** A string type that only its own parser makes. */
export type Branded<T, K extends string> = T & { readonly [kind]: Readonly<Record<K, true>> };
/** A byte string: a file name or a path as the file system has it. */
export type Raw = Branded<string, "Raw">;

// deno-lint-ignore no-control-regex -- the ASCII range is meant
const ASCII = /^[\x00-\x7f]*$/;
const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes of text; lone surrogates U+DC80 to U+DCFF stand for single bytes, as {@link textOf} writes them. */
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

/** Text of a byte string; see the head of this file for bytes that are not UTF-8. */
export function textOf(raw: string): string {
  if (ASCII.test(raw)) return raw;
  const bytes = bytesOf(raw as Raw);
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return decodeEscaping(bytes);
  }
}

/** The byte string of some bytes. */
export function rawOfBytes(bytes: Uint8Array): Raw {
  let raw = "";
  for (let at = 0; at < bytes.length; at += 4096) {
    raw += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return raw as Raw;
}

/** The bytes of a byte string. */
export function bytesOf(raw: Raw): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

/** `name` inside `dir`; either may be empty. */
export function joinRaw(dir: Raw, name: Raw): Raw {
  if (dir === "" || name === "") return (dir + name) as Raw;
  return (dir.endsWith("/") ? dir + name : `${dir}/${name}`) as Raw;
}

/** Length of the valid UTF-8 sequence at `at`, or 0 (overlong forms and surrogates are not valid: RFC 3629, section 4). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  try {
    strictDecoder.decode(bytes.subarray(at, at + length));
    return first < 0xc2 ? 0 : Math.min(length, bytes.length - at);
  } catch {
    return 0;
  }
}

function decodeEscaping(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    if (length === 0) text += String.fromCharCode(0xdc00 + bytes[at++]!);
    else {
      text += strictDecoder.decode(bytes.subarray(at, at + length));
      at += length;
    }
  }
  return text;
}
