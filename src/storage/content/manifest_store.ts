/** Roots and hunks in `content/`: small items that are read whole, verified, and written only by the writer. */
import { openDirIfThere, openFileIfThere } from "../../platform/open_optional.ts";
import { Buffer } from "node:buffer";
import type { Apath } from "../../core/apath.ts";
import { type HunkId, hunkIdOf, type RootId, rootIdOf } from "../../core/content_id.ts";
import { hashBytes } from "../../core/digest.ts";
import type { Kind } from "../../core/entry.ts";
import { rawOf } from "../../core/raw.ts";
import { type Dir, DiskFault, type OpenFile } from "../../platform/disk.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import { encodeHunk, type HunkRef } from "../../snapshot/hunk.ts";
import { DamagedManifest } from "../../snapshot/entry_line.ts";
import { encodeRoot, parseRoot, type Root } from "../../snapshot/root.ts";
import { OWNER_ONLY } from "./access.ts";
import { clearForFile } from "../layout/quarantine.ts";
import { itemPath, LARGEST_MANIFEST_BYTES } from "../layout/item_path.ts";
import type { Settings } from "../layout/settings.ts";

const TEMP_NAME = rawOf("manifest");
/** Nonces that are tried when a hunk is rebuilt: few hunks share a weak digest. */
const MOST_NONCES = 3;

export class ManifestStore implements Disposable {
  readonly #content: Dir;
  readonly #storage: Dir;
  readonly #settings: Settings;
  readonly #aside: (place: string) => void;

  /** @param aside called with the new path, in the storage, of anything that was moved out of the way of an item */
  constructor(storage: Dir, settings: Settings, aside: (place: string) => void = () => {}) {
    this.#storage = storage;
    this.#aside = aside;
    this.#content = storage.openDir(rawOf("content"));
    this.#settings = settings;
  }

  [Symbol.dispose](): void {
    this.#content[Symbol.dispose]();
  }

  /** Reads and verifies an item. @throws DamagedContent if it is missing or its bytes don't match its name */
  read(id: RootId | HunkId): Uint8Array<ArrayBuffer> {
    const bytes = this.#readAny(id);
    if (bytes === undefined) throw new DamagedContent(id, this.isTaken(id) ? "it is no regular file" : "it is missing");
    if (hashBytes(this.#settings.algorithm, bytes) !== id.slice(0, -2)) {
      throw new DamagedContent(id, "its bytes don't match its checksum");
    }
    return bytes;
  }

  /** True if a regular file of that name exists. */
  has(id: RootId | HunkId): boolean {
    return this.#kindOf(id) === "file";
  }

  /** True if anything of that name exists, whatever its kind. */
  isTaken(id: RootId | HunkId): boolean {
    return this.#kindOf(id) !== undefined;
  }

  #kindOf(id: RootId | HunkId): Kind | undefined {
    const { dir, name } = itemPath(this.#settings, id);
    using leaf = openDirIfThere(this.#content, dir);
    return leaf?.stat(name)?.kind;
  }

  /** Reads a root of this or any other repository: copies keep their roots. @throws DamagedContent, DamagedManifest */
  readRoot(id: RootId): Root {
    const root = parseRoot(this.read(id)), { algorithm } = root.storage;
    if (algorithm === this.#settings.algorithm) return root;
    throw new DamagedManifest(`a root has ids of another algorithm (${algorithm})`);
  }

  /**
   * Stores a hunk with these lines. The same lines give the same id, and no new bytes.
   * @param isDurable true if it must survive a power cut without anything else
   */
  writeHunk(first: Apath, lines: readonly string[], isDurable = false): { ref: HunkRef; newBytes: number } {
    for (let nonce = 0;; nonce++) {
      const bytes = encodeHunk(lines, nonce);
      const id = hunkIdOf(hashBytes(this.#settings.algorithm, bytes));
      const there = this.#readAny(id);
      const isSame = there !== undefined && Buffer.compare(there, bytes) === 0;
      // A weak digest can be shared by two hunks, both whole; the nonce gives this one another name.
      if (there !== undefined && !isSame && hashBytes(this.#settings.algorithm, there) === id.slice(0, -2)) continue;
      if (!isSame) this.#replace(id, bytes, isDurable);
      return { ref: { first, count: lines.length, id }, newBytes: isSame ? 0 : bytes.length };
    }
  }

  /** The id that {@link writeRoot} will use, unless a different root has it. */
  idOfRoot(root: Root): RootId {
    return this.#encodeRoot(root, 0).id;
  }

  #encodeRoot(root: Root, nonce: number): { id: RootId; bytes: Uint8Array<ArrayBuffer> } {
    const bytes = new TextEncoder().encode(encodeRoot(root) + "\n".repeat(nonce));
    return { id: rootIdOf(hashBytes(this.#settings.algorithm, bytes)), bytes };
  }

  /** Makes the snapshot exist. Everything that it refers to must be durable already. */
  writeRoot(root: Root): RootId {
    for (let nonce = 0;; nonce++) {
      const { id, bytes } = this.#encodeRoot(root, nonce);
      if (this.#readAny(id) !== undefined) continue;
      this.#replace(id, bytes, true);
      return id;
    }
  }

  /**
   * Keeps a snapshot from being forgotten while it is read, by a shared lock of the system on its root. The lock needs
   * no write permission and ends with the process. Where files can't be locked, nothing is held.
   * @returns undefined if there is no such root; "busy" if a writer is checking whether it may be removed
   */
  tryLockForReading(id: RootId): Disposable | "busy" | undefined {
    using held = new DisposableStack();
    const file = this.#open(id);
    if (file === undefined) return undefined;
    held.use(file);
    if (!tryLock(file, "shared")) return "busy";
    return file.stat().links === 0 ? undefined : held.move();
  }

  /** True if the snapshot is being read. */
  isBeingRead(id: RootId): boolean {
    using file = this.#open(id);
    return file !== undefined && !tryLock(file, "exclusive");
  }

  /** Removes a root, unless its snapshot is being read. */
  removeRoot(id: RootId): "removed" | "held" | "missing" {
    using file = this.#open(id);
    if (file !== undefined && !tryLock(file, "exclusive")) return "held";
    return this.remove(id) ? "removed" : "missing";
  }

  /** Stores a hunk that was encoded elsewhere. @throws DamagedContent if the bytes don't match its id */
  putHunk(id: HunkId, bytes: Uint8Array<ArrayBuffer>): void {
    this.#assertIsOf(id, bytes);
    const there = this.#readAny(id);
    if (there === undefined || Buffer.compare(there, bytes) !== 0) this.#replace(id, bytes, false);
  }

  /** Restores a root or hunk in its place, durably. @throws DamagedContent if the bytes don't match its id */
  putBack(id: RootId | HunkId, bytes: Uint8Array<ArrayBuffer>): void {
    this.#assertIsOf(id, bytes);
    this.#replace(id, bytes, true);
  }

  #assertIsOf(id: RootId | HunkId, bytes: Uint8Array<ArrayBuffer>): void {
    if (hashBytes(this.#settings.algorithm, bytes) === id.slice(0, -2)) return;
    throw new DamagedContent(id, "its bytes don't match its checksum");
  }

  /** Stores a hunk of these lines if it gets exactly that id. @returns whether it did */
  remakeHunk(id: HunkId, lines: readonly string[]): boolean {
    for (let nonce = 0; nonce < MOST_NONCES; nonce++) {
      const bytes = encodeHunk(lines, nonce);
      if (hashBytes(this.#settings.algorithm, bytes) !== id.slice(0, -2)) continue;
      this.#replace(id, bytes, true);
      return true;
    }
    return false;
  }

  /**
   * Removes an unreferenced root or hunk; false if it didn't exist. An object of another kind is moved to quarantine/.
   */
  remove(id: RootId | HunkId): boolean {
    const { dir, name } = itemPath(this.#settings, id);
    using leaf = openDirIfThere(this.#content, dir);
    if (leaf === undefined || this.#makeRoom(id, leaf)) return false;
    const removed = leaf.unlink(name);
    if (removed) leaf.sync();
    return removed;
  }

  #readAny(id: RootId | HunkId): Uint8Array<ArrayBuffer> | undefined {
    using file = this.#open(id);
    if (file === undefined) return undefined;
    const { size } = file.stat();
    if (size > LARGEST_MANIFEST_BYTES) throw new DamagedContent(id, `it is too large (${size} bytes)`);
    const bytes = new Uint8Array(size);
    const got = file.read(bytes, 0);
    return bytes.subarray(0, got);
  }

  #open(id: RootId | HunkId): OpenFile | undefined {
    const { dir, name } = itemPath(this.#settings, id);
    using leaf = openDirIfThere(this.#content, dir);
    return leaf && openFileIfThere(leaf, name);
  }

  /** Moves an object of another kind out of the way. @returns true if there was one */
  #makeRoom(id: RootId | HunkId, leaf: Dir): boolean {
    const place = clearForFile(this.#storage, leaf, itemPath(this.#settings, id).name, rawOf(id));
    if (place !== undefined) this.#aside(place);
    return place !== undefined;
  }

  #replace(id: RootId | HunkId, bytes: Uint8Array<ArrayBuffer>, durable: boolean): void {
    using temp = this.#storage.openDir(rawOf("tmp"));
    const { dir, name } = itemPath(this.#settings, id);
    using leaf = this.#content.openPath(dir);
    temp.unlink(TEMP_NAME);
    using file = temp.create(TEMP_NAME, OWNER_ONLY);
    if (file === undefined) throw new DiskFault("EEXIST", "create", TEMP_NAME);
    file.write(bytes, 0);
    if (durable) file.sync();
    this.#makeRoom(id, leaf);
    temp.rename(TEMP_NAME, leaf, name);
    if (durable) leaf.sync();
  }
}

/**
 * Tries to lock. True also where the file system has no locks, or none on files opened only for reading, such as NFS.
 */
function tryLock(file: OpenFile, kind: "exclusive" | "shared"): boolean {
  try {
    return file.tryLock(kind);
  } catch (error) {
    if (error instanceof DiskFault) return true;
    throw error;
  }
}
