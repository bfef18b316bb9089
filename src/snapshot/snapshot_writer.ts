/** Turns lines in apath order into hunks, reusing hunks of the previous snapshot that are equal line for line. */
import { type Apath, compareApath } from "../core/apath.ts";
import { textOf } from "../core/raw.ts";
import type { Monitor } from "../core/monitor.ts";
import type { PreviousLine } from "./previous_entries.ts";
import { ENOUGH_TEXT, HunkCutter, type HunkRef } from "./hunk.ts";

/** Stores hunks, as a {@link SnapshotSink} does. */
export interface HunkSink {
  addHunk(first: Apath, lines: readonly string[]): { readonly ref: HunkRef; readonly newBytes: number };
  keepHunk?(ref: HunkRef): void;
}

export class SnapshotWriter {
  readonly #sink: HunkSink;
  readonly #monitor: Monitor;
  readonly #cutter = new HunkCutter();
  readonly #hunks: HunkRef[] = [];
  #lines: string[] = [];
  /** Total length of these lines. */
  #text = 0;
  #first: Apath | undefined;
  #last: Apath | undefined;
  /** The old hunk that all current lines have come from, from its start and without a gap. */
  #candidate: HunkRef | undefined;

  constructor(sink: HunkSink, monitor: Monitor) {
    this.#sink = sink;
    this.#monitor = monitor;
  }

  /** Hunks of all lines so far; lines after the last boundary form a provisional hunk. */
  soFar(): readonly HunkRef[] {
    return this.#lines.length === 0 ? this.#hunks : [...this.#hunks, this.#tail()];
  }

  /** Adds a line. @param from the place of the same line in the previous snapshot, if it was there */
  add(path: Apath, line: string, from: PreviousLine | undefined): void {
    if (this.#last !== undefined && compareApath(this.#last, path) >= 0) {
      throw new Error(`Entries out of order: ${textOf(path)} after ${textOf(this.#last)}`);
    }
    this.#last = path;
    this.#first ??= path;
    const continues = from !== undefined && from.index === this.#lines.length &&
      (from.index === 0 || from.origin === this.#candidate);
    this.#candidate = continues ? from.origin : undefined;
    this.#lines.push(line);
    this.#text += line.length;
    if (this.#cutter.cutsAfter(path, this.#lines.length) || this.#text >= ENOUGH_TEXT) this.#cut();
  }

  /** Closes the last hunk. @returns all hunks */
  finish(): readonly HunkRef[] {
    if (this.#lines.length > 0) this.#cut();
    return this.#hunks;
  }

  #cut(): void {
    this.#hunks.push(this.#tail());
    this.#lines = [];
    this.#text = 0;
    this.#first = undefined;
    this.#candidate = undefined;
  }

  #tail(): HunkRef {
    if (this.#candidate?.count === this.#lines.length) {
      this.#sink.keepHunk?.(this.#candidate);
      this.#monitor.count("reusedHunks");
      return this.#candidate;
    }
    const { ref, newBytes } = this.#sink.addHunk(this.#first!, this.#lines);
    this.#monitor.count(newBytes > 0 ? "writtenHunks" : "reusedHunks");
    return ref;
  }
}
