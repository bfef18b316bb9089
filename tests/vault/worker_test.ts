/** Packing and sealing need nothing of the main thread: threads hand over whole units. */
import { ok, strictEqual } from "node:assert/strict";
import { readContents, walkUnit } from "../../src/vault/pack/unit_reader.ts";
import { noise, openMade, sha256, testKey } from "../support/units.ts";
import type { PackedUnit, PackTask } from "./pack_worker.ts";

/** All units that a thread makes of a task. */
async function packInThread(task: PackTask): Promise<PackedUnit[]> {
  const worker = new Worker(new URL("pack_worker.ts", import.meta.url), { type: "module" }), units: PackedUnit[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<PackedUnit | "done">) =>
        data === "done" ? resolve() : void units.push(data);
      worker.onerror = (event) => reject(new Error(event.message));
      worker.postMessage(task);
    });
  } finally {
    worker.terminate();
  }
  return units;
}

Deno.test("Two threads make units at once, and all that they were given is in them", async () => {
  const { dataRecipient: recipient } = await testKey(),
    tasks = [1, 2].map((seed) => ({ recipient, seed, bytes: 6_000_000 }));
  const made = await Promise.all(tasks.map(packInThread));
  for (const [i, units] of made.entries()) {
    ok(units.length > 2, `${units.length} units`);
    const whole = noise(6_000_000, tasks[i]!.seed, 200);
    let bytes = 0;
    for (const { unit, bytes: object } of units) {
      strictEqual(sha256(object), unit.id);
      const stored = await openMade(object);
      for await (const { item, bytes: part } of walkUnit(stored, await readContents(stored))) {
        const from = item.part!.from;
        strictEqual(sha256(part!), sha256(whole.subarray(from, from + item.size)));
        bytes += item.size;
      }
    }
    ok(bytes > 6_000_000 - 2_097_152, String(bytes)); // the last part was left out
  }
});
