/**
 * Removes directories recursively, at any depth, without following links. Mount points inside are not ours: they stay,
 * as do the directories above them.
 */
import { joinRaw, type Raw, rawOf } from "../core/raw.ts";
import { type Dir, DiskFault } from "./disk.ts";

const OWNER_ALL = 0o700;
/** Directories open at once. What is deeper is moved up first, so that neither descriptors nor the stack run out. */
const MOST_OPEN = 16;

/** Removes a name and everything below it. @returns true if it existed and is gone @throws DiskFault */
export function removeRecursively(parent: Dir, name: Raw): boolean {
  const stat = parent.stat(name);
  if (stat === undefined || stat.isMountPoint) return false;
  if (stat.kind !== "dir") return parent.unlink(name);
  if ((stat.mode & OWNER_ALL) !== OWNER_ALL) parent.setAttributes(name, { mode: stat.mode | OWNER_ALL });
  return new Removal(parent, name).run() && parent.rmdir(name);
}

/** Does the same where it doesn't matter if something stays. @returns why it stays; undefined if it is gone */
export function tryToRemove(parent: Dir, name: Raw): DiskFault | undefined {
  try {
    if (removeRecursively(parent, name) || parent.stat(name) === undefined) return undefined;
    return new DiskFault("EBUSY", "remove", joinRaw(parent.path, name));
  } catch (error) {
    if (error instanceof DiskFault) return error;
    throw error;
  }
}

class Removal {
  readonly #parent: Dir;
  readonly #name: Raw;
  #moved = 0;
  /** What had to stay. */
  #left = 0;
  /** The top directory, where too deep ones are put. */
  #top: Dir | undefined;

  constructor(parent: Dir, name: Raw) {
    this.#parent = parent;
    this.#name = name;
  }

  /** @returns true if the directory is empty now */
  run(): boolean {
    using top = this.#parent.openDir(this.#name);
    this.#top = top;
    let before: number;
    do {
      before = this.#moved;
      this.#empty(top, 1);
    } while (this.#moved > before);
    return this.#left === 0 || top.list().names.length === 0;
  }

  #empty(directory: Dir, depth: number): void {
    const { names, kinds } = directory.list();
    names.forEach((name, i) => {
      if (kinds[i] !== "dir" && kinds[i] !== undefined) this.#unlink(directory, name);
      else this.#remove(directory, name, depth);
    });
  }

  #remove(parent: Dir, name: Raw, depth: number): void {
    const stat = parent.stat(name);
    if (stat === undefined) return;
    if (stat.isMountPoint) return void this.#left++;
    if (stat.kind !== "dir") return this.#unlink(parent, name);
    if ((stat.mode & OWNER_ALL) !== OWNER_ALL) parent.setAttributes(name, { mode: stat.mode | OWNER_ALL });
    if (depth >= MOST_OPEN) return parent.rename(name, this.#top!, this.#freeName());
    const before = this.#left;
    {
      using directory = parent.openDir(name);
      this.#empty(directory, depth + 1);
    }
    if (this.#left === before) parent.rmdir(name);
  }

  /** A file may be a mount point too. */
  #unlink(parent: Dir, name: Raw): void {
    try {
      parent.unlink(name);
    } catch (error) {
      if (!(error instanceof DiskFault && error.errno === "EBUSY")) throw error;
      this.#left++;
    }
  }

  #freeName(): Raw {
    for (;;) {
      const name = rawOf(`deep-${this.#moved++}`);
      if (this.#top!.stat(name) === undefined) return name;
    }
  }
}
