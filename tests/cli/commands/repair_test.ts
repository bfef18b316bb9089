/** `repair` as people and programs see it. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { World } from "../../support/world.ts";
import { FakeWorld, runIn } from "../fake_world.ts";

/** A storage in which one content can be healed from the source and one can't. */
async function damaged(): Promise<World> {
  const world = new World();
  for (const name of ["kept", "lost\e"]) world.write(name, `content of ${name[0]}`);
  await world.backup({ tree: false });
  Deno.removeSync(`${world.source}/lost\e`);
  for (const path of world.items().values()) {
    if (Deno.readTextFileSync(path).startsWith("content of")) Deno.writeTextFileSync(path, "something else");
  }
  return world;
}

Deno.test("repair says what it healed and what is lost, and where", async () => {
  using world = await damaged();
  const { status, stdout, stderr } = await runIn(new FakeWorld(), "repair", "-s", world.storagePath);
  deepStrictEqual({ status, stderr }, { status: 3, stderr: "" });
  const id = "[0-9a-f]{64}", wrong = "it has 14 bytes instead of 12";
  match(
    stdout,
    new RegExp(
      `^repaired content ${id}: ${wrong}; a copy was in ${world.source}/kept\n` +
        `lost content (${id}): ${wrong}; moved to quarantine/\\1\n` +
        `  affects /lost.* in [0-9a-f]{12}\n` +
        `2 items damaged: 1 repaired, 1 is lost\n$`,
    ),
  );
});

Deno.test("repair --json tells everything, and --dry-run changes nothing", async () => {
  using world = await damaged();
  const args = ["repair", "-s", world.storagePath, "--json"];
  const preview = JSON.parse((await runIn(new FakeWorld(), ...args, "--dry-run")).stdout);
  const { items, ...counts } = JSON.parse((await runIn(new FakeWorld(), ...args)).stdout);
  deepStrictEqual(counts, { dryRun: false, damaged: 2, healed: 1, lost: 1 });
  deepStrictEqual(preview, {
    ...counts,
    dryRun: true,
    items: items.map((item: object) => "quarantine" in item ? { ...item, quarantine: undefined } : item).map(
      (item: object) => JSON.parse(JSON.stringify(item)),
    ),
  });
  deepStrictEqual(Object.keys(items[1]), ["kind", "id", "what", "affected", "quarantine"]);
});

Deno.test("repair of a sound storage says so, and --from must be there", async () => {
  using world = new World();
  world.write("a", "1");
  await world.backup();
  const args = ["repair", "-s", world.storagePath];
  const { status, stdout } = await runIn(new FakeWorld(), ...args);
  deepStrictEqual({ status, stdout }, { status: 0, stdout: "Nothing is damaged\n" });
  strictEqual((await runIn(new FakeWorld(), ...args, "--from", world.source)).status, 0);
  strictEqual((await runIn(new FakeWorld(), ...args, "--from", `${world.source}/nothing`)).status, 10);
});
