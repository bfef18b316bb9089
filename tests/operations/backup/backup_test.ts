import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { rawOf } from "../../../src/core/raw.ts";
import { differences, run, World } from "../../support/world.ts";
import { HAS_LINUX_DISK } from "../../support/needs.ts";

for (const workers of [0, 1, 4]) {
  Deno.test(`backup() with ${workers} workers keeps every distinct content once`, async () => {
    using world = new World({ workers });
    for (let i = 0; i < 1500; i++) world.write(`d${i % 7}/f${i}`, `content ${i % 1000}`);
    const { snapshot, monitor } = await world.backup();
    strictEqual(snapshot.files, 1500);
    strictEqual(monitor.of("readFiles"), 1500);
    strictEqual(monitor.of("storedItems"), 1000);
    strictEqual(monitor.of("reusedItems"), 500);
    strictEqual(monitor.of("linkedFiles"), 1500);
    deepStrictEqual(monitor.problems, []);
    strictEqual([...world.items().keys()].filter((id) => id.length === 64).length, 1000);
    strictEqual(run("diff", "-r", world.source, `${world.storagePath}/${snapshot.tree}`), "");
  });
}

Deno.test("backup() with nothing changed writes one root, no hunk, and opens no source file", async () => {
  using world = new World();
  for (let i = 0; i < 700; i++) world.write(`dir/f${i}`, `content ${i}`);
  await world.backup();
  const before = new Set(world.items().keys());
  const { monitor, snapshot } = await world.backup();
  const added = [...world.items().keys()].filter((id) => !before.has(id));
  deepStrictEqual(added, [snapshot.id]);
  strictEqual(monitor.of("unchangedFiles"), 700);
  strictEqual(monitor.of("readFiles"), 0);
  strictEqual(monitor.of("writtenHunks"), 0);
  strictEqual(monitor.of("linkedFiles"), 700);
});

Deno.test("backup() reads only what changed", async () => {
  using world = new World();
  for (let i = 0; i < 50; i++) world.write(`f${i}`, `content ${i}`);
  await world.backup();
  world.write("f7", "something else");
  world.write("new", "new");
  Deno.removeSync(`${world.source}/f9`);
  const { monitor, snapshot } = await world.backup();
  strictEqual(monitor.of("readFiles"), 2);
  strictEqual(monitor.of("unchangedFiles"), 48);
  strictEqual(snapshot.files, 50);
});

Deno.test("backup() stores a missing content again, although its file is unchanged", async () => {
  using world = new World();
  world.write("a", "precious");
  world.write("b", "other");
  await world.backup();
  const id = [...world.items()].find(([, path]) => Deno.readTextFileSync(path) === "precious")!;
  Deno.removeSync(id[1]);
  const { monitor } = await world.backup();
  strictEqual(monitor.of("readFiles"), 1);
  strictEqual(monitor.of("storedItems"), 1);
  strictEqual(Deno.readTextFileSync(id[1]), "precious");
  strictEqual((await world.check()).damaged, 0);
});

Deno.test("backup() does not believe a file that merely lies where the content belongs", async () => {
  using world = new World();
  world.write("a", "precious");
  const { digest } = await crypto.subtle.digest("SHA-256", new TextEncoder().encode("precious"))
    .then((bytes) => ({ digest: new Uint8Array(bytes).toHex() }));
  Deno.writeTextFileSync(`${world.storagePath}/content/${digest.slice(0, 2)}/${digest.slice(2)}`, "garbage!");
  const { monitor, snapshot } = await world.backup();
  strictEqual(monitor.of("storedItems"), 1);
  strictEqual(Deno.readTextFileSync(`${world.storagePath}/${snapshot.tree}/a`), "precious");
  strictEqual((await world.check()).damaged, 0);
});

Deno.test("backup() keeps names of any bytes, symlinks, hard links, pipes, times and modes", {
  ignore: !HAS_LINUX_DISK,
}, async () => {
  using world = new World();
  world.write("plain", "plain");
  world.write('quote"\n\t\x1b[31m', "odd");
  world.write("ü".repeat(127), "long");
  run(
    "python3",
    "-c",
    `import os; open(os.fsencode(${JSON.stringify(world.source)}) + b'/\\xff\\xfe bytes', 'w').write('raw')`,
  );
  Deno.symlinkSync("plain", `${world.source}/link`);
  Deno.symlinkSync("/nowhere\n", `${world.source}/dangling`);
  Deno.linkSync(`${world.source}/plain`, `${world.source}/second`);
  run("mkfifo", `${world.source}/pipe`);
  run("touch", "-d", "2001-02-03 04:05:06.123456789", `${world.source}/plain`);
  run("touch", "-h", "-d", "1969-12-31 23:59:58.5", `${world.source}/link`);
  Deno.chmodSync(`${world.source}/plain`, 0o4711);
  Deno.mkdirSync(`${world.source}/empty`, { mode: 0o2750 });
  await world.backup();
  const { target, monitor } = await world.restore("latest");
  deepStrictEqual(monitor.problems, []);
  strictEqual(differences(world.source, target), "");
});

Deno.test("backup() takes several sources side by side under their names", async () => {
  using world = new World();
  for (const name of ["x/photos", "y/photos", "docs"]) {
    Deno.mkdirSync(`${world.base}/${name}`, { recursive: true });
    Deno.writeTextFileSync(`${world.base}/${name}/file`, name);
  }
  const { snapshot } = await world.backup({
    sources: ["x/photos", "y/photos", "docs"].map((name) => rawOf(`${world.base}/${name}`)),
  });
  const tree = `${world.storagePath}/${snapshot.tree}`;
  deepStrictEqual([...Deno.readDirSync(tree)].map(({ name }) => name).sort(), ["docs", "photos", "photos-2"]);
  strictEqual(Deno.readTextFileSync(`${tree}/photos-2/file`), "y/photos");
});

Deno.test("backup() gives a second backup in the same minute a tree of its own", async () => {
  using world = new World();
  world.write("a", "1");
  const first = (await world.backup()).snapshot;
  world.clock.pass(-1);
  const second = (await world.backup()).snapshot;
  strictEqual(first.tree, "2026/11-20T23:06");
  strictEqual(second.tree, "2026/11-20T23:06-2");
  strictEqual(Deno.readLinkSync(`${world.storagePath}/latest/source`), "../2026/11-20T23:06-2");
});

Deno.test("backup() refuses to run beside another writer", async () => {
  using world = new World();
  world.write("a", "1");
  using storage = world.open();
  using _writer = storage.write("test");
  await rejects(world.backup(), { code: "locked" });
});

Deno.test("backup() skips a storage inside its own source, and says so once", async () => {
  using world = new World();
  world.write("a", "1");
  const { monitor, snapshot } = await world.backup({ sources: [rawOf(world.base)] });
  strictEqual(snapshot.files, 1);
  strictEqual(monitor.notices.filter((text) => text.includes("storage")).length, 1);
});

Deno.test("backup() shows no content to more people than its source does", async () => {
  using world = new World();
  world.write("public", "same");
  world.write("private", "same");
  world.write("secret", "secret");
  Deno.chmodSync(`${world.source}/private`, 0o600);
  Deno.chmodSync(`${world.source}/secret`, 0o640);
  const { snapshot } = await world.backup();
  const mode = (name: string) => Deno.statSync(`${world.storagePath}/${snapshot.tree}/${name}`).mode! & 0o7777;
  strictEqual(mode("public"), 0o400);
  strictEqual(mode("secret"), 0o440);
  for (const name of ["content", "db", "tmp"]) {
    strictEqual(Deno.statSync(`${world.storagePath}/${name}`).mode! & 0o077, 0);
  }
});

Deno.test("backup() with md5 keeps both files of a published collision", async () => {
  using world = new World({ algorithm: "md5" });
  // The pair of Wang, Feng, Lai and Yu, 2004: two 128-byte messages with the MD5 79054025255fb1a26e4bc422aef54eb4.
  const first = Uint8Array.fromHex(
    "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f8955ad340609f4b30283e488832571415a" +
      "085125e8f7cdc99fd91dbdf280373c5bd8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0" +
      "e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70",
  );
  const second = first.slice();
  for (const [at, bit] of [[19, 0x80], [45, 0x80], [59, 0x80], [83, 0x80], [109, 0x80], [123, 0x80]] as const) {
    second[at]! ^= bit;
  }
  world.write("first", first);
  world.write("second", second);
  world.write("third", second);
  const { monitor, snapshot } = await world.backup();
  strictEqual(monitor.of("storedItems"), 2);
  strictEqual(monitor.of("reusedItems"), 1);
  ok(world.items().has("79054025255fb1a26e4bc422aef54eb4"));
  ok(world.items().has("79054025255fb1a26e4bc422aef54eb400"));
  strictEqual(run("diff", "-r", world.source, `${world.storagePath}/${snapshot.tree}`), "");
  const { target } = await world.restore("latest");
  strictEqual(differences(world.source, target), "");
  strictEqual((await world.check()).damaged, 0);
});
