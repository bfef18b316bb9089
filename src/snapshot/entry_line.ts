/**
 * Lines of a manifest. Each line is one entry, as JSON with a fixed order of fields: the fields that come from a stat
 * are first, those that are only known after opening the object follow. A line that begins with the text made from a
 * fresh stat therefore belongs to an unchanged object, and can be copied as it is.
 */
import type { AclNames } from "../core/acl.ts";
import { type Apath, isApath } from "../core/apath.ts";
import { type ContentId, knownContentId } from "../core/content_id.ts";
import { type DetailFields, type Entry, type Kind, KINDS, type StatFields } from "../core/entry.ts";
import { Fault, unlessFault } from "../core/fault.ts";
import { BadJson, parseJson } from "../core/json.ts";
import { beginsWith, rawOf, textOf } from "../core/raw.ts";

export class DamagedManifest extends Fault {
  readonly code = "damaged-manifest";
  readonly hint = "Run `backup-tool check`; other snapshots are not affected unless it names them";
  constructor(what: string) {
    super(`A manifest is damaged: ${what}`);
  }
}

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** A byte string as JSON text; bytes that are not UTF-8 become escaped lone surrogates. */
function quote(raw: string): string {
  return PLAIN.test(raw) ? `"${raw}"` : JSON.stringify(textOf(raw));
}

function quoteName(name: string): string {
  return PLAIN.test(name) ? `"${name}"` : JSON.stringify(name);
}

/** The part of a line that comes from a stat, without the closing brace. */
export function statPrefix(path: Apath, seen: StatFields): string {
  let text = `{"path":${quote(path)},"kind":"${seen.kind}"`;
  if (seen.kind === "file") text += `,"size":${seen.size}`;
  text += `,"mtime":"${seen.mtime}"`;
  if (seen.ctime !== undefined) text += `,"ctime":"${seen.ctime}"`;
  if (seen.inode !== undefined) text += `,"inode":"${seen.inode}"`;
  text += accessPart(seen);
  if (seen.device !== undefined) text += `,"device":[${seen.device.major},${seen.device.minor}]`;
  return text;
}

let lastAccess: Pick<StatFields, "mode" | "uid" | "gid" | "user" | "group"> | undefined;
let lastAccessPart = "";

/** The fields of mode and owner. They are cached: most files have those of the file before. */
function accessPart(seen: StatFields): string {
  const { mode, uid, gid, user, group } = seen, last = lastAccess;
  if (
    last === undefined || last.mode !== mode || last.uid !== uid || last.gid !== gid || last.user !== user ||
    last.group !== group
  ) {
    lastAccess = seen;
    lastAccessPart = `,"mode":"${octal(mode)}","uid":${uid},"gid":${gid}`;
    if (user !== undefined) lastAccessPart += `,"user":${quoteName(user)}`;
    if (group !== undefined) lastAccessPart += `,"group":${quoteName(group)}`;
  }
  return lastAccessPart;
}

/**
 * A complete line.
 * @param head the result of {@link statPrefix}
 */
export function encodeLine(head: string, learnt: DetailFields): string {
  let text = head;
  if (learnt.content !== undefined) text += `,"content":"${learnt.content}"`;
  if (learnt.target !== undefined) text += `,"target":${quote(learnt.target)}`;
  if (learnt.hardLink !== undefined) text += `,"hardLink":"${learnt.hardLink}"`;
  if (learnt.sparse === true) text += `,"sparse":true`;
  if (learnt.xattrs !== undefined) text += `,"xattrs":${JSON.stringify(learnt.xattrs)}`;
  if (learnt.aclNames !== undefined) text += `,"aclNames":${JSON.stringify(learnt.aclNames)}`;
  if (learnt.problems !== undefined) text += `,"problems":${JSON.stringify(learnt.problems)}`;
  if (learnt.birthtime !== undefined) text += `,"birthtime":"${learnt.birthtime}"`;
  if (learnt.flags !== undefined) text += `,"flags":${JSON.stringify(learnt.flags)}`;
  return text.length < LONGEST_LINE ? `${text}}` : shorterLine(head, learnt);
}

/** The line without its extended attributes: with them, it is longer than any reader accepts. */
function shorterLine(head: string, { xattrs, aclNames: _names, problems = [], ...others }: DetailFields): string {
  if (xattrs === undefined) {
    return encodeLine(head, { ...others, problems: ["What there is to say of it is too long"] });
  }
  return encodeLine(head, { ...others, problems: [...problems, "Its extended attributes are too large to be kept"] });
}

export function encodeEntry(entry: Entry): string {
  return encodeLine(statPrefix(entry.path, entry), entry);
}

const PATH_START = `{"path":`;
const PATH_END = `,"kind":"`;

/** The path of a line as JSON text, without parsing the rest. @throws DamagedManifest */
export function linePath(line: string): string {
  const end = line.indexOf(PATH_END, PATH_START.length);
  if (!line.startsWith(PATH_START) || end < 0) throw noPath(line);
  return line.slice(PATH_START.length, end);
}

/** The path of a line. @throws DamagedManifest */
export function pathOfLine(line: string): Apath {
  const quoted = linePath(line);
  try {
    const path = pathOf(JSON.parse(quoted));
    if (path !== undefined) return path;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw noPath(line);
}

function noPath(line: string): DamagedManifest {
  return new DamagedManifest(`a line doesn't begin with a path: ${line.slice(0, 80)}`);
}

/** True if the path of the line is `quoted`, its JSON text. */
export function isLineOf(line: string, quoted: string): boolean {
  return beginsWith(line, quoted, PATH_START.length) && line.startsWith(PATH_END, PATH_START.length + quoted.length);
}

/** The path of a head of {@link statPrefix}, as JSON text. */
export function headPath(head: string): string {
  return head.slice(PATH_START.length, head.indexOf(PATH_END, PATH_START.length));
}

/**
 * The content id of a line, without parsing the rest. In JSON text an unescaped `","content":"` can be nothing else.
 * @param from index at which to start searching
 * @returns undefined if the line has none, or an invalid one
 */
export function contentOfLine(line: string, from = 0): ContentId | undefined {
  const id = contentTextOf(line, from);
  return id !== undefined && isContentId(id) ? id : undefined;
}

/** As {@link contentOfLine}, for a line that is known to be sound: the id is not validated. */
export function contentOfSoundLine(line: string, from: number): ContentId | undefined {
  const id = contentTextOf(line, from);
  return id === undefined ? undefined : knownContentId(id);
}

function contentTextOf(line: string, from: number): string | undefined {
  const start = line.indexOf(CONTENT_START, from);
  if (start < 0) return undefined;
  const first = start + CONTENT_START.length;
  return line.slice(first, line.indexOf(QUOTE, first));
}

const SIGNS = [/,"ctime":"-?\d+"/, /,"inode":"\d+"/];

/** Removes ctime and inode number from a line, unless `head` has them too. In JSON text they can't be anything else. */
export function withoutSigns(line: string, head: string): string {
  return SIGNS.reduce((text, sign) => sign.test(head) ? text : text.replace(sign, ""), line);
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** Largest ids and device numbers that a system has. */
const MOST_ID = 2 ** 32 - 1, MOST_DEVICE = 2 ** 32 - 1;
/**
 * Longest line that is read or written, in UTF-16 units. Paths of thousands of levels and megabytes of extended
 * attributes are below it.
 */
export const LONGEST_LINE = 16 * 1024 * 1024;

/** Parses one line. @throws DamagedManifest */
export function parseLine(line: string): Entry {
  return plainFile(line) ?? parsedJson(line);
}

/**
 * A content id: a digest of any algorithm, the most common length first, optionally with a byte 00 to ef that makes it
 * unique.
 */
export const CONTENT_ID = "(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32}|[0-9a-f]{8})(?:[0-9a-e][0-9a-f])?";

/**
 * A line of an ordinary file or directory, with the fields in the order of FORMAT.md.
 * @param more which fields are captured
 */
function plainLine(more: "all fields" | "facts"): RegExp {
  const field = more === "all fields" ? "" : "?:";
  return new RegExp(
    String.raw`^\{"path":"([\x20\x21\x23-\x5b\x5d-\x7e]+)","kind":(?:"dir"|"file","size":(0|[1-9]\d{0,14})),` +
      String
        .raw`"mtime":"(${field}-?\d{1,20})"(?:,"ctime":"(${field}-?\d{1,20})")?(?:,"inode":"(${field}\d{1,20})")?,` +
      String.raw`"mode":"(${field}[0-7]{4})","uid":(${field}0|[1-9]\d{0,8}),"gid":(${field}0|[1-9]\d{0,8})` +
      String.raw`(?:,"user":"(${field}[\w.-]*)")?(?:,"group":"(${field}[\w.-]*)")?(?:,"content":"(${CONTENT_ID})")?` +
      String
        .raw`(?:,"hardLink":"(${field}\d+:\d+)")?(${field},"sparse":true)?(?:,"birthtime":"(${field}-?\d{1,20})")?\}$`,
  );
}

const PLAIN_LINE = plainLine("all fields"), PLAIN_FACTS = plainLine("facts");

/** An entry under construction: its fields may be assigned. */
type Draft = { -readonly [Field in keyof Entry]: Entry[Field] };

/**
 * Parses a plain line of a file, in less than half of the time that JSON takes. Directories and files with several
 * names are excluded: callers keep those, and a string cut out of a line keeps the whole hunk in memory.
 * @returns undefined if the line is not a plain one
 */
function plainFile(line: string): Entry | undefined {
  const found = PLAIN_LINE.exec(line);
  if (found === null) return undefined;
  const [, path, size, mtime, ctime, inode, mode, uid, gid, user, group, content, hardLink, sparse, birthtime] = found;
  if (size === undefined || hardLink !== undefined || !isApath(path!)) return undefined;
  const entry: Draft = {
    path,
    kind: "file",
    size: Number(size),
    mtime: mtime!,
    mode: parseInt(mode!, 8),
    uid: Number(uid),
    gid: Number(gid),
  };
  if (ctime !== undefined) entry.ctime = ctime;
  if (inode !== undefined) entry.inode = inode;
  if (user !== undefined) entry.user = user;
  if (group !== undefined) entry.group = group;
  if (content !== undefined) entry.content = knownContentId(content);
  if (sparse !== undefined) entry.sparse = true;
  if (birthtime !== undefined) entry.birthtime = birthtime;
  return entry;
}

/** Parses a line as JSON. @throws DamagedManifest */
function parsedJson(line: string): Entry {
  const fields = lineFields(line);
  const kind = get("kind", kindOf);
  const entry: Draft = {
    path: get("path", pathOf),
    kind,
    size: kind === "file" ? get("size", countOf) : 0,
    mtime: get("mtime", nsOf),
    mode: get("mode", modeOf),
    uid: get("uid", ownerOf),
    gid: get("gid", ownerOf),
  };
  // Not by spreading: this is done once for each entry.
  if (fields["ctime"] !== undefined) entry.ctime = get("ctime", nsOf);
  if (fields["inode"] !== undefined) entry.inode = get("inode", digitsOf);
  if (fields["user"] !== undefined) entry.user = get("user", nameOf);
  if (fields["group"] !== undefined) entry.group = get("group", nameOf);
  if (fields["device"] !== undefined) entry.device = get("device", deviceOf);
  if (fields["content"] !== undefined) entry.content = get("content", contentOf);
  if (fields["target"] !== undefined) entry.target = rawOf(get("target", nameOf));
  if (fields["hardLink"] !== undefined) entry.hardLink = get("hardLink", nameOf);
  if (fields["sparse"] !== undefined) entry.sparse = get("sparse", (value) => value === true ? true : undefined);
  if (fields["xattrs"] !== undefined) entry.xattrs = get("xattrs", xattrsOf);
  if (fields["aclNames"] !== undefined) entry.aclNames = get("aclNames", aclNamesOf);
  if (fields["problems"] !== undefined) entry.problems = get("problems", stringsOf);
  if (fields["birthtime"] !== undefined) entry.birthtime = get("birthtime", nsOf);
  if (fields["flags"] !== undefined) entry.flags = get("flags", stringsOf);
  return entry;

  function get<T>(name: string, check: (value: unknown) => T | undefined): T {
    const value = check(fields[name]);
    if (value === undefined) throw new DamagedManifest(`an entry has a wrong "${name}": ${line.slice(0, 200)}`);
    return value;
  }
}

/** Lengths of the digests, in hex digits. */
const DIGEST_LENGTHS: readonly number[] = [8, 32, 40, 64];
const ZERO = 0x30, NINE = 0x39, SMALL_A = 0x61, SMALL_E = 0x65, SMALL_F = 0x66;

/** True if {@link CONTENT_ID} matches all of `text`, at a twentieth of the cost: this runs for every line. */
export function isContentId(text: string): text is ContentId {
  const { length } = text, isDigest = DIGEST_LENGTHS.includes(length);
  if (!isDigest && !DIGEST_LENGTHS.includes(length - 2)) return false;
  for (let at = 0; at < length; at++) if (!isHexDigit(text.charCodeAt(at))) return false;
  return isDigest || text.charCodeAt(length - 2) <= SMALL_E;
}

function isHexDigit(code: number): boolean {
  return (code >= ZERO && code <= NINE) || (code >= SMALL_A && code <= SMALL_F);
}

/** The fields of an entry that decide whether a snapshot is intact. */
export type ContentFacts = Pick<Entry, "path" | "size" | "content">;

/**
 * The facts of one line. As strict as {@link parseLine}, and several times as fast for most lines. Strings of the
 * result may be slices of the line, and keep it in memory.
 * @throws DamagedManifest
 */
export function contentFactsOf(line: string): ContentFacts {
  const found = PLAIN_FACTS.exec(line);
  const path = found?.[1];
  if (path === undefined || !isApath(path)) return parsedJson(line);
  const [, , size = 0, content] = found!;
  return { path, size: Number(size), ...(content !== undefined && { content: knownContentId(content) }) };
}

const NAME = String.raw`"[^"\\\0-\x1f]*"`,
  VALUE = String.raw`"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"`;
/** What follows the stat part of an ordinary line that this tool wrote. */
const PLAIN_REST = new RegExp(
  String.raw`(?:,"content":"${CONTENT_ID}")?(?:,"target":${NAME})?(?:,"hardLink":"\d+:\d+")?(?:,"sparse":true)?` +
    String.raw`(?:,"xattrs":\{${NAME}:${VALUE}(?:,${NAME}:${VALUE})*\})?(?:,"birthtime":"-?\d{1,20}")?` +
    String.raw`(?:,"flags":\[${NAME}(?:,${NAME})*\])?\}$`,
  "y",
);

const CONTENT_START = `,"content":"`, QUOTE = `"`;

/**
 * A rest with only a content id and a birth time, as most lines have. It is tried first, at half the cost of
 * PLAIN_REST.
 */
const USUAL_REST = /,"content":"[0-9a-f]{64}"(?:,"birthtime":"-?\d{1,20}")?\}$/y;

/** Lines from this length on are parsed as JSON: expressions that repeat a group need memory for each turn. */
const LONG_LINE = 8 * 1024;

/**
 * True if {@link parseLine} accepts the line.
 * @param head a beginning that is known to be sound, which makes the check cheaper
 */
export function isSound(line: string, head = ""): boolean {
  if (head !== "" && beginsWith(line, head)) {
    if (hasUsualRest(line, head.length)) return true;
    if (line.length < LONG_LINE && goesOn(line, head.length, PLAIN_REST)) return true;
  }
  return unlessFault(() => parseLine(line) !== undefined, false);
}

/** True if a content id, perhaps a birth time, and nothing else follows the beginning of a line. */
export function hasUsualRest(line: string, from: number): boolean {
  return goesOn(line, from, USUAL_REST);
}

/** True if the sticky expression `rest` matches at index `from`. */
function goesOn(line: string, from: number, rest: RegExp): boolean {
  rest.lastIndex = from;
  return rest.test(line);
}

/** Lines below this length can't be nested deeply enough to matter. */
const SHORT_LINE = 1024;

function lineFields(line: string): Record<string, unknown> {
  try {
    if (line.length > LONGEST_LINE) throw new BadJson(`it is ${line.length} characters long`);
    const value: unknown = line.length > SHORT_LINE ? parseJson(line) : JSON.parse(line);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch (error) {
    if (error instanceof BadJson) {
      throw new DamagedManifest(`a line can't be read, ${error.message}: ${line.slice(0, 80)}`);
    }
    // reported below
  }
  throw new DamagedManifest(`a line is no JSON object: ${line.slice(0, 80)}`);
}

function pathOf(value: unknown): Apath | undefined {
  if (typeof value !== "string") return undefined;
  const raw: string = rawOf(value);
  return isApath(raw) ? raw : undefined;
}

const kindOf = (value: unknown): Kind | undefined => KINDS.find((kind) => kind === value);
/** A file name. NUL is refused, because it would end the name for the system. */
const nameOf = (value: unknown): string | undefined =>
  typeof value === "string" && !value.includes("\0") ? value : undefined;
const matching = (pattern: RegExp) => (value: unknown): string | undefined =>
  typeof value === "string" && pattern.test(value) ? value : undefined;
const nsOf = matching(/^-?\d{1,20}$/);
const digitsOf = matching(/^\d{1,20}$/);
const contentOf = (value: unknown): ContentId | undefined =>
  typeof value === "string" && isContentId(value) ? value : undefined;

function numberOf(value: unknown, most: number): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= most ? value : undefined;
}
const countOf = (value: unknown): number | undefined => numberOf(value, Number.MAX_SAFE_INTEGER);
const ownerOf = (value: unknown): number | undefined => numberOf(value, MOST_ID);

function modeOf(value: unknown): number | undefined {
  return typeof value === "string" && /^[0-7]{4}$/.test(value) ? parseInt(value, 8) : undefined;
}

function deviceOf(value: unknown): { major: number; minor: number } | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const major = numberOf(value[0], MOST_DEVICE), minor = numberOf(value[1], MOST_DEVICE);
  return major === undefined || minor === undefined ? undefined : { major, minor };
}

function stringsOf(value: unknown): string[] | undefined {
  return Array.isArray(value) && value.every((item) => typeof item === "string") ? value : undefined;
}

function xattrsOf(value: unknown): Record<string, string> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const isSound = Object.entries(value).every(([name, item]) => name !== "" && nameOf(name) === name && isBase64(item));
  return isSound ? value as Record<string, string> : undefined;
}

/** True for padded Base64. */
function isBase64(value: unknown): boolean {
  return typeof value === "string" && value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value);
}

function aclNamesOf(value: unknown): AclNames | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { users, groups } = value as Record<string, unknown>;
  if (users !== undefined && !isNamed(users) || groups !== undefined && !isNamed(groups)) return undefined;
  return { ...(users !== undefined && { users }), ...(groups !== undefined && { groups }) };
}

/** True for an object that maps numeric ids to names. */
function isNamed(value: unknown): value is Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(([id, name]) => /^\d{1,10}$/.test(id) && nameOf(name) !== undefined);
}
