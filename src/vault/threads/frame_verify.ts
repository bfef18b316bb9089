/** Verifies that items match their ids. */
import { Fault } from "../../core/fault.ts";
import { releaseMemory } from "../../core/garbage.ts";
import type { Steps } from "../../core/steps.ts";
import type { Meter } from "../../platform/meter.ts";
import type { StopFlag } from "../../platform/stop_flag.ts";
import { framesIn } from "../pack/frame_ranges.ts";
import { itemIn } from "../pack/unit_reader.ts";
import { bodyOf } from "../seal/sealed_body.ts";
import type { Verified, VerifyBatch } from "./frame_batch.ts";

export function* verifyFrames({ frames, items, wanted }: VerifyBatch, stop: StopFlag, meter: Meter): Steps<Verified> {
  const { what } = frames, damages: { id: string; damage: string }[] = [];
  const whole: { id: string; bytes: Uint8Array<ArrayBuffer> }[] = [];
  const body = bodyOf(frames.head, frames.size, what);
  for (const { index, plain } of framesIn(frames.stored, frames.range, { body, frames: frames.frames })) {
    stop.check();
    for (const item of items[index] ?? []) {
      const { id } = item, found = plain instanceof Fault ? plain : orFault(() => itemIn(plain, item, what));
      if (found instanceof Fault) damages.push({ id, damage: found.message });
      else if (wanted.has(id)) whole.push({ id, bytes: found.slice() });
      meter.add(item.size);
    }
    if (!(plain instanceof Fault)) releaseMemory(plain);
    yield;
  }
  releaseMemory(frames.stored);
  return { damages, bytes: whole };
}

function orFault<T>(look: () => T): T | Fault {
  try {
    return look();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}
