/** Sources that don't hold still, or are not what they look like. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { Stat } from "../../../src/core/stat.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { World } from "../../support/world.ts";

Deno.test("backup() keeps hard links of two file systems apart that number their files alike", async () => {
  // As subvolumes of btrfs do: everything in a/ and b/ is inode 257, on a device of its own.
  const disk = hookedDisk(openDisk(), ({ operation, path }, proceed) => {
    const answer = proceed() as Stat | undefined;
    const [, top] = /\/source\/([ab])\//.exec(path) ?? [];
    if (operation !== "stat" || answer === undefined || top === undefined) return answer;
    return { ...answer, device: `9:${top}`, inode: "257" };
  });
  using world = new World({ disk });
  for (const top of ["b", "a"]) {
    world.write(`${top}/one`, `content of ${top}`);
    Deno.linkSync(`${world.source}/${top}/one`, `${world.source}/${top}/two`);
    await world.backup(); // the second time a/ comes first, and its device with it
  }
  const { target } = await world.restore("latest");
  for (const top of ["b", "a"]) {
    strictEqual(Deno.readTextFileSync(`${target}/${top}/one`), `content of ${top}`);
    strictEqual(Deno.readTextFileSync(`${target}/${top}/two`), `content of ${top}`);
    strictEqual(Deno.statSync(`${target}/${top}/one`).nlink, 2);
  }
  const { monitor } = await world.backup();
  strictEqual(monitor.of("readFiles"), 0);
});

Deno.test("backup() of a file that grows while it is read keeps something that restores, and says so", async () => {
  let grows = true;
  const disk = hookedDisk(openDisk(), ({ operation, path }, proceed) => {
    const answer = proceed();
    if (grows && operation === "read" && path.endsWith("/source/log")) {
      Deno.writeTextFileSync(path, "and more\n", { append: true });
    }
    return answer;
  });
  using world = new World({ disk });
  world.write("log", "start\n");
  const { monitor } = await world.backup();
  deepStrictEqual(monitor.problems.map(({ name }) => name), ["source-changing"]);
  grows = false;

  const restored = await world.restore("latest");
  deepStrictEqual(restored.monitor.problems, []);
  match(Deno.readTextFileSync(`${restored.target}/log`), /^start\n(and more\n)+$/);
  strictEqual((await world.check()).damaged, 0);
  const again = await world.backup();
  strictEqual(again.monitor.of("readFiles"), 1);
  deepStrictEqual(again.monitor.problems, []);
  const now = await world.restore("latest");
  strictEqual(Deno.readTextFileSync(`${now.target}/log`), Deno.readTextFileSync(`${world.source}/log`));
});

Deno.test("backup() of a file that is longer than it says, as many in /proc are, keeps what can be read", async () => {
  const disk = hookedDisk(openDisk(), ({ operation, path }, proceed) => {
    const answer = proceed() as Stat;
    return operation === "stat" && path.endsWith("/source/status") ? { ...answer, size: 0 } : answer;
  });
  using world = new World({ disk });
  world.write("status", "Name: deno\n");
  const { monitor, snapshot } = await world.backup();
  deepStrictEqual(monitor.problems, []);
  strictEqual(snapshot.bytes, 11);
  const restored = await world.restore("latest");
  deepStrictEqual(restored.monitor.problems, []);
  strictEqual(Deno.readTextFileSync(`${restored.target}/status`), "Name: deno\n");
  strictEqual((await world.check()).damaged, 0);
});

for (
  const [name, link] of [["..", "_.."], [".", "_."], ["", "_"], ["a/b", "a_b"], ["ü".repeat(200), "ü".repeat(127)]]
) {
  Deno.test(`backup() of a series called ${JSON.stringify(name).slice(0, 12)} has a link to its latest tree`, async () => {
    using world = new World();
    world.write("a", "1");
    const { snapshot } = await world.backup({ name });
    strictEqual(Deno.readLinkSync(`${world.storagePath}/latest/${link}`), `../${snapshot.tree}`);
    ok(Deno.statSync(`${world.storagePath}/latest/${link}/a`).isFile);
  });
}
