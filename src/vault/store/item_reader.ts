/** Fetches items: each frame takes one range request, and is kept for its neighbours. */
import { type Backend, objectKey } from "../../backend/backend.ts";
import { DamagedObject } from "../format/faults.ts";
import type { UnitFacts } from "../index/join.ts";
import { itemIn, readFrame } from "../pack/unit_reader.ts";
import { openHead } from "../seal/age_header.ts";
import { bodyOf } from "../seal/sealed_body.ts";
import { identitiesFor, type VaultAccess } from "./sealed_objects.ts";
import type { Home } from "./unit_index.ts";

/** Most plain bytes of frames that stay in memory. */
const MOST_KEPT_BYTES = 16 * 1024 * 1024;

interface KeptFrame {
  readonly plain: Promise<Uint8Array<ArrayBuffer>>;
  readonly bytes: number;
}

export class ItemReader {
  readonly #backend: Backend;
  readonly #access: VaultAccess;
  readonly #frames = new Map<string, KeptFrame>();
  #keptBytes = 0;
  #fetchedBytes = 0;

  constructor(backend: Backend, access: VaultAccess) {
    this.#backend = backend;
    this.#access = access;
  }

  /** Number of stored bytes that were fetched so far. */
  get fetchedBytes(): number {
    return this.#fetchedBytes;
  }

  /**
   * The verified bytes of an item: a view of its frame, which must not be changed.
   * @throws DamagedObject, MissingObject, ShortObject, WriteOnlyKey, WrongKey
   */
  async read({ unit, item }: Home): Promise<Uint8Array<ArrayBuffer>> {
    return itemIn(await this.#frame(unit, item.frame), item, `data/${unit.unit}`);
  }

  #frame(unit: UnitFacts, index: number): Promise<Uint8Array<ArrayBuffer>> {
    const id = `${unit.unit} ${index}`, kept = this.#frames.get(id);
    if (kept !== undefined) {
      this.#frames.delete(id);
      this.#frames.set(id, kept);
      return kept.plain;
    }
    const plain = this.#fetch(unit, index), bytes = unit.frames[index]?.plainBytes ?? 0;
    plain.catch(() => this.#forget(id)); // the next one to ask tries again
    this.#frames.set(id, { plain, bytes });
    this.#keptBytes += bytes;
    for (const oldest of this.#frames.keys()) {
      if (this.#keptBytes <= MOST_KEPT_BYTES || oldest === id) break;
      this.#forget(oldest);
    }
    return plain;
  }

  #forget(id: string): void {
    this.#keptBytes -= this.#frames.get(id)?.bytes ?? 0;
    this.#frames.delete(id);
  }

  async #fetch({ unit, unitClass, head, size, frames }: UnitFacts, index: number): Promise<Uint8Array<ArrayBuffer>> {
    const what = `data/${unit}`, frame = frames[index];
    if (frame === undefined) throw new DamagedObject(what, `there is no frame ${index}`);
    const identities = identitiesFor(this.#access, unitClass);
    const body = bodyOf(identities && await openHead(head, identities, what), size, what);
    return await readFrame({
      body,
      read: (range) => {
        this.#fetchedBytes += range.length;
        return this.#backend.get(objectKey("data", unit), { range });
      },
    }, frame);
  }
}
