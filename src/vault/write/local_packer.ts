/** Packs contents in the main thread: those of streams, and of repairs. */
import type { Apath } from "../../core/apath.ts";
import type { ContentId } from "../../core/content_id.ts";
import type { NsText } from "../../core/entry.ts";
import type { Raw } from "../../core/raw.ts";
import { inTurn } from "../../core/steps.ts";
import type { Ratios } from "../../snapshot/catalog_queries.ts";
import { fileName } from "../pack/tar_names.ts";
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
