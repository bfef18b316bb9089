/**
 * Receives a snapshot from another repository into a storage: contents, then hunks and, once all of it is durable, the
 * root.
 */
import { type ContentId, type RootId, rootIdOf } from "../core/content_id.ts";
import { type Algorithm, hashBytes } from "../core/digest.ts";
import type { Entry } from "../core/entry.ts";
import type { ItemSet } from "../core/item_set.ts";
import { rawOf } from "../core/raw.ts";
import { ACL_ATTRIBUTE } from "../platform/acl.ts";
import type { Dir } from "../platform/disk.ts";
import { atOnce } from "../core/steps.ts";
import { DamagedContent, OtherAlgorithm } from "../snapshot/faults.ts";
import { parseRoot } from "../snapshot/root.ts";
import type { HunkWithBytes, ReceivedFile, SnapshotReceiver } from "../snapshot/snapshot_sink.ts";
import type { FileFacts, StoredItem } from "../intake/content_keeper.ts";
import type { ContentStore } from "./content/content_store.ts";
import type { ManifestStore } from "./content/manifest_store.ts";
import { Incoming } from "./content/stream_ingest.ts";

/** Size in bytes up to which contents are stored from memory. */
const MOST_IN_MEMORY = 1024 * 1024;

/** State that all receivers of one writer share. */
export interface ReceivingStorage {
  readonly dir: Dir;
  readonly algorithm: Algorithm;
  readonly store: ContentStore;
  readonly manifests: Pick<ManifestStore, "putHunk">;
  /** Contents that this writer has stored or found; their bytes needn't be requested again. */
  readonly received: ItemSet;
  /** True if a snapshot vouches for the content and no check has found it damaged. */
  isTrusted(id: ContentId): boolean;
  /** Notes that `bytes` were stored, so that the disk writes while the run goes on. */
  stored(bytes: number): void;
  /** Makes everything durable that was stored before the call. */
  makeDurable(): Promise<void>;
  /** Makes the snapshot exist. */
  commit(id: RootId, root: Uint8Array<ArrayBuffer>): Promise<RootId>;
}

export class StorageReceiver implements SnapshotReceiver {
  readonly #storage: ReceivingStorage;
  readonly #root: Uint8Array<ArrayBuffer>;

  /** @param root bytes of the snapshot's root @throws DamagedManifest, NewerFormat, OtherAlgorithm */
  constructor(storage: ReceivingStorage, root: Uint8Array<ArrayBuffer>) {
    this.#storage = storage;
    this.#root = root;
    const { algorithm } = parseRoot(root).storage;
    if (algorithm !== storage.algorithm) throw new OtherAlgorithm(algorithm, storage.algorithm);
  }

  /** Keeps what was stored: another attempt reuses it, and a prune removes it. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  async add(batch: readonly ReceivedFile[]): Promise<readonly ("stored" | "reused")[]> {
    const results: ("stored" | "reused")[] = [];
    for (const file of batch) results.push(this.#reuse(file) ? "reused" : await this.#store(file));
    return results;
  }

  #reuse({ content, entry }: ReceivedFile): boolean {
    const { received, store } = this.#storage;
    // Most are not there at all, which the directory says several times sooner than the catalog.
    if (!store.has(content, entry.size)) return false;
    if (!received.has(content) && !this.#storage.isTrusted(content)) return false;
    if (!store.share(content, entry.size, factsOf(entry))) return false;
    received.add(content);
    return true;
  }

  async #store(file: ReceivedFile): Promise<"stored" | "reused"> {
    const { id, newBytes, isNew } = file.entry.size <= MOST_IN_MEMORY
      ? await this.#storeSmall(file)
      : await this.#storeLarge(file);
    if (id !== file.content) throw otherBytes(file.content);
    this.#storage.received.add(id);
    this.#storage.stored(newBytes);
    return isNew ? "stored" : "reused";
  }

  async #storeSmall({ content, entry, open }: ReceivedFile): Promise<StoredItem> {
    const bytes = new Uint8Array(entry.size);
    let size = 0;
    for await (const piece of open()) {
      if (size + piece.length > bytes.length) throw otherBytes(content);
      bytes.set(piece, size);
      size += piece.length;
    }
    if (size !== entry.size) throw otherBytes(content);
    return atOnce(this.#storage.store.storeBytes(bytes, factsOf(entry)));
  }

  async #storeLarge({ entry, open }: ReceivedFile): Promise<StoredItem> {
    using temp = this.#storage.dir.openDir(rawOf("tmp"));
    using incoming = new Incoming(this.#storage.store, temp, this.#storage.algorithm);
    for await (const piece of open()) incoming.write(piece);
    return incoming.finish(factsOf(entry));
  }

  async checkpoint(hunks: readonly HunkWithBytes[]): Promise<void> {
    this.#addHunks(hunks);
    await this.#storage.makeDurable();
  }

  async commit(hunks: readonly HunkWithBytes[]): Promise<RootId> {
    this.#addHunks(hunks);
    return await this.#storage.commit(rootIdOf(hashBytes(this.#storage.algorithm, this.#root)), this.#root);
  }

  #addHunks(hunks: readonly HunkWithBytes[]): void {
    for (const { ref, bytes } of hunks) this.#storage.manifests.putHunk(ref.id, bytes);
  }
}

function factsOf({ mode, gid, mtime, xattrs = {}, content }: Entry): FileFacts {
  const hasAcl = ACL_ATTRIBUTE in xattrs;
  return { mode, gid, mtime, hasAcl, expected: content };
}

function otherBytes(content: ContentId): DamagedContent {
  return new DamagedContent(content, "the bytes that came are not those of its checksum");
}
