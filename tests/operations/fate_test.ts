import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { EntryStatus } from "../../src/core/monitor.ts";
import { backup } from "../../src/operations/backup/backup.ts";
import type { BackupRequest } from "../../src/operations/backup/backup_request.ts";
import { restore } from "../../src/operations/restore/restore.ts";
import { TestMonitor, World } from "../support/world.ts";

/** Keeps what became of each object. */
class FateMonitor extends TestMonitor {
  readonly fates: Record<string, EntryStatus> = {};
  readonly order: string[] = [];
  status = (fate: EntryStatus, path: string): void => {
    this.fates[path] = fate;
    this.order.push(path);
  };
}

async function fatesOf(world: World, changes: Partial<BackupRequest> = {}): Promise<FateMonitor> {
  const monitor = new FateMonitor();
  world.clock.pass(1);
  using storage = world.open(monitor);
  await backup(storage, { ...world.request(), ...changes }, monitor);
  return monitor;
}

for (const workers of [0, 2]) {
  Deno.test(`backup() with ${workers} workers tells what became of each object, in order`, async () => {
    using world = new World({ workers });
    for (const name of ["a", "b", "dir/c", "dir/gone", "dir/meta", "old/x", "old/y", "z"]) world.write(name, name);
    const first = await fatesOf(world, { excludes: ["z"] });
    deepStrictEqual(first.fates, {
      "/z": "excluded",
      ...Object.fromEntries(
        ["/", "/a", "/b", "/dir", "/old", "/dir/c", "/dir/gone", "/dir/meta", "/old/x", "/old/y"]
          .map((path) => [path, "new"]),
      ),
    });
    world.write("b", "else");
    world.write("new", "n");
    Deno.removeSync(`${world.source}/dir/gone`);
    Deno.chmodSync(`${world.source}/dir/meta`, 0o600);
    Deno.removeSync(`${world.source}/old`, { recursive: true });
    const { fates, order } = await fatesOf(world, { excludes: ["z"] });
    deepStrictEqual(fates, {
      "/": "changed",
      "/a": "unchanged",
      "/b": "changed",
      "/dir": "changed",
      "/dir/c": "unchanged",
      "/dir/gone": "gone",
      "/dir/meta": "changed",
      "/new": "new",
      "/old": "gone",
      "/old/x": "gone",
      "/old/y": "gone",
      "/z": "excluded",
    });
    strictEqual(order.length, 12, "each is told once");
  });
}

Deno.test("backup() tells what is gone also behind the last object that is there", async () => {
  using world = new World();
  for (const name of ["a", "x", "y"]) world.write(name, name);
  await fatesOf(world);
  for (const name of ["x", "y"]) Deno.removeSync(`${world.source}/${name}`);
  deepStrictEqual((await fatesOf(world)).fates, { "/": "changed", "/a": "unchanged", "/x": "gone", "/y": "gone" });
});

Deno.test("restore() tells what it restored and what it kept", async () => {
  using world = new World();
  for (const name of ["a", "b"]) world.write(name, name);
  Deno.symlinkSync("a", `${world.source}/link`);
  await world.backup();
  const { target } = await world.restore("latest");
  Deno.removeSync(`${target}/b`);
  const monitor = new FateMonitor();
  using storage = world.open(monitor);
  const request = world.restoreRequest(storage.resolve("latest"), target);
  await restore(storage, { ...request, overwrite: "if-changed" }, monitor);
  deepStrictEqual(monitor.fates, { "/a": "kept", "/b": "restored", "/link": "kept" });
});
