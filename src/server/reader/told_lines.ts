/** JSON values that some work reports one after the other, as a stream of lines. */
import { Interrupted } from "../../core/fault.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Length of the text that goes out at once. */
export const LINES_LENGTH = 64 * 1024;

export class ToldLines {
  #text = "";
  readonly #stop = new AbortController();
  #come = Promise.withResolvers<void>();
  #taken = Promise.withResolvers<void>();

  /** Aborted when nobody takes lines any more. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  tell(value: unknown): void {
    this.#text += `${JSON.stringify(value)}\n`;
    if (this.#text.length >= LINES_LENGTH) this.#come.resolve();
  }

  /** Waits while there is much that nobody has taken. @throws Interrupted if nobody will */
  async ready(): Promise<void> {
    while (this.#text.length >= LINES_LENGTH && !this.signal.aborted) await this.#taken.promise;
    if (this.signal.aborted) throw new Interrupted();
  }

  /** All lines, in parts. @param work that reports them; its errors end the stream @param last the last value */
  async *parts(work: Promise<unknown>, last: () => unknown): AsyncGenerator<Bytes> {
    const ended = work.then(() => true);
    try {
      while (!await Promise.race([ended, this.#come.promise])) yield this.#take();
      this.tell(last());
      yield this.#take();
    } finally {
      this.#stop.abort();
      this.#taken.resolve();
      await ended.catch(() => {});
    }
  }

  #take(): Bytes {
    const bytes = new TextEncoder().encode(this.#text);
    this.#text = "";
    this.#come = Promise.withResolvers();
    this.#taken.resolve();
    this.#taken = Promise.withResolvers();
    return bytes;
  }
}
