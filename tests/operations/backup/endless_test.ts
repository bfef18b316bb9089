/** Files that never end: each costs itself, and the run goes on. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../../src/core/raw.ts";
import { backup } from "../../../src/operations/backup/backup.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { Endless, withinBounds } from "../../../src/platform/endless.ts";
import { openStorage } from "../../../src/storage/storage.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { differences, TestMonitor, World } from "../../support/world.ts";

const MEBIBYTE = 1024 * 1024;

Deno.test("a file that says it is empty and gives bytes for ever is a problem, and the rest is backed up", async () => {
  using world = new World();
  for (const name of ["a", "endless", "z"]) world.write(name, name === "endless" ? "" : name);
  const monitor = new TestMonitor();
  let bytes = 0;
  const disk = hookedDisk(openDisk(), ({ operation, path, args }, proceed) => {
    if (operation === "seekData" || operation === "seekHole") return path.endsWith("/endless") ? undefined : proceed();
    if (operation !== "read" || !path.endsWith("source/endless")) return proceed();
    const into = args[0] as Uint8Array;
    bytes += into.length;
    return into.fill(7).length;
  });
  {
    using storage = openStorage({ ...world.machine, disk }, rawOf(world.storagePath), monitor);
    await backup(storage, world.request(), monitor);
  }
  deepStrictEqual(monitor.problems.map((fault) => (fault as { code?: string }).code), ["source-endless"]);
  ok(bytes < 80 * MEBIBYTE, `${bytes} bytes were read`);
  const { target } = await world.restore("latest");
  // It is an entry without a content, which a restore leaves out.
  strictEqual(differences(world.source, target).replace(/^.* (?:endless|\.\/)\n/gm, ""), "");
  deepStrictEqual([...Deno.readDirSync(`${world.storagePath}/tmp`)], []);
});

Deno.test("a file that grows may grow while it is read, but not for ever", () => {
  let size = 10;
  const file = { stat: () => ({ size }) } as Parameters<typeof withinBounds>[0];
  const read = withinBounds(file, (into) => into.length, { size, path: () => "log" });
  const into = new Uint8Array(1);
  for (let at = 0; at < 1024 * MEBIBYTE; at += 32 * MEBIBYTE) {
    size = at;
    strictEqual(read(into, at), 1);
  }
  let failed = false;
  for (let at = 1024 * MEBIBYTE; at < 1300 * MEBIBYTE && !failed; at += 32 * MEBIBYTE) {
    size = at;
    try {
      read(into, at);
    } catch (error) {
      ok(error instanceof Endless);
      failed = true;
    }
  }
  ok(failed);
});
