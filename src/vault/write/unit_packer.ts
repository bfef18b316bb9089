/** Packs items into units and stores these: one open unit for contents, one for hunks and lists. */
import { type Backend, objectKey } from "../../backend/backend.ts";
import { encodeIndex, type IndexObject, lineOf, MOST_WRITTEN, type UnitLine } from "../index/index_object.ts";
import type { UnitClass } from "../pack/items.ts";
import { type NewItem, PackBuffers, UnitWriter } from "../pack/unit_writer.ts";
import { makeHead } from "../seal/age_header.ts";
import { MemoryOutput } from "../seal/output.ts";
import { sealInto } from "../seal/sealer.ts";
import { recipientFor, type SealedObjects } from "../store/sealed_objects.ts";
import type { UnitIndex } from "../store/unit_index.ts";

/** Stored bytes of a unit, by default. */
export const UNIT_BYTES = 16 * 1024 * 1024;
const LEVEL = 3;
const SALT_BYTES = 16;

/** A unit in the making. Its memory serves the next one of its class. */
class OpenUnit {
  readonly #output = new MemoryOutput(new Uint8Array(1024 * 1024));
  readonly #buffers = new PackBuffers();
  #writer: UnitWriter | undefined;

  get writer(): UnitWriter | undefined {
    return this.#writer;
  }

  async begin(unitClass: UnitClass, objects: SealedObjects, unitBytes: number): Promise<UnitWriter> {
    const recipient = recipientFor(objects.access, unitClass);
    const head = recipient === undefined ? undefined : await makeHead([recipient], objects.random);
    this.#output.reset();
    return this.#writer = new UnitWriter({
      vault: objects.access.config.id,
      unitClass,
      ...(recipient === undefined && { salt: objects.random(SALT_BYTES).toHex() }),
      sealer: sealInto(this.#output, head),
      unitBytes,
      level: LEVEL,
      buffers: this.#buffers,
    });
  }

  /** Stores the unit, if one was begun. */
  async store(backend: Backend): Promise<UnitLine | undefined> {
    const finished = this.#writer?.finish();
    this.#writer = undefined;
    if (finished === undefined) return undefined;
    await backend.put(objectKey("data", finished.id), this.#output.bytes);
    return lineOf(finished);
  }
}

export interface PackerOptions {
  /** Noted as the writer of index objects. */
  readonly host: string;
  /** Default: {@link UNIT_BYTES}. */
  readonly unitBytes: number | undefined;
  /** Gets the names of units that were stored: what is in them has to stay. */
  readonly reliedOn: Set<string>;
}

export class UnitPacker {
  readonly #objects: SealedObjects;
  readonly #index: UnitIndex;
  readonly #host: string;
  readonly #unitBytes: number;
  readonly #reliedOn: Set<string>;
  readonly #open: Readonly<Record<UnitClass, OpenUnit>> = { data: new OpenUnit(), meta: new OpenUnit() };
  #stored: UnitLine[] = [];
  /** Ids of items that are packed, and in no index yet; those of lists and level-0 lists among them. */
  readonly #pending: Readonly<Record<UnitClass, Set<string>>> = { data: new Set(), meta: new Set() };

  /** @param index learns of what is stored */
  constructor(objects: SealedObjects, index: UnitIndex, options: PackerOptions) {
    const { host, unitBytes = UNIT_BYTES, reliedOn } = options;
    this.#objects = objects;
    this.#index = index;
    this.#host = host;
    this.#unitBytes = unitBytes;
    this.#reliedOn = reliedOn;
  }

  /** True if an item was packed since the last {@link flush}. */
  isPending(id: string, unitClass: UnitClass): boolean {
    return this.#pending[unitClass].has(id);
  }

  /** @param item its bytes are copied before this resolves */
  async add(unitClass: UnitClass, item: NewItem): Promise<void> {
    (await this.#writerFor(unitClass)).add(item);
    this.#pending[unitClass].add(item.id);
  }

  /** Something that lies elsewhere too, for people. */
  async addCopy(unitClass: UnitClass, item: NewItem): Promise<void> {
    (await this.#writerFor(unitClass)).addCopy(item);
  }

  async #writerFor(unitClass: UnitClass): Promise<UnitWriter> {
    const open = this.#open[unitClass];
    if (open.writer?.isFull === true) await this.#store(open);
    return open.writer ?? await open.begin(unitClass, this.#objects, this.#unitBytes);
  }

  async #store(open: OpenUnit): Promise<void> {
    const line = await open.store(this.#objects.backend);
    if (line === undefined) return;
    this.#stored.push(line);
    this.#reliedOn.add(line.unit);
  }

  /** Stores what is open, and then the index of everything that was stored since the last time. */
  async flush(): Promise<void> {
    await this.#store(this.#open.data);
    await this.#store(this.#open.meta);
    const { backend, access, auth } = this.#objects;
    for (const units of portionsOf(this.#stored)) {
      const written = new Date(await backend.now()).toISOString(), vault = access.config.id;
      const object: IndexObject = { kind: "units", vault, host: this.#host, written, supersedes: [], units };
      this.#index.add(await this.#objects.put("index", encodeIndex(object, auth)), object);
    }
    this.#stored = [];
    this.#pending.data.clear();
    this.#pending.meta.clear();
  }
}

/** As many units as one index object may describe. */
function* portionsOf(units: readonly UnitLine[]): Generator<readonly UnitLine[]> {
  let portion: UnitLine[] = [], items = 0;
  for (const unit of units) {
    if (portion.length > 0 && items + unit.items.length > MOST_WRITTEN) {
      yield portion;
      [portion, items] = [[], 0];
    }
    portion.push(unit);
    items += unit.items.length;
  }
  if (portion.length > 0) yield portion;
}
