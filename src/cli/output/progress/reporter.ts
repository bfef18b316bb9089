/**
 * Reports on standard error: text for people, or JSON Lines for programs. The monitor decides when something is
 * reported.
 */
import { Fault } from "../../../core/fault.ts";
import type { EntryStatus } from "../../../core/monitor.ts";
import { pluralText } from "../../../core/size_text.ts";
import type { Paint } from "../terminal/colors.ts";
import { markedText } from "../terminal/errors.ts";
import { jsonText, printable } from "../terminal/escape_text.ts";
import { counterLines, plainProgressText, type Progress, progressJson, progressText } from "./progress.ts";
import type { Output } from "../../world.ts";

export interface Reporter {
  /** Time between two reports of progress. */
  readonly everyMs: number;
  progress(progress: Progress): void;
  /** A part of the work has begun. */
  phase(progress: Progress): void;
  problem(error: Error): void;
  notice(text: string): void;
  /** May be written late, but in order. */
  status(status: EntryStatus, path: string): void;
  /** The last words of an operation. */
  end(progress: Progress): void;
  /** Writes what was held back. */
  flush(): void;
  /** Writes what was held back, and removes what is not to stay. */
  finish(): void;
}

const REPAINT_MS = 100;
/** Through a pipe: often enough to see that it lives, rare enough for a log. */
const PLAIN_LINE_MS = 30_000;
const JSON_LINE_MS = 1000;
/** A system call for each of a million lines would be slow. */
const GATHERED_CHARACTERS = 16 * 1024;

/** Standard error. Whoever read it may go away: the work then goes on without words. */
class StderrWriter {
  readonly #output: Output;
  readonly #encoder = new TextEncoder();
  #gathered = "";
  #isMute = false;

  constructor(output: Output) {
    this.#output = output;
  }

  gather(text: string): void {
    this.#gathered += text;
    if (this.#gathered.length >= GATHERED_CHARACTERS) this.write("");
  }

  write(text: string): void {
    const all = this.#gathered + text;
    this.#gathered = "";
    if (all === "" || this.#isMute) return;
    try {
      this.#output.write(this.#encoder.encode(all));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.#isMute = true;
    }
  }
}

export interface TextReporterOptions {
  readonly output: Output;
  readonly paint: Paint;
  /** With counters at the end, and stacks of bugs. */
  readonly verbose: boolean;
}

/** On a terminal: one line that is painted again, with everything else above it. Elsewhere: plain lines. */
export class TextReporter implements Reporter {
  readonly everyMs: number;
  readonly #options: TextReporterOptions;
  readonly #stderr: StderrWriter;
  #isPainted = false;

  constructor(options: TextReporterOptions) {
    this.#options = options;
    this.#stderr = new StderrWriter(options.output);
    this.everyMs = options.output.isTerminal ? REPAINT_MS : PLAIN_LINE_MS;
  }

  progress(progress: Progress): void {
    const { isTerminal, columns } = this.#options.output;
    if (!isTerminal) return this.#line(plainProgressText(progress));
    // One cell stays free: some terminals wrap a line that fills the last one.
    this.#stderr.write(`\r${progressText(progress, columns() - 1)}\x1b[K`);
    this.#isPainted = true;
  }

  phase(progress: Progress): void {
    if (this.#options.output.isTerminal) this.progress(progress);
  }

  problem(error: Error): void {
    const { paint, verbose, output } = this.#options;
    this.#line(markedText(error.message, paint("backup-tool:", "problem"), output));
    if (!(error instanceof Fault) && verbose) {
      for (const line of (error.stack ?? "").split("\n")) this.#line(printable(line));
    }
  }

  notice(text: string): void {
    const { paint, output } = this.#options;
    this.#line(markedText(text, paint("backup-tool:", "notice"), output));
  }

  status(status: EntryStatus, path: string): void {
    this.#wipe();
    this.#stderr.gather(`${status.padEnd(9)} ${printable(path)}\n`);
  }

  end(progress: Progress): void {
    if (this.#options.verbose) { for (const line of counterLines(progress.counters)) this.#line(line); }
    const { problems } = progress;
    if (problems > 0) this.#line(`backup-tool: ${pluralText(problems, "problem")} (see above)`);
  }

  flush(): void {
    this.#stderr.write("");
  }

  finish(): void {
    this.#wipe();
    this.flush();
  }

  #wipe(): void {
    if (this.#isPainted) this.#stderr.write("\r\x1b[K");
    this.#isPainted = false;
  }

  /** A line that stays; the progress line is painted again below it when it is due. @param text is printable */
  #line(text: string): void {
    this.#wipe();
    this.#stderr.write(`${text}\n`);
  }
}

/** One object a line; its only key says what it is about. Part of the interface. */
export class JsonReporter implements Reporter {
  readonly everyMs = JSON_LINE_MS;
  readonly #stderr: StderrWriter;
  readonly #verbose: boolean;

  constructor({ output, verbose }: { readonly output: Output; readonly verbose: boolean }) {
    this.#stderr = new StderrWriter(output);
    this.#verbose = verbose;
  }

  progress(progress: Progress): void {
    this.#write({ progress: progressJson(progress) });
  }

  phase(progress: Progress): void {
    this.progress(progress);
  }

  problem(error: Error): void {
    const { message } = error;
    const [code, hint] = error instanceof Fault ? [error.code, error.hint] : ["bug", ""];
    this.#write({ problem: { code, message, hint } });
  }

  notice(text: string): void {
    this.#write({ notice: { message: text } });
  }

  status(status: EntryStatus, path: string): void {
    this.#stderr.gather(`${jsonText({ file: { fate: status, path } })}\n`);
  }

  end(progress: Progress): void {
    if (this.#verbose) this.progress(progress);
  }

  flush(): void {
    this.#stderr.write("");
  }

  finish(): void {
    this.flush();
  }

  #write(value: unknown): void {
    this.#stderr.write(`${jsonText(value)}\n`);
  }
}
