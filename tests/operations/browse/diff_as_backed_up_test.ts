import { deepStrictEqual, ok } from "node:assert/strict";
import { TOP } from "../../../src/core/apath.ts";
import { rawOf, textOf } from "../../../src/core/raw.ts";
import type { BackupRequest } from "../../../src/operations/backup/backup_request.ts";
import { diff } from "../../../src/operations/browse/diff/diff.ts";
import { CAN_MOUNT, Mounts } from "../../support/mounts.ts";
import { TestMonitor, World } from "../../support/world.ts";

/** What a comparison of the newest snapshot with a directory tells. */
async function compared(
  world: World,
  directory = world.source,
): Promise<{ list: string[]; monitor: TestMonitor }> {
  const monitor = new TestMonitor();
  using storage = world.open();
  const before = storage.resolve("latest");
  const request = { before, now: rawOf(directory), below: TOP, readData: false, directoryTimes: false };
  using differences = await diff(storage, request, monitor);
  return { list: [...differences.list("added")].map(({ change, path }) => `${change} ${textOf(path)}`), monitor };
}

const TAG = "Signature: 8a477f597d28d172789f06886806bc55\n";

/** Options of a backup, and what they leave out, or take in although others would not. */
const OPTIONS: readonly (readonly [name: string, changes: Partial<BackupRequest>])[] = [
  ["--exclude-caches", { excludeCaches: true }],
  ["--exclude-if-present", { markers: [rawOf("mark"), rawOf("other")] }],
  ["--no-ignore-files", { ignoreFiles: false }],
  ["--max-size", { largestBytes: 1000 }],
  ["--exclude", { excludes: ["/deep/large", "*.o"] }],
  ["none", {}],
  ["all", { excludeCaches: true, ignoreFiles: false, largestBytes: 1000, excludes: ["deep/x.o"] }],
];

function fill(world: World): void {
  world.write("cache/CACHEDIR.TAG", TAG);
  world.write("cache/big", "1");
  world.write("marked/mark/x", "1");
  world.write("marked/big", "1");
  world.write(".backupignore", "*.tmp\n!deep/kept.tmp\n/deep/sub/y\n");
  world.write("deep/.backupignore", "!also.tmp\n");
  for (const name of ["a", "a.tmp", "deep/a.tmp", "deep/kept.tmp", "deep/also.tmp", "deep/x.o", "deep/sub/y"]) {
    world.write(name, name);
  }
  world.write("deep/large", "x".repeat(5000));
}

for (const [name, changes] of OPTIONS) {
  Deno.test(`await diff() sees a directory, or one below it, as a backup with ${name} has seen it`, async () => {
    using world = new World();
    fill(world);
    await world.backup(changes);
    for (const below of ["", "/deep", "/deep/sub"]) {
      deepStrictEqual((await compared(world, world.source + below)).list, [], below);
    }
    world.write("deep/sub/new", "");
    deepStrictEqual((await compared(world, `${world.source}/deep/sub`)).list, ["added /deep/sub/new"]);
    deepStrictEqual((await compared(world)).list, ["added /deep/sub/new"]);
  });
}

Deno.test("await diff() knows patterns that are paths of the machine, of each source", async () => {
  using world = new World();
  for (const name of ["one/x", "one/y", "two/x", "two/y"]) world.write(name, name);
  const sources = ["one", "two"].map((name) => rawOf(`${world.source}/${name}`));
  await world.backup({ sources, excludes: [`${world.source}/two/x`] });
  deepStrictEqual((await compared(world)).list, []);
  world.write("one/z", "");
  Deno.removeSync(`${world.source}/one/x`);
  deepStrictEqual((await compared(world)).list, ["removed /one/x", "added /one/z"]);
});

Deno.test("await diff() of a restored copy of several sources knows the patterns of each", async () => {
  using world = new World();
  for (const name of ["one/x", "one/y", "two/x", "two/y"]) world.write(name, name);
  await world.backup({
    sources: ["one", "two"].map((name) => rawOf(`${world.source}/${name}`)),
    excludes: ["/x"],
  });
  deepStrictEqual((await compared(world)).list, []);
  world.write("two/z", "");
  deepStrictEqual((await compared(world)).list, ["added /two/z"]);
});

Deno.test("await diff() with a snapshot of listed paths tells what became of them, and says that it tells of nothing else", async () => {
  using world = new World();
  for (const name of ["a", "b", "c/d", "e/f"]) world.write(name, name);
  await world.backup({ only: ["a", "c"].map((name) => rawOf(`${world.source}/${name}`)) });
  const { list, monitor } = await compared(world);
  deepStrictEqual(list, []);
  ok(monitor.notices.some((text) => text.includes("only listed paths")));
  world.write("c/d", "changed");
  Deno.removeSync(`${world.source}/a`);
  deepStrictEqual((await compared(world)).list, ["removed /a", "content /c/d"]);
});

Deno.test({
  name: "await diff() stays on one file system if the backup did",
  ignore: !CAN_MOUNT,
  async fn() {
    using world = new World();
    using mounts = new Mounts();
    for (const name of ["a", "other/b"]) world.write(name, name);
    Deno.mkdirSync(`${world.source}/bind`);
    mounts.bind(`${world.source}/other`, `${world.source}/bind`);
    await world.backup({ oneFileSystem: true });
    deepStrictEqual((await compared(world)).list, []);
    await world.backup();
    deepStrictEqual((await compared(world)).list, []);
  },
});
