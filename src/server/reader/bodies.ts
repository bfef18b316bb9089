/** Decides how the contents of a file go out, and reads those that are small. */
import type { FileBody } from "./reader.ts";
import type { ContentId } from "../../core/content_id.ts";
import type { OpenedRepository } from "../../operations/opened.ts";
import type { ContentReader } from "../../snapshot/repository.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Size in bytes up to which a content goes along with the answer. */
const SMALL = 64 * 1024;

export class Bodies implements AsyncDisposable {
  readonly #signal: AbortSignal;
  /** For contents that are read in one go; others must not use it meanwhile. */
  #reader: ContentReader | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader?.[Symbol.asyncDispose]();
    this.#reader = undefined;
  }

  /** @param size of the content in bytes @throws DamagedContent */
  of(repository: OpenedRepository, id: ContentId, size: number): FileBody {
    const reader = this.#reader ??= repository.reader({ workers: 0, signal: this.#signal });
    const path = reader.plainFile?.(id);
    if (path === undefined) return { kind: "stream" };
    if (size > SMALL) return { kind: "file", path, algorithm: repository.algorithm };
    const chunks = reader.read(id);
    return Symbol.iterator in chunks ? { kind: "bytes", bytes: joined(chunks, size) } : { kind: "stream" };
  }
}

/** @param size that is expected */
function joined(chunks: Iterable<Bytes>, size: number): Bytes {
  let all = new Uint8Array(size), length = 0;
  for (const chunk of chunks) {
    if (length + chunk.length > all.length) all = grown(all, length + chunk.length);
    all.set(chunk, length);
    length += chunk.length;
  }
  return all.subarray(0, length);
}

function grown(bytes: Bytes, length: number): Bytes {
  const all = new Uint8Array(length);
  all.set(bytes);
  return all;
}
