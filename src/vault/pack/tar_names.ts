/** Names of entries in the tar files of units: where `tar x` puts a file. They are for people; readers use ids. */
import type { Apath } from "../../core/apath.ts";
import { baseName, joinRaw, parentPath, type Raw, raw, rawOf, replaceRaw, sliceRaw, textOf } from "../../core/raw.ts";

/** Directory for everything that is not a user's file. */
export const OWN_DIRECTORY = ".backup-tool";
export const UNIT_JSON = `${OWN_DIRECTORY}/unit.json`;
export const PARTS_EXTENSION = ".parts";

const MOST_COMPONENT_BYTES = 255;
/** Longest file name in bytes that gets an extension. */
const MOST_BASE_BYTES = 240;
const OFFSET_DIGITS = 16, ID_DIGITS = 16, LIST_DIGITS = 5;

/** The snapshot in which a file was first seen. */
export interface NameSource {
  readonly host: string;
  readonly series: string;
  /** ISO 8601 in UTC. */
  readonly start: string;
}

/** `host/series/2026-11-20T22.05.11Z`: the directory of all names of one snapshot. */
export function snapshotDirectory({ host, series, start }: NameSource): Raw {
  return raw`${component(host)}/${component(series)}/${rawOf(start.slice(0, 19).replaceAll(":", "."))}Z`;
}

export function fileName(directory: Raw, path: Apath): Raw {
  return raw`${directory}${path}`;
}

/** Name of a part of `file`. @param from offset in the file, in bytes */
export function partName(file: Raw, from: number, id: string): Raw {
  return joinRaw(partsDirectory(file), rawOf(`${String(from).padStart(OFFSET_DIGITS, "0")}-${id.slice(0, ID_DIGITS)}`));
}

/** Name of the copy of a parts list. @param index number of a list that another list names */
export function listName(file: Raw, index?: number): Raw {
  const number = index === undefined ? "" : `-${String(index).padStart(LIST_DIGITS, "0")}`;
  return joinRaw(partsDirectory(file), rawOf(`list${number}.jsonl`));
}

export function hunkName(id: string): Raw {
  return rawOf(`${OWN_DIRECTORY}/hunks/${id}.gz`);
}

export function rootName(id: string): Raw {
  return rawOf(`${OWN_DIRECTORY}/roots/${id}.json`);
}

/** Name of a parts list in a meta unit. */
export function storedListName(id: string): Raw {
  return rawOf(`${OWN_DIRECTORY}/lists/${id}.jsonl`);
}

function partsDirectory(file: Raw): Raw {
  return joinRaw(parentPath(file), raw`${cut(baseName(file), MOST_BASE_BYTES)}${rawOf(PARTS_EXTENSION)}`);
}

/** Text as one component of a path that is valid on every system. */
function component(text: string): Raw {
  // deno-lint-ignore no-control-regex -- control characters are meant
  const harmless = replaceRaw(rawOf(text), /[\x00-\x1f/\\:]/g, rawOf("_"));
  // Also what would be taken for one of our own directories.
  const isTaken = harmless === "" || harmless === "." || harmless === ".." || harmless === OWN_DIRECTORY;
  return cut(isTaken ? raw`_${harmless}` : harmless, MOST_COMPONENT_BYTES);
}

/** The first `most` bytes at most, without splitting a character if the name is UTF-8. */
function cut(name: Raw, most: number): Raw {
  if (name.length <= most) return name;
  let end = most;
  const isUtf8 = !/\p{Surrogate}/u.test(textOf(name));
  while (isUtf8 && (name.charCodeAt(end) & 0xc0) === 0x80) end--;
  return sliceRaw(name, 0, end);
}
