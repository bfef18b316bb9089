/** Standard output: results, and nothing else. */
import type { Paint, Style } from "./colors.ts";
import { jsonText, printable } from "./escape_text.ts";
import { type Column, cutOff, tableLines } from "./table.ts";
import type { Output } from "../../world.ts";

/** Text that is gathered before it is written: a system call per line would be slow. */
const GATHERED_CHARACTERS = 64 * 1024;

export class Printer {
  readonly #output: Output;
  readonly #encoder = new TextEncoder();
  /** For lines that are put together from parts and printed by {@link exact}. */
  readonly paint: Paint;
  #gathered = "";

  constructor(output: Output, paint: Paint) {
    this.#output = output;
    this.paint = paint;
  }

  /** One line, made safe for terminals. */
  line(text: string, style?: Style): void {
    const safe = printable(text);
    this.#add(`${style === undefined ? safe : this.paint(safe, style)}\n`);
  }

  /** Columns of text, with a heading. On a terminal, lines are truncated at its width. */
  table(columns: readonly Column[], rows: readonly (readonly string[])[]): void {
    const isCut = this.#output.isTerminal && columns.at(-1)?.whole !== true;
    const most = isCut ? this.#output.columns() : Infinity;
    const [heading = "", ...lines] = tableLines(columns, rows).map((line) => cutOff(line, most));
    this.#add(`${this.paint(heading, "heading")}\n`);
    for (const line of lines) this.#add(`${line}\n`);
  }

  /** One value, over several lines. */
  json(value: unknown): void {
    this.#add(`${jsonText(value, 2)}\n`);
  }

  /** One array, an element a line, however many there are. */
  jsonArray(values: Iterable<unknown>): void {
    let before = "[\n  ";
    for (const value of values) {
      this.#add(before + jsonText(value));
      before = ",\n  ";
    }
    this.#add(before.startsWith("[") ? "[]\n" : "\n]\n");
  }

  /** Text that is safe already. */
  exact(text: string): void {
    this.#add(text);
  }

  /** @throws PipeClosed */
  bytes(chunk: Uint8Array): void {
    this.flush();
    this.#output.write(chunk);
  }

  /** @throws PipeClosed */
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
