/** Reads a plain file from start to end while the calling thread does other things. */
import { type Raw, textOf } from "../core/raw.ts";

type Bytes = Uint8Array<ArrayBuffer>;

export const PIECE_BYTES = 256 * 1024;

/** A file that is open for reading. */
export interface PlainFile extends Disposable {
  /** Its bytes; each piece is valid until the next one is requested. May be used once. */
  pieces(): AsyncGenerator<Bytes>;
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

  async *pieces(): AsyncGenerator<Bytes> {
    let [current, next]: Bytes[] = [new Uint8Array(PIECE_BYTES), new Uint8Array(PIECE_BYTES)];
    let reading = this.#file.read(current!);
    try {
      for (let got = await reading; got !== null; got = await reading) {
        reading = this.#file.read(next!);
        yield current!.subarray(0, got);
        [current, next] = [next, current];
      }
    } finally {
      // It must not be closed in the middle of a read.
      await reading.catch(() => {});
    }
  }
}
