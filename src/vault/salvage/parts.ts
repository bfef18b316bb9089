/**
 * Puts large files together again: by the copies of their parts lists, from parts that lie anywhere in the tree. A file of
 * which a part is lost stays in pieces, in its `.parts` directory.
 */
import { Fault } from "../../core/fault.ts";
import { parentPath, type Raw, sliceRaw } from "../../core/raw.ts";
import { MOST_LIST_BYTES } from "../format/limits.ts";
import { LIST_SUFFIX } from "../pack/items.ts";
import { parseList, type PartsList } from "../pack/parts_list.ts";
import { PARTS_EXTENSION } from "../pack/tar_names.ts";
import type { FileFields, FileTree } from "./file_tree.ts";

/** A list that was found: its name ends with `.parts/list.jsonl`. */
export interface FoundList {
  /** Where it lies in the tree. */
  readonly name: Raw;
  /** What unit.json calls it: the digest of the content, and a suffix. Undefined where that is lost. */
  readonly id: string | undefined;
  readonly fields: FileFields;
}

export interface JoinResult {
  /** Files that are together again. */
  readonly joined: readonly Raw[];
  /** Of those, the ones whose digest nobody knows any more. */
  readonly believed: readonly Raw[];
  /** Files that stay in pieces. */
  readonly leftInParts: readonly Raw[];
}

const TOP_LIST = new RegExp(`^.+\\${PARTS_EXTENSION}/list(?:~[0-9]+)?\\.jsonl(?:~[0-9]+)?$`, "s");

/** True for what {@link joinParts} wants to know of. */
export function isTopList(name: Raw): boolean {
  return TOP_LIST.test(name);
}

/** @param where digests of everything that lies in the tree, to names */
export function joinParts(tree: FileTree, lists: readonly FoundList[], where: ReadonlyMap<string, Raw>): JoinResult {
  const joined: Raw[] = [], believed: Raw[] = [], leftInParts: Raw[] = [];
  const needed = new Set<Raw>(), used = new Set<Raw>();
  for (const list of lists) {
    const name = fileOf(list.name), { pieces, lists: ownLists } = piecesOf(tree, list.name, where);
    const file = pieces.every((piece) => piece !== undefined)
      ? joinedFile(tree, { name, pieces: pieces.filter((piece) => piece !== undefined) }, list)
      : undefined;
    for (const each of [...pieces, ...ownLists]) if (each !== undefined) (file === undefined ? needed : used).add(each);
    if (file === undefined) {
      leftInParts.push(name);
      continue;
    }
    joined.push(file);
    if (list.id === undefined) believed.push(file);
  }
  tidy(tree, [...used].filter((each) => !needed.has(each)));
  return { joined, believed, leftInParts };
}

/** The file whose list `list` is, by its name. */
function fileOf(list: Raw): Raw {
  return sliceRaw(parentPath(list), 0, -PARTS_EXTENSION.length);
}

/** Where parts and lists of a file lie; undefined for a part that is lost. */
interface Pieces {
  readonly pieces: readonly (Raw | undefined)[];
  readonly lists: readonly Raw[];
}

const LOST: Pieces = { pieces: [undefined], lists: [] };

function piecesOf(tree: FileTree, list: Raw, where: ReadonlyMap<string, Raw>): Pieces {
  const top = listAt(tree, list);
  if (top === undefined) return LOST;
  if (top.level === 0) return { pieces: top.parts.map(({ id }) => where.get(id)), lists: [list] };
  const inner = top.parts.map(({ id }) => {
    const name = where.get(id);
    const list = name === undefined ? undefined : listAt(tree, name);
    // A list of lists of lists would be somebody's trick to fill the disk.
    if (name === undefined || list?.level !== 0) return LOST;
    return { pieces: list.parts.map(({ id }) => where.get(id)), lists: [name] };
  });
  return { pieces: inner.flatMap(({ pieces }) => pieces), lists: [list, ...inner.flatMap(({ lists }) => lists)] };
}

function listAt(tree: FileTree, name: Raw): PartsList | undefined {
  const bytes = new Uint8Array(MOST_LIST_BYTES);
  let size = 0;
  for (const piece of tree.read(name)) {
    if (size + piece.length > MOST_LIST_BYTES) return undefined;
    bytes.set(piece, size);
    size += piece.length;
  }
  try {
    return parseList(bytes.subarray(0, size), "list.jsonl");
  } catch (error) {
    if (error instanceof Fault) return undefined; // it is damaged: the parts stay
    throw error;
  }
}

/** Undefined if the parts make something else than the list is for. */
function joinedFile(
  tree: FileTree,
  { name, pieces }: { readonly name: Raw; readonly pieces: readonly Raw[] },
  { id, fields }: FoundList,
): Raw | undefined {
  const file = tree.join(name, pieces, fields);
  if (id === undefined || id === `${file.digest}${LIST_SUFFIX}`) return file.name;
  tree.remove(file.name);
  return undefined;
}

const IN_PARTS = /\.parts\/(?:[0-9]{16}-[0-9a-f]{16}|list(?:-[0-9]{5})?\.jsonl)(?:~[0-9]+)?$/;

/** Removes parts that are in files now, and their lists. A part may be a file of somebody as well: that stays. */
function tidy(tree: FileTree, names: readonly Raw[]): void {
  for (const name of names) if (IN_PARTS.test(name)) tree.remove(name);
}
