/** Reads a plain file, or a part of it, while the calling thread does other things. */
import { type Raw, textOf } from "../core/raw.ts";

type Bytes = Uint8Array<ArrayBuffer>;

export const PIECE_BYTES = 256 * 1024;

/** A file that is open for reading. */
export interface PlainFile extends Disposable {
  /** Its size in bytes. */
  size(): Promise<number>;
  /**
   * Its bytes; each piece is valid until the next one is requested. May be used once.
   * @param from where to begin @param to where to end, if the file is that long
   */
  pieces(from?: number, to?: number): AsyncGenerator<Bytes>;
}

/** Opens a file. @param path absolute @returns undefined if that fails, for whatever reason */
export async function openPlainFile(path: Raw): Promise<PlainFile | undefined> {
  try {
    return new RuntimeFile(await Deno.open(textOf(path)));
  } catch {
    return undefined;
  }
}

class RuntimeFile implements PlainFile {
  readonly #file: Deno.FsFile;

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  async size(): Promise<number> {
    return (await this.#file.stat()).size;
  }

  async *pieces(from = 0, to = Infinity): AsyncGenerator<Bytes> {
    if (from > 0) await this.#file.seek(from, Deno.SeekMode.Start);
    let left = to - from;
    let [current, next]: Bytes[] = [new Uint8Array(PIECE_BYTES), new Uint8Array(PIECE_BYTES)];
    let reading = this.#file.read(current!);
    try {
      for (let got = await reading; got !== null; got = await reading) {
        reading = this.#file.read(next!);
        yield current!.subarray(0, Math.min(got, left));
        left -= got;
        if (left <= 0) return;
        [current, next] = [next, current];
      }
    } finally {
      // It must not be closed in the middle of a read.
      await reading.catch(() => {});
    }
  }
}
