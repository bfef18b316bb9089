/**
 * The previous state of a series, read in step with the walk: the newest complete snapshot, whose beginning is replaced
 * by what an interrupted run has got done since.
 */
import type { Apath } from "../core/apath.ts";
import { compareApath } from "../core/apath.ts";
import { Fault, unlessFault } from "../core/fault.ts";
import { beginsWith } from "../core/raw.ts";
import type { HunkRef } from "./hunk.ts";
import { hasUsualRest, headPath, isLineOf, isSound, pathOfLine } from "./entry_line.ts";
import type { Manifest } from "./manifest.ts";

/** A line of a previous manifest. `origin` is the hunk that holds it, `index` its place there. */
export interface PreviousLine {
  readonly text: string;
  readonly origin: HunkRef;
  readonly index: number;
  /** True if the line is the head that was asked for, a content id, perhaps a birth time, and nothing else. */
  readonly isUsual: boolean;
}

/** A cursor over one manifest. Damaged hunks are reported and skipped. */
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

  /** Apath of the current line; undefined at the end. It is parsed only where the order matters. */
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

  /** True if the current line begins with `head`. */
  beginsWith(head: string): boolean {
    return this.#text !== undefined && beginsWith(this.#text, head);
  }

  /** Path of the manifest's last line, to be asked for at the end; undefined if it can't be read. */
  get last(): Apath | undefined {
    const line = this.#lastLine;
    return line === undefined ? undefined : unlessFault(() => pathOfLine(line), undefined);
  }

  /** @param head what the line begins with, if that is known */
  line(head?: string): PreviousLine {
    const text = this.#text!, isUsual = head !== undefined && hasUsualRest(text, head.length);
    return { text, origin: this.#manifest.root.hunks[this.#hunk]!, index: this.#index, isUsual };
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

  /**
   * Moves to the first line that doesn't sort before `path`.
   * @param quoted `path` as JSON text
   * @returns true if the line found is that of `path`
   */
  moveTo(path: Apath, quoted: string, passed: (line: PreviousLine) => void): boolean {
    if (this.#isAt(quoted)) return true;
    this.seek(path, passed);
    return this.#isAt(quoted);
  }

  #isAt(quoted: string): boolean {
    return this.#text !== undefined && isLineOf(this.#text, quoted);
  }

  /** Moves to the first path that doesn't sort before `path`; to the end if `path` is undefined. */
  seek(path: Apath | undefined, passed: (line: PreviousLine) => void): void {
    while (this.path !== undefined && (path === undefined || compareApath(this.path, path) < 0)) {
      const line = this.line();
      this.step();
      if (isSound(line.text)) passed(line);
    }
  }

  /** Moves to the first line that sorts after `path`. */
  seekBehind(path: Apath): void {
    while (this.path !== undefined && compareApath(this.path, path) <= 0) this.step();
  }
}

export interface PreviousListener {
  /** A hunk can't be read; its entries count as never seen. */
  damaged(fault: Fault): void;
  /** Called in apath order for each line whose path was not asked for, because it no longer exists. */
  gone?(line: PreviousLine): void;
}

const IGNORED = (): void => {};

export class PreviousEntries {
  readonly #cursors: Cursor[];
  readonly #gone: (line: PreviousLine) => void;

  /** @param manifests newest first: partial snapshots, then at most one complete one */
  constructor(manifests: readonly Manifest[], listener: PreviousListener) {
    this.#cursors = manifests.map((manifest) => new Cursor(manifest, (fault) => listener.damaged(fault)));
    this.#gone = listener.gone?.bind(listener) ?? IGNORED;
  }

  /**
   * The line of `path`; undefined if there is none. Paths must be asked for in apath order.
   * @param head the beginning of the line that {@link seenPart} gives for the path's current state
   */
  at(path: Apath, head: string): PreviousLine | undefined {
    for (;;) {
      const cursor = this.#cursors[0];
      if (cursor === undefined) return undefined;
      // Mostly the next line begins with all of the head; then nothing else needs to be looked at.
      const begins = cursor.beginsWith(head);
      if (begins || cursor.moveTo(path, headPath(head), this.#gone)) {
        const line = begins ? cursor.line(head) : cursor.line();
        cursor.step();
        // One that says something wrong is not to be found in the next snapshot too.
        return line.isUsual || isSound(line.text, head) ? line : undefined;
      }
      if (!this.#goesBack(cursor)) return undefined;
    }
  }

  /** Reports all remaining lines as gone. To be called after the last path. */
  finish(): void {
    if (this.#gone === IGNORED) return;
    for (let cursor = this.#cursors[0]; cursor !== undefined; cursor = this.#cursors[0]) {
      cursor.seek(undefined, this.#gone);
      if (!this.#goesBack(cursor)) return;
    }
  }

  /** Changes to the manifest before it at the end of a partial manifest, which doesn't know what comes behind. */
  #goesBack(cursor: Cursor): boolean {
    if (!cursor.isAtEnd || this.#cursors.length === 1) return false;
    this.#cursors.shift();
    if (cursor.last !== undefined) this.#cursors[0]!.seekBehind(cursor.last);
    return true;
  }
}
