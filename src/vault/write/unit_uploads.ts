/**
 * Uploads the units of one writer while others are packed, a few at a time, and then the objects of `index/` that list
 * them. Each is copied first, so that the next one can be packed in its memory.
 */
import { type Backend, objectKey, type SpooledFile } from "../../backend/backend.ts";
import { collectGarbage } from "../../core/garbage.ts";
import { unlessFault } from "../../core/fault.ts";
import { joinRaw, type Raw, rawOf } from "../../core/raw.ts";
import { type Disk, DiskFault } from "../../platform/disk.ts";
import { encodeLines, MOST_WRITTEN } from "../index/index_object.ts";
import type { UnitClass } from "../pack/items.ts";
import { makeHead } from "../seal/age_header.ts";
import { recipientFor, type SealedObjects } from "../store/sealed_objects.ts";
import type { UnitIndex } from "../store/unit_index.ts";
import type { FinishedBody, NextUnit, UnitBody, UnitRoom } from "./pack_desk.ts";
import { countOf, type PackedLine } from "./packed_line.ts";

/** Default for the target size of a unit in bytes. */
export const UNIT_BYTES = 16 * 1024 * 1024;
/** Stored size in bytes from which units are made in a file. */
export const MOST_MEMORY_BYTES = 64 * 1024 * 1024;
/** Bytes that a unit may have beyond its target size, for its last frames. */
const SLACK_BYTES = 16 * 1024 * 1024;
/** Share of a unit's target size below which one is small. */
const SMALL_SHARE = 0.5;
/** Initial buffer of units with hunks and lists, which are mostly small. It grows. */
const META_BYTES = 1024 * 1024;
const SALT_BYTES = 16;
/** Units that are uploaded at once if the place's limit is unknown. */
const USUAL_UPLOADS = 2;
/**
 * Number of items in stored units from which an index object is written, without waiting for a checkpoint: small enough
 * for their lines to take some megabytes, large enough for the index to have few objects.
 */
export const MOST_UNLISTED = 50_000;
/** Most bytes of units that are being uploaded, as they are in memory. */
const MOST_BYTES_UNDER_WAY = 256 * 1024 * 1024;

/** Number of units to upload at once. @param connections that the place accepts; undefined: unknown */
export function uploadsFor(unitBytes: number, connections = USUAL_UPLOADS): number {
  return Math.min(connections, Math.max(USUAL_UPLOADS, Math.floor(MOST_BYTES_UNDER_WAY / unitBytes)));
}

/** Memory for a unit, in bytes: it grows if a unit of small size ends with a large item. */
function roomFor(unitBytes: number): number {
  return unitBytes + Math.min(SLACK_BYTES, unitBytes);
}

export interface UploadOptions {
  /** Host that is recorded as the writer of index objects. */
  readonly host: string;
  /** Target for the stored size of a unit in bytes. */
  readonly unitBytes: number;
  /** Stored size in bytes from which units are made in a file. */
  readonly mostUnitInMemory: number;
  /** Most units that are uploaded at once: see {@link uploadsFor}. */
  readonly mostUploads: number;
  /** Called with the time at the place, in ms since 1970, when the first unit is stored. */
  readonly onPlaceTime?: (ms: number) => void;
  readonly disk: Disk;
  /** A local directory for units that are too large for memory. Absent: there are none. */
  readonly spool: Raw | undefined;
  /** Number of items from which stored units are listed before a flush. */
  readonly mostUnlisted: number;
  /** Called with each unit when an index object lists it. */
  readonly listed?: (unit: PackedLine) => void;
}

type UnitFile = Extract<UnitBody, { kind: "file" }>;
type FileRoom = Extract<UnitRoom, { kind: "file" }>;

export class UnitUploads implements AsyncDisposable {
  readonly #objects: SealedObjects;
  readonly #index: UnitIndex;
  readonly #options: UploadOptions;
  readonly #underWay = new Set<Promise<void>>();
  /** Memory of units that are uploaded. */
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  /** Files of units that are not stored yet, by name. */
  readonly #files = new Map<Raw, FileRoom>();
  #failure: { readonly error: unknown } | undefined;
  /** Units that no index object lists yet. */
  #stored: PackedLine[] = [];
  /** The index object that is being written: one at a time. */
  #listing: Promise<void> | undefined;
  #names = 0;
  #firstMs: number | undefined;

  /** @param index is updated with what is stored */
  constructor(objects: SealedObjects, index: UnitIndex, options: UploadOptions) {
    this.#objects = objects;
    this.#index = index;
    this.#options = options;
  }

  /** Waits for uploads in progress, and removes files of unfinished units. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#underWay);
    for (const room of [...this.#files.values()]) this.#removeFile(room);
  }

  /**
   * When the first unit of this writer was stored, by the clock of the place, in ms since 1970; undefined if none was.
   */
  get firstMs(): number | undefined {
    return this.#firstMs;
  }

  async begin(unitClass: UnitClass): Promise<NextUnit> {
    this.#throwIfFailed();
    const { access, random } = this.#objects, recipient = recipientFor(access, unitClass);
    const head = recipient === undefined ? undefined : await makeHead([recipient], random);
    const salt = recipient === undefined ? this.#objects.random(SALT_BYTES).toHex() : undefined;
    return { head, salt, room: this.#roomFor(unitClass) };
  }

  #roomFor(unitClass: UnitClass): UnitRoom {
    const { unitBytes, mostUnitInMemory, spool } = this.#options;
    const staged = this.#objects.backend.stage?.();
    if (staged !== undefined) return this.#keep({ kind: "file", ...staged, isObject: true });
    if (unitClass === "meta") return { kind: "memory", bytes: META_BYTES };
    if (unitBytes > mostUnitInMemory && spool !== undefined) {
      return this.#keep({ kind: "file", directory: spool, name: this.#spoolName(), isObject: false });
    }
    return { kind: "memory", bytes: roomFor(unitBytes) };
  }

  #spoolName(): Raw {
    const { random, access } = this.#objects;
    const tag = Array.from(random(8), (byte) => byte.toString(16).padStart(2, "0")).join("");
    return rawOf(`${access.config.id}-${tag}-${this.#names++}.unit`);
  }

  #keep(room: FileRoom): FileRoom {
    this.#files.set(room.name, room);
    return room;
  }

  /** Accepts a unit; waits while too many are in progress. @throws the failure of an earlier one */
  async hand({ line, body }: FinishedBody): Promise<void> {
    while (this.#underWay.size >= this.#options.mostUploads) await Promise.race(this.#underWay);
    this.#throwIfFailed();
    const done = this.#store(line, body.kind === "memory" ? this.#copyOf(body.bytes) : body)
      .catch((error) => void (this.#failure ??= { error }));
    this.#underWay.add(done);
    done.then(() => this.#underWay.delete(done));
    if (this.#listing === undefined && itemsOf(this.#stored) >= this.#options.mostUnlisted) await this.#listStored();
  }

  #copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const { unitBytes } = this.#options, usual = roomFor(unitBytes);
    // The last unit of a run, often the only one: memory of the usual size would bring on a garbage collection.
    if (bytes.length < unitBytes * SMALL_SHARE) return new Uint8Array(bytes);
    const free = this.#free.pop();
    const isEnough = free !== undefined && free.length >= bytes.length;
    const memory = isEnough ? free : new Uint8Array(Math.max(usual, bytes.length));
    memory.set(bytes);
    return memory.subarray(0, bytes.length);
  }

  async #store(line: PackedLine, body: Uint8Array<ArrayBuffer> | UnitFile): Promise<void> {
    const { backend } = this.#objects;
    if (this.#firstMs === undefined) {
      this.#firstMs = await backend.now({ roughly: true });
      this.#options.onPlaceTime?.(this.#firstMs);
    }
    if (body instanceof Uint8Array) {
      await backend.put(objectKey("data", line.unit), body, { isFresh: true });
      if (body.byteLength < body.buffer.byteLength) this.#free.push(new Uint8Array(body.buffer));
    } else await this.#storeFile(backend, line, body);
    this.#stored.push(line);
  }

  async #storeFile(backend: Backend, { unit }: PackedLine, { name, size }: UnitFile): Promise<void> {
    const room = this.#files.get(name);
    if (room === undefined) throw new Error("There is no such unit");
    using directory = this.#options.disk.openDir(room.directory);
    using file = directory.open(name);
    if (file === undefined) throw new DiskFault("ENOENT", "open", joinRaw(room.directory, name));
    const read: SpooledFile["read"] = (into, position) => file.read(into, position);
    const body = room.isObject ? { size, read, staged: name } : { size, read };
    await backend.put(objectKey("data", unit), body, { isFresh: true });
    this.#removeFile(room);
  }

  #removeFile({ directory, name }: FileRoom): void {
    // Files that stay are leftovers like others: they are removed one day, and a failure would hide the first one.
    unlessFault(() => {
      using dir = this.#options.disk.openDir(directory);
      dir.unlink(name);
    }, undefined);
    this.#files.delete(name);
  }

  /** Waits for all accepted units, and stores the index of those that are not listed yet. */
  async flush(): Promise<void> {
    await Promise.all(this.#underWay);
    await this.#listing;
    this.#throwIfFailed();
    while (this.#stored.length > 0) await this.#listStored();
  }

  /** Stores the index of the oldest units that are not listed yet. */
  async #listStored(): Promise<void> {
    this.#listing = this.#list(portionOf(this.#stored));
    try {
      await this.#listing;
    } finally {
      this.#listing = undefined;
    }
  }

  async #list(units: readonly PackedLine[]): Promise<void> {
    const { access, auth, backend } = this.#objects, { host } = this.#options;
    const written = new Date(await backend.now({ roughly: true })).toISOString();
    const header = { kind: "units", vault: access.config.id, host, written, supersedes: [] } as const;
    const object = encodeLines(header, units.map(({ text }) => text), auth);
    this.#index.addPacked(await this.#objects.put("index", object), { ...header, units });
    this.#stored = this.#stored.slice(units.length);
    if (this.#options.listed !== undefined) units.forEach(this.#options.listed);
    if (itemsOf(units) >= this.#options.mostUnlisted) collectGarbage();
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

function itemsOf(units: readonly PackedLine[]): number {
  return units.reduce((sum, line) => sum + countOf(line), 0);
}

/** A copy of the first units of a list, which may grow: as many as one index object can describe. */
function portionOf(units: readonly PackedLine[]): readonly PackedLine[] {
  let items = 0;
  const end = units.findIndex((line, i) => (items += countOf(line)) > MOST_WRITTEN && i > 0);
  return units.slice(0, end < 0 ? units.length : end);
}
