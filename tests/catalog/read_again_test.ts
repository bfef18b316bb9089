/** A catalog that stays open for reading: what it has read once is given again only as long as it holds. */
import { deepStrictEqual } from "node:assert/strict";
import { World } from "../support/world.ts";

Deno.test("A storage that stays open lists what others add and forget, and nobody else's changes of a list", async () => {
  using world = new World({ inMemory: true });
  world.write("a", "a");
  await world.backup({ name: "first" });
  using storage = world.open();
  const names = () => storage.snapshots().map(({ name }) => name);
  deepStrictEqual([names(), names()], [["first"], ["first"]]);
  for (const name of ["second", "third"]) {
    world.write("a", name);
    await world.backup({ name });
  }
  deepStrictEqual([names(), names()], [["first", "second", "third"], ["first", "second", "third"]]);
  {
    using other = world.open();
    using writer = other.write("test");
    writer.forget(other.snapshots().slice(0, 1).map(({ id }) => id));
  }
  deepStrictEqual(names(), ["second", "third"]);
  storage.snapshots().reverse().pop();
  deepStrictEqual(names(), ["second", "third"]);
});
