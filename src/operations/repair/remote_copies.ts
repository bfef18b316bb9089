/** Vaults as sources for the repair of a storage: each copy is first written to a separate file, and verified there. */
import type { HunkId, RootId } from "../../core/content_id.ts";
import { newHasher } from "../../core/digest.ts";
import { rawOf } from "../../core/raw.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";
import type { ContentReader, Repository } from "../../snapshot/repository.ts";
import type { DamagedFile } from "../../storage/repair/affected_paths.ts";
import type { ContentRepairer } from "../../storage/repair/content_repairer.ts";
import type { Storage } from "../../storage/storage.ts";
import { orNothing } from "./or_nothing.ts";

interface Remote {
  readonly repository: Repository;
  readonly reader: ContentReader;
}

const TEMP = rawOf("tmp"), TEMP_NAME = rawOf("fetched");

export class RemoteCopies implements AsyncDisposable {
  readonly #storage: Storage;
  readonly #remotes: readonly Remote[];

  constructor(storage: Storage, repositories: readonly Repository[], signal: AbortSignal) {
    this.#storage = storage;
    const sound = repositories.filter(({ algorithm }) => algorithm === storage.algorithm);
    this.#remotes = sound.map((repository) => ({ repository, reader: repository.reader({ workers: 0, signal }) }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { reader } of this.#remotes) await reader[Symbol.asyncDispose]();
  }

  /** Bytes of a root or hunk, verified. */
  async object(
    id: RootId | HunkId,
  ): Promise<{ readonly from: string; readonly bytes: Uint8Array<ArrayBuffer> } | undefined> {
    for (const { repository } of this.#remotes) {
      const bytes = await orNothing(async () => await repository.object(id));
      if (bytes !== undefined) return { from: repository.location, bytes };
    }
    return undefined;
  }

  /** @param heals false: only looks for a copy @returns the origin of the copy that was found */
  async heal(file: DamagedFile, healer: ContentRepairer, heals: boolean): Promise<string | undefined> {
    for (const { repository: { location }, reader } of this.#remotes) {
      if (await orNothing(async () => await reader.sizeOf(file.id)) !== file.size) continue;
      const isHealed = await orNothing(() => heals ? this.#fetch(file, healer, reader) : isSound(file, reader));
      if (isHealed === true) return location;
    }
    return undefined;
  }

  async #fetch(file: DamagedFile, healer: ContentRepairer, reader: ContentReader): Promise<boolean> {
    using temp = this.#storage.dir.openDir(TEMP);
    temp.unlink(TEMP_NAME);
    try {
      await spool(temp, reader.read(file.id));
      return healer.healWith(file, () => temp.open(TEMP_NAME));
    } finally {
      temp.unlink(TEMP_NAME);
    }
  }
}

async function spool(temp: Dir, pieces: ReturnType<ContentReader["read"]>): Promise<void> {
  using file = temp.create(TEMP_NAME, 0o600);
  if (file === undefined) throw new DiskFault("EEXIST", "create", TEMP_NAME);
  let position = 0;
  for await (const piece of pieces) {
    file.write(piece, position);
    position += piece.length;
  }
}

async function isSound({ id }: DamagedFile, reader: ContentReader): Promise<boolean> {
  const hasher = newHasher("sha256");
  for await (const piece of reader.read(id)) hasher.update(piece);
  return hasher.hex() === id;
}
