import { deepStrictEqual } from "node:assert/strict";
import { rawOf } from "../../../src/core/raw.ts";
import { plan } from "../../../src/operations/plan/plan.ts";
import { TestMonitor, World } from "../../support/world.ts";

Deno.test("a pattern that is a path of the machine is told of, with what it should be", async () => {
  using world = new World();
  world.write("cache/big", "1");
  world.write("kept", "2");
  const told = async (...excludes: string[]) => (await world.backup({ excludes })).monitor.notices;
  deepStrictEqual(await told(`${world.source}/cache`), [
    `Nothing fits the pattern ${world.source}/cache: patterns begin at their source; write /cache`,
  ]);
  deepStrictEqual(await told(`${world.source}/`), [
    `Nothing fits the pattern ${world.source}/: patterns begin at their source`,
  ]);
  deepStrictEqual(await told("/cache", "*.tmp", "/elsewhere/x"), []);
  using storage = world.open();
  const monitor = new TestMonitor();
  await plan(storage, { ...world.request(), excludes: [`${world.source}/cache`] }, monitor);
  deepStrictEqual(monitor.notices.length, 1);
});

Deno.test("a path of the machine that does fit something in its source is nothing to be told of", async () => {
  using world = new World();
  world.write(`${world.source.slice(1)}/cache`, "1");
  deepStrictEqual((await world.backup({ excludes: [`${world.source}/cache`] })).monitor.notices, []);
});

Deno.test("a pattern that was typed, and that nothing fits, is told of", async () => {
  using world = new World();
  world.write("a.tmp", "1");
  world.write("b", "2");
  const expected = ["*.tmp", "*.bak", "!b", "# no pattern", "/nothing"];
  const { monitor: { notices } } = await world.backup({ excludes: ["preset", ...expected], expected });
  deepStrictEqual(notices, ["Nothing fits the pattern *.bak", "Nothing fits the pattern /nothing"]);
});

Deno.test("what names a file below the top of the machine is a pattern like others where / is the source", async () => {
  using world = new World();
  world.write("cache/big", "1");
  const only = [rawOf(world.source)];
  const { monitor } = await world.backup({ sources: [rawOf("/")], only, excludes: [`${world.source}/cache`] });
  deepStrictEqual([monitor.notices, monitor.of("excludedEntries")], [[], 1]);
});

Deno.test("where only some paths are looked at, nothing is said of patterns that fit none of them", async () => {
  using world = new World();
  world.write("a", "1");
  world.write("b.tmp", "1");
  const patterns = { excludes: ["*.tmp", `${world.source}/b.tmp`], expected: ["*.tmp"] };
  const { monitor } = await world.backup({ only: [rawOf(`${world.source}/a`)], ...patterns });
  deepStrictEqual(monitor.notices, []);
});
