/** What vaults and storages have in common: snapshots, their entries, and files that are verified while they are read. */
import { gunzipSync } from "fflate";
import { Damaged, demand, type Source } from "./sealed.ts";
import { fields, jsonOf, listOf } from "./units.ts";

/** Largest root or hunk, and largest text of a hunk, in bytes. */
export const MOST_MANIFEST = 64 * 1024 * 1024;
const MOST_TEXT = 128 * 1024 * 1024;

/** A directory that a person opened. */
export interface Place {
  /** Names in a directory such as `data/0e`; none if it doesn't exist. */
  list(path: string): Promise<readonly string[]>;
  /** Opens a file; undefined if it doesn't exist. */
  open(path: string): Promise<Source | undefined>;
}

export interface Snapshot {
  readonly id: string;
  readonly start: string;
  readonly host: string;
  readonly name: string;
  readonly complete: boolean;
  readonly files: number;
  readonly bytes: number;
  readonly hunks: readonly { readonly id: string; readonly count: number }[];
}

export interface Entry {
  /** Absolute path; bytes that are not UTF-8 are lone surrogates. */
  readonly path: string;
  readonly kind: string;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly mtimeMs: number;
  readonly content: string | undefined;
}

/** A vault or a storage that was opened. */
export interface Reader {
  /** Newest first. */
  readonly snapshots: readonly Snapshot[];
  /** Descriptions of what was skipped. */
  readonly problems: readonly string[];
  /** All entries of a snapshot, in order. @throws Damaged */
  entries(snapshot: Snapshot): AsyncGenerator<Entry>;
  /** The bytes of a file. The last chunk arrives only if the whole file is intact. @throws Damaged */
  content(entry: Pick<Entry, "content" | "size" | "path">): AsyncGenerator<Uint8Array<ArrayBuffer>>;
}

/** A digest that grows. */
export interface Hasher {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
}

/** Parses a root. @param what names it, for messages @throws Damaged */
export function snapshotIn(bytes: Uint8Array, id: string, what: string): Snapshot & { readonly algorithm: string } {
  const { format, version, start, host, name, complete, totals, hunks, storage } = fields(jsonOf(bytes, what));
  demand(format === "backup-tool snapshot" && version === 1, `${what} has a version that this page doesn't know`);
  const { files, bytes: size } = fields(totals);
  return {
    id,
    start: String(start),
    host: String(host),
    name: String(name),
    complete: complete !== false,
    files: Number(files),
    bytes: Number(size),
    hunks: listOf(hunks).map((hunk) => ({ id: String(fields(hunk)["id"]), count: Number(fields(hunk)["count"]) })),
    algorithm: String(fields(storage)["algorithm"]),
  };
}

/** The entries in a hunk. @param count number of lines that it has to have @throws Damaged */
export function* entriesIn(hunk: Uint8Array, id: string, count: number): Generator<Entry> {
  const lines = new TextDecoder("utf-8", { fatal: true }).decode(gunzipped(hunk, id)).split("\n");
  demand(lines.pop() === "" && lines.length === count, `Lines are missing in ${id}`);
  for (const line of lines) yield entryOf(line, id);
}

/** Passes parts of a file on, each but the last at once: that one only if all of them are intact. @throws Damaged */
export async function* verified(
  parts: AsyncIterable<Uint8Array<ArrayBuffer>>,
  { path, size }: Pick<Entry, "path" | "size">,
  { digest, hasher }: { readonly digest: string; readonly hasher: Hasher },
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let total = 0, last: Uint8Array<ArrayBuffer> | undefined;
  for await (const part of parts) {
    if (last !== undefined) yield last;
    hasher.update(part);
    total += part.length;
    last = part;
  }
  demand(hexOf(hasher.digest()) === digest && total === size, `${path} is damaged`);
  if (last !== undefined) yield last;
}

/** Decompresses a hunk, up to the largest size that one may have. */
function gunzipped(packed: Uint8Array, id: string): Uint8Array {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  const told = packed.length >= 18 ? view.getUint32(packed.length - 4, true) : 0;
  demand(told <= MOST_TEXT, `${id} is larger than it may be`);
  try {
    return gunzipSync(packed, { out: new Uint8Array(told) });
  } catch {
    throw new Damaged(`${id} is damaged`);
  }
}

function entryOf(line: string, hunk: string): Entry {
  const { path, kind, size, mtime, content } = fields(jsonOf(new TextEncoder().encode(line), hunk));
  demand(
    typeof path === "string" && path.startsWith("/") && typeof kind === "string",
    `${hunk} has a line that is none`,
  );
  demand(!path.split("/").some((name) => name === "." || name === ".."), `${hunk} has a path that leads elsewhere`);
  return {
    path,
    kind,
    size: typeof size === "number" ? size : 0,
    mtimeMs: Number(String(mtime).slice(0, -6)),
    content: typeof content === "string" ? content : undefined,
  };
}

/** Newest first. */
export function newestFirst<T extends Pick<Snapshot, "start">>(snapshots: Iterable<T>): T[] {
  return [...snapshots].sort((a, b) => a.start < b.start ? 1 : -1);
}

export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
