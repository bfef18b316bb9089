/** The page's reader of storages, against those of every version that there ever was, and of every algorithm. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { ALGORITHMS } from "../../src/core/digest.ts";
import type { Reader } from "../../src/recover/reader.ts";
import { isStorage, openStorage } from "../../src/recover/storage.ts";
import { placeAt, readAll } from "../support/recover_place.ts";
import { run, World } from "../support/world.ts";

const FIXTURES = fileURLToPath(new URL("../formats/fixtures/format-1", import.meta.url));
const quiet = () => {};

/** What is read if nothing is broken: as many files as the roots say. */
async function assertWhole(reader: Reader, snapshots: number): Promise<void> {
  const { files, bytes, broken, snapshots: found } = await readAll(reader);
  const total = (of: "files" | "bytes") => reader.snapshots.reduce((sum, one) => sum + one[of], 0);
  deepStrictEqual([found, files, bytes, broken, reader.problems], [snapshots, total("files"), total("bytes"), [], []]);
  ok(files > 0);
}

/** Names of fixtures: how many snapshots and contents there are, and what is damaged in them. */
const FIRST = {
  "sha256.tar": { snapshots: 3, contents: 11, broken: [] },
  "md5.tar": { snapshots: 2, contents: 9, broken: [] },
  "lived-in.tar.gz": { snapshots: 12, contents: 25, broken: ["/damaged", "/lost"] },
};

for (const [name, expected] of Object.entries(FIRST)) {
  Deno.test(`the page reads every file of a storage that the first version wrote (${name})`, async () => {
    using world = new World({ inMemory: true });
    run("tar", "-C", world.base, "-xpf", `${FIXTURES}/${name}`);
    const path = `${world.base}/storage`;
    run("sh", "-c", `rm -rf ${path}/db ${path}/tmp ${path}/latest ${path}/20*`);
    const reader = await openStorage(placeAt(path), quiet), { snapshots, contents, broken } = await readAll(reader);
    deepStrictEqual([{ snapshots, contents, broken }, reader.problems], [expected, []]);
  });
}

for (const algorithm of ALGORITHMS) {
  for (const hexSplit of [[2], [1, 1]]) {
    Deno.test(`the page reads a storage of today with ${algorithm}, split ${hexSplit}`, async () => {
      using world = new World({ algorithm, hexSplit });
      world.write("dir/a.txt", "some text");
      world.write("empty", "");
      // More than one piece.
      world.write("large", "0123456789abcdef".repeat(160_000));
      await world.backup();
      world.write("dir/a.txt", "another text");
      await world.backup();
      const place = placeAt(world.storagePath), reader = await openStorage(place, quiet);
      ok(await isStorage(place));
      await assertWhole(reader, 2);
    });
  }
}

Deno.test("the page passes nothing on that is damaged in a storage, and names it", async () => {
  using world = new World();
  world.write("a", "precious");
  world.write("b", "something else");
  await world.backup();
  for (const [id, path] of world.items()) {
    const bytes = Deno.readFileSync(path), changed = bytes.slice();
    changed[Math.floor(changed.length / 2)]! ^= 1;
    Deno.chmodSync(path, 0o600);
    Deno.writeFileSync(path, changed);
    const reader = await openStorage(placeAt(world.storagePath), quiet);
    if (id.endsWith("f0")) {
      deepStrictEqual(reader.problems, [`The snapshot ${id.slice(0, 12)} is damaged`]);
      strictEqual(reader.snapshots.length, 0);
    } else if (id.endsWith("f1")) await rejects(readAll(reader), /A list of files .* is damaged/);
    else strictEqual((await readAll(reader)).broken.length, 1);
    Deno.writeFileSync(path, bytes);
  }
  await assertWhole(await openStorage(placeAt(world.storagePath), quiet), 1);
});

Deno.test("the page names a file that is missing, or longer than it was", async () => {
  using world = new World();
  world.write("gone", "gone");
  world.write("long", "long");
  await world.backup();
  for (const path of world.items().values()) {
    const text = Deno.readTextFileSync(path);
    if (text === "gone") Deno.removeSync(path);
    if (text !== "long") continue;
    Deno.chmodSync(path, 0o600);
    Deno.writeTextFileSync(path, "longer");
  }
  const reader = await openStorage(placeAt(world.storagePath), quiet);
  deepStrictEqual((await readAll(reader)).broken, ["/gone", "/long"]);
});

Deno.test("the page shows a snapshot that was labelled anew once, though a crash has left both its roots", async () => {
  using world = new World();
  world.write("a", "1");
  const { snapshot: { id } } = await world.backup(), former = world.items().get(id)!, kept = `${world.base}/root`;
  Deno.copyFileSync(former, kept);
  {
    using storage = world.open();
    using writer = storage.write("test");
    writer.replaceRoot(id, { tags: ["one"] });
  }
  Deno.copyFileSync(kept, former);
  const reader = await openStorage(placeAt(world.storagePath), quiet);
  deepStrictEqual(reader.snapshots.map((one) => one.id === id), [false]);
  await assertWhole(reader, 1);
});
