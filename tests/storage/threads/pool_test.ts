import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { Interrupted } from "../../../src/core/fault.ts";
import { backup } from "../../../src/operations/backup/backup.ts";
import { descriptorsWithin } from "../../support/descriptors.ts";
import { TestMonitor, World } from "../../support/world.ts";

/** Nobody reads that much within the test's patience. */
const HUGE_BYTES = 4 * 1024 ** 4;

Deno.test("a pool's threads close what they have open when it is done", async () => {
  using world = new World({ workers: 2, inMemory: true });
  for (let i = 0; i < 1500; i++) world.write(`d${i % 7}/f${i}`, `${i}`);
  const { snapshot } = await world.backup();
  strictEqual(snapshot.files, 1500);
  await world.restore("latest");
  strictEqual((await world.check()).damaged, 0);
  deepStrictEqual(descriptorsWithin(world.base), []);
});

Deno.test("a thread in the middle of a huge file stops soon after an interruption, and leaves nothing behind", async () => {
  using world = new World({ workers: 2, inMemory: true });
  world.write("huge", "");
  Deno.truncateSync(`${world.source}/huge`, HUGE_BYTES);
  world.write("small", "small");
  const controller = new AbortController();
  const monitor = new TestMonitor();
  // As soon as a thread is at it.
  const timer = setInterval(() => {
    if ((monitor.followed.get("readBytes")?.() ?? 0) > 1024 * 1024) controller.abort();
  }, 10);
  {
    using storage = world.open(monitor);
    await rejects(backup(storage, { ...world.request(), signal: controller.signal }, monitor), Interrupted);
  }
  clearInterval(timer);
  deepStrictEqual(descriptorsWithin(world.base), []);
  const left = [...Deno.readDirSync(`${world.storagePath}/tmp`)].map(({ name }) => name);
  deepStrictEqual(left.filter((name) => !name.startsWith("backup-tool-tree-")), []);
});
