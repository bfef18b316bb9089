/** Looks whether items are what their ids say. */
import { Fault } from "../../core/fault.ts";
import type { Steps } from "../../core/steps.ts";
import type { Meter } from "../../platform/meter.ts";
import type { StopFlag } from "../../platform/stop_flag.ts";
import { framesIn } from "../pack/frame_ranges.ts";
import { itemIn } from "../pack/unit_reader.ts";
import { bodyOf } from "../seal/sealed_body.ts";
import type { Damages, VerifyBatch } from "./frame_batch.ts";

export function* verifyFrames({ frames, items }: VerifyBatch, stop: StopFlag, meter: Meter): Steps<Damages> {
  const { what } = frames, damages: { id: string; damage: string }[] = [];
  const body = bodyOf(frames.head, frames.size, what);
  for (const { index, plain } of framesIn(frames.stored, frames.range, { body, frames: frames.frames })) {
    stop.check();
    for (const item of items[index] ?? []) {
      const damage = plain instanceof Fault ? plain.message : damageOf(() => itemIn(plain, item, what));
      if (damage !== undefined) damages.push({ id: item.id, damage });
      meter.add(item.size);
    }
    yield;
  }
  return damages;
}

function damageOf(look: () => void): string | undefined {
  try {
    look();
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}
