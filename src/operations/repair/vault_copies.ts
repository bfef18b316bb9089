/**
 * Sources of intact copies for the repair of a vault: the remains of damaged units, other repositories, and the
 * backed-up files.
 */
import { hash } from "node:crypto";
import type { ContentId, HunkId, RootId } from "../../core/content_id.ts";
import { isDigestOf } from "../../core/content_id.ts";
import { DigestStream } from "../../core/digest_stream.ts";
import { unlessFault } from "../../core/fault.ts";
import { baseName, parentPath, type Raw, textOf } from "../../core/raw.ts";
import type { OpenFile } from "../../platform/disk.ts";
import type { ContentReader, Repository } from "../../snapshot/repository.ts";
import { GoneUnits } from "../../vault/repair/gone_units.ts";
import type { ContentPieces } from "../../vault/repair/vault_repairer.ts";
import { type BrokenObject, sameObject } from "../../vault/repair/damaged_objects.ts";
import { Vault } from "../../vault/vault.ts";
import { orNothing } from "./or_nothing.ts";

/** A possible copy of a lost content. Whether it is one turns out when its pieces are read. */
export interface ContentCopy {
  /** Origin, for people. */
  readonly from: string;
  /** Opens its pieces, from the beginning; undefined if a part is no longer available. */
  open(): Promise<ContentPieces | undefined>;
}

const PIECE_BYTES = 256 * 1024;
const GONE = "units that were to be deleted";
/** Of what a local cache has. */
export const KEPT = "the cache on this machine";

export class VaultCopies implements AsyncDisposable {
  readonly #vault: Vault;
  readonly #others: readonly { readonly repository: Repository; readonly reader: ContentReader }[];
  readonly #gone: GoneUnits;

  constructor(vault: Vault, others: readonly Repository[], signal: AbortSignal) {
    this.#vault = vault;
    const sound = others.filter(({ algorithm }) => algorithm === vault.algorithm);
    this.#others = sound.map((repository) => ({ repository, reader: repository.reader({ workers: 0, signal }) }));
    this.#gone = new GoneUnits(vault.objects, vault.index);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { reader } of this.#others) await reader[Symbol.asyncDispose]();
  }

  /** Finds a hunk that no intact unit of the vault contains. */
  async hunk(id: HunkId): Promise<{ readonly from: string; readonly bytes: Uint8Array<ArrayBuffer> } | undefined> {
    const gone = await this.#gone.hunk(id);
    if (gone !== undefined) return { from: GONE, bytes: gone.slice() };
    const kept = this.#vault.keptHunk(id);
    if (kept !== undefined && isDigestOf(id, hash("sha256", kept))) return { from: KEPT, bytes: kept };
    return await this.object(id);
  }

  /** Finds a root or hunk in another repository. */
  async object(
    id: RootId | HunkId,
  ): Promise<{ readonly from: string; readonly bytes: Uint8Array<ArrayBuffer> } | undefined> {
    for (const { repository } of this.#others) {
      const bytes = await orNothing(async () => await repository.object(id));
      if (bytes !== undefined) return { from: repository.location, bytes };
    }
    return undefined;
  }

  /** The same object of another copy of the vault: they have everything under the same names. */
  async sameObject(
    object: Pick<BrokenObject, "kind" | "name">,
  ): Promise<{ readonly from: string; readonly bytes: Uint8Array<ArrayBuffer> } | undefined> {
    const { access: { config: { id } } } = this.#vault.objects;
    for (const { repository } of this.#others) {
      if (!(repository instanceof Vault) || repository.objects.access.config.id !== id) continue;
      const bytes = await orNothing(() => sameObject(repository.objects, object));
      if (bytes !== undefined) return { from: repository.location, bytes };
    }
    return undefined;
  }

  /** Yields possible copies of a content. @param live paths that the file had in sources of this machine */
  async *contents(id: ContentId, size: number, live: Iterable<Raw>): AsyncGenerator<ContentCopy> {
    if (await this.#gone.read(id) !== undefined) yield { from: GONE, open: () => this.#gone.read(id) };
    for (const { repository, reader } of this.#others) {
      if (await orNothing(async () => await reader.sizeOf(id)) !== size) continue;
      yield { from: repository.location, open: () => Promise.resolve(reader.read(id)) };
    }
    for (const path of live) {
      using file = this.#sound(path, id, size);
      if (file !== undefined) yield { from: textOf(path), open: () => Promise.resolve(piecesOf(file)) };
    }
  }

  #sound(path: Raw, id: ContentId, size: number): OpenFile | undefined {
    return unlessFault(() => {
      using held = new DisposableStack();
      using directory = this.#vault.machine.disk.openDir(parentPath(path));
      const file = directory.open(baseName(path));
      if (file === undefined) return undefined;
      held.use(file);
      if (file.stat().size !== size) return undefined;
      const buffer = new Uint8Array(PIECE_BYTES);
      const { digest } = new DigestStream("sha256", (into, position) => file.read(into, position), buffer).run();
      if (digest !== id) return undefined;
      held.move();
      return file;
    }, undefined);
  }
}

function* piecesOf(file: OpenFile): Generator<Uint8Array<ArrayBuffer>> {
  const buffer = new Uint8Array(PIECE_BYTES);
  for (let position = 0;;) {
    const got = file.read(buffer, position);
    if (got === 0) return;
    yield buffer.subarray(0, got);
    position += got;
  }
}
