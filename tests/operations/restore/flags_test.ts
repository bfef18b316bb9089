/** What a restore gives only if it is asked to: flags, and holes that the original didn't have. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../../src/core/raw.ts";
import { DiskFault } from "../../../src/platform/disk.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { run, World } from "../../support/world.ts";

/** Whether somebody here may make files immutable, in a directory that can be told to. */
const CAN_FLAG = (() => {
  if (Deno.uid() !== 0) return false;
  const file = Deno.makeTempFileSync();
  const chattr = (change: string) => {
    try {
      return new Deno.Command("chattr", { args: [change, file], stderr: "null" }).outputSync().success;
    } catch {
      return false;
    }
  };
  const can = chattr("+i") && chattr("-i") && chattr("+d");
  Deno.removeSync(file);
  return can;
})();

const MIB = 1024 * 1024;
const allocated = (path: string) => (Deno.statSync(path).blocks ?? 0) * 512;

for (const workers of [0, 2]) {
  Deno.test(`restore() writes holes instead of zeros if it is asked to (${workers} workers)`, async () => {
    using world = new World({ workers });
    const image = new Uint8Array(6 * MIB);
    for (const at of [0, 3 * MIB + 5, 6 * MIB - 1]) image[at] = 1;
    world.write("image", image);
    world.write("small", new Uint8Array(300_000));
    await world.backup();
    const { target } = await world.restore("latest", { sparse: true, workers });
    deepStrictEqual(Deno.readFileSync(`${target}/image`), image);
    strictEqual(Deno.statSync(`${target}/small`).size, 300_000);
    ok(allocated(`${target}/image`) <= MIB, `${allocated(`${target}/image`)}`);
    ok(allocated(`${target}/small`) <= 64 * 1024, `${allocated(`${target}/small`)}`);
  });
}

/** As lsattr shows them, of those that this is about. */
function flagsIn(directory: string): string[] {
  const names = ["f", "i", "l", "n", "d", "d/n"];
  return names.map((name) =>
    `${name} ${run("lsattr", "-d", `${directory}/${name}`).split(" ")[0]?.replace(/[^iad]/g, "")}`
  );
}

function makeFlagged(world: World): void {
  for (const name of ["f", "i", "n", "d/n"]) world.write(name, name);
  Deno.linkSync(`${world.source}/i`, `${world.source}/l`);
  run("sh", "-c", `cd '${world.source}' && chattr +d f && chattr +id i && chattr +a d`);
}

/** So that it can be removed. */
const plain = (world: World) => run("sh", "-c", `chattr -R -f -i -a -d '${world.base}' || true`);

Deno.test("restore() gives flags when all else is done, if it is asked to", { ignore: !CAN_FLAG }, async () => {
  using world = new World();
  try {
    makeFlagged(world);
    await world.backup();
    const without = await world.restore("latest");
    deepStrictEqual([without.monitor.problems, flagsIn(without.target)], [[], ["f ", "i ", "l ", "n ", "d ", "d/n "]]);
    const { target, monitor } = await world.restore("latest", { flags: true });
    deepStrictEqual([monitor.problems, flagsIn(target)], [[], flagsIn(world.source)]);
    match(flagsIn(target).join(), /^f d,i (id|di),l (id|di),n ,d a,d\/n $/);
    // Once more: what is right already is left alone.
    const again = await world.restore("latest", { flags: true, overwrite: "if-changed", target: rawOf(target) });
    deepStrictEqual([again.monitor.problems, flagsIn(target)], [[], flagsIn(world.source)]);
  } finally {
    plain(world);
  }
});

Deno.test("flags that can't be given are reported, each once", { ignore: !CAN_FLAG }, async () => {
  using world = new World();
  try {
    makeFlagged(world);
    await world.backup();
  } finally {
    plain(world);
  }
  using refusing = new World({
    disk: hookedDisk(openDisk(), ({ operation, args }, proceed) => {
      if (operation === "addFlags" && args[0] !== 0x40) throw new DiskFault("EPERM", "set the flags of", rawOf("x"));
      return proceed();
    }),
  });
  run("cp", "-a", `${world.storagePath}/.`, refusing.storagePath);
  run("cp", "-a", `${world.source}/.`, refusing.source);
  const { monitor } = await refusing.restore("latest", { flags: true });
  deepStrictEqual(monitor.problems.map(({ message }) => message), [
    'Not restored: the flag immutable (EPERM) of "/i"; the flag append-only (EPERM) of "/d"',
  ]);
});
