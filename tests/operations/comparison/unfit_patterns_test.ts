import { deepStrictEqual } from "node:assert/strict";
import { rawOf } from "../../../src/core/raw.ts";
import { plan } from "../../../src/operations/plan/plan.ts";
import { TestMonitor, World } from "../../support/world.ts";

Deno.test("a pattern that is a path of the machine fits what is there, and nothing of that name elsewhere", async () => {
  using world = new World();
  for (const path of ["one/cache/big", "one/cache/kept", "one/x", "two/cache/big"]) world.write(path, path);
  const excludes = [`${world.source}/one/cache/*`, `!${world.source}/one/cache/kept`];
  const taken = async (...sources: string[]) => {
    const { snapshot, monitor } = await world.backup({ sources: sources.map((path) => rawOf(path)), excludes });
    using storage = world.open();
    const files = [...storage.manifest(snapshot.id).entries()].filter(({ kind }) => kind === "file");
    deepStrictEqual(monitor.notices, []);
    return files.map(({ path }) => String(path));
  };
  deepStrictEqual(await taken(world.source), ["/one/x", "/one/cache/kept", "/two/cache/big"]);
  deepStrictEqual(await taken(`${world.source}/one`, `${world.source}/two`), [
    "/one/x",
    "/one/cache/kept",
    "/two/cache/big",
  ]);
});

Deno.test("one that fits nothing is told of, however it was given, and one that is the source itself with a reason", async () => {
  using world = new World();
  world.write("kept", "2");
  const told = async (...excludes: string[]) => (await world.backup({ excludes })).monitor.notices;
  deepStrictEqual(await told(`${world.source}/cache`), [`Nothing matches the pattern ${world.source}/cache`]);
  deepStrictEqual(await told(`${world.source}/`), [
    `Nothing matches the pattern ${world.source}/: it is the source itself, and patterns begin there`,
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
  deepStrictEqual(notices, ["Nothing matches the pattern *.bak", "Nothing matches the pattern /nothing"]);
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
