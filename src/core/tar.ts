/**
 * Writing tar files: POSIX.1-2001 ("pax"), which every tar of today reads. What doesn't fit into the 512 bytes of a
 * header (long names, sizes from 8 GiB, parts of seconds, attributes) stands in an extended header before it.
 */
import { ACL_ATTRIBUTES, aclText, parseAcl } from "./acl.ts";
import type { Entry, Kind, NsText } from "./entry.ts";
import { bytesOf, EMPTY, knownRaw, type Raw, raw, rawOf, textOf } from "./raw.ts";

/** What tar has a letter for. */
const TYPES: Readonly<Partial<Record<Kind, string>>> = {
  file: "0",
  symlink: "2",
  char: "3",
  block: "4",
  dir: "5",
  fifo: "6",
};
const HARD_LINK = "1", EXTENDED = "x";

const NO_NANOSECONDS = "000000000";
const BLOCK_BYTES = 512, SPACE = 0x20;
/** Readers expect whole records. */
const RECORD_BYTES = 20 * BLOCK_BYTES;
const NAME_BYTES = 100, OWNER_BYTES = 32;
/** The largest numbers that octal fields of 11 and 7 digits hold. */
const MOST_SIZE = 0o77777777777, MOST_ID = 0o7777777;

/** True if tar can hold an object of this kind: it can't hold sockets. */
export function fitsTar(kind: Kind): boolean {
  return TYPES[kind] !== undefined;
}

/** Writes one tar file. `write` receives its bytes in order. */
export class TarWriter {
  readonly #write: (bytes: Uint8Array<ArrayBuffer>) => void;
  #at = 0;

  constructor(write: (bytes: Uint8Array<ArrayBuffer>) => void) {
    this.#write = write;
  }

  /**
   * @param name relative, without a final slash @param content of a regular file: exactly as long as `entry.size`
   * @param linkTo name of an earlier entry that this is another name of; there is no content then
   */
  async add(entry: Entry, name: Raw, { content = [], linkTo }: {
    readonly content?: Iterable<Uint8Array<ArrayBuffer>> | AsyncIterable<Uint8Array<ArrayBuffer>>;
    readonly linkTo?: Raw | undefined;
  }): Promise<void> {
    this.#begin(entry, name, linkTo);
    for await (const chunk of content) this.#put(chunk);
    this.#pad(BLOCK_BYTES);
  }

  /** Adds a regular file whose content is in memory. @param name relative */
  addFile(entry: Entry, name: Raw, content: Uint8Array<ArrayBuffer>): void {
    this.#begin(entry, name, undefined);
    this.#put(content);
    this.#pad(BLOCK_BYTES);
  }

  #begin(entry: Entry, name: Raw, linkTo: Raw | undefined): void {
    const size = linkTo === undefined && entry.kind === "file" ? entry.size : 0;
    const header = headerOf(entry, { name, linkTo, size });
    const extended = extendedOf(entry, header);
    if (extended.length > 0) {
      this.#put(
        encodeHeader({ ...header, name: rawOf("pax-header"), link: EMPTY, type: EXTENDED, size: extended.length }),
      );
      this.#put(extended);
      this.#pad(BLOCK_BYTES);
    }
    this.#put(encodeHeader(header));
  }

  /** Writes the end of the file: two empty blocks, and padding to whole records. */
  finish(): void {
    this.#put(new Uint8Array(2 * BLOCK_BYTES));
    this.#pad(RECORD_BYTES);
  }

  #put(bytes: Uint8Array<ArrayBuffer>): void {
    if (bytes.length === 0) return;
    this.#write(bytes);
    this.#at += bytes.length;
  }

  #pad(unit: number): void {
    this.#put(new Uint8Array((unit - this.#at % unit) % unit));
  }
}

/** What a header says; numbers and names may be too large for it. */
interface Header {
  readonly name: Raw;
  readonly link: Raw;
  readonly type: string;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly user: Raw;
  readonly group: Raw;
  readonly seconds: number;
  readonly major: number;
  readonly minor: number;
}

function headerOf(entry: Entry, { name, linkTo, size }: { name: Raw; linkTo: Raw | undefined; size: number }): Header {
  const { kind, target, mode, uid, gid, user = "", group = "", mtime, device } = entry;
  return {
    name: kind === "dir" ? raw`${name}/` : name,
    link: linkTo ?? target ?? EMPTY,
    type: linkTo === undefined ? TYPES[kind]! : HARD_LINK,
    size,
    mode,
    uid,
    gid,
    user: rawOf(user),
    group: rawOf(group),
    seconds: Math.max(0, secondsOf(mtime).seconds),
    major: device?.major ?? 0,
    minor: device?.minor ?? 0,
  };
}

/** Rounded down, and whether there was nothing to round. */
function secondsOf(mtime: NsText): { seconds: number; isExact: boolean } {
  const isExact = mtime.endsWith(NO_NANOSECONDS) || mtime === "0";
  // Nothing, or only the sign, is left of what is less than a second.
  const towardsZero = Number.parseInt(mtime.slice(0, -NO_NANOSECONDS.length)) || 0;
  return { seconds: mtime.startsWith("-") && !isExact ? towardsZero - 1 : towardsZero, isExact };
}

/** For tens of thousands of small files a second: bytes are put one by one, which here is far faster than by Buffer. */
function encodeHeader(header: Header): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK_BYTES);
  putText(block, 0, NAME_BYTES, header.name);
  putOctal(block, 100, 8, Math.min(header.mode, MOST_ID));
  putOctal(block, 108, 8, Math.min(header.uid, MOST_ID));
  putOctal(block, 116, 8, Math.min(header.gid, MOST_ID));
  putOctal(block, 124, 12, Math.min(header.size, MOST_SIZE));
  putOctal(block, 136, 12, Math.min(header.seconds, MOST_SIZE));
  putText(block, 156, 1, header.type);
  putText(block, 157, NAME_BYTES, header.link);
  putText(block, 257, 8, "ustar\x0000");
  putText(block, 265, OWNER_BYTES, header.user);
  putText(block, 297, OWNER_BYTES, header.group);
  putOctal(block, 329, 8, Math.min(header.major, MOST_ID));
  putOctal(block, 337, 8, Math.min(header.minor, MOST_ID));
  block.fill(SPACE, 148, 156);
  let sum = 0;
  for (let i = 0; i < BLOCK_BYTES; i++) sum += block[i]!;
  putOctal(block, 148, 7, sum);
  return block;
}

/** @param raw what is longer is cut */
function putText(block: Uint8Array, at: number, length: number, raw: string): void {
  const end = Math.min(length, raw.length);
  for (let i = 0; i < end; i++) block[at + i] = raw.charCodeAt(i);
}

/** Digits with leading zeros, and a final NUL. */
function putOctal(block: Uint8Array, at: number, length: number, value: number): void {
  for (let i = at + length - 2, rest = value; i >= at; i--, rest = Math.floor(rest / 8)) block[i] = 0x30 + rest % 8;
  block[at + length - 1] = 0;
}

/** Records of an extended header: what the plain one can't say. */
function extendedOf({ mtime, xattrs = {}, aclNames = {} }: Entry, header: Header): Uint8Array<ArrayBuffer> {
  const { seconds, isExact } = secondsOf(mtime);
  const { name, link, user, group, size, uid, gid } = header;
  const records: [key: string, value: string][] = [];
  if (name.length > NAME_BYTES || !isAscii(name)) records.push(["path", name]);
  if (link.length > NAME_BYTES || !isAscii(link)) records.push(["linkpath", link]);
  if (user.length >= OWNER_BYTES || !isAscii(user)) records.push(["uname", user]);
  if (group.length >= OWNER_BYTES || !isAscii(group)) records.push(["gname", group]);
  if (size > MOST_SIZE) records.push(["size", String(size)]);
  if (uid > MOST_ID) records.push(["uid", String(uid)]);
  if (gid > MOST_ID) records.push(["gid", String(gid)]);
  if (!isExact || seconds < 0 || seconds > MOST_SIZE) records.push(["mtime", decimal(mtime)]);
  for (const [key, value] of Object.entries(xattrs)) records.push([`SCHILY.xattr.${attributeName(key)}`, atob(value)]);
  for (const [key, name] of Object.entries(ACL_ATTRIBUTES)) {
    const acl = xattrs[key] === undefined ? undefined : parseAcl(xattrs[key]);
    if (acl !== undefined) records.push([`SCHILY.acl.${name}`, rawOf(aclText(acl, aclNames))]);
  }
  // Otherwise names are taken to be UTF-8.
  if (records.some(([key, value]) => /^(?:link)?path$/.test(key) && !isUtf8(value))) {
    records.unshift(["hdrcharset", "BINARY"]);
  }
  return bytesOf(knownRaw(records.map(([key, value]) => record(key, value)).join("")));
}

/** As GNU tar writes them: an `=` ends the key of a record. */
function attributeName(name: string): Raw {
  return rawOf(name.replaceAll("%", "%25").replaceAll("=", "%3D"));
}

/** "1.5" for 1500000000 nanoseconds. */
function decimal(mtime: NsText): string {
  const negative = mtime.startsWith("-"), digits = mtime.replace("-", "").padStart(10, "0");
  return `${negative ? "-" : ""}${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

/** "LENGTH KEY=VALUE\n", where the length counts itself. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + String(rest.length).length;
  if (String(length).length > String(rest.length).length) length++;
  return `${length}${rest}`;
}

function isAscii(raw: string): boolean {
  // deno-lint-ignore no-control-regex -- the ASCII range is meant
  return /^[\x00-\x7f]*$/.test(raw);
}

function isUtf8(raw: string): boolean {
  return !/\p{Surrogate}/u.test(textOf(raw));
}
