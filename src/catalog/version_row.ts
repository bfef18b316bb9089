/** Versions of paths in the catalog, and their rows. */
import { Buffer } from "node:buffer";
import type { Row } from "./database.ts";
import { CatalogFault } from "./faults.ts";
import type { EntryState } from "./line_state.ts";
import { joinTime } from "./version_writer.ts";
import { type Apath, childOf, isApath, knownApath, parentOf, TOP } from "../core/apath.ts";
import type { Entry } from "../core/entry.ts";
import { unlessFault } from "../core/fault.ts";
import { FieldReader } from "../core/fields.ts";
import { BadJson, fieldsOf, parseJson } from "../core/json.ts";
import { knownRaw, rawOf } from "../core/raw.ts";
import type { PathVersion, State } from "../snapshot/catalog_queries.ts";
import { isContentId, parseLine } from "../snapshot/entry_line.ts";

/** The columns of a version `v` that {@link versionOf} reads. */
export const VERSION_COLUMNS = `v.id, v.name, v.first, v.last, v.size, v.seconds, v.nanos,
  lower(hex(v.content)) AS content, v.detail, a.text AS attributes, d.path AS dir, c.host, c.series, c.partial`;

/** The tables of these columns; versions are scanned or looked up first. */
export const VERSION_TABLES = `version v CROSS JOIN directory d ON d.id = v.directory
  CROSS JOIN chain c ON c.id = v.chain CROSS JOIN attributes a ON a.id = v.attributes`;

/** Sorts by path: nearly the order of apaths, except for names with control characters. */
export const BY_PATH = `replace(d.path, '/', char(1)), d.path, v.name`;
/**
 * Sorts by series, then complete before incomplete snapshots; numbers of chains and rows depend on how the catalog was
 * built.
 */
export const BY_CHAIN = "c.host, c.series, c.partial";

/** The directory that holds `path`, in the catalog's form: '' holds the top. */
export function directoryText(path: Apath): string {
  return path === TOP ? "" : parentOf(path);
}

export function versionOf(row: Row): PathVersion {
  const partial = numberIn(row, "partial");
  return {
    path: pathIn(row),
    host: textIn(row, "host"),
    name: textIn(row, "series"),
    partial: partial === 0 ? undefined : partial,
    first: numberIn(row, "first"),
    last: row["last"] === null ? undefined : numberIn(row, "last"),
    ...stateOfRow(row),
  };
}

function stateOfRow(row: Row): State {
  const content = textIn(row, "content");
  if (content !== "" && !isContentId(content)) throw damaged("content");
  return stateOf({
    attributes: textIn(row, "attributes"),
    size: numberIn(row, "size"),
    mtime: joinTime(numberIn(row, "seconds"), numberIn(row, "nanos")),
    content: content === "" ? undefined : content,
    detail: row["detail"] === null ? undefined : textIn(row, "detail"),
  });
}

/** The file may hold anything. */
function damaged(column: string): CatalogFault {
  return new CatalogFault(`a version in it has a wrong ${column}`);
}

function textIn(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw damaged(column);
  return value;
}

function numberIn(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== "number" || !Number.isSafeInteger(value)) throw damaged(column);
  return value;
}

function pathIn(row: Row): Apath {
  const directory = textIn(row, "dir");
  const path: string = directory === "" ? TOP : childOf(knownApath(directory), knownRaw(textIn(row, "name")));
  if (!isApath(path) || BEYOND_BYTES.test(path)) throw damaged("path");
  return path;
}

/** Byte strings have no such characters. */
const BEYOND_BYTES = /[^\0-\xff]/;

/** Converts what the catalog keeps of a line. */
export function stateOf({ attributes, size, mtime, content, detail }: Omit<EntryState, "path">): State {
  return { ...detailOf(detail), ...attributesOf(attributes), size, mtime, content };
}

type Attributes = Omit<State, "size" | "mtime" | "content" | "target" | "xattrs" | "problems">;

/** The last ones read: neighbours mostly have the same. */
let lastAttributes: { readonly text: string; readonly value: Attributes } | undefined;

function attributesOf(text: string): Attributes {
  if (lastAttributes?.text === text) return lastAttributes.value;
  const { kind, mode, uid, gid, user, group, device } = judgedAs(`${Buffer.from(text, "latin1").toString("utf8")}`);
  const value = {
    kind,
    mode,
    uid,
    gid,
    ...(user !== undefined && { user }),
    ...(group !== undefined && { group }),
    ...(device !== undefined && { device }),
  };
  lastAttributes = { text, value };
  return value;
}

/** Attributes are a part of a line, and are judged as one. */
function judgedAs(attributes: string): Entry {
  const isFile = attributes.startsWith('"kind":"file"');
  return unlessFault(
    () => parseLine(`{"path":"/","mtime":"0",${isFile ? '"size":0,' : ""}${attributes}}`),
    undefined,
  ) ??
    fail("attributes");
}

function fail(column: string): never {
  throw damaged(column);
}

function detailOf(text: string | undefined): Pick<State, "target" | "xattrs" | "problems"> {
  if (text === undefined) return {};
  const read = new FieldReader(parsedDetail(text), () => damaged("detail"));
  return {
    ...(read.has("xattrs") && { xattrs: read.text("xattrs") }),
    ...(read.has("problems") && { problems: read.texts("problems") }),
    ...(read.has("target") && { target: rawOf(read.text("target")) }),
  };
}

function parsedDetail(text: string): Readonly<Record<string, unknown>> {
  try {
    return fieldsOf(parseJson(text));
  } catch (error) {
    if (error instanceof BadJson) throw damaged("detail");
    throw error;
  }
}
