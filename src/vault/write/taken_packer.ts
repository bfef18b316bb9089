/** Packs items of other units as they are, with their tar entries. */
import { Fault } from "../../core/fault.ts";
import { type FaultData, toFaultData } from "../../core/fault_data.ts";
import { releaseMemory } from "../../core/garbage.ts";
import type { WaitingSteps } from "../../core/steps.ts";
import type { StopFlag } from "../../platform/stop_flag.ts";
import { DamagedObject } from "../format/faults.ts";
import { framesIn } from "../pack/frame_ranges.ts";
import type { UnitClass } from "../pack/items.ts";
import { takeItems, type WantedItem } from "../pack/taken_items.ts";
import { bodyOf } from "../seal/sealed_body.ts";
import type { StoredFrames } from "../threads/frame_batch.ts";
import { Turn } from "./turn.ts";
import type { UnitPacker } from "./unit_packer.ts";

/** Items of some frames of a unit. */
export interface TakenBatch {
  readonly unitClass: UnitClass;
  readonly frames: StoredFrames;
  /** Items of each frame. */
  readonly items: readonly (readonly WantedItem[])[];
}

export class TakenPacker implements Disposable {
  readonly #newPacker: (unitClass: UnitClass) => UnitPacker;
  readonly #stop: StopFlag;
  readonly #packers = new Map<UnitClass, UnitPacker>();
  /** Packing takes turns, because an item may have to wait for the next unit. */
  readonly #turn = new Turn();

  constructor(newPacker: (unitClass: UnitClass) => UnitPacker, stop: StopFlag) {
    this.#newPacker = newPacker;
    this.#stop = stop;
  }

  [Symbol.dispose](): void {
    for (const packer of this.#packers.values()) packer[Symbol.dispose]();
  }

  /** Packs the items of a batch. @returns why the unit can't be read: only what comes before that is packed then */
  *add({ unitClass, frames, items }: TakenBatch): WaitingSteps<FaultData | null> {
    using _ = yield* this.#turn.take();
    const { what } = frames, packer = this.#packerFor(unitClass), body = bodyOf(frames.head, frames.size, what);
    try {
      for (const { index, plain } of framesIn(frames.stored, frames.range, { body, frames: frames.frames })) {
        this.#stop.check();
        if (plain instanceof Fault) throw plain;
        for (const item of takeItems(plain, items[index] ?? [], { frame: frames.frames[index]!, what })) {
          yield* packer.take(item);
        }
        releaseMemory(plain);
        yield;
      }
    } catch (error) {
      if (!(error instanceof DamagedObject)) throw error;
      return toFaultData(error);
    }
    releaseMemory(frames.stored);
    return null;
  }

  #packerFor(unitClass: UnitClass): UnitPacker {
    const packer = this.#packers.get(unitClass) ?? this.#newPacker(unitClass);
    this.#packers.set(unitClass, packer);
    return packer;
  }

  /** Hands over the open units. */
  *finish(): WaitingSteps<void> {
    using _ = yield* this.#turn.take();
    for (const packer of this.#packers.values()) yield* packer.finish();
  }
}
