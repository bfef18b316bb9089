import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../../src/core/raw.ts";
import { DiskFault } from "../../../src/platform/disk.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { JobWorld } from "../../support/job_world.ts";
import { differences, run } from "../../support/world.ts";

/** A source with one of everything that anybody may move away, and a copy of it to compare with. */
function prepare(): { world: JobWorld; original: string } & Disposable {
  const world = new JobWorld();
  world.write("a.txt", "first");
  world.write("sub/deep/b", "second");
  world.write("sub/empty", "");
  world.write("sub/large", new Uint8Array(3_000_000).map((_, i) => (i * 7) % 251));
  Deno.mkdirSync(`${world.source}/nothing`);
  Deno.linkSync(`${world.source}/a.txt`, `${world.source}/sub/a-again`);
  Deno.symlinkSync("sub/deep", `${world.source}/link`);
  Deno.chmodSync(`${world.source}/sub/deep`, 0o555);
  const original = `${world.base}/original`;
  run("cp", "-a", world.source, original);
  return { world, original, [Symbol.dispose]: () => world[Symbol.dispose]() };
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("an import moves a directory into archive/, exactly, and keeps it as a snapshot", async () => {
  using place = prepare();
  const { world, original } = place;
  world.put("scans.json", { kind: "import", source: world.source, destination: "scans/2026-11" });
  const entry = await world.perform("scans.json");
  deepStrictEqual([entry?.outcome, entry?.problems], ["done", []]);
  strictEqual(differences(original, `${world.archive}/scans/2026-11`), "");
  strictEqual(isThere(world.source), false);
  deepStrictEqual(world.remains(), []);
  const { target } = await world.restore("latest");
  strictEqual(differences(original, target), "");
  strictEqual((await world.check()).damaged, 0);
  const [recorded, ...more] = world.history();
  deepStrictEqual([recorded, more], [entry, []]);
  using storage = world.open();
  const snapshot = storage.resolve(entry!.snapshot!);
  strictEqual(snapshot.name, "scans/2026-11");
  deepStrictEqual(storage.manifest(snapshot.id).root.job, { name: "scans.json", kind: "import", run: entry!.run });
});

Deno.test("an import replaces what was at its destination, whatever it was", async () => {
  for (const before of ["directory", "file", "read-only directory"]) {
    using place = prepare();
    const { world, original } = place;
    const destination = `${world.archive}/scans`;
    Deno.mkdirSync(before === "file" ? world.archive : `${destination}/old/deep`, { recursive: true });
    Deno.writeTextFileSync(before === "file" ? destination : `${destination}/old/file`, "old");
    if (before === "read-only directory") Deno.chmodSync(destination, 0o555);
    world.put("a.json", { kind: "import", source: world.source, destination: "scans" });
    strictEqual((await world.perform("a.json"))?.outcome, "done");
    strictEqual(differences(original, destination), "", before);
    deepStrictEqual(world.remains(), []);
  }
});

Deno.test("an import of a single file makes the destination that file", async () => {
  using world = new JobWorld();
  world.write("report.pdf", "pages");
  world.put("a.json", { kind: "import", source: `${world.source}/report.pdf`, destination: "reports/november.pdf" });
  strictEqual((await world.perform("a.json"))?.outcome, "done");
  strictEqual(Deno.readTextFileSync(`${world.archive}/reports/november.pdf`), "pages");
  deepStrictEqual([...Deno.readDirSync(world.source)], []);
  deepStrictEqual(world.remains(), []);
});

Deno.test("an import that is to keep its source leaves it as it was", async () => {
  using place = prepare();
  const { world, original } = place;
  world.put("a.json", { kind: "import", source: world.source, destination: "kept", removeSource: false });
  strictEqual((await world.perform("a.json"))?.outcome, "done");
  strictEqual(differences(original, world.source), "");
  strictEqual(differences(original, `${world.archive}/kept`), "");
});

Deno.test("an import as ZIP holds everything, and other programs can read it", async () => {
  using place = prepare();
  const { world, original } = place;
  world.put("a.json", { kind: "import", source: world.source, destination: "scans/2026-11", pack: "zip" });
  strictEqual((await world.perform("a.json"))?.outcome, "done");
  const unpacked = `${world.base}/unpacked`;
  Deno.mkdirSync(unpacked);
  run("unzip", "-q", `${world.archive}/scans/2026-11.zip`, "-d", unpacked);
  // A ZIP has whole seconds, and no hard links.
  const differing = run(
    "rsync",
    "-a",
    "--delete",
    "--checksum",
    "--modify-window=1",
    "--omit-dir-times",
    "--omit-link-times", // which unzip doesn't set
    "-n",
    "-i",
    `${original}/`,
    `${unpacked}/`,
  );
  strictEqual(differing, "");
  strictEqual(isThere(world.source), false);
});

Deno.test("an import that can't read everything publishes nothing, removes nothing, and says so", async () => {
  using world = new JobWorld();
  world.write("a", "1");
  world.write("b", "2");
  const disk = hookedDisk(openDisk(), ({ operation, path }, proceed) => {
    if (operation === "open" && path.endsWith("/source/b")) throw new DiskFault("EACCES", "open", rawOf(path));
    return proceed();
  });
  world.put("a.json", { kind: "import", source: world.source, destination: "x" });
  const entry = await world.perform("a.json", disk);
  deepStrictEqual([entry?.outcome, entry?.error?.code], ["failed", "import-incomplete"]);
  strictEqual(isThere(`${world.source}/a`), true);
  strictEqual(isThere(`${world.archive}/x`), false);
  deepStrictEqual(world.remains(), []);
});

Deno.test("an import leaves what came or changed after it was read, and tells it", async () => {
  using world = new JobWorld();
  world.write("a", "1");
  world.write("sub/b", "2");
  world.put("a.json", { kind: "import", source: world.source, destination: "x" });
  // As if it happened between reading and removing: a run that ends before it removes anything.
  let isPublished = false;
  const disk = hookedDisk(openDisk(), (call, proceed) => {
    if (call.operation === "exchange" || (call.operation === "rename" && String(call.args[2]) === "x")) {
      isPublished = true;
    }
    if (isPublished && call.operation === "unlink" && call.path.endsWith("/source/a")) {
      world.write("sub/new", "came later");
      Deno.mkdirSync(`${world.source}/sub/empty-and-new`);
      world.write("sub/b", "changed");
    }
    return proceed();
  });
  const entry = await world.perform("a.json", disk);
  strictEqual(entry?.outcome, "problems");
  deepStrictEqual(entry?.problems.map(({ code }) => code), ["source-left", "source-left", "source-left"]);
  const left = [...Deno.readDirSync(`${world.source}/sub`)].map(({ name }) => name).sort();
  deepStrictEqual(left, ["b", "empty-and-new", "new"]);
  strictEqual(Deno.readTextFileSync(`${world.archive}/x/sub/b`), "2");
  strictEqual(isThere(`${world.source}/a`), false);
});

for (
  const [what, source] of [
    ["the storage", (world: JobWorld) => world.storagePath],
    ["something in the storage", (world: JobWorld) => `${world.storagePath}/content`],
    ["the job directory", (world: JobWorld) => world.jobs],
    ["a directory above them", (world: JobWorld) => world.base],
  ] as const
) {
  Deno.test(`an import refuses ${what} as its source`, async () => {
    using world = new JobWorld();
    world.put("a.json", { kind: "import", source: source(world), destination: "x" });
    const entry = await world.perform("a.json");
    deepStrictEqual([entry?.outcome, entry?.error?.code], ["failed", "bad-import"]);
    ok(isThere(source(world)));
  });
}

Deno.test("an import of what isn't there fails, and touches nothing at its destination", async () => {
  using world = new JobWorld();
  Deno.mkdirSync(`${world.archive}/x`, { recursive: true });
  world.put("a.json", { kind: "import", source: `${world.base}/missing`, destination: "x" });
  const entry = await world.perform("a.json");
  deepStrictEqual([entry?.outcome, entry?.error?.code], ["failed", "no-source"]);
  strictEqual(isThere(`${world.archive}/x`), true);
});

Deno.test("what lay below a private directory is published for its owner alone", async () => {
  for (const [pack, name] of [["none", "x"], ["zip", "x.zip"]]) {
    using world = new JobWorld();
    Deno.chmodSync(world.base, 0o700);
    world.write("a", "1");
    Deno.chmodSync(world.source, 0o755);
    world.put("a.json", { kind: "import", source: world.source, destination: "x", pack });
    strictEqual((await world.perform("a.json"))?.outcome, "done");
    strictEqual(Deno.statSync(`${world.archive}/${name}`).mode! & 0o077, 0);
  }
});

for (
  const [what, modes, mode] of [
    ["everything is for everybody", {}, 0o644],
    ["the top is closed", { "": 0o700 }, 0o600],
    ["a file is closed", { "sub/b": 0o600 }, 0o600],
    ["a directory is closed", { "sub": 0o711 }, 0o600],
    ["an empty directory can be listed only", { "sub/empty": 0o744 }, 0o600],
    [
      "everything is for the group",
      { "": 0o750, "a": 0o640, "sub": 0o2750, "sub/b": 0o640, "sub/empty": 0o750 },
      0o640,
    ],
    ["a file is for the group alone", { "a": 0o640 }, 0o640],
    ["a file is for others alone", { "a": 0o604 }, 0o600],
  ] as const
) {
  Deno.test(`a ZIP in archive/ is read by those who may read all of its source, at any time: ${what}`, async () => {
    using world = new JobWorld();
    Deno.chmodSync(world.source, 0o755);
    world.write("a", "1");
    world.write("sub/b", "2");
    Deno.mkdirSync(`${world.source}/sub/empty`);
    Deno.symlinkSync("a", `${world.source}/link`);
    for (const [path, mode] of Object.entries({ a: 0o644, sub: 0o755, "sub/b": 0o644, "sub/empty": 0o755, ...modes })) {
      Deno.chmodSync(`${world.source}/${path}`, mode);
    }
    world.put("a.json", { kind: "import", source: world.source, destination: "x", pack: "zip" });
    const widest: number[] = [];
    const disk = hookedDisk(openDisk(), ({ path }, proceed) => {
      const answer = proceed();
      for (const at of [`${world.archive}/x.zip`, `${world.storagePath}/tmp/a.json/packed`]) {
        if (isThere(at) && !path.includes("/content/")) widest.push(Deno.statSync(at).mode! & 0o777);
      }
      return answer;
    });
    strictEqual((await world.perform("a.json", disk))?.outcome, "done");
    strictEqual(Deno.statSync(`${world.archive}/x.zip`).mode! & 0o777, mode);
    deepStrictEqual([...new Set(widest)].filter((one) => (one & ~mode) !== 0), []);
    strictEqual(widest[0], 0o600);
  });
}

Deno.test({
  name: "a ZIP of files that belong to several groups is for none of them",
  ignore: Deno.uid() !== 0,
  fn: async () => {
    for (const [gids, mode] of [[[1234, 1234], 0o640], [[1234, 1235], 0o600]] as const) {
      using world = new JobWorld();
      for (const [i, gid] of gids.entries()) {
        world.write(`f${i}`, String(i));
        Deno.chmodSync(`${world.source}/f${i}`, 0o640);
        Deno.chownSync(`${world.source}/f${i}`, 0, gid);
      }
      Deno.chmodSync(world.source, 0o750);
      Deno.chownSync(world.source, 0, 1234);
      world.put("a.json", { kind: "import", source: world.source, destination: "x", pack: "zip" });
      strictEqual((await world.perform("a.json"))?.outcome, "done");
      const stat = Deno.statSync(`${world.archive}/x.zip`);
      deepStrictEqual([stat.mode! & 0o777, stat.gid === 1234], [mode, mode === 0o640]);
    }
  },
});

Deno.test("what a ZIP can't hold is found before the source is read", async () => {
  using world = new JobWorld();
  world.write("a", "1");
  Deno.mkdirSync(`${world.source}/sub`);
  run("mkfifo", `${world.source}/sub/pipe`);
  world.put("a.json", { kind: "import", source: world.source, destination: "x", pack: "zip" });
  const read: string[] = [];
  const disk = hookedDisk(openDisk(), ({ operation, path }, proceed) => {
    if (operation === "open" && path.startsWith(world.source)) read.push(path);
    return proceed();
  });
  const entry = await world.perform("a.json", disk);
  deepStrictEqual([entry?.outcome, entry?.error?.code, read], ["failed", "import-incomplete", []]);
  ok(entry?.error?.message.includes("sub/pipe"));
  strictEqual(isThere(`${world.source}/a`), true);
});

Deno.test("names that mean something on Windows are others in a ZIP file, and that is told", async () => {
  using world = new JobWorld();
  world.write("..\\..\\evil", "1");
  world.write("C:x", "2");
  world.put("a.json", { kind: "import", source: world.source, destination: "x", pack: "zip" });
  strictEqual((await world.perform("a.json"))?.outcome, "done");
  const names = run("unzip", "-Z1", `${world.archive}/x.zip`).trim().split("\n").sort();
  deepStrictEqual(names, ["..%5C..%5Cevil", "C%3Ax"]);
  strictEqual(world.log.filter(({ message }) => message.includes("in the ZIP file")).length, 2);
});

Deno.test("what lay below a private directory is for nobody else at any time", async () => {
  for (const isFile of [false, true]) {
    using world = new JobWorld();
    Deno.chmodSync(world.base, 0o700);
    world.write("a", "1");
    for (const path of ["", "/a"]) Deno.chmodSync(`${world.source}${path}`, 0o755);
    const seen = new Set<number>();
    const disk = hookedDisk(openDisk(), (_, proceed) => {
      const answer = proceed();
      if (isThere(`${world.archive}/x`)) seen.add(Deno.statSync(`${world.archive}/x`).mode! & 0o077);
      return answer;
    });
    world.put("a.json", { kind: "import", source: isFile ? `${world.source}/a` : world.source, destination: "x" });
    strictEqual((await world.perform("a.json", disk))?.outcome, "done");
    deepStrictEqual([...seen], [0]);
  }
});

Deno.test("what can't be removed from a source is one problem, with its own words", async () => {
  using world = new JobWorld();
  world.write("sub/a", "1");
  world.write("sub/b", "2");
  world.put("a.json", { kind: "import", source: world.source, destination: "x" });
  const disk = hookedDisk(openDisk(), ({ operation, path }, proceed) => {
    if (operation === "unlink" && path === `${world.source}/sub/a`) throw new DiskFault("EPERM", "remove", rawOf(path));
    return proceed();
  });
  const entry = await world.perform("a.json", disk);
  deepStrictEqual(entry?.problems.map(({ code }) => code), ["disk"]);
  strictEqual(isThere(`${world.source}/sub/b`), false);
});
