/** check --read-data-subset and check --status as a person sees them. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { FakeWorld, runIn } from "../fake_world.ts";

async function prepared(): Promise<Disposable & { readonly world: FakeWorld }> {
  const base = Deno.makeTempDirSync({ prefix: "backup-tool-check-" });
  const world = new FakeWorld();
  world.directory = base;
  world.variables["BACKUP_TOOL_STORAGE"] = `${base}/storage`;
  Deno.mkdirSync(`${base}/source`);
  for (let i = 0; i < 10; i++) Deno.writeTextFileSync(`${base}/source/f${i}`, String(i).repeat(1024));
  strictEqual((await runIn(world, "init")).status, 0);
  strictEqual((await runIn(world, "backup", "source")).status, 0);
  return { world, [Symbol.dispose]: () => Deno.removeSync(base, { recursive: true }) };
}

Deno.test("check --status tells how much was read how long ago", async () => {
  using place = await prepared();
  const { world } = place;
  world.clock.pass(3 * 24 * 60);
  deepStrictEqual(JSON.parse((await runIn(world, "check", "--read-data-subset", "30%", "--json")).stdout).readItems, 3);
  world.clock.pass(26 * 60);
  strictEqual(
    (await runIn(world, "check", "--status")).stdout,
    `LAST READ             CONTENTS    SIZE   SHARE
in the last day              0     0 B    0.0%
in the last 7 days           3   3 KiB   30.0%
in the last 30 days          3   3 KiB   30.0%
in the last 90 days          3   3 KiB   30.0%
in the last 365 days         3   3 KiB   30.0%
never                        7   7 KiB   70.0%
all contents                10  10 KiB  100.0%
7 contents never checked: run \`backup-tool check --read-data\`
The oldest check of a content was at 2026-11-23 23:05 +01: 1 d 02 h ago
`,
  );
  const { all, never, oldest } = JSON.parse((await runIn(world, "check", "--status", "--json")).stdout);
  deepStrictEqual([all, never], [{ contents: 10, bytes: 10240 }, { contents: 7, bytes: 7168 }]);
  strictEqual(oldest, "2026-11-23T22:05:11.123Z");
});

Deno.test("check --read-data-subset says how much it read", async () => {
  using place = await prepared();
  const { stdout } = await runIn(place.world, "check", "--read-data-subset", "oldest:4K");
  match(stdout, /^Checked 1 snapshot, 12 items, 4 KiB read in .*: no damage\n$/);
});

Deno.test("check refuses parts that make no sense, and two ways at once", async () => {
  for (
    const [message, ...args] of [
      [
        "Option '--read-data-subset <PART>' argument '8/7' is invalid. Write it like 5%, 10G or 1/7",
        "--read-data-subset",
        "8/7",
      ],
      [
        "Option '--read-data-subset <PART>' cannot be used with option '--read-data'",
        "--read-data-subset",
        "5%",
        "--read-data",
      ],
      ["Option '--status' cannot be used with option '--read-data'", "--status", "--read-data"],
    ] as const
  ) {
    const { status, stderr } = await runIn(new FakeWorld(), "check", ...args);
    deepStrictEqual([status, stderr.split("\n")[0]], [2, `backup-tool: ${message}`]);
  }
});
