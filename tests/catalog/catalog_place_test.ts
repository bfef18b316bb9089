/** Catalogs at odd places, and odd things in a catalog's place. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { forget } from "../../src/operations/forget/forget.ts";
import { prune } from "../../src/operations/forget/prune.ts";
import { TestMonitor, World } from "../support/world.ts";
import { run } from "../support/world.ts";

const isLinux = Deno.build.os === "linux";

for (const name of ["büro", "caf\udce9", "it's", "a?b=c#d%20"]) {
  Deno.test(`the catalog of a storage in ${JSON.stringify(name)} is found again`, { ignore: !isLinux }, async () => {
    using world = new World({ storageIn: (base) => `${base}/${name}` });
    world.write("a", "1");
    await world.backup();
    world.write("b", "1");
    const { monitor } = await world.backup();
    deepStrictEqual([monitor.notices, monitor.of("reusedItems"), monitor.of("unchangedFiles")], [[], 1, 1]);
    const next = new TestMonitor();
    using storage = world.open(next);
    strictEqual(storage.snapshots().length, 2);
    deepStrictEqual(next.notices, []);
  });
}

const ODD: Readonly<Record<string, (catalog: string) => void>> = {
  "a pipe": (catalog) => void (Deno.removeSync(catalog), run("mkfifo", catalog)),
  "a symbolic link": (catalog) =>
    void (Deno.renameSync(catalog, `${catalog}.away`), Deno.symlinkSync(`${catalog}.away`, catalog)),
  "a pipe for a journal": (catalog) => void run("mkfifo", `${catalog}-journal`),
  "a directory for a log": (catalog) => Deno.mkdirSync(`${catalog}-wal/x`, { recursive: true }),
  "a journal that names another file": (catalog) =>
    Deno.writeFileSync(`${catalog}-journal`, Uint8Array.of(1, 2, 0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7)),
};

for (const [what, make] of Object.entries(ODD)) {
  Deno.test(
    `${what} in the catalog's place is noticed, and the next backup puts that right`,
    { ignore: !isLinux },
    async () => {
      using world = new World();
      world.write("a", "1");
      await world.backup();
      make(`${world.storagePath}/db/catalog.sqlite`);
      {
        const monitor = new TestMonitor();
        using storage = world.open(monitor);
        strictEqual(storage.snapshots().length, 1);
        match(monitor.notices.join(), /^The catalog .*; rebuilding/);
      }
      await world.backup();
      const monitor = new TestMonitor();
      using storage = world.open(monitor);
      strictEqual(storage.snapshots().length, 2);
      deepStrictEqual(monitor.notices, []);
      ok(Deno.lstatSync(`${world.storagePath}/db/catalog.sqlite`).isFile);
    },
  );
}

Deno.test("a prune gives back the room of a catalog that has become mostly empty", async () => {
  using world = new World();
  for (let round = 0; round < 8; round++) {
    for (let i = 0; i < 400; i++) world.write(`${i}`, `${round} ${i}`);
    await world.backup({ tree: false });
  }
  const size = () => Deno.statSync(`${world.storagePath}/db/catalog.sqlite`).size;
  const before = size();
  using storage = world.open();
  await forget(storage, { among: {}, policy: { last: 1 }, dryRun: false }, new TestMonitor());
  const signal = new AbortController().signal;
  await prune(storage, { dryRun: false, workers: 0, signal }, () => {}, new TestMonitor());
  ok(size() < before / 2, `${size()} of ${before} bytes`);
  const live = [...storage.catalog().dump()];
  using next = world.open();
  deepStrictEqual([...next.catalog().dump()], live);
});
