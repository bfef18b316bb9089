/**
 * Salvages files from any heap of units, intact or damaged and possibly incomplete, with nothing but a key: without
 * index, snapshots or `config`. Everything found is written at once, so the heap may be larger than memory, and a run
 * may be interrupted.
 *
 *   file -> head opened -> plaintext with gaps -> frames -> tar entries -> written under their names -> parts joined
 */
import { Fault, Interrupted } from "../../core/fault.ts";
import { baseName, joinRaw, parentPath, type Raw, raw, rawOf, sliceRaw } from "../../core/raw.ts";
import { ROOT_SUFFIX } from "../../core/content_id.ts";
import { OWN_DIRECTORY, rootName, UNIT_JSON } from "../pack/tar_names.ts";
import { OWN_FIELDS } from "../pack/unit_writer.ts";
import { isSealedKey } from "../seal/passphrase.ts";
import type { ByteRange } from "../seal/sealed_body.ts";
import { FileTree } from "./file_tree.ts";
import { filesIn, type FoundFile } from "./found_files.ts";
import { describedIn, foundFrames } from "./found_frames.ts";
import { type FoundList, type FoundPart, isTopList, joinParts } from "./parts.ts";
import { type HeapFile, plaintextOf } from "./plaintext.ts";
import { copiedRoot, type FoundRoot, rootIn } from "./found_roots.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";

export interface SalvageRequest {
  /** Directory that files are written to. */
  readonly target: Dir;
  /** `AGE-SECRET-KEY-...`; empty for vaults without encryption. */
  readonly identities: readonly string[];
  /**
   * Keys for signatures of snapshots. Default: none; snapshots of encrypted vaults are not trusted then, and skipped.
   */
  readonly auths?: readonly Uint8Array[];
  /** Keeps the parts of joined files, for a caller that searches the tree for more. */
  readonly keepsParts?: boolean;
  /** Called after each file of the heap. */
  readonly onUnit?: (unit: SalvagedUnit) => void;
  readonly signal?: AbortSignal;
}

export interface HeapEntry {
  /** Path for messages. */
  readonly path: string;
  readonly open: () => HeapFile & Disposable;
}

/** "other": an object of another kind, or no object at all. */
export type UnitCondition = "whole" | "damaged" | "unreadable" | "other";

export interface SalvagedUnit {
  readonly path: string;
  readonly condition: UnitCondition;
  /** Why nothing in it can be read; only for "unreadable". */
  readonly reason?: string;
  readonly files: number;
  /** Bytes of plaintext that could not be decrypted. */
  readonly lostBytes: number;
}

export interface DamagedFile {
  /** Name in the tree, with zeros for missing bytes. */
  readonly name: Raw;
  /** Empty if the file is damaged at an unknown position. */
  readonly missing: readonly ByteRange[];
}

export interface SalvageReport {
  readonly units: readonly SalvagedUnit[];
  /** Number of intact files, including joined ones, and their bytes. */
  readonly files: number;
  readonly bytes: number;
  /** Number of those that only tar and zstd confirm. */
  readonly believedFiles: number;
  readonly damaged: readonly DamagedFile[];
  readonly joined: readonly Raw[];
  readonly leftInParts: readonly Raw[];
  /** Roots of snapshots, including those from `snapshots/`; each is also a file of the tree. */
  readonly roots: readonly FoundRoot[];
  /** One name in the tree by SHA-256, for everything that is intact. */
  readonly where: ReadonlyMap<string, Raw>;
  /** Further names of the same bytes. */
  readonly twins: readonly { readonly name: Raw; readonly digest: string }[];
  /** Parts and lists of joined files, with `keepsParts`. */
  readonly spare: readonly Raw[];
  /** Files that the target can't hold, because their names are invalid there. */
  readonly unwritten: readonly { readonly name: Raw; readonly fault: DiskFault }[];
}

/** Salvages a heap. @throws Interrupted, DiskFault if the target can't be written */
export async function salvage(heap: Iterable<HeapEntry>, request: SalvageRequest): Promise<SalvageReport> {
  return await new SalvageRun(request).run(heap);
}

/** Suffix of a damaged file's name, so that it isn't mistaken for an intact one. */
const DAMAGED_MARK = "~damaged";
const MOST_COMPONENT_BYTES = 255;
/** Error codes after which every other file would fail too. */
const FATAL = new Set(["ENOSPC", "EDQUOT", "EROFS", "EIO", "ENODEV", "ESTALE", "EMFILE"]);

class SalvageRun {
  readonly #request: SalvageRequest;
  readonly #tree: FileTree;
  readonly #units: SalvagedUnit[] = [];
  readonly #damaged: (DamagedFile & { readonly content: string | undefined })[] = [];
  readonly #unwritten: { readonly name: Raw; readonly fault: DiskFault }[] = [];
  /** The fault of the target that ended the run, as opposed to one of a file in the heap. */
  #fatal: DiskFault | undefined;
  readonly #lists: FoundList[] = [];
  readonly #parts: FoundPart[] = [];
  readonly #twins: { readonly name: Raw; readonly digest: string }[] = [];
  readonly #roots = new Map<string, FoundRoot>();
  /** Names by digest, of everything written: for joining parts. */
  readonly #where = new Map<string, Raw>();
  #files = 0;
  #bytes = 0;
  #believed = 0;

  constructor(request: SalvageRequest) {
    this.#request = request;
    this.#tree = new FileTree(request.target);
  }

  async run(heap: Iterable<HeapEntry>): Promise<SalvageReport> {
    for (const entry of heap) {
      if (this.#request.signal?.aborted === true) throw new Interrupted();
      const unit = await this.#takeUnit(entry);
      this.#units.push(unit);
      this.#request.onUnit?.(unit);
    }
    const found = { lists: this.#lists, parts: this.#parts, where: this.#where };
    const { joined, leftInParts, spare } = joinParts(this.#tree, found, this.#request.keepsParts === true);
    for (const { digest, name } of joined) this.#where.set(digest, name);
    await this.#request.target.syncFileSystem();
    return {
      units: this.#units,
      files: this.#files + joined.length,
      bytes: joined.reduce((sum, { size }) => sum + size, this.#bytes),
      believedFiles: this.#believed + joined.filter(({ isBelieved }) => isBelieved).length,
      damaged: this.#damagedOnly(),
      joined: joined.map(({ name }) => name),
      leftInParts,
      roots: [...this.#roots.values()],
      where: this.#where,
      twins: this.#twins,
      spare,
      unwritten: this.#unwritten,
    };
  }

  async #takeUnit({ path, open }: HeapEntry): Promise<SalvagedUnit> {
    try {
      using file = open();
      const { identities, auths = [] } = this.#request;
      const take = {
        identities,
        auths,
        path,
        onFile: (found: FoundFile) => this.#keep(found),
        onRoot: (root: FoundRoot & { readonly bytes: Uint8Array<ArrayBuffer> }) => this.#keepRoot(root),
      };
      return { path, ...await takeFrom(file, take) };
    } catch (error) {
      // A heap may hold anything, and a disk that is dying gives what it likes: the next file is tried all the same.
      if (!(error instanceof Fault) || error === this.#fatal) throw error;
      return { path, condition: "unreadable", reason: error.message, files: 0, lostBytes: 0 };
    }
  }

  #keep(file: FoundFile): void {
    if (file.name === UNIT_JSON) return;
    try {
      if (file.trust === "damaged") this.#keepDamaged(file);
      else this.#keepWhole(file);
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      if (FATAL.has(error.errno)) throw this.#fatal = error;
      this.#unwritten.push({ name: file.name, fault: error });
    }
  }

  #keepDamaged({ name, bytes, entry, missing, content }: FoundFile): void {
    const base = sliceRaw(baseName(name), 0, MOST_COMPONENT_BYTES - DAMAGED_MARK.length);
    const marked = joinRaw(parentPath(name), raw`${base}${rawOf(DAMAGED_MARK)}`);
    this.#damaged.push({ name: this.#tree.write(marked, bytes, entry), missing, content });
  }

  /** Damaged files without an intact version from another unit. */
  #damagedOnly(): DamagedFile[] {
    const [whole, others] = [true, false].map((isWhole) =>
      this.#damaged.filter(({ content }) => (content !== undefined && this.#where.has(content)) === isWhole)
    );
    for (const name of new Set(whole?.map(({ name }) => name))) this.#tree.remove(name);
    return (others ?? []).map(({ name, missing }) => ({ name, missing }));
  }

  #keepRoot({ id, bytes, isCopy }: FoundRoot & { readonly bytes: Uint8Array<ArrayBuffer> }): void {
    const at = this.#tree.write(rootName(id), bytes, OWN_FIELDS);
    this.#where.set(id.slice(0, -ROOT_SUFFIX.length), at);
    this.#noteRoot({ id, isCopy });
  }

  /** Notes a root. One from `snapshots/` is certainly finished and not forgotten; a copy may be neither. */
  #noteRoot(root: FoundRoot): void {
    if (!root.isCopy || !this.#roots.has(root.id)) this.#roots.set(root.id, root);
  }

  #keepWhole({ name, bytes, entry, trust, digest, id, part }: FoundFile): void {
    const at = this.#tree.write(name, bytes, entry);
    if (!this.#where.has(digest)) this.#where.set(digest, at);
    else if (this.#where.get(digest) !== at) this.#twins.push({ name: at, digest });
    if (isTopList(name)) this.#lists.push({ name: at, id, fields: entry });
    if (part !== undefined) this.#parts.push({ ...part, name: at, size: bytes.length, fields: entry });
    const root = copiedRoot({ name, digest });
    if (root !== undefined) this.#noteRoot(root);
    // Copies, lists and hunks are no files of anybody, parts are only pieces of some.
    if (isTopList(name) || name.startsWith(`${OWN_DIRECTORY}/`) || /\.parts\/[^/]+$/.test(name)) return;
    this.#files++;
    this.#bytes += bytes.length;
    if (trust === "believed") this.#believed++;
  }
}

interface TakeOptions {
  readonly identities: readonly string[];
  readonly auths: readonly Uint8Array[];
  readonly path: string;
  readonly onFile: (file: FoundFile) => void;
  readonly onRoot: (root: FoundRoot & { readonly bytes: Uint8Array<ArrayBuffer> }) => void;
}

const KEY_START_BYTES = 64;

/** True for a key that is encrypted with a passphrase: it has no files. */
function isKey(file: HeapFile): boolean {
  const start = new Uint8Array(KEY_START_BYTES);
  return isSealedKey(start.subarray(0, file.read(start, 0)));
}

/** Salvages every file of one object. @throws Fault if its head can't be opened */
async function takeFrom(
  file: HeapFile,
  { identities, auths, path, onFile, onRoot }: TakeOptions,
): Promise<Omit<SalvagedUnit, "path">> {
  if (isKey(file)) return { condition: "other", files: 0, lostBytes: 0 };
  const plaintext = await plaintextOf(file, identities, path), contents = describedIn(plaintext, path);
  let files = 0, frames = 0, damaged = 0;
  for (const frame of foundFrames(plaintext, contents)) {
    frames++;
    if (!frame.isWhole) damaged++;
    for (const found of filesIn(frame, contents)) {
      files++;
      if (found.trust === "damaged") damaged++;
      onFile(found);
    }
  }
  const lostBytes = plaintext.gaps.reduce((sum, { length }) => sum + length, 0);
  if (contents === undefined && frames === 0 && lostBytes === 0) {
    const root = rootIn(plaintext, path, auths);
    if (root !== undefined) onRoot(root);
    return { condition: "other", files, lostBytes };
  }
  const isWhole = contents !== undefined && damaged === 0 && lostBytes === 0;
  return { condition: isWhole ? "whole" : "damaged", files, lostBytes };
}
