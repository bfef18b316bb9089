/** Hunks, parts lists and copies of roots on their way into units. They are few and small: the main thread packs them. */
import { inTurn } from "../../core/steps.ts";
import type { NewItem } from "../pack/unit_writer.ts";
import type { UnitPacker } from "./unit_packer.ts";

export class MetaPacker {
  readonly #packer: UnitPacker;
  readonly #waiting: { readonly item: NewItem; readonly isCopy: boolean }[] = [];
  /** Ids of items that are in no index yet. */
  #pending = new Set<string>();
  /** Those of the units that are being stored. */
  #handed = new Set<string>();

  constructor(packer: UnitPacker) {
    this.#packer = packer;
  }

  isPending(id: string): boolean {
    return this.#pending.has(id) || this.#handed.has(id);
  }

  /** @param item its bytes stay as they are until {@link drain} */
  add(item: NewItem): void {
    this.#pending.add(item.id);
    this.#waiting.push({ item, isCopy: false });
  }

  addCopy(item: NewItem): void {
    this.#waiting.push({ item, isCopy: true });
  }

  /** Packs what has been added. */
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

  /** What was handed over is in an index now. */
  settle(): void {
    this.#handed.clear();
  }
}
