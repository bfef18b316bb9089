/** Wishes for a thread, with what they are for. */
import type { Directory, Wish } from "../threads/frame_batch.ts";

/** @template T one for each wish, in the order in which a thread answers */
export class WishBatch<T> {
  readonly #directories: Directory[] = [];
  readonly #wishes: Wish[][];
  readonly #needs: T[] = [];

  /** @param frames how many */
  constructor(frames: number) {
    this.#wishes = Array.from({ length: frames }, () => []);
  }

  get directories(): readonly Directory[] {
    return this.#directories;
  }

  /** Of each frame. */
  get wishes(): readonly (readonly Wish[])[] {
    return this.#wishes;
  }

  get size(): number {
    return this.#needs.length;
  }

  get needs(): readonly T[] {
    return this.#needs;
  }

  /** @returns its number in this batch: neighbours are mostly in the same */
  directory(directory: Directory): number {
    const last = this.#directories.at(-1);
    const isLast = last?.relative === directory.relative && last.rootPath === directory.rootPath;
    return isLast ? this.#directories.length - 1 : this.#directories.push(directory) - 1;
  }

  /** @param frame never less than before */
  add(frame: number, wish: Wish, need: T): void {
    this.#wishes[frame]?.push(wish);
    this.#needs.push(need);
  }
}
