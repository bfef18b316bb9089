/** Packs hunks, parts lists and copies of roots into units. They are few and small, so the main thread does it. */
import { inTurn } from "../../core/steps.ts";
import type { NewItem } from "../pack/unit_writer.ts";
import type { UnitPacker } from "./unit_packer.ts";

export class MetaPacker {
  readonly #packer: UnitPacker;
  readonly #waiting: { readonly item: NewItem; readonly isCopy: boolean }[] = [];
  /** Ids of items that are not in an index yet. */
  #pending = new Set<string>();
  /** Ids of items in units that are being stored. */
  #handed = new Set<string>();

  constructor(packer: UnitPacker) {
    this.#packer = packer;
  }

  isPending(id: string): boolean {
    return this.#pending.has(id) || this.#handed.has(id);
  }

  /** Adds an item. @param item its bytes must not change until {@link drain} */
  add(item: NewItem): void {
    this.#pending.add(item.id);
    this.#waiting.push({ item, isCopy: false });
  }

  addCopy(item: NewItem): void {
    this.#waiting.push({ item, isCopy: true });
  }

  /** Packs all added items. */
  async drain(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      await inTurn(next.isCopy ? this.#packer.addCopy(next.item) : this.#packer.add(next.item));
    }
  }

  /** Hands over the open unit. */
  async finish(): Promise<void> {
    this.#handed = this.#pending.union(this.#handed);
    this.#pending = new Set();
    await this.drain();
    await inTurn(this.#packer.finish());
  }

  /** Notes that an index lists what was handed over. */
  settle(): void {
    this.#handed.clear();
  }
}
