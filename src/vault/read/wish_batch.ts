/** Wishes for a thread, and the needs that they are for. */
import type { Directory, Wish } from "../threads/frame_batch.ts";

/** @template T one need for each wish, in the order of the thread's answers */
export class WishBatch<T> {
  readonly #directories: Directory[] = [];
  readonly #wishes: Wish[][];
  readonly #needs: T[] = [];

  /** @param frames number of frames */
  constructor(frames: number) {
    this.#wishes = Array.from({ length: frames }, () => []);
  }

  get directories(): readonly Directory[] {
    return this.#directories;
  }

  /** Wishes of each frame. */
  get wishes(): readonly (readonly Wish[])[] {
    return this.#wishes;
  }

  get size(): number {
    return this.#needs.length;
  }

  get needs(): readonly T[] {
    return this.#needs;
  }

  /** Adds a directory, unless it is the last one. @returns its index in this batch */
  directory(directory: Directory): number {
    const last = this.#directories.at(-1);
    const isLast = last?.relative === directory.relative && last.rootPath === directory.rootPath;
    return isLast ? this.#directories.length - 1 : this.#directories.push(directory) - 1;
  }

  /** Adds a wish. @param frame never smaller than in the previous call */
  add(frame: number, wish: Wish, need: T): void {
    this.#wishes[frame]?.push(wish);
    this.#needs.push(need);
  }
}
