/**
 * Detects names of a snapshot that are the same name in the target: a file system may ignore case, the composition of
 * accents, or trailing dots. Candidates are computed, and every pair of them is then tried, because each system has its
 * own rules, some even for single directories.
 */
import { type Apath, nameOf, parentOf } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import { Fault } from "../../core/fault.ts";
import { type Raw, rawOf, textOf } from "../../core/raw.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";
import { partialName } from "../../target/replacing.ts";
import { removeRecursively } from "../../platform/remove_recursively.ts";

export class NamesCollide extends Fault {
  readonly code = "names-collide";
  readonly hint = "Restore it under another name with `--as`, or to a file system that distinguishes the two";
  constructor(path: Apath, other: Raw) {
    super(
      `Cannot restore ${JSON.stringify(textOf(path))}: in the target that is the name of ${
        JSON.stringify(textOf(other))
      }`,
    );
  }
}

/** Detects the collisions of one restore, whose entries come directory by directory. */
export class NameCollisions {
  readonly #probe: Raw;
  #directory: Apath | undefined;
  /** Names of the directory by what they may be folded to. */
  #names = new Map<string, Raw | Raw[]>();

  /** @param key of partial names: the id of the snapshot */
  constructor(key: string) {
    this.#probe = partialName(rawOf("probe"), key);
  }

  /**
   * Records the name of an entry.
   * @param into its directory in the target
   * @throws NamesCollide if it is the same name there as an earlier one
   */
  add({ path }: Entry, into: Dir): void {
    const directory = parentOf(path), name = nameOf(path);
    if (directory !== this.#directory) {
      this.#directory = directory;
      this.#names = new Map();
    }
    const folded = foldedName(name);
    const earlier = this.#names.get(folded);
    if (earlier === undefined) return void this.#names.set(folded, name);
    const others = typeof earlier === "string" ? [earlier] : earlier;
    const other = others.find((each) => this.#areOne(into, each, name));
    if (other !== undefined) throw new NamesCollide(path, other);
    this.#names.set(folded, [...others, name]);
  }

  /** Tried in a directory of its own: what is under way in the directory itself is not to be met. */
  #areOne(into: Dir, one: Raw, other: Raw): boolean {
    try {
      removeRecursively(into, this.#probe);
      into.mkdir(this.#probe, 0o700);
      try {
        using place = into.openDir(this.#probe);
        place.create(one, 0o600)?.[Symbol.dispose]();
        return place.stat(other) !== undefined;
      } finally {
        removeRecursively(into, this.#probe);
      }
    } catch (error) {
      // Nothing can be created there: the problem will be reported for the entries themselves.
      if (error instanceof DiskFault) return false;
      throw error;
    }
  }
}

const IGNORED_AT_END = /[. ]+$/;
/** Names that are folded to themselves. */
const FOLDED = /^[!-@[-~]*[!-\-/-@[-~]$/;

/** A key that is equal for all names that some file system may treat as equal, and perhaps for others. */
export function foldedName(name: Raw): string {
  if (FOLDED.test(name)) return name;
  // deno-lint-ignore no-control-regex -- the ASCII range is meant
  if (/^[\x00-\x7f]*$/.test(name)) {
    const last = name.charCodeAt(name.length - 1);
    return (last === 0x2e || last === 0x20 ? name.replace(IGNORED_AT_END, "") : name).toLowerCase();
  }
  const text = textOf(name).replace(/\p{Default_Ignorable_Code_Point}/gu, "").replace(IGNORED_AT_END, "");
  return text.normalize("NFKD").toUpperCase().toLowerCase().normalize("NFKD");
}
