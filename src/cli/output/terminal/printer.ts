/** Standard output, which gets only results. */
import type { Paint, Style } from "./colors.ts";
import { jsonText, printable } from "./escape_text.ts";
import { type Column, cutOff, tableLines } from "./table.ts";
import type { Output } from "../../world.ts";

/** Size of the buffer in characters: a system call per line would be slow. */
const GATHERED_CHARACTERS = 64 * 1024;

export class Printer {
  readonly #output: Output;
  readonly #encoder = new TextEncoder();
  /** For lines that are composed of parts and printed by {@link exact}. */
  readonly paint: Paint;
  #gathered = "";

  constructor(output: Output, paint: Paint) {
    this.#output = output;
    this.paint = paint;
  }

  /** Prints one line, made safe for terminals. */
  line(text: string, style?: Style): void {
    const safe = printable(text);
    this.#add(`${style === undefined ? safe : this.paint(safe, style)}\n`);
  }

  /** Prints a table with headings. On a terminal, lines are truncated at its width. */
  table(columns: readonly Column[], rows: readonly (readonly string[])[]): void {
    const isCut = this.#output.isTerminal && columns.at(-1)?.whole !== true;
    const most = isCut ? this.#output.columns() : Infinity;
    const [heading = "", ...lines] = tableLines(columns, rows).map((line) => cutOff(line, most));
    this.#add(`${this.paint(heading, "heading")}\n`);
    for (const line of lines) this.#add(`${line}\n`);
  }

  /** Prints one value, over several lines. */
  json(value: unknown): void {
    this.#add(`${jsonText(value, 2)}\n`);
  }

  /** Prints an array, one element a line, in bounded memory. */
  jsonArray(values: Iterable<unknown>): void {
    let before = "[\n  ";
    for (const value of values) {
      this.#add(before + jsonText(value));
      before = ",\n  ";
    }
    this.#add(before.startsWith("[") ? "[]\n" : "\n]\n");
  }

  /** Prints text that is already safe. */
  exact(text: string): void {
    this.#add(text);
  }

  /** Writes bytes. @throws PipeClosed */
  bytes(chunk: Uint8Array): void {
    this.flush();
    this.#output.write(chunk);
  }

  /** Writes buffered text. @throws PipeClosed */
  flush(): void {
    if (this.#gathered === "") return;
    const bytes = this.#encoder.encode(this.#gathered);
    this.#gathered = "";
    this.#output.write(bytes);
  }

  #add(text: string): void {
    this.#gathered += text;
    if (this.#gathered.length >= GATHERED_CHARACTERS) this.flush();
  }
}
