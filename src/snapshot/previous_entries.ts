/**
 * The previous state of a series, read in lock-step with the walk: the newest complete snapshot, and before it in place
 * of its beginning whatever an interrupted run has got done since.
 */
import type { Apath } from "../core/apath.ts";
import { compareApath } from "../core/apath.ts";
import { Fault, unlessFault } from "../core/fault.ts";
import { beginsWith } from "../core/raw.ts";
import type { HunkRef } from "./hunk.ts";
import { headPath, isLineOf, isSound, pathOfLine } from "./entry_line.ts";
import type { Manifest } from "./manifest.ts";

/** A line of a previous manifest. `origin` is the hunk that holds it, `index` its place there. */
export interface PreviousLine {
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
  #text: string | undefined;
  #lastLine: string | undefined;

  constructor(manifest: Manifest, damaged: (fault: Fault) => void) {
    this.#manifest = manifest;
    this.#damaged = damaged;
    this.#index = -1;
    this.step();
  }

  /** Apath of the line at hand; undefined at the end. Parsed only when an order has to be found out. */
  get path(): Apath | undefined {
    while (this.#path === undefined && this.#text !== undefined) {
      try {
        this.#path = pathOfLine(this.#text);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        this.#damaged(error);
        this.step();
      }
    }
    return this.#path;
  }

  get isAtEnd(): boolean {
    return this.#text === undefined;
  }

  /** Whether the line at hand does. */
  beginsWith(head: string): boolean {
    return this.#text !== undefined && beginsWith(this.#text, head);
  }

  /** The last path before what was stepped to; known at the end. */
  get last(): Apath | undefined {
    const line = this.#lastLine;
    return line === undefined ? undefined : unlessFault(() => pathOfLine(line), undefined);
  }

  line(): PreviousLine {
    return { text: this.#text!, origin: this.#manifest.root.hunks[this.#hunk]!, index: this.#index };
  }

  step(): void {
    this.#path = undefined;
    this.#index++;
    while (this.#index >= this.#lines.length) {
      if (this.#lines.length > 0) this.#lastLine = this.#lines.at(-1);
      if (this.#hunk + 1 >= this.#manifest.root.hunks.length) {
        this.#text = undefined;
        return;
      }
      this.#open(this.#hunk + 1);
    }
    this.#text = this.#lines[this.#index]!;
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

  /** True if the line at hand, or the first one that doesn't come before it, is that of `path`. @param quoted its JSON text */
  moveTo(path: Apath, quoted: string, passed: (line: PreviousLine) => void): boolean {
    if (this.#isAt(quoted)) return true;
    this.seek(path, passed);
    return this.#isAt(quoted);
  }

  #isAt(quoted: string): boolean {
    return this.#text !== undefined && isLineOf(this.#text, quoted);
  }

  /** Moves on to the first path that is not before `path`; to the end without one. */
  seek(path: Apath | undefined, passed: (line: PreviousLine) => void): void {
    while (this.path !== undefined && (path === undefined || compareApath(this.path, path) < 0)) {
      const line = this.line();
      this.step();
      if (isSound(line.text)) passed(line);
    }
  }

  /** Moves behind `path`. */
  seekBehind(path: Apath): void {
    while (this.path !== undefined && compareApath(this.path, path) <= 0) this.step();
  }
}

export interface PreviousListener {
  /** A hunk can't be read; what it held counts as never seen. */
  damaged(fault: Fault): void;
  /** The line of a path that was not asked for: it is no more. In apath order. */
  gone?(line: PreviousLine): void;
}

const IGNORED = (): void => {};

export class PreviousEntries {
  readonly #cursors: Cursor[];
  readonly #gone: (line: PreviousLine) => void;

  /** @param manifests newest first: partial ones, then at most one complete one */
  constructor(manifests: readonly Manifest[], listener: PreviousListener) {
    this.#cursors = manifests.map((manifest) => new Cursor(manifest, (fault) => listener.damaged(fault)));
    this.#gone = listener.gone?.bind(listener) ?? IGNORED;
  }

  /** The line of `path`. Paths must be asked for in apath order. @param head what {@link seenPart} says of the path now */
  at(path: Apath, head: string): PreviousLine | undefined {
    for (;;) {
      const cursor = this.#cursors[0];
      if (cursor === undefined) return undefined;
      // Mostly the next line begins with all of the head; then nothing else needs to be looked at.
      if (cursor.beginsWith(head) || cursor.moveTo(path, headPath(head), this.#gone)) {
        const line = cursor.line();
        cursor.step();
        // One that says something wrong is not to be found in the next snapshot too.
        return isSound(line.text, head) ? line : undefined;
      }
      if (!this.#goesBack(cursor)) return undefined;
    }
  }

  /** Everything has been asked for: what remains is gone. */
  finish(): void {
    if (this.#gone === IGNORED) return;
    for (let cursor = this.#cursors[0]; cursor !== undefined; cursor = this.#cursors[0]) {
      cursor.seek(undefined, this.#gone);
      if (!this.#goesBack(cursor)) return;
    }
  }

  /** A partial manifest ends somewhere: what comes behind is known from the one before it. */
  #goesBack(cursor: Cursor): boolean {
    if (!cursor.isAtEnd || this.#cursors.length === 1) return false;
    this.#cursors.shift();
    if (cursor.last !== undefined) this.#cursors[0]!.seekBehind(cursor.last);
    return true;
  }
}
