/** Packs contents in the main thread: those of streams, of repairs, and large ones whose parts are known. */
import type { Apath } from "../../core/apath.ts";
import type { ContentId } from "../../core/content_id.ts";
import type { NsText } from "../../core/entry.ts";
import type { Raw } from "../../core/raw.ts";
import { type Hasher, newHasher } from "../../core/digest.ts";
import { inTurn } from "../../core/steps.ts";
import type { Ratios } from "../../snapshot/catalog_queries.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import type { ContentParts } from "../../snapshot/snapshot_sink.ts";
import { fileName } from "../pack/tar_names.ts";
import { WRONG_TOGETHER } from "../store/contents.ts";
import { gearOf } from "../store/sealed_objects.ts";
import { type ContentFacts, ContentPacker } from "./content_packer.ts";
import { LearntRatios } from "./learnt_ratios.ts";
import { type Chunks, ChunkStream, Pieces } from "./pieces.ts";
import type { RunStore } from "./run_store.ts";
import { type PackedContent, StreamPacker } from "./stream_packer.ts";
import type { UnitPacker } from "./unit_packer.ts";

/** Path and attributes of a file in unpacked units, for people. */
export interface PackedFile {
  readonly path: Apath;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly user?: string;
  readonly group?: string;
  readonly mtime: NsText;
}

export class LocalPacker implements Disposable {
  readonly #store: RunStore;
  readonly #units: UnitPacker;
  readonly #packer: ContentPacker;
  readonly #ratios: LearntRatios;
  #stream: StreamPacker | undefined;

  constructor(store: RunStore, known: Ratios = new Map()) {
    this.#store = store;
    this.#units = store.packer("data");
    this.#ratios = new LearntRatios(known);
    const compresses = store.options.compression !== "off";
    this.#packer = new ContentPacker({ desk: store, packer: this.#units, compressibility: this.#ratios, compresses });
  }

  [Symbol.dispose](): void {
    this.#units[Symbol.dispose]();
  }

  /**
   * Packs a content; only one at a time.
   * @param directory of the snapshot's names
   * @param expected id of the content, if known: lists are stored for no other
   */
  async add(
    chunks: Chunks,
    file: PackedFile,
    { directory, expected }: { readonly directory: Raw; readonly expected?: ContentId },
  ): Promise<PackedContent> {
    const { access } = this.#store.objects;
    this.#stream ??= new StreamPacker(this.#packer, gearOf(access), access.config.chunker);
    await using stream = new ChunkStream(chunks);
    const pieces = new Pieces(() => stream.next());
    return await inTurn(this.#stream.add((into) => pieces.read(into), factsOf(directory, file), expected));
  }

  /**
   * As {@link add}, for a content whose parts are known: existing parts needn't be sent, and its lists are kept
   * unchanged.
   * @throws DamagedContent if all parts were sent and don't form the content
   */
  async addParts(
    { parts, read, top, inner }: ContentParts,
    file: PackedFile,
    { directory, content }: { readonly directory: Raw; readonly content: ContentId },
  ): Promise<void> {
    const facts = factsOf(directory, file);
    let hasher: Hasher | undefined = newHasher("sha256"), from = 0;
    for await (const some of parts()) {
      for (const { id, size } of some) {
        if (this.#store.has(id, "data")) hasher = undefined;
        else {
          const bytes = await read(id);
          hasher?.update(bytes);
          await inTurn(this.#packer.add([{ id, bytes, from, of: content, ...facts }]));
        }
        from += size;
      }
    }
    if (hasher !== undefined && hasher.hex() !== content) throw new DamagedContent(content, WRONG_TOGETHER);
    await inTurn(this.#packer.addLists({ top, inner, content, size: from }, facts.name));
  }

  /** Hands over the open unit. */
  async finish(): Promise<void> {
    await inTurn(this.#packer.finish());
  }
}

/** Name and attributes of a file in unpacked units. @param directory of the snapshot's names */
export function factsOf(directory: Raw, { path, mode, uid, gid, user, group, mtime }: PackedFile): ContentFacts {
  const owner = { ...(user !== undefined && { user }), ...(group !== undefined && { group }) };
  return { name: fileName(directory, path), fields: { mode, uid, gid, mtime, ...owner } };
}
