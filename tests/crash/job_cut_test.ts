/** Jobs that are cut off between any two changes of the disk end, at the next start, as if nothing had happened. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { openDisk } from "../../src/platform/open_disk.ts";
import { atLeast, stride } from "../support/effort.ts";
import { CuttingDisk, PowerCut } from "../support/cutting_disk.ts";
import { hookedDisk } from "../support/hooked_disk.ts";
import { JobWorld } from "../support/job_world.ts";
import { differences, run } from "../support/world.ts";

/** Every n-th change is cut; SLOW=1 cuts at each. */
const STRIDE = stride(11);

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function prepare(isReplacing: boolean): { world: JobWorld; original: string } & Disposable {
  const world = new JobWorld({ inMemory: true, hexSplit: [1] });
  for (const name of ["a", "sub/b", "sub/deep/c", "z"]) world.write(name, `content of ${name}`);
  Deno.symlinkSync("a", `${world.source}/link`);
  const original = `${world.base}/original`;
  run("cp", "-a", world.source, original);
  if (isReplacing) {
    Deno.mkdirSync(`${world.archive}/x/old`, { recursive: true });
    Deno.writeTextFileSync(`${world.archive}/x/old/file`, "what was there");
  }
  return { world, original, [Symbol.dispose]: () => world[Symbol.dispose]() };
}

/** Does the job, until change number `cut`. @returns whether it got through */
async function performUntil(world: JobWorld, cut: number, disk = openDisk()): Promise<boolean> {
  try {
    await world.perform("a.json", new CuttingDisk(disk, cut).disk);
    return true;
  } catch (error) {
    ok(error instanceof PowerCut, error instanceof Error ? error.stack : String(error));
    return false;
  }
}

/** What must hold at any moment, whatever was cut. */
function checkSafety(world: JobWorld, original: string, isReplacing: boolean, when: string): void {
  const isWhole = isThere(world.source) && differences(original, world.source) === "";
  const isPublished = isThere(`${world.archive}/x`) && differences(original, `${world.archive}/x`) === "";
  ok(isWhole || isPublished, `${when}: neither source nor archive is whole`);
  if (isReplacing) ok(isThere(`${world.archive}/x`), `${when}: nothing is at the destination`);
}

for (const isReplacing of [false, true]) {
  Deno.test(`an import ${isReplacing ? "that replaces something" : "to a new place"}, cut before any change, ends as if nothing had happened`, async () => {
    let cuts = 0;
    for (let cut = 0, finished = false; !finished; cut += STRIDE) {
      using place = prepare(isReplacing);
      const { world, original } = place;
      world.put("a.json", { kind: "import", source: world.source, destination: "x" });
      finished = await performUntil(world, cut);
      const when = `after cut ${cut}`;
      checkSafety(world, original, isReplacing, when);
      // Cut once more, somewhere else, before the run that gets through.
      if (!finished && cut % 3 === 0) {
        await performUntil(world, (cut * 7) % 90);
        checkSafety(world, original, isReplacing, `${when}, and once more`);
      }
      await world.perform("a.json");
      strictEqual(differences(original, `${world.archive}/x`), "", when);
      strictEqual(isThere(world.source), false, when);
      deepStrictEqual(world.remains(), [], when);
      const history = world.history();
      deepStrictEqual(history.map(({ name, outcome }) => [name, outcome]), [["a.json", "done"]], when);
      using storage = world.open();
      strictEqual(storage.snapshots().length, 1, when);
      strictEqual((await world.check()).damaged, 0, when);
      cuts++;
    }
    ok(cuts > atLeast(10), `${cuts} cuts`);
  });
}

/** As a file system that can't swap two names. */
const withoutExchange = () =>
  hookedDisk(openDisk(), ({ operation }, proceed) => operation === "exchange" ? false : proceed());

Deno.test("an import that replaces something in two renames, cut before any change, ends as if nothing had happened", async () => {
  for (let cut = 0, finished = false; !finished; cut += STRIDE) {
    using place = prepare(true);
    const { world, original } = place;
    world.put("a.json", { kind: "import", source: world.source, destination: "x" });
    finished = await performUntil(world, cut, withoutExchange());
    checkSafety(world, original, false, `after cut ${cut}`);
    await world.perform("a.json", withoutExchange());
    strictEqual(differences(original, `${world.archive}/x`), "", `after cut ${cut}`);
    strictEqual(isThere(world.source), false, `after cut ${cut}`);
    deepStrictEqual(world.remains(), [], `after cut ${cut}`);
    deepStrictEqual(world.history().map(({ outcome }) => outcome), ["done"], `after cut ${cut}`);
  }
});

Deno.test("an import as ZIP, cut before any change, ends as if nothing had happened", async () => {
  for (let cut = 0, finished = false; !finished; cut += STRIDE) {
    using place = prepare(false);
    const { world } = place;
    world.put("a.json", { kind: "import", source: world.source, destination: "x", pack: "zip" });
    finished = await performUntil(world, cut);
    await world.perform("a.json");
    run("unzip", "-tqq", `${world.archive}/x.zip`);
    strictEqual(run("unzip", "-p", `${world.archive}/x.zip`, "sub/deep/c"), "content of sub/deep/c");
    strictEqual(isThere(world.source), false, `after cut ${cut}`);
    deepStrictEqual(world.remains(), [], `after cut ${cut}`);
  }
});

Deno.test("a backup, cut before any change, makes one snapshot in the end", async () => {
  for (let cut = 0, finished = false; !finished; cut += STRIDE) {
    using place = prepare(false);
    const { world, original } = place;
    world.put("a.json", { kind: "backup", sources: [world.source], name: "x" });
    finished = await performUntil(world, cut);
    await world.perform("a.json");
    deepStrictEqual(world.remains(), [], `after cut ${cut}`);
    deepStrictEqual(world.history().map(({ outcome }) => outcome), ["done"], `after cut ${cut}`);
    using storage = world.open();
    strictEqual(storage.snapshots().filter(({ complete }) => complete).length, 1, `after cut ${cut}`);
    strictEqual(differences(original, (await world.restore("latest")).target), "");
  }
});

Deno.test("a restore, cut before any change, restores everything in the end", async () => {
  for (let cut = 0, finished = false; !finished; cut += STRIDE) {
    using place = prepare(false);
    const { world, original } = place;
    await world.backup({ name: "x" });
    const target = `${world.base}/restored`;
    world.put("a.json", { kind: "restore", name: "x", target });
    finished = await performUntil(world, cut);
    await world.perform("a.json");
    deepStrictEqual(world.remains(), [], `after cut ${cut}`);
    deepStrictEqual(world.history().map(({ outcome }) => outcome), ["done"], `after cut ${cut}`);
    strictEqual(differences(original, target), "", `after cut ${cut}`);
  }
});

async function changesOfImport(): Promise<number> {
  using place = prepare(false);
  const { world } = place, counting = new CuttingDisk(openDisk(), Infinity);
  world.put("a.json", { kind: "import", source: world.source, destination: "x" });
  await world.perform("a.json", counting.disk);
  return counting.changes;
}

Deno.test("a half-removed source is never imported again, not even when the record of it is lost", async () => {
  // The source goes last: the search begins at the end.
  for (let cut = await changesOfImport(); cut > 0; cut--) {
    using place = prepare(false);
    const { world, original } = place;
    world.put("a.json", { kind: "import", source: world.source, destination: "x" });
    await performUntil(world, cut);
    const isHalf = isThere(world.source) && differences(original, world.source) !== "";
    if (!isHalf || !isThere(`${world.jobs}/a.json`)) continue;
    Deno.removeSync(`${world.jobs}/.backup-tool/running`, { recursive: true });
    await world.perform("a.json");
    strictEqual(differences(original, `${world.archive}/x`), "", `after cut ${cut}`);
    strictEqual(isThere(world.source), false);
    return;
  }
  throw new Error("No cut left a half-removed source");
});
