/**
 * The previous state of a series, read in lock-step with the walk: the newest complete snapshot, and before it in place
 * of its beginning whatever an interrupted run has got done since.
 */
import type { Apath } from "../core/apath.ts";
import { compareApath, parseApath } from "../core/apath.ts";
import { Fault } from "../core/fault.ts";
import type { HunkRef } from "./hunk.ts";
import { linePath } from "./line.ts";
import type { Manifest } from "./manifest.ts";

/** A line of a previous manifest. `origin` is the hunk that holds it, `index` its place there. */
export interface BasisLine {
  readonly text: string;
  readonly origin: HunkRef;
  readonly index: number;
}

/** A cursor over one manifest; damaged hunks are skipped, and reported. */
class Cursor {
  readonly #manifest: Manifest;
  readonly #damaged: (fault: Fault) => void;
  #hunk = -1;
  #lines: readonly string[] = [];
  #index = 0;
  #path: Apath | undefined;
  #quoted = "";

  constructor(manifest: Manifest, damaged: (fault: Fault) => void) {
    this.#manifest = manifest;
    this.#damaged = damaged;
    this.#index = -1;
    this.step();
  }

  /** Apath of the line at hand; undefined at the end. Parsed only when an order has to be found out. */
  get path(): Apath | undefined {
    if (this.#path === undefined && this.#quoted !== "") this.#path = parseApath(JSON.parse(this.#quoted));
    return this.#path;
  }

  /** JSON text of the path, "" at the end. */
  get quoted(): string {
    return this.#quoted;
  }

  line(): BasisLine {
    return { text: this.#lines[this.#index]!, origin: this.#manifest.root.hunks[this.#hunk]!, index: this.#index };
  }

  step(): void {
    this.#path = undefined;
    this.#index++;
    while (this.#index >= this.#lines.length) {
      if (this.#hunk + 1 >= this.#manifest.root.hunks.length) {
        this.#quoted = "";
        return;
      }
      this.#open(this.#hunk + 1);
    }
    this.#quoted = linePath(this.#lines[this.#index]!);
  }

  #open(hunk: number): void {
    this.#hunk = hunk;
    this.#index = 0;
    try {
      this.#lines = this.#manifest.lines(hunk);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.#damaged(error);
      this.#lines = [];
    }
  }

  /** Moves on to the first path that is not before `path`. @param passed is told of the others */
  seek(path: Apath, passed?: (path: Apath) => void): void {
    while (this.path !== undefined && compareApath(this.path, path) < 0) {
      passed?.(this.path);
      this.step();
    }
  }

  /** Moves to the end. */
  finish(passed: (path: Apath) => void): void {
    for (; this.path !== undefined; this.step()) passed(this.path);
  }
}

export class Basis {
  readonly #cursors: Cursor[];
  readonly #gone: ((path: Apath) => void) | undefined;
  /** The beginning of the manifest at hand was covered by a partial one before it. */
  #isCovered = false;

  /**
   * @param manifests newest first: partial ones, then at most one complete one
   * @param gone is told of every path that was there before, and isn't asked for
   */
  constructor(
    manifests: readonly Manifest[],
    damaged: (fault: Fault) => void,
    gone?: (path: Apath) => void,
  ) {
    this.#cursors = manifests.map((manifest) => new Cursor(manifest, damaged));
    this.#gone = gone;
  }

  /** No more paths will be asked for. */
  finish(): void {
    const [cursor] = this.#cursors;
    if (this.#gone !== undefined && !this.#isCovered) cursor?.finish(this.#gone);
  }

  /** The line of `path`. Paths must be asked for in apath order. @param quoted the path as JSON text */
  at(path: Apath, quoted: string): BasisLine | undefined {
    for (;;) {
      const cursor = this.#cursors[0];
      if (cursor === undefined) return undefined;
      if (cursor.quoted !== quoted) cursor.seek(path, this.#isCovered ? undefined : this.#gone);
      this.#isCovered = false;
      if (cursor.quoted === quoted) {
        const line = cursor.line();
        cursor.step();
        return line;
      }
      // A partial manifest ends somewhere: what comes behind is known from the one before it.
      if (cursor.quoted !== "" || this.#cursors.length === 1) return undefined;
      this.#cursors.shift();
      this.#isCovered = true;
    }
  }
}
