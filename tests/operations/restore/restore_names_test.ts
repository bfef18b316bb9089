/** Names in a target: those that are one name there, and those that are the tool's own. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Raw, rawOf, textOf } from "../../../src/core/raw.ts";
import { foldedName } from "../../../src/operations/restore/name_collisions.ts";
import { previewRestore } from "../../../src/operations/restore/restore.ts";
import { foldingDisk } from "../../support/folding_disk.ts";
import { differences, run, TestMonitor, World } from "../../support/world.ts";
import { HAS_LINUX_DISK } from "../../support/needs.ts";

/** Everything that is there, with what the files hold. */
function contents(at: string): string[] {
  return run("sh", "-c", `cd ${at} && find . -type f -exec grep -H . {} + -o -mindepth 1 -print | sort`).trim().split(
    "\n",
  );
}

for (const overwrite of [undefined, "always", "if-changed"] as const) {
  Deno.test(`names that are one in the target: the second is a problem (${overwrite ?? "into a new directory"})`, {
    ignore: !HAS_LINUX_DISK,
  }, async () => {
    using world = new World({ disk: foldingDisk((path) => path.includes("/folding")) });
    for (const path of ["Foo", "foo", "fOO", "d/Ä", "d/ä", "d/a\u0308", "Dir/in", "dir/in", "other"]) {
      world.write(path, path);
    }
    Deno.symlinkSync("x", `${world.source}/Link`);
    Deno.symlinkSync("y", `${world.source}/link`);
    run("mkfifo", `${world.source}/FILE`);
    world.write("file", "file");
    Deno.linkSync(`${world.source}/other`, `${world.source}/OTHER`);
    await world.backup();
    const target = rawOf(`${world.base}/folding`);
    const { monitor } = await world.restore("latest", { target, ...(overwrite !== undefined && { overwrite }) });
    const told = monitor.problems.map((problem) => ("code" in problem ? problem.code : problem));
    deepStrictEqual(told, Array(8).fill("names-collide"), String(monitor.problems));
    deepStrictEqual(contents(target), [
      "./d",
      "./d/ä:d/a\u0308",
      "./dir",
      "./dir/in:Dir/in",
      "./file",
      "./foo:Foo",
      "./link",
      "./other:other",
    ]);
    strictEqual(Deno.readLinkSync(`${target}/link`), "x");
    const text = `Cannot restore "/foo": in the target that is the name of "Foo"`;
    ok(monitor.problems.some(({ message }) => message === text), String(monitor.problems));
  });
}

Deno.test("names that only seem alike are restored where they are two", async () => {
  using world = new World();
  for (const path of ["Foo", "foo", "ä", "a\u0308", "ﬁ", "fi", "x.", "x", "x ", "ß", "SS"]) world.write(path, path);
  await world.backup();
  for (const overwrite of [undefined, "always"] as const) {
    const { target, monitor } = await world.restore("latest", overwrite && { overwrite });
    deepStrictEqual(monitor.problems, []);
    strictEqual(differences(world.source, target), "");
  }
});

Deno.test("foldedName() is equal for what some file system takes for one name", () => {
  for (
    const names of [["Foo", "foo", "foo.", "FOO. "], ["ä", "Ä", "a\u0308", "Ä."], ["Straße", "STRASSE"], ["ﬁ", "FI"], [
      "a\u200db",
      "ab",
    ]]
  ) {
    strictEqual(new Set(names.map((name) => foldedName(rawOf(name)))).size, 1, String(names));
  }
  ok(foldedName(rawOf("a")) !== foldedName(rawOf("b")));
  ok(foldedName("caf\xe9" as Raw) !== foldedName("caf\xe8" as Raw));
});

Deno.test("a user's files that are called like the tool's own are kept and come back", async () => {
  using world = new World();
  const names = [
    "x",
    "x.backup-tool-partial",
    ".backup-tool-restoring",
    "d/.backup-tool-restoring",
    "d/y.backup-tool-partial",
    "d/y",
  ];
  for (const name of names) world.write(name, `of the user: ${name}`);
  world.write("empty/.backup-tool-restoring", "");
  await world.backup();
  const { target, monitor } = await world.restore("latest");
  deepStrictEqual(monitor.problems, []);
  strictEqual(differences(world.source, target), "");
  Deno.writeTextFileSync(`${target}/x.backup-tool-partial`, "mine");
  Deno.writeTextFileSync(`${target}/.backup-tool-restoring`, "mine");
  Deno.writeTextFileSync(`${target}/x`, "changed");
  await world.restore("latest", { target: rawOf(target), overwrite: "always", include: ["/x"] });
  deepStrictEqual(
    ["x", "x.backup-tool-partial", ".backup-tool-restoring"].map((name) => Deno.readTextFileSync(`${target}/${name}`)),
    [
      "of the user: x",
      "mine",
      "mine",
    ],
  );
});

Deno.test("restore --delete removes a user's file that is called like a mark of ours, and keeps the mark", async () => {
  using world = new World();
  world.write("x", "1");
  const { snapshot } = await world.backup();
  const target = rawOf(`${world.base}/target`), mark = `.backup-tool-restoring-${snapshot.id.slice(0, 12)}`;
  Deno.mkdirSync(target);
  Deno.writeTextFileSync(`${target}/.backup-tool-restoring`, "of the user");
  Deno.writeTextFileSync(`${target}/${mark}`, JSON.stringify({ format: "backup-tool restore", snapshot: snapshot.id }));
  const planned: string[] = [];
  using storage = world.open();
  const request = { ...world.restoreRequest(storage.resolve("latest"), target), delete: true };
  await previewRestore(
    storage,
    request,
    new TestMonitor(),
    ({ action, path }) => planned.push(`${action} ${textOf(path).slice(target.length)}`),
  );
  deepStrictEqual(planned, ["remove /.backup-tool-restoring", "create /x"]);
  await world.restore("latest", { target, delete: true });
  deepStrictEqual([...Deno.readDirSync(target)].map(({ name }) => name), ["x"]);
});
