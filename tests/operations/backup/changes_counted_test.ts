/** New and changed files are counted apart. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { changesText } from "../../../src/core/monitor.ts";
import { run, type TestMonitor, World } from "../../support/world.ts";

function counts(monitor: TestMonitor): readonly number[] {
  return (["newFiles", "changedFiles", "unchangedFiles", "readFiles"] as const).map((name) => monitor.of(name));
}

Deno.test("a backup counts new, changed and unchanged files apart", async () => {
  using world = new World({ inMemory: true });
  for (let i = 0; i < 10; i++) world.write(`f${i}`, `content ${i}`);
  deepStrictEqual(counts((await world.backup({})).monitor), [10, 0, 0, 10]);
  world.write("f3", "other content");
  run("chmod", "600", `${world.source}/f4`);
  world.write("new", "1");
  Deno.removeSync(`${world.source}/f5`);
  const second = await world.backup({});
  deepStrictEqual([second.snapshot.files, counts(second.monitor).slice(0, 2)], [10, [1, 2]]);
});

Deno.test("changesText() is empty where nothing has changed", () => {
  strictEqual(changesText({ readFiles: 3 }), "");
  strictEqual(changesText({ newFiles: 3000, changedFiles: 1 }), " (3,000 new, 1 changed)");
});
