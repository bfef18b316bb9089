/**
 * The content items of a storage: every distinct content once, under its digest.
 *
 * An item is created exclusively under its final name and never changed. An existing one is trusted only if a committed
 * root vouches for it or this run has verified it; otherwise it is read, and replaced if its bytes don't match its name
 * (FORMAT.md, "Which items are trusted").
 */
import { openDirIfThere, openFileIfThere } from "../../platform/open_optional.ts";
import { Buffer } from "node:buffer";
import { type ContentId, contentIdOf, isDigestOf, LAST_CONTENT_SUFFIX } from "../../core/content_id.ts";
import { hashBytes, isCollisionResistant } from "../../core/digest.ts";
import { DigestStream } from "../../core/digest_stream.ts";
import type { NsText } from "../../core/entry.ts";
import { Fault } from "../../core/fault.ts";
import type { ContentKeeper, ContentStream, FileFacts, StoredItem } from "../../intake/content_keeper.ts";
import { joinRaw, type Raw, rawOf } from "../../core/raw.ts";
import type { Stat } from "../../core/stat.ts";
import { type Dir, DiskFault, type LinkResult, type OpenFile } from "../../platform/disk.ts";
import { readingAroundHoles, writeAroundHoles } from "../../platform/holes.ts";
import { openFileLimit } from "../../platform/limits.ts";
import type { Meter } from "../../platform/meter.ts";
import { atOnce, type Steps } from "../../core/steps.ts";
import type { StopFlag } from "../../platform/stop_flag.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import type { Shown } from "../../snapshot/ingest_batch.ts";
import { accessFor, type FileAccess, narrow, OWNER_ONLY } from "./access.ts";
import type { InFlightContents } from "./in_flight.ts";
import { clearForFile } from "../layout/quarantine.ts";
import { SpareCopies } from "./spare_copies.ts";
import { itemPath } from "../layout/item_path.ts";
import type { Settings } from "../layout/settings.ts";

/** Bytes moved at once. They stay in a core's cache; larger buffers were measured slower. */
export const CHUNK_BYTES = 256 * 1024;
/** Interval in bytes at which the disk begins to write a large file while the rest is still read. */
const WRITE_BACK_BYTES = 4 * 1024 * 1024;
/** How far reading may be ahead of writing, in bytes; without a limit, all of it would wait for the sync at the end. */
const AHEAD_BYTES = 8 * 1024 * 1024;
/** Bytes waited for at once: a slow disk takes a second for them. */
const AWAITED_BYTES = 1024 * 1024;
/** Leaf directories that one store (there is one per thread) keeps open at once; fewer where few files may be open. */
const MOST_OPEN_LEAVES = 512, FEWEST_OPEN_LEAVES = 4, FILES_OF_ONE_LEAF = 12;

function openLeaves(): number {
  return Math.max(FEWEST_OPEN_LEAVES, Math.min(MOST_OPEN_LEAVES, Math.floor(openFileLimit() / FILES_OF_ONE_LEAF)));
}

export interface ContentStoreOptions {
  readonly storage: Dir;
  readonly settings: Settings;
  /** The user and group that new items belong to. */
  readonly uid: number;
  readonly gid: number;
  readonly claims: InFlightContents;
  /** True if a committed root refers to the item. */
  readonly isTrusted: (id: ContentId) => boolean;
  /** Items that an earlier check found damaged. */
  readonly damaged: ReadonlySet<string>;
  /** Prefix for files in tmp/ that no other worker uses. */
  readonly tempPrefix: string;
  readonly stop: StopFlag;
  /** Counts the bytes of streamed contents as they arrive. */
  readonly meter: Meter;
}

export class ContentStore implements ContentKeeper, Disposable {
  readonly #options: ContentStoreOptions;
  readonly #content: Dir;
  #openTemp: Dir | undefined;
  readonly #leaves = new Map<Raw, Dir>();
  readonly #buffer = new Uint8Array(CHUNK_BYTES);
  /** Buffer for reading small files. */
  readonly #room = new Uint8Array(CHUNK_BYTES);
  readonly #resistant: boolean;
  readonly #spares: SpareCopies;
  readonly #openLeaves = openLeaves();
  #temps = 0;

  constructor(options: ContentStoreOptions) {
    this.#options = options;
    this.#content = options.storage.openDir(rawOf("content"));
    this.#spares = new SpareCopies(() => this.#temp, options.tempPrefix);
    this.#resistant = isCollisionResistant(options.settings.algorithm);
  }

  [Symbol.dispose](): void {
    for (const leaf of this.#leaves.values()) leaf[Symbol.dispose]();
    this.#leaves.clear();
    this.#content[Symbol.dispose]();
    this.#spares[Symbol.dispose]();
    this.#openTemp?.[Symbol.dispose]();
  }

  /** tmp/, opened on first use: readers need none, and a copy of a storage may lack it. */
  get #temp(): Dir {
    return this.#openTemp ??= this.#options.storage.openDir(rawOf("tmp"));
  }

  roomFor(size: number): Uint8Array<ArrayBuffer> | undefined {
    return size < this.#room.length ? this.#room : undefined;
  }

  has(id: ContentId, size: number): boolean {
    return this.sizeOf(id) === size;
  }

  /** Stores a content from memory. */
  storeBytes(bytes: Uint8Array<ArrayBuffer>, file: FileFacts): Steps<StoredItem> {
    return this.#storeUnderFreeId(hashBytes(this.#options.settings.algorithm, bytes), new BytesCandidate(bytes), file);
  }

  /** Stores a content of any size in bounded memory, through a file in tmp/. */
  *storeStream(stream: ContentStream, file: FileFacts): Steps<StoredItem> {
    const name = rawOf(`${this.#options.tempPrefix}${this.#temps++}`);
    const temp = this.#temp.create(name, OWNER_ONLY | 0o200);
    if (temp === undefined) throw new DiskFault("EEXIST", "create", name);
    try {
      // What is kept is hashed, not what the source may have become since.
      const { digest, size } = stream.cloneTo(temp)
        ? yield* this.#digestAndSize(readingAroundHoles(temp), this.#options.meter)
        : yield* this.#copyIn(stream, temp);
      return yield* this.#storeUnderFreeId(digest, new TempCandidate(this.#temp, name, temp, size), file);
    } finally {
      temp[Symbol.dispose]();
      this.#temp.unlink(name);
    }
  }

  /** Stores a content that is already in a file of tmp/. */
  adopt(digest: string, held: { name: Raw; file: OpenFile; size: number }, facts: FileFacts): StoredItem {
    return atOnce(
      this.#storeUnderFreeId(digest, new TempCandidate(this.#temp, held.name, held.file, held.size), facts),
    );
  }

  /** Gives the item one more name, by a hard link. */
  link(id: ContentId, to: Dir, toName: Raw): LinkResult {
    const { leaf, name } = this.#place(id);
    return leaf === undefined ? "missing" : leaf.link(name, to, toName);
  }

  /**
   * Makes the item appear under one more name, by a hard link, or by a link to a copy where the item can't get another
   * link.
   * @throws DamagedContent if it doesn't exist
   */
  linkOrCopy(id: ContentId, to: Dir, toName: Raw): Shown {
    const how = this.linkOrCopyIfThere(id, to, toName);
    if (how === "missing") throw new DamagedContent(id, "it is missing");
    return how;
  }

  /** Size of the item in bytes; undefined if it doesn't exist. */
  sizeOf(id: ContentId): number | undefined {
    const { leaf, name } = this.#place(id);
    const stat = leaf?.stat(name);
    return stat?.kind === "file" ? stat.size : undefined;
  }

  /** Absolute path of the item; undefined if it doesn't exist. */
  pathOf(id: ContentId): Raw | undefined {
    const { leaf, name } = this.#place(id);
    return leaf?.stat(name)?.kind === "file" ? joinRaw(leaf.path, name) : undefined;
  }

  /** True if the stat is that of the item itself, under another name. */
  isItem(id: ContentId, { inode, device }: Stat): boolean {
    const { leaf, name } = this.#place(id);
    const stat = leaf?.stat(name);
    return stat !== undefined && stat.inode === inode && stat.device === device;
  }

  /**
   * As {@link linkOrCopy}, for an item that may not exist.
   * @param before opens the directory of an earlier tree that may have the content under that name
   * @returns "taken" if the name exists already: a file system may take the names of two files for one
   */
  linkOrCopyIfThere(id: ContentId, to: Dir, toName: Raw, before?: () => Dir | undefined): Shown | "missing" {
    const result = this.#spares.has(id) ? "too-many-links" : this.link(id, to, toName);
    if (result === "linked" || result === "missing") return result;
    if (result === "exists") return "taken";
    const { leaf, name } = this.#place(id);
    const stat = leaf?.stat(name);
    if (stat?.kind !== "file") return "missing";
    if (result === "refused") return this.copy(id, to, toName), "copied";
    const copy = (into: Dir, copyName: Raw) => this.copy(id, into, copyName);
    return this.#spares.show({ id, stat, to, name: toName, before: before?.(), copy });
  }

  /** Makes an independent copy, for file systems that refuse one more link. */
  copy(id: ContentId, to: Dir, toName: Raw): void {
    using source = this.open(id);
    const { mode, mtime, gid } = source.stat();
    using target = to.create(toName, OWNER_ONLY | 0o200);
    if (target === undefined) throw new DiskFault("EEXIST", "create", toName);
    if (!target.cloneFrom(source)) {
      for (let at = 0, got = 0; (got = source.read(this.#buffer, at)) > 0; at += got) {
        this.#options.stop.check();
        target.write(this.#buffer.subarray(0, got), at);
      }
    }
    giveAccess(target, { mode, mtime, gid, hasAcl: false }, this.#options);
  }

  /** Opens the item for reading. @throws DamagedContent if it doesn't exist */
  open(id: ContentId): OpenFile {
    const { leaf, name } = this.#place(id);
    const file = leaf && openFileIfThere(leaf, name);
    if (file === undefined) throw new DamagedContent(id, "it is missing");
    return file;
  }

  /**
   * Reads the content in chunks; each is valid until the next is requested. @throws DamagedContent at the end if the
   * digest is wrong
   */
  *read(id: ContentId): Generator<Uint8Array<ArrayBuffer>> {
    using file = this.open(id);
    const stream = this.#digesting(readingAroundHoles(file));
    for (const { bytes } of stream) yield bytes;
    if (!isDigestOf(id, stream.digest)) throw new DamagedContent(id, "its bytes don't match its checksum");
  }

  #digesting(read: OpenFile["read"]): DigestStream {
    return new DigestStream(this.#options.settings.algorithm, read, this.#buffer);
  }

  #place(id: string): { leaf: Dir | undefined; name: Raw } {
    const { dir, name } = itemPath(this.#options.settings, id);
    return { leaf: this.#leaf(dir), name };
  }

  /**
   * The open leaf directory; undefined if it doesn't exist. Leaf directories are made when a storage is opened for
   * writing.
   */
  #leaf(path: Raw): Dir | undefined {
    const open = this.#leaves.get(path);
    if (open !== undefined) return open;
    if (this.#leaves.size >= this.#openLeaves) this.#closeOldestLeaf();
    const leaf = openDirIfThere(this.#content, path);
    if (leaf !== undefined) this.#leaves.set(path, leaf);
    return leaf;
  }

  #closeOldestLeaf(): void {
    for (const [path, leaf] of this.#leaves) {
      leaf[Symbol.dispose]();
      this.#leaves.delete(path);
      return;
    }
  }

  *#copyIn(stream: ContentStream, temp: OpenFile): Steps<{ digest: string; size: number }> {
    const digesting = this.#digesting((into, position) => stream.read(into, position));
    for (const { bytes, at } of digesting) {
      this.#options.stop.check();
      if (stream.sparse) writeAroundHoles(temp, bytes, at);
      else temp.write(bytes, at);
      this.#writeBack(temp, at + bytes.length);
      this.#options.meter.add(bytes.length);
      yield;
    }
    if (stream.sparse) temp.truncate(digesting.size);
    return digesting;
  }

  /**
   * Starts writing what was put into the file, and waits if that is far behind. @param end number of bytes written so
   * far
   */
  #writeBack(temp: OpenFile, end: number): void {
    if (end % WRITE_BACK_BYTES === 0) temp.writeBack(end - WRITE_BACK_BYTES, WRITE_BACK_BYTES);
    if (end > AHEAD_BYTES && end % AWAITED_BYTES === 0) {
      temp.awaitWriteBack(end - AHEAD_BYTES - AWAITED_BYTES, AWAITED_BYTES);
    }
  }

  /** Finds the id under which a content with that digest is stored, or stores it. */
  *#storeUnderFreeId(digest: string, candidate: Candidate, file: FileFacts): Steps<StoredItem> {
    for (let suffix = -1; suffix <= LAST_CONTENT_SUFFIX; suffix++) {
      const id = contentIdOf(digest, suffix < 0 ? undefined : suffix);
      const stored = yield* this.#storeUnderId(id, digest, candidate, file);
      if (stored !== undefined) return stored;
    }
    throw new TooManyCollisions(digest);
  }

  /** Stores a content under this id, or finds it there. @returns undefined if a different content has that id */
  *#storeUnderId(id: ContentId, digest: string, candidate: Candidate, file: FileFacts): Steps<StoredItem | undefined> {
    const claim = this.#options.claims.claim(id);
    if (claim.outcome === "done") {
      const known = yield* this.#reuse(id, candidate, file);
      if (known !== "missing") return known;
      // Two ids can have one fingerprint: the other one is done, this one is judged as if there had been no place for it.
    }
    try {
      const stored = yield* this.#placeOrJudge(id, digest, candidate, file);
      if (claim.outcome === "mine") this.#options.claims.done(claim);
      return stored;
    } catch (error) {
      if (claim.outcome === "mine") this.#options.claims.failed(claim);
      throw error;
    }
  }

  *#placeOrJudge(
    id: ContentId,
    digest: string,
    candidate: Candidate,
    file: FileFacts,
  ): Steps<StoredItem | undefined> {
    const { leaf, name } = this.#place(id);
    if (leaf === undefined) throw new DamagedContent(id, "its directory is missing");
    if (candidate.place(leaf, name, file, this.#options)) {
      if (this.#resistant || id === file.expected || !this.#options.isTrusted(id)) return fresh(id, candidate);
      // A root knows a content by this id whose item is missing; under a weak digest it may have been another one.
      leaf.unlink(name);
      return undefined;
    }
    switch (yield* this.#compareExisting(id, digest, leaf, name, candidate)) {
      case "same": {
        const known = yield* this.#reuse(id, candidate, file);
        if (known === "missing") throw new DamagedContent(id, "it has just vanished");
        return known;
      }
      case "different":
        return undefined;
      case "broken":
        if (!this.#resistant && id !== file.expected && this.#options.isTrusted(id)) return undefined;
        this.#makeRoom(id, leaf, name);
        candidate.replace(leaf, name, this.#temp, rawOf(`${this.#options.tempPrefix}heal`));
        return fresh(id, candidate);
    }
  }

  #makeRoom(id: ContentId, leaf: Dir, name: Raw): void {
    const place = clearForFile(this.#options.storage, leaf, name, rawOf(id));
    if (place !== undefined) this.#aside.push(place);
  }

  /** Paths in the storage of objects that were moved out of the way of items since the last call. */
  takeAside(): string[] {
    return this.#aside.splice(0);
  }
  readonly #aside: string[] = [];

  /**
   * Determines what exists under `name`: this content, another one with the same digest, or something that doesn't
   * match its name.
   */
  *#compareExisting(
    id: ContentId,
    digest: string,
    leaf: Dir,
    name: Raw,
    candidate: Candidate,
  ): Steps<"same" | "different" | "broken"> {
    const stat = leaf.stat(name);
    if (stat?.kind !== "file") return "broken";
    const sameSize = stat.size === candidate.size;
    const isBelieved = this.#resistant && !this.#options.damaged.has(id) && this.#options.isTrusted(id);
    if (isBelieved) return sameSize ? "same" : "broken";
    using item = leaf.open(name);
    if (item === undefined || (yield* this.digestOf(readingAroundHoles(item))) !== digest) return "broken";
    if (!sameSize) return "different";
    return this.#resistant || (yield* candidate.equals(item, this.#options.stop)) ? "same" : "different";
  }

  /**
   * Digest of a file in hex. @param read reads from a position, as {@link OpenFile.read} does @param meter counts the
   * bytes read from a source
   */
  *digestOf(read: OpenFile["read"], meter?: Meter): Steps<string> {
    return (yield* this.#digestAndSize(read, meter)).digest;
  }

  /**
   * Lets one more file share an item that its content was found equal to. @returns false if the item is missing or
   * damaged
   */
  share(id: ContentId, size: number, file: FileAccess): boolean {
    const { leaf, name } = this.#place(id);
    const stat = leaf?.stat(name);
    if (leaf === undefined || stat?.kind !== "file" || stat.size !== size || this.#options.damaged.has(id)) {
      return false;
    }
    const access = narrow(stat, file);
    if (access.mode !== stat.mode) leaf.setAttributes(name, { mode: access.mode });
    return true;
  }

  *#digestAndSize(read: OpenFile["read"], meter?: Meter): Steps<{ digest: string; size: number }> {
    const digesting = this.#digesting(read);
    for (const { bytes } of digesting) {
      this.#options.stop.check();
      meter?.add(bytes.length);
      yield;
    }
    return digesting;
  }

  /**
   * Reuses an item that is known to be intact. Makes sure that it has the same content, and narrows its access where
   * needed.
   */
  *#reuse(id: ContentId, candidate: Candidate, file: FileFacts): Steps<StoredItem | "missing" | undefined> {
    const { leaf, name } = this.#place(id);
    const stat = leaf?.stat(name);
    if (leaf === undefined || stat?.kind !== "file") return "missing";
    if (stat.size !== candidate.size) return undefined;
    if (!this.#resistant) {
      using item = leaf.open(name);
      if (item === undefined || !(yield* candidate.equals(item, this.#options.stop))) return undefined;
    }
    const access = narrow(stat, file);
    if (access.mode !== stat.mode) leaf.setAttributes(name, { mode: access.mode });
    return { id, size: stat.size, newBytes: 0, isNew: false };
  }
}

function fresh(id: ContentId, candidate: Candidate): StoredItem {
  return { id, size: candidate.size, newBytes: candidate.size, isNew: true };
}

/** A content that is about to be stored. */
interface Candidate {
  readonly size: number;
  /** Creates the item; false if the name exists. Leaves nothing behind if it fails. */
  place(leaf: Dir, name: Raw, file: FileFacts, owner: { uid: number; gid: number }): boolean;
  /** Replaces a broken item by the content. */
  replace(leaf: Dir, name: Raw, temp: Dir, tempName: Raw): void;
  equals(item: OpenFile, stop: StopFlag): Steps<boolean>;
}

class BytesCandidate implements Candidate {
  readonly #bytes: Uint8Array<ArrayBuffer>;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  get size(): number {
    return this.#bytes.length;
  }

  place(leaf: Dir, name: Raw, file: FileFacts, owner: { uid: number; gid: number }): boolean {
    const sameGroup = file.gid === owner.gid;
    using item = leaf.create(name, sameGroup ? accessFor(file, owner.gid).mode : OWNER_ONLY);
    if (item === undefined) return false;
    try {
      if (this.#bytes.length > 0) item.write(this.#bytes, 0);
      if (sameGroup) item.setAttributes({ mtime: file.mtime });
      else giveAccess(item, file, owner);
    } catch (error) {
      leaf.unlink(name);
      throw error;
    }
    return true;
  }

  replace(leaf: Dir, name: Raw, temp: Dir, tempName: Raw): void {
    temp.unlink(tempName);
    using item = temp.create(tempName, OWNER_ONLY);
    if (item === undefined) throw new DiskFault("EEXIST", "create", tempName);
    item.write(this.#bytes, 0);
    temp.rename(tempName, leaf, name);
  }

  // deno-lint-ignore require-yield -- small contents are compared in one step
  *equals(item: OpenFile): Steps<boolean> {
    const other = new Uint8Array(this.#bytes.length + 1);
    const got = item.read(other, 0);
    return got === this.#bytes.length && Buffer.compare(other.subarray(0, got), this.#bytes) === 0;
  }
}

class TempCandidate implements Candidate {
  readonly size: number;
  readonly #temp: Dir;
  readonly #name: Raw;
  readonly #file: OpenFile;

  constructor(temp: Dir, name: Raw, file: OpenFile, size: number) {
    this.#temp = temp;
    this.#name = name;
    this.#file = file;
    this.size = size;
  }

  place(leaf: Dir, name: Raw, file: FileFacts, owner: { uid: number; gid: number }): boolean {
    // Nobody else can create the name in between: the writer lock and the claim are ours.
    if (leaf.stat(name) !== undefined) return false;
    giveAccess(this.#file, file, owner);
    this.#temp.rename(this.#name, leaf, name);
    return true;
  }

  replace(leaf: Dir, name: Raw): void {
    this.#file.setAttributes({ mode: OWNER_ONLY });
    this.#temp.rename(this.#name, leaf, name);
  }

  *equals(item: OpenFile, stop: StopFlag): Steps<boolean> {
    using own = this.#temp.open(this.#name);
    if (own === undefined) return false;
    const a = new Uint8Array(CHUNK_BYTES), b = new Uint8Array(CHUNK_BYTES);
    for (let at = 0;;) {
      stop.check();
      yield;
      const gotA = own.read(a, at), gotB = item.read(b, at);
      if (gotA !== gotB || Buffer.compare(a.subarray(0, gotA), b.subarray(0, gotB)) !== 0) return false;
      if (gotA === 0) return true;
      at += gotA;
    }
  }
}

/** Sets group, mode and time of a new item. If the group can't be set, the group gets no access. */
function giveAccess(item: OpenFile, file: FileAccess & { mtime: NsText }, owner: { uid: number; gid: number }): void {
  let gid = file.gid;
  if (gid !== owner.gid) {
    try {
      item.setAttributes({ uid: owner.uid, gid });
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      gid = owner.gid;
    }
  }
  item.setAttributes({ mode: accessFor(file, gid).mode, mtime: file.mtime });
}

export class TooManyCollisions extends Fault {
  readonly code = "too-many-collisions";
  readonly hint = "Create a storage with a stronger checksum, such as sha256";
  constructor(digest: string) {
    super(`Cannot store one more content with the checksum ${digest}: all 241 names are taken`);
  }
}
