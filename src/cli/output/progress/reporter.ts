/** Reports on standard error: text for people, or JSON Lines for programs. The monitor decides when to report. */
import { Fault } from "../../../core/fault.ts";
import type { EntryStatus } from "../../../core/monitor.ts";
import { pluralText } from "../../../core/size_text.ts";
import type { Paint } from "../terminal/colors.ts";
import { markedText } from "../terminal/errors.ts";
import { jsonText, printable } from "../terminal/escape_text.ts";
import { counterLines, plainProgressText, type Progress, progressJson, progressText } from "./progress.ts";
import type { Output } from "../../world.ts";

export interface Reporter {
  /** Time between two progress reports in ms. */
  readonly everyMs: number;
  progress(progress: Progress): void;
  /** Reports the beginning of a phase. */
  phase(progress: Progress): void;
  problem(error: Error): void;
  notice(text: string): void;
  /** Reports the status of an entry; it may be written late, but in order. */
  status(status: EntryStatus, path: string): void;
  /** Reports the end of an operation. */
  end(progress: Progress): void;
  /** Writes buffered output. */
  flush(): void;
  /** Writes buffered output, and removes the progress line. */
  finish(): void;
}

const REPAINT_MS = 100;
/** Interval of progress in ms without a terminal: often enough to show that it is alive, rare enough for a log. */
const PLAIN_LINE_MS = 30_000;
const JSON_LINE_MS = 1000;
/** Size of the buffer in characters: a system call for each of a million lines would be slow. */
const GATHERED_CHARACTERS = 16 * 1024;

/** Writes to standard error. If its reader goes away, the work goes on without messages. */
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
  /** Include counters at the end, and stack traces of bugs. */
  readonly verbose: boolean;
}

/** Text output. On a terminal: one progress line that is redrawn, with all else above it. Otherwise: plain lines. */
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

  /** Writes a permanent line; the progress line is redrawn below it when it is due. @param text is printable */
  #line(text: string): void {
    this.#wipe();
    this.#stderr.write(`${text}\n`);
  }
}

/** JSON output: one object a line, whose only key is its type. Part of the interface. */
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
