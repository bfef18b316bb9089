/** Packs and seals units in a thread of its own; for worker_test.ts. */
import { DEFAULT_CHUNKING } from "../../src/vault/store/config.ts";
import { chooseLane } from "../../src/vault/pack/lane_choice.ts";
import { PartCutter } from "../../src/vault/pack/part_cutter.ts";
import { type FinishedUnit, PackBuffers, UnitWriter } from "../../src/vault/pack/unit_writer.ts";
import { makeHead } from "../../src/vault/seal/age_header.ts";
import { publicGear } from "../../src/vault/seal/keys.ts";
import { MemoryOutput } from "../../src/vault/seal/output.ts";
import { sealInto } from "../../src/vault/seal/sealer.ts";
import { fileItem, noise, random, VAULT } from "../support/units.ts";

/** What a thread is asked for: a large file, made from a seed, as units. */
export interface PackTask {
  readonly recipient: string;
  readonly seed: number;
  readonly bytes: number;
}

export interface PackedUnit {
  readonly unit: FinishedUnit;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

declare const self: {
  onmessage: (event: MessageEvent<PackTask>) => void;
  postMessage(message: PackedUnit | "done", transfer?: ArrayBuffer[]): void;
};

self.onmessage = async ({ data: { recipient, seed, bytes } }) => {
  const output = MemoryOutput.own(1 << 20), buffers = new PackBuffers();
  const begin = async () => {
    output.reset();
    const sealer = sealInto(output, await makeHead([recipient], random));
    return new UnitWriter({ vault: VAULT, unitClass: "data", sealer, unitBytes: 2_000_000, level: 3, buffers });
  };
  let writer = await begin();
  const hand = async () => {
    const unit = writer.finish(), copy = output.bytes.slice();
    self.postMessage({ unit, bytes: copy }, [copy.buffer]);
    writer = await begin();
  };
  const cutter = new PartCutter(publicGear(), DEFAULT_CHUNKING), content = noise(bytes, seed, 200);
  for (const { id, from, bytes } of cutter.push(content)) {
    const { lane } = chooseLane(bytes, undefined, true);
    writer.add(fileItem(`part ${from}`, bytes, { id, lane, part: { of: id, from } }));
    if (writer.isFull) await hand();
  }
  await hand();
  self.postMessage("done");
};
