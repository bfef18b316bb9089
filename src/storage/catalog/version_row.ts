/** Versions of paths as the catalog keeps them, and their rows. */
import { Buffer } from "node:buffer";
import { type Apath, childOf, parentOf, TOP } from "../../core/apath.ts";
import type { ContentId } from "../../core/content_id.ts";
import type { Entry, Kind, NsText } from "../../core/entry.ts";
import { type Raw, rawOf } from "../../core/raw.ts";
import type { Row } from "./database.ts";
import type { LineState } from "./line_state.ts";
import { joinTime } from "./version_writer.ts";

/** What an object was. */
export interface State {
  readonly kind: Kind;
  readonly size: number;
  readonly mtime: NsText;
  readonly content: ContentId | undefined;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly user?: string;
  readonly group?: string;
  /** Devices only. */
  readonly device?: NonNullable<Entry["device"]>;
  /** Of a symlink. */
  readonly target?: Raw;
  /** A digest of the extended attributes, if there are any. */
  readonly xattrs?: string;
  readonly problems?: readonly string[];
}

/** One version of a path: what it was from snapshot `first` to `last` (sequences); `last` undefined: it still is. */
export interface PathVersion extends State {
  readonly path: Apath;
  readonly host: string;
  readonly name: string;
  /** The incomplete snapshot that it is of; undefined: of the complete ones of its series. */
  readonly partial: number | undefined;
  readonly first: number;
  readonly last: number | undefined;
}

/** What {@link versionOf} reads, of a version `v`. */
export const VERSION_COLUMNS = `v.id, v.name, v.first, v.last, v.size, v.seconds, v.nanos,
  lower(hex(v.content)) AS content, v.detail, a.text AS attributes, d.path AS dir, l.host, l.series, l.partial`;

/** Where they come from; the versions are gone through, or found, first. */
export const VERSION_TABLES = `version v CROSS JOIN directory d ON d.id = v.directory
  CROSS JOIN line l ON l.id = v.line CROSS JOIN attributes a ON a.id = v.attributes`;

/** By path: nearly the order of apaths; names with control characters may stand elsewhere. */
export const BY_PATH = `replace(d.path, '/', char(1)), d.id, v.name`;

/** The directory that holds `path`, as the catalog names it: '' holds the top. */
export function directoryText(path: Apath): string {
  return path === TOP ? "" : parentOf(path);
}

export function versionOf(row: Row): PathVersion {
  const directory = row["dir"] as string;
  return {
    path: directory === "" ? TOP : childOf(directory as Apath, row["name"] as Raw),
    host: row["host"] as string,
    name: row["series"] as string,
    partial: row["partial"] === 0 ? undefined : row["partial"] as number,
    first: row["first"] as number,
    last: row["last"] === null ? undefined : row["last"] as number,
    ...stateOfRow(row),
  };
}

function stateOfRow(row: Row): State {
  return stateOf({
    attributes: row["attributes"] as string,
    size: row["size"] as number,
    mtime: joinTime(row["seconds"] as number, row["nanos"] as number),
    content: row["content"] === "" ? undefined : row["content"] as ContentId,
    detail: row["detail"] === null ? undefined : row["detail"] as string,
  });
}

/** From what the catalog keeps of a line. */
export function stateOf({ attributes, size, mtime, content, detail }: Omit<LineState, "path">): State {
  const { mode, device, ...others } = attributesOf(attributes);
  const [major, minor] = device ?? [];
  return {
    size,
    mtime,
    content,
    mode: parseInt(mode, 8),
    ...(major !== undefined && minor !== undefined && { device: { major, minor } }),
    ...detailOf(detail),
    ...others,
  };
}

interface Attributes extends Pick<State, "kind" | "uid" | "gid" | "user" | "group"> {
  /** Octal. */
  readonly mode: string;
  readonly device?: readonly number[];
}

/** The last ones read: neighbours mostly have the same. */
let lastAttributes: { readonly text: string; readonly value: Attributes } | undefined;

function attributesOf(text: string): Attributes {
  if (lastAttributes?.text === text) return lastAttributes.value;
  const value = JSON.parse(`{${Buffer.from(text, "latin1").toString("utf8")}}`) as Attributes;
  lastAttributes = { text, value };
  return value;
}

function detailOf(text: string | undefined): Pick<State, "target" | "xattrs" | "problems"> {
  if (text === undefined) return {};
  const { target, ...rest } = JSON.parse(text) as { target?: string; xattrs?: string; problems?: string[] };
  return { ...rest, ...(target !== undefined && { target: rawOf(target) }) };
}
