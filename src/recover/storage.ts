/**
 * Reads storages: `content/` alone, without catalog, settings or trees. Like the reader of vaults, it was written from
 * the description of the format, shares no code with the program, and trusts nothing but digests.
 */
import { DIGEST_LENGTHS, digestLength, newHasher } from "./digests.ts";
import {
  entriesIn,
  type Entry,
  hexOf,
  MOST_MANIFEST,
  newestFirst,
  type Place,
  type Reader,
  type Snapshot,
  snapshotIn,
  verified,
} from "./reader.ts";
import { all, demand, type Source } from "./sealed.ts";
import { fields, jsonOf } from "./units.ts";

const PIECE = 1024 * 1024;
const HEX = /^[0-9a-f]+$/;
/** Most levels of directories in `content/`. */
const MOST_LEVELS = 3;

/** A root, and in `replaces` the id of the one that it has taken the place of. */
type Root = ReturnType<typeof snapshotIn> & { readonly replaces: unknown };

/** True if the opened directory looks like a storage. */
export async function isStorage(place: Place): Promise<boolean> {
  return (await place.list("content")).some((name) => HEX.test(name));
}

export async function openStorage(place: Place, progress: (what: string) => void): Promise<Reader> {
  const storage = new StorageReader(place);
  await storage.load(progress);
  return storage;
}

class StorageReader implements Reader {
  readonly #place: Place;
  readonly #roots = new Map<string, Root>();
  /** Numbers of hex digits that name directories, outermost first. */
  #split: readonly number[] = [];
  readonly problems: string[] = [];

  constructor(place: Place) {
    this.#place = place;
  }

  get snapshots(): readonly Snapshot[] {
    const replaced = new Set(Array.from(this.#roots.values(), ({ replaces }) => replaces));
    return newestFirst([...this.#roots.values()].filter(({ id }) => !replaced.has(id)));
  }

  async load(progress: (what: string) => void): Promise<void> {
    let found = 0;
    for await (const { id, split } of this.#items("", [])) {
      if (++found % 10_000 === 0) progress(`looking for snapshots: ${found} items; for millions, use the program`);
      this.#split = split;
      if (isRoot(id)) await this.#readRoot(id);
    }
  }

  /** Everything with the name of an item. @param above hex digits of the directories above, `split` how many of each */
  async *#items(above: string, split: readonly number[]): AsyncGenerator<{ id: string; split: readonly number[] }> {
    for (const name of await this.#place.list(pathOf(above, split).replace(/\/$/, ""))) {
      if (!HEX.test(name)) continue;
      const id = above + name;
      if (isItem(id) && split.length > 0) yield { id, split };
      else if (split.length < MOST_LEVELS) yield* this.#items(id, [...split, name.length]);
    }
  }

  async #readRoot(id: string): Promise<void> {
    const what = `The snapshot ${id.slice(0, 12)}`;
    try {
      const bytes = await all(await this.#open(id, what), MOST_MANIFEST, what), root = snapshotIn(bytes, id, what);
      assertIs(bytes, root.algorithm, id, what);
      this.#roots.set(id, { ...root, replaces: fields(jsonOf(bytes, what))["replaces"] });
    } catch (error) {
      this.problems.push(error instanceof Error ? error.message : String(error));
    }
  }

  async #open(id: string, what: string): Promise<Source> {
    demand(HEX.test(id), `${what} has a name that is none`);
    const source = await this.#place.open(pathOf(id, this.#split));
    demand(source !== undefined, `${what} is missing`);
    return source;
  }

  async *entries({ id, hunks }: Snapshot): AsyncGenerator<Entry> {
    const algorithm = this.#roots.get(id)?.algorithm ?? "";
    for (const { id: hunk, count } of hunks) {
      const what = `A list of files (${hunk.slice(0, 12)})`;
      const bytes = await all(await this.#open(hunk, what), MOST_MANIFEST, what);
      assertIs(bytes, algorithm, hunk, what);
      yield* entriesIn(bytes, hunk, count);
    }
  }

  async *content({ content, size, path }: Pick<Entry, "content" | "size" | "path">) {
    demand(content !== undefined, `${path} could not be read when it was backed up`);
    const source = await this.#open(content, path), [any] = this.#roots.values(), algorithm = any?.algorithm ?? "";
    const digest = content.slice(0, digestLength(algorithm));
    yield* verified(piecesOf(source), { path, size }, { digest, hasher: newHasher(algorithm) });
  }
}

async function* piecesOf(source: Source): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let from = 0; from < source.size; from += PIECE) {
    yield await source.read(from, Math.min(source.size, from + PIECE));
  }
}

/** @throws Damaged if the bytes are not those of the name */
function assertIs(bytes: Uint8Array, algorithm: string, id: string, what: string): void {
  const hasher = newHasher(algorithm);
  hasher.update(bytes);
  demand(hexOf(hasher.digest()) === id.slice(0, digestLength(algorithm)), `${what} is damaged`);
}

function isRoot(id: string): boolean {
  return id.endsWith("f0") && DIGEST_LENGTHS.includes(id.length - 2);
}

/** A digest, or one and an octet: the kind of item, or which of several contents with that digest. */
function isItem(id: string): boolean {
  return DIGEST_LENGTHS.some((length) => id.length === length || id.length === length + 2);
}

/** `content/ab/cdef...`: of an item, or with nothing after its last slash of a directory. */
function pathOf(id: string, split: readonly number[]): string {
  let from = 0;
  const directories = split.map((digits) => id.slice(from, from += digits));
  return ["content", ...directories, id.slice(from)].join("/");
}
