/** Backups that skip a snapshot which would say nothing new. */
import { deepStrictEqual, notStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { Interrupted } from "../../../src/core/fault.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { backup } from "../../../src/operations/backup/backup.ts";
import type { BackupRequest } from "../../../src/operations/backup/backup_request.ts";
import { JobWorld } from "../../support/job_world.ts";
import { run, TestMonitor, World } from "../../support/world.ts";

const SKIP = { skipIfUnchanged: true } as const;

/** Several hunks. */
function fill(world: World): void {
  for (let i = 0; i < 2500; i++) world.write(`d${i % 20}/f${i}`, `content ${i}`);
}

function roots(world: World): number {
  using storage = world.open();
  return storage.snapshots().length;
}

Deno.test("whatever changes makes a snapshot, and nothing else does", async () => {
  using world = new World({ inMemory: true });
  fill(world);
  const first = await world.backup(SKIP);
  let expected = 1;
  const skips = async (changes: Partial<BackupRequest> = {}) => {
    const { snapshot, monitor } = await world.backup({ ...SKIP, ...changes });
    deepStrictEqual([roots(world), monitor.problems], [expected, []]);
    return snapshot;
  };
  strictEqual((await skips()).id, first.snapshot.id);
  // As a long run is, with a checkpoint after each batch.
  strictEqual((await skips({ checkpointMs: 0, force: true } as Partial<BackupRequest>)).id, first.snapshot.id);
  const changes: readonly (readonly [string, () => void | Partial<BackupRequest>])[] = [
    ["a content", () => world.write("d3/f3", "Content 3")],
    ["a mode", () => void run("chmod", "600", `${world.source}/d4/f4`)],
    ["a time of a directory", () => void run("touch", "-d", "2001-01-01", `${world.source}/d5`)],
    ["a new file", () => world.write("zzz", "")],
    ["one that is gone", () => Deno.removeSync(`${world.source}/zzz`)],
    ["a tag", () => ({ tags: ["weekly"] })],
    ["a pattern", () => ({ excludes: ["nothing"], tags: ["weekly"] })],
  ];
  for (const [what, change] of changes) {
    const request = change() ?? {};
    expected++;
    const { snapshot } = await world.backup({ ...SKIP, ...request });
    strictEqual(roots(world), expected, what);
    strictEqual((await skips(request)).id, snapshot.id, what);
  }
  notStrictEqual((await world.backup()).snapshot.id, first.snapshot.id);
});

Deno.test("an interrupted backup is continued by one that skips, and its partial snapshot goes", async () => {
  using world = new World({ inMemory: true });
  fill(world);
  await world.backup();
  for (let i = 0; i < 2500; i++) world.write(`d${i % 20}/f${i}`, `other ${i}`);
  const stop = new AbortController();
  const monitor = new TestMonitor();
  {
    using storage = world.open(monitor);
    const count = monitor.count.bind(monitor);
    monitor.count = (counter, by) => {
      count(counter, by);
      if (monitor.of("readFiles") > 1500) stop.abort();
    };
    await rejects(backup(storage, { ...world.request(), ...SKIP, signal: stop.signal }, monitor), Interrupted);
  }
  strictEqual(roots(world), 2);
  const { snapshot } = await world.backup(SKIP);
  using storage = world.open();
  deepStrictEqual(storage.snapshots().map(({ complete }) => complete), [true, true]);
  strictEqual(storage.resolve("latest").id, snapshot.id);
});

Deno.test("a backup job may skip as well, and forgets by its rules all the same", async () => {
  using world = new JobWorld();
  world.write("a", "1");
  for (const text of ["1", "2"]) {
    world.write("a", text);
    await world.backup({ name: "x", sources: [rawOf(world.source)] });
  }
  world.put("a.json", { kind: "backup", sources: [world.source], name: "x", skipIfUnchanged: true, keep: { last: 1 } });
  strictEqual((await world.perform("a.json"))?.outcome, "done");
  using storage = world.open();
  deepStrictEqual(storage.snapshots().map(({ sequence }) => sequence), [2]);
});
