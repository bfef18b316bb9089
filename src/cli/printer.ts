/** Standard output: results, and nothing else. */
import { jsonText, printable } from "./printable.ts";
import type { Output } from "./world.ts";

/** Text that is gathered before it is written: a system call per line would be slow. */
const GATHERED_CHARACTERS = 64 * 1024;

export class Printer {
  readonly #output: Output;
  readonly #encoder = new TextEncoder();
  #gathered = "";

  constructor(output: Output) {
    this.#output = output;
  }

  /** One line, made safe for terminals. */
  line(text: string): void {
    this.#add(`${printable(text)}\n`);
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
