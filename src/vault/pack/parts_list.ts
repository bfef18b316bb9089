/**
 * Parts lists: the parts that a large content consists of. JSON Lines; a list has at most 16,384 parts, and larger
 * contents have a list of lists.
 */
import { createHash, hash } from "node:crypto";
import { BeyondLimit, DamagedObject } from "../format/faults.ts";
import { countOf, FieldReader, isObjectName, parseJson, VERSION } from "../format/json_fields.ts";
import { MOST_CONTENT_BYTES, MOST_LIST_BYTES, MOST_LIST_LINES } from "../format/limits.ts";

const LIST_FORMAT = "backup-tool parts";
const NEWLINE = 10;

/** A part or, in a list of level 1, a list of level 0 with the number of bytes that it covers. */
export interface ListedPart {
  /** SHA-256 of the bytes, lower-case hex. */
  readonly id: string;
  readonly size: number;
}

export interface PartsList {
  /** Total size of all its parts in bytes. */
  readonly size: number;
  readonly level: 0 | 1;
  readonly parts: readonly ListedPart[];
}

/** An encoded list. */
export interface EncodedList {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** SHA-256 of the bytes. */
  readonly digest: string;
}

export function encodeList({ size, level, parts }: PartsList): EncodedList {
  const head = JSON.stringify({ format: LIST_FORMAT, version: VERSION, size, level });
  const lines = parts.map(({ id, size }) => `["${id}",${size}]\n`).join("");
  const bytes = new TextEncoder().encode(`${head}\n${lines}`);
  return { bytes, digest: hash("sha256", bytes, "hex") };
}

/** Parses a list. @throws DamagedObject, BeyondLimit, NewerObject */
export function parseList(bytes: Uint8Array, what: string): PartsList {
  if (bytes.length > MOST_LIST_BYTES) throw new BeyondLimit(what, "its size", MOST_LIST_BYTES);
  if (bytes.at(-1) !== NEWLINE) throw new DamagedObject(what, "its last line has no end");
  const [head, ...lines] = linesOf(bytes);
  if (lines.length > MOST_LIST_LINES) throw new BeyondLimit(what, "its number of lines", MOST_LIST_LINES);
  const read = new FieldReader(parseJson(head!, what), what).isOfFormat(LIST_FORMAT);
  const size = read.count("size"), level = read.count("level", 1) as 0 | 1;
  const parts = lines.map((line) => parsePart(parseJson(line, what), level, what));
  const sum = parts.reduce((total, part) => total + part.size, 0);
  if (sum !== size) throw new DamagedObject(what, `its parts have ${sum} bytes together instead of ${size}`);
  return { size, level, parts };
}

function parsePart(value: unknown, level: number, what: string): ListedPart {
  const [id, size]: unknown[] = Array.isArray(value) ? value : [];
  if (!isObjectName(id)) throw new DamagedObject(what, "one of its parts has no id");
  return { id, size: countOf(size, "part", what, level === 0 ? MOST_CONTENT_BYTES : undefined) };
}

function* linesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(NEWLINE, from);
    yield bytes.subarray(from, end);
    from = end + 1;
  }
}

/** The lists of one content: the top list, which represents it, and the lists that it names. */
export interface ContentLists {
  readonly top: EncodedList;
  /** Lists of level 0, in order; empty if one list was enough. */
  readonly inner: readonly EncodedList[];
  /** SHA-256 of the whole content. */
  readonly content: string;
  readonly size: number;
}

/** Builds the lists of one content while its parts are found. */
export class ListBuilder {
  readonly #most: number;
  readonly #whole = createHash("sha256");
  readonly #inner: ListedPart[] = [];
  readonly #innerBytes: EncodedList[] = [];
  #parts: ListedPart[] = [];
  #size = 0;

  /** @param most largest number of lines in one list; for tests */
  constructor(most = MOST_LIST_LINES) {
    this.#most = most;
  }

  /** Number of parts so far. */
  get count(): number {
    return this.#inner.length * this.#most + this.#parts.length;
  }

  /** Adds a part. @param bytes of the part @returns its id */
  add(bytes: Uint8Array): string {
    this.#whole.update(bytes);
    const id = hash("sha256", bytes, "hex");
    this.addPart(id, bytes.length);
    return id;
  }

  /** Adds a part without hashing it; the caller hashes the whole content. */
  addPart(id: string, size: number): void {
    if (this.#parts.length === this.#most) this.#close();
    this.#parts.push({ id, size });
    this.#size += size;
  }

  /** Ends the content. @param content SHA-256 of the whole, if the caller has hashed it */
  finish(content = this.#whole.digest("hex")): ContentLists {
    const size = this.#size;
    if (this.#inner.length === 0) {
      return { top: encodeList({ size, level: 0, parts: this.#parts }), inner: [], content, size };
    }
    this.#close();
    return { top: encodeList({ size, level: 1, parts: this.#inner }), inner: this.#innerBytes, content, size };
  }

  #close(): void {
    const size = this.#parts.reduce((total, part) => total + part.size, 0);
    const list = encodeList({ size, level: 0, parts: this.#parts });
    this.#inner.push({ id: list.digest, size });
    this.#innerBytes.push(list);
    this.#parts = [];
  }
}
