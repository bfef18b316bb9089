import { deepStrictEqual, rejects } from "node:assert/strict";
import type { Apath } from "../../../src/core/apath.ts";
import { history, NeverBackedUp } from "../../../src/operations/browse/history.ts";
import { World } from "../../support/world.ts";

const PATH = "/letters/mum.txt" as Apath;

/** What happened, as "change aspects firstSnapshot-count goneIn". */
async function told(world: World, path = PATH): Promise<string[]> {
  using storage = world.open();
  const ids = storage.snapshots().map(({ id }) => id);
  return (await history(storage, path)).map(({ change, aspects, span, goneIn }) => {
    const gone = goneIn === undefined ? "" : ` gone in ${ids.indexOf(goneIn.id)}`;
    return `${change}(${aspects}) ${ids.indexOf(span.first.id)}+${span.count}${gone}`;
  });
}

Deno.test("history() tells when a path appeared, changed, vanished and came back", async () => {
  using world = new World({ inMemory: true });
  const file = `${world.source}/letters/mum.txt`;
  world.write("other", "x");
  await world.backup();
  world.write("letters/mum.txt", "1");
  Deno.utimeSync(file, 1000, 1000);
  await world.backup();
  await world.backup();
  Deno.chmodSync(file, 0o600);
  await world.backup();
  Deno.writeTextFileSync(file, "2");
  Deno.utimeSync(file, 2000, 2000);
  await world.backup();
  Deno.removeSync(file);
  await world.backup();
  await world.backup();
  Deno.symlinkSync("elsewhere", file);
  await world.backup();
  deepStrictEqual(await told(world), [
    "added() 1+2",
    "metadata(mode) 3+1",
    "content(content,mtime) 4+1 gone in 5",
    "added() 7+1",
  ]);
});

Deno.test("history() keeps series apart, and incomplete snapshots out of them", async () => {
  using world = new World({ inMemory: true });
  world.write("letters/mum.txt", "1");
  await world.backup({ name: "a" });
  await world.backup({ name: "b" });
  Deno.removeSync(`${world.source}/letters/mum.txt`);
  await world.backup({ name: "b" });
  deepStrictEqual(await told(world), ["added() 0+1", "added() 1+1 gone in 2"]);
});

Deno.test("history() of a path that was never there says where to look", async () => {
  using world = new World({ inMemory: true });
  await rejects(() => told(world), NeverBackedUp);
});

Deno.test("history() takes a path as it was in the source, also of a file that is gone", async () => {
  using world = new World({ inMemory: true });
  world.write("letters/mum.txt", "1");
  await world.backup();
  Deno.removeSync(`${world.source}/letters/mum.txt`);
  await world.backup();
  deepStrictEqual(await told(world, `${world.source}/letters/mum.txt` as Apath), ["added() 0+1 gone in 1"]);
  await rejects(() => told(world, `${world.source}/letters/dad.txt` as Apath), NeverBackedUp);
});
