/** Contents that are plain files: read here in big pieces, and verified while they go out. */
import type { FileBody, Reader } from "./reader.ts";
import { type ContentId, isDigestOf } from "../../core/content_id.ts";
import { newHasher } from "../../core/digest.ts";
import { openPlainFile } from "../../platform/plain_file.ts";
import { DamagedContent } from "../../snapshot/faults.ts";

type Bytes = Uint8Array<ArrayBuffer>;
export type ContentFile = Extract<FileBody, { kind: "file" }>;

export interface ExpectedContent {
  readonly id: ContentId;
  /** In bytes; not 0. */
  readonly size: number;
}

/**
 * Bytes of the content. The last ones come only when all are known to be right; each piece is valid until the next one
 * is requested. @param reader for a file that can't be opened: it says why @throws DamagedContent
 */
export async function* verifiedFile(
  { path, algorithm }: ContentFile,
  { id, size }: ExpectedContent,
  reader: Pick<Reader, "content">,
): AsyncGenerator<Bytes> {
  using file = await openPlainFile(path);
  if (file === undefined) return yield* reader.content(id);
  const hasher = newHasher(algorithm);
  let length = 0;
  for await (const piece of file.pieces()) {
    hasher.update(piece);
    length += piece.length;
    if (length > size || length === size && !isDigestOf(id, hasher.hex())) throw damaged(id);
    yield piece;
  }
  if (length < size) throw damaged(id);
}

function damaged(id: ContentId): DamagedContent {
  return new DamagedContent(id, "its bytes don't match its checksum");
}
