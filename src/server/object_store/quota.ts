/** Counts the size of each user's repositories, so that concurrent uploads together can't exceed the quota. */
import type { Raw } from "../../core/raw.ts";
import { rawOf, textOf } from "../../core/raw.ts";
import type { Dir } from "../../platform/disk.ts";

/** The room that one upload takes. */
export interface Room extends Disposable {
  /** Reserves this many bytes in total. @returns false if there is no room */
  reserve(bytes: number): boolean;
  /** Sets the actual number of bytes. */
  settle(bytes: number): void;
  /** Keeps the reservation; otherwise it is released on disposal. */
  keep(): void;
}

export class Quota {
  readonly #top: Dir;
  readonly #mostBytes: number;
  readonly #used = new Map<string, number>();

  /** @param top has a directory for each user; the caller closes it @param mostBytes limit for all users together */
  constructor(top: Dir, mostBytes = Infinity) {
    this.#top = top;
    this.#mostBytes = mostBytes;
    if (mostBytes === Infinity) return;
    const { names, kinds } = top.list();
    for (const [i, name] of names.entries()) {
      if ((kinds[i] ?? top.stat(name)?.kind) === "dir") this.#usedBy(textOf(name));
    }
  }

  begin(user: string, quotaBytes = Infinity): Room {
    let held = 0, isKept = false;
    const isLimited = quotaBytes < Infinity || this.#mostBytes < Infinity;
    const take = (bytes: number) => {
      this.#used.set(user, (this.#used.get(user) ?? 0) + bytes - held);
      held = bytes;
    };
    return {
      reserve: (bytes) => {
        if (!isLimited || bytes <= held) return true;
        const more = bytes - held;
        if (this.#usedBy(user) + more > quotaBytes || this.#all() + more > this.#mostBytes) return false;
        take(bytes);
        return true;
      },
      settle: (bytes) => void (isLimited && take(bytes)),
      keep: () => void (isKept = true),
      [Symbol.dispose]: () => void (isLimited && !isKept && take(0)),
    };
  }

  release(user: string, bytes: number): void {
    const used = this.#used.get(user);
    if (used !== undefined) this.#used.set(user, Math.max(0, used - bytes));
  }

  /** Bytes used by a user; counted on first use. */
  #usedBy(user: string): number {
    const known = this.#used.get(user);
    if (known !== undefined) return known;
    const name = rawOf(user), bytes = this.#top.stat(name)?.kind === "dir" ? bytesBelow(this.#top, name) : 0;
    this.#used.set(user, bytes);
    return bytes;
  }

  #all(): number {
    return [...this.#used.values()].reduce((sum, bytes) => sum + bytes, 0);
  }
}

/** Size of all files below. Symlinks are not followed. */
function bytesBelow(parent: Dir, name: Raw): number {
  using directory = parent.openDir(name);
  let bytes = 0;
  for (const inner of directory.list().names) {
    const stat = directory.stat(inner);
    if (stat?.kind === "dir") bytes += bytesBelow(directory, inner);
    else if (stat?.kind === "file") bytes += stat.size;
  }
  return bytes;
}
