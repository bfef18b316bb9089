import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { appendHistory, readHistory, recoverHistory, trimHistory } from "../../../src/jobs/state/history.ts";
import type { HistoryEntry } from "../../../src/jobs/state/stored_state.ts";
import { rebuildCatalog } from "../../../src/operations/repair/rebuild.ts";
import { JobWorld } from "../../support/job_world.ts";
import { TestMonitor } from "../../support/world.ts";

function entry(run: string, end: string): HistoryEntry {
  return {
    run,
    name: "a.json",
    kind: "check",
    outcome: "done",
    start: end,
    end,
    text: "{}",
    counts: {},
    problems: [],
    problemCount: 0,
  };
}

Deno.test("the history is in order of the ends, over months, and passes over a line that a crash cut off", () => {
  using world = new JobWorld();
  using storage = world.open();
  appendHistory(storage.dir, entry("1", "2026-10-31T23:59:59.000Z"), false);
  appendHistory(storage.dir, entry("2", "2026-11-01T00:00:00.000Z"), false);
  const file = `${world.storagePath}/db/history/2026-11.jsonl`;
  Deno.writeTextFileSync(file, `{"run":"torn","name":"b.js`, { append: true });
  appendHistory(storage.dir, entry("3", "2026-11-02T00:00:00.000Z"), false);
  deepStrictEqual([...readHistory(storage)].map(({ run }) => run), ["1", "2", "3"]);
});

Deno.test("an entry that may be there already is added once", () => {
  using world = new JobWorld();
  using storage = world.open();
  for (let i = 0; i < 3; i++) appendHistory(storage.dir, entry("1", "2026-11-01T00:00:00.000Z"), i > 0);
  strictEqual([...readHistory(storage)].length, 1);
});

Deno.test("texts that are not UTF-8 are kept as they are", () => {
  using world = new JobWorld();
  using storage = world.open();
  const odd = { ...entry("1", "2026-11-01T00:00:00.000Z"), name: "caf\udce9.json", text: "\u2028 \udcff" };
  appendHistory(storage.dir, odd, false);
  deepStrictEqual([...readHistory(storage)], [odd]);
});

Deno.test("trimHistory() deletes months that ended longer ago, and no others", () => {
  using world = new JobWorld();
  using storage = world.open();
  for (const month of ["2025-09", "2025-10", "2026-11"]) {
    appendHistory(storage.dir, entry(month, `${month}-15T00:00:00.000Z`), false);
  }
  trimHistory(storage.dir, 400, Date.parse("2026-11-20T00:00:00Z"));
  deepStrictEqual([...readHistory(storage)].map(({ run }) => run), ["2025-10", "2026-11"]);
});

Deno.test("a history that is gone is what the snapshots tell, and recoverHistory() writes it again", async () => {
  using world = new JobWorld();
  world.write("a", "1");
  world.put("a.json", { kind: "backup", sources: [world.source], name: "x" });
  world.put("b.json", { kind: "check" });
  const { run, snapshot } = (await world.perform("a.json"))!;
  await world.perform("b.json");
  await world.backup({ name: "by hand" });
  Deno.removeSync(`${world.storagePath}/db`, { recursive: true });
  using storage = world.open();
  const told = [...readHistory(storage)];
  deepStrictEqual(
    told.map(({ run, name, kind, outcome, text, recovered, snapshot }) => ({
      run,
      name,
      kind,
      outcome,
      text,
      recovered,
      snapshot,
    })),
    [
      { run, name: "a.json", kind: "backup", outcome: "done", text: null, recovered: true, snapshot },
    ],
  );
  strictEqual(recoverHistory(storage), 1);
  strictEqual(recoverHistory(storage), undefined);
  deepStrictEqual([...readHistory(storage)], told);
});

Deno.test("rebuilding the catalog leaves the history as it was", async () => {
  using world = new JobWorld();
  world.put("b.json", { kind: "check" });
  await world.perform("b.json");
  const before = world.history();
  {
    using storage = world.open();
    rebuildCatalog(storage, new TestMonitor());
  }
  deepStrictEqual(world.history(), before);
});
