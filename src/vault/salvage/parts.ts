/**
 * Joins large files from parts anywhere in the tree: by the copies of their lists, by the lists of meta units or, if
 * all lists are lost, by what unit.json records of the parts. A file with a lost part stays in pieces, in its `.parts`
 * directory.
 */
import { Fault } from "../../core/fault.ts";
import { joinRaw, parentPath, type Raw, rawOf, sliceRaw } from "../../core/raw.ts";
import { MOST_LIST_BYTES } from "../format/limits.ts";
import { LIST_SUFFIX } from "../pack/items.ts";
import { parseList, type PartsList } from "../pack/parts_list.ts";
import { OWN_DIRECTORY, PARTS_EXTENSION } from "../pack/tar_names.ts";
import type { FileFields, FileTree } from "./file_tree.ts";

/** A salvaged list. */
export interface FoundList {
  /** Name in the tree: beside the parts that it names, or among the lists of meta units. */
  readonly name: Raw;
  /** Its id in unit.json: the digest of the content, and a suffix. Undefined if that is lost. */
  readonly id: string | undefined;
  readonly fields: FileFields;
}

/** A salvaged part, with the content that it belongs to according to unit.json. */
export interface FoundPart {
  readonly name: Raw;
  /** SHA-256 of the content. */
  readonly of: string;
  /** Offset in that content. */
  readonly from: number;
  readonly size: number;
  readonly fields: FileFields;
}

export interface FoundPieces {
  readonly lists: readonly FoundList[];
  readonly parts: readonly FoundPart[];
  /** Names in the tree by digest, of everything that is there. */
  readonly where: ReadonlyMap<string, Raw>;
}

export interface JoinedFile {
  readonly name: Raw;
  /** SHA-256 of its bytes. */
  readonly digest: string;
  /** In bytes. */
  readonly size: number;
  /** True if nothing can confirm that the file is right. */
  readonly isBelieved: boolean;
}

export interface JoinResult {
  /** Files that were joined. */
  readonly joined: readonly JoinedFile[];
  /** Files that stay in pieces. */
  readonly leftInParts: readonly Raw[];
  /** Parts and lists that are no longer needed, unless some are contents themselves: they are still in the tree. */
  readonly spare: readonly Raw[];
}

const TOP_LIST = new RegExp(`^.+\\${PARTS_EXTENSION}/list(?:~[0-9]+)?\\.jsonl(?:~[0-9]+)?$`, "s");
const STORED_LIST = new RegExp(`^\\${OWN_DIRECTORY}/lists/([0-9a-f]{64})${LIST_SUFFIX}\\.jsonl(?:~[0-9]+)?$`);
const ANY_STORED_LIST = new RegExp(`^\\${OWN_DIRECTORY}/lists/`);
const PART = /\.parts\/[0-9]{16}-[0-9a-f]{16}(?:~[0-9]+)?$/;
/** Directory for files whose names are lost. */
const NAMELESS = rawOf(`${OWN_DIRECTORY}/nameless`);

/** True for lists that {@link joinParts} has to get. */
export function isTopList(name: Raw): boolean {
  return TOP_LIST.test(name) || STORED_LIST.test(name);
}

/** True for a part or a list, which is no user's file by itself. */
export function isPiece(name: Raw): boolean {
  return IN_PARTS.test(name) || ANY_STORED_LIST.test(name);
}

/** The content that a list of a meta unit describes, from its name. */
export function contentOfList(name: Raw): string | undefined {
  return STORED_LIST.exec(name)?.[1];
}

/** Joins all files that are complete. @param keepsParts true keeps the parts of joined files */
export function joinParts(tree: FileTree, found: FoundPieces, keepsParts: boolean): JoinResult {
  return new Joining(tree, found, keepsParts).run();
}

/** Pieces of a file in order; undefined stands for a lost part. */
interface Pieces {
  readonly pieces: readonly (Raw | undefined)[];
  readonly lists: readonly Raw[];
}

const LOST: Pieces = { pieces: [undefined], lists: [] };

interface Candidate {
  readonly name: Raw;
  readonly pieces: readonly Raw[];
  readonly fields: FileFields;
  /** Digest that the whole must have; undefined if unknown. */
  readonly content: string | undefined;
}

class Joining {
  readonly #tree: FileTree;
  readonly #found: FoundPieces;
  readonly #keepsParts: boolean;
  readonly #joined: JoinedFile[] = [];
  readonly #contents = new Set<string>();
  readonly #names = new Set<Raw>();
  readonly #left = new Set<Raw>();
  readonly #used = new Set<Raw>();
  readonly #needed = new Set<Raw>();

  constructor(tree: FileTree, found: FoundPieces, keepsParts: boolean) {
    this.#tree = tree;
    this.#found = found;
    this.#keepsParts = keepsParts;
  }

  run(): JoinResult {
    const byContent = Map.groupBy(this.#found.parts, ({ of }) => of);
    // Copies first: they know the name.
    const isCopy = ({ name }: FoundList) => TOP_LIST.test(name);
    for (const list of this.#found.lists) if (isCopy(list)) this.#byList(list, fileOf(list.name));
    for (const list of this.#found.lists) {
      if (isCopy(list) || list.id === undefined || this.#contents.has(list.id.slice(0, -LIST_SUFFIX.length))) continue;
      this.#byList(list, nameBy(byContent.get(list.id.slice(0, -LIST_SUFFIX.length))));
    }
    for (const [content, parts] of byContent) if (!this.#contents.has(content)) this.#inARow(content, parts);
    const spare = this.#spare();
    if (!this.#keepsParts) { for (const name of spare) this.#tree.remove(name); }
    const leftInParts = [...this.#left].filter((name) => !this.#names.has(name));
    return { joined: this.#joined, leftInParts, spare: this.#keepsParts ? spare : [] };
  }

  #byList({ name: list, id, fields }: FoundList, file: Raw | undefined): void {
    const { pieces, lists } = this.#piecesOf(list), there = pieces.filter((piece) => piece !== undefined);
    const content = id?.slice(0, -LIST_SUFFIX.length);
    const name = file ??
      (there[0] !== undefined && PART.test(there[0]) && content === undefined
        ? fileOf(there[0])
        : joinRaw(NAMELESS, rawOf(content ?? "file")));
    const isWhole = there.length === pieces.length && this.#join({ name, pieces: there, fields, content });
    for (const each of [...there, ...lists]) (isWhole ? this.#used : this.#needed).add(each);
    if (!isWhole && file !== undefined) this.#left.add(file);
  }

  /**
   * Joins parts that follow each other without a gap. A part that occurs twice in a file is stored once, so such a file
   * needs a list.
   */
  #inARow(content: string, parts: readonly FoundPart[]): void {
    const inOrder = [...parts].sort((a, b) => a.from - b.from), pieces: Raw[] = [];
    let end = 0;
    for (const { from, size, name } of inOrder) {
      if (from !== end) continue;
      pieces.push(name);
      end += size;
    }
    const [{ name: part, fields }] = inOrder as [FoundPart], name = fileOf(part);
    const isWhole = this.#join({ name, pieces, fields, content });
    for (const { name } of inOrder) (isWhole ? this.#used : this.#needed).add(name);
    if (!isWhole) this.#left.add(name);
  }

  #piecesOf(list: Raw): Pieces {
    const { where } = this.#found, top = listAt(this.#tree, list);
    if (top === undefined) return LOST;
    if (top.level === 0) return { pieces: top.parts.map(({ id }) => where.get(id)), lists: [list] };
    const inner = top.parts.map(({ id }) => {
      const name = where.get(id), list = name === undefined ? undefined : listAt(this.#tree, name);
      // A list of lists of lists would be somebody's trick to fill the disk.
      if (name === undefined || list?.level !== 0) return LOST;
      return { pieces: list.parts.map(({ id }) => where.get(id)), lists: [name] };
    });
    return { pieces: inner.flatMap(({ pieces }) => pieces), lists: [list, ...inner.flatMap(({ lists }) => lists)] };
  }

  /** Joins one file. @returns false if the parts form another content */
  #join({ name, pieces, fields, content }: Candidate): boolean {
    const file = this.#tree.join(name, pieces, fields);
    if (content !== undefined && content !== file.digest) {
      this.#tree.remove(file.name);
      return false;
    }
    this.#joined.push({ ...file, isBelieved: content === undefined });
    this.#contents.add(file.digest);
    this.#names.add(name);
    return true;
  }

  /** Parts that are in joined files, and their lists. A part that is a user's file as well stays. */
  #spare(): Raw[] {
    return [...this.#used].filter((name) => !this.#needed.has(name) && IN_PARTS.test(name));
  }
}

const IN_PARTS = /\.parts\/(?:[0-9]{16}-[0-9a-f]{16}|list(?:-[0-9]{5})?\.jsonl)(?:~[0-9]+)?$/;

/** The file that a list or part belongs to, from its name. */
function fileOf(name: Raw): Raw {
  return sliceRaw(parentPath(name), 0, -PARTS_EXTENSION.length);
}

function nameBy(parts: readonly FoundPart[] | undefined): Raw | undefined {
  return parts?.[0] === undefined ? undefined : fileOf(parts[0].name);
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
