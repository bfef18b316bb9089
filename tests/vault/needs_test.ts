/** What is needed of units comes back by frames, however much of it had to go to a file. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Needs } from "../../src/vault/read/needs.ts";
import { Chance, fuzz, fuzzRounds } from "../support/mutate.ts";

interface Need {
  readonly id: number;
  readonly name: string;
}

Deno.test("needs come back by units and frames, in the order in which they were added, from memory or a file", async () => {
  await fuzz(fuzzRounds(20, 2000), (seed) => {
    const chance = new Chance(seed), mostInMemory = chance.pick([1, 7, 300, 1000]), frames = chance.pick([1, 3, 500]);
    using needs = new Needs<Need>(mostInMemory);
    const model = new Map<string, Map<number, Need[]>>(), count = chance.below(900);
    for (let id = 0; id < count; id++) {
      const unit = `unit ${chance.below(3)}`,
        frame = chance.below(frames),
        need = { id, name: `"${"ü\n".repeat(id % 5)}` };
      needs.add(unit, frame, need);
      const known = model.get(unit) ?? new Map<number, Need[]>();
      model.set(unit, known.set(frame, [...known.get(frame) ?? [], need]));
    }
    strictEqual(needs.isEmpty, count === 0);
    const units = [...needs.units()];
    // By the first need of each.
    deepStrictEqual(units.map(({ unit }) => unit), [...model.keys()]);
    for (const { unit, frames: some } of units) {
      deepStrictEqual(some, [...model.get(unit)!.keys()].sort((a, b) => a - b));
      for (const frame of some) deepStrictEqual([...needs.of(unit, frame)], model.get(unit)!.get(frame));
    }
    deepStrictEqual([...needs.of("unit 9", 0)], []);
  });
});

Deno.test("needs of several frames may be read by turns", () => {
  using needs = new Needs<number>(10);
  for (let id = 0; id < 5000; id++) needs.add("unit", id % 2, id);
  const [even, odd] = [needs.of("unit", 0), needs.of("unit", 1)];
  for (let id = 0; id < 5000; id += 2) {
    strictEqual(even.next().value, id);
    strictEqual(odd.next().value, id + 1);
  }
  deepStrictEqual([even.next().done, odd.next().done], [true, true]);
});
