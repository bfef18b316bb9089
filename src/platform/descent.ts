/**
 * Opens directories far below a top directory, in an order in which successive ones are near each other. The kernel
 * resolves a path component by component: opening each directory of a chain of thousands from the top would take
 * millions of steps.
 */
import { type Raw, relativeTo, sliceRaw } from "../core/raw.ts";
import type { Dir, Disk } from "./disk.ts";

/** Shorter paths are opened from the top. */
const DEEP_BYTES = 512;
/** Directories kept open on the way to the last one: few, for descriptors may be. */
const MOST_KEPT = 12;

/**
 * Keeps some directories on the way open between calls. For a single piece of work during which no directory is moved,
 * because open ones are not looked up again.
 */
export class Descent implements Disposable {
  readonly #top: Dir;
  /** Each lies in the one before. */
  #way: { readonly relative: Raw; readonly dir: Dir }[] = [];

  /** @param top not closed here */
  constructor(top: Dir) {
    this.#top = top;
  }

  /** Opens a directory below the top, as {@link Dir.openPath} does. @throws DiskFault */
  open(relative: Raw): Dir {
    if (relative.length < DEEP_BYTES) return this.#top.openPath(relative);
    while (this.#way.length > 0 && !leadsTo(this.#way.at(-1)!.relative, relative)) {
      this.#way.pop()!.dir[Symbol.dispose]();
    }
    const start = this.#way.at(-1);
    let near = start?.dir ?? this.#top, done = start === undefined ? 0 : start.relative.length + 1;
    // More and more of them towards the end: the next one is near it, above or below.
    for (let cut = halfway(relative, done); cut !== undefined; cut = halfway(relative, done)) {
      near = near.openPath(sliceRaw(relative, done, cut));
      this.#way.push({ relative: sliceRaw(relative, 0, cut), dir: near });
      done = cut + 1;
    }
    const dir = near.openPath(sliceRaw(relative, done));
    this.#thin();
    return dir;
  }

  #thin(): void {
    if (this.#way.length <= MOST_KEPT) return;
    const go = this.#way.filter((_, i) => i % 2 === 0);
    this.#way = this.#way.filter((_, i) => i % 2 === 1);
    for (const { dir } of go) dir[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const { dir } of this.#way.splice(0)) dir[Symbol.dispose]();
  }
}

/** Where to divide what is still to go from `done` on; undefined if that is short. */
function halfway(relative: Raw, done: number): number | undefined {
  const length = relative.length - done;
  const slash = length < DEEP_BYTES ? -1 : relative.indexOf("/", done + Math.floor(length / 2));
  return slash < 0 ? undefined : slash;
}

function leadsTo(above: Raw, relative: Raw): boolean {
  return relative.startsWith(above) && (relative.length === above.length || relative[above.length] === "/");
}

/** The same for top directories that are given by their paths. */
export class Descents implements Disposable {
  readonly #disk: Disk;
  #last: { readonly path: Raw; readonly top: Dir; readonly descent: Descent } | undefined;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /**
   * Opens the directory `relative` below `path`.
   * @param beneath `path`, or a directory above it, below which no link is followed; default: `path` @throws DiskFault
   */
  open(path: Raw, relative: Raw, beneath = path): Dir {
    if (relative.length < DEEP_BYTES) {
      using top = this.#openTop(path, beneath);
      return top.openPath(relative);
    }
    if (this.#last?.path !== path) {
      this[Symbol.dispose]();
      const top = this.#openTop(path, beneath);
      this.#last = { path, top, descent: new Descent(top) };
    }
    return this.#last!.descent.open(relative);
  }

  #openTop(path: Raw, beneath: Raw): Dir {
    if (beneath === path) return this.#disk.openDir(path);
    using above = this.#disk.openDir(beneath);
    return above.openPath(relativeTo(beneath, path));
  }

  [Symbol.dispose](): void {
    this.#last?.descent[Symbol.dispose]();
    this.#last?.top[Symbol.dispose]();
    this.#last = undefined;
  }
}
