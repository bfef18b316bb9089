/** Restores with limits: whatever somebody asks for, and whatever happens meanwhile, nothing is written elsewhere. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SCHEMAS } from "../../../src/jobs/schema/schema.ts";
import { beyondLimits } from "../../../src/jobs/schema/web_keys.ts";
import type { HistoryEntry } from "../../../src/jobs/state/stored_state.ts";
import { harmless, isDevice, leftOutOf } from "../../../src/target/harmless.ts";
import { HAS_FFI } from "../../support/needs.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { JobWorld } from "../../support/job_world.ts";

/** A snapshot of some files, a share that others write to, and a directory that nobody is to come to. */
async function scene() {
  const world = new JobWorld({ inMemory: true }), share = `${world.base}/share`, elsewhere = `${world.base}/elsewhere`;
  for (const name of ["a", "sub/b", "sub/deep/c"]) world.write(name, `content of ${name}`);
  const { id } = (await world.backup()).snapshot;
  for (const path of [share, elsewhere]) Deno.mkdirSync(path);
  return { world, share, elsewhere, id };
}

function namesBelow(path: string): string[] {
  return [...Deno.readDirSync(path)].flatMap(({ name, isDirectory }) =>
    isDirectory ? [name, ...namesBelow(`${path}/${name}`).map((one) => `${name}/${one}`)] : [name]
  ).sort();
}

function codesOf(entry: HistoryEntry | undefined): readonly (string | undefined)[] {
  return [entry?.outcome, entry?.error?.code];
}

Deno.test("A restore with limits comes whole where it may", async () => {
  const { world, share, id } = await scene();
  using _ = world;
  const limits = { role: "run", below: [share] }, target = `${share}/in/there`;
  world.put("a.json", { kind: "restore", snapshot: id, target, owners: "target", limits, by: "anna" });
  deepStrictEqual(codesOf(await world.perform("a.json")), ["done", undefined]);
  strictEqual(Deno.readTextFileSync(`${target}/sub/deep/c`), "content of sub/deep/c");
});

Deno.test("A restore with limits goes nowhere else: by path, by link, into own places, onto what is there", async () => {
  const { world, share, elsewhere, id } = await scene();
  using _ = world;
  Deno.symlinkSync("../elsewhere", `${share}/link`);
  Deno.mkdirSync(`${share}/full`);
  Deno.writeTextFileSync(`${share}/full/there`, "");
  const refused: [target: string, below: readonly string[], code: string][] = [
    [`${elsewhere}/x`, [share], "outside-limits"],
    [`${share}/../elsewhere/x`, [share], "outside-limits"],
    [`${share}-not`, [share], "outside-limits"],
    [share, [share], "outside-limits"],
    [`${share}/x`, [], "outside-limits"],
    [`${share}/x`, [`${share}/missing`], "outside-limits"],
    [`${share}/full`, [share], "target-not-empty"],
    [`${world.jobs}/x`, [world.base], "outside-limits"],
    [`${world.jobs}/.backup-tool/web`, [world.base], "outside-limits"],
    [`${world.storagePath}/x`, [world.base], "target-in-storage"],
  ];
  for (const [target, below, code] of refused) {
    const limits = { role: "run", below };
    world.put("a.json", { kind: "restore", snapshot: id, target, limits });
    deepStrictEqual(codesOf(await world.perform("a.json")), ["failed", code], target);
  }
  for (const target of [`${share}/link/x`, `${share}/link`]) {
    const limits = { role: "run", below: [share] };
    world.put("a.json", { kind: "restore", snapshot: id, target, limits });
    strictEqual((await world.perform("a.json"))?.outcome, "failed", target);
  }
  deepStrictEqual(namesBelow(elsewhere), []);
  deepStrictEqual(namesBelow(share), ["full", "full/there", "link"]);
});

Deno.test("A restore in place with limits replaces only below them, and never in the directory of the jobs", async () => {
  const { world, share, id } = await scene();
  using _ = world;
  Deno.writeTextFileSync(`${world.source}/a`, "changed");
  const job = (below: string) => ({
    kind: "restore",
    snapshot: id,
    inPlace: true,
    overwrite: "always",
    limits: { role: "admin", below: [below] },
  });
  world.put("a.json", job(share));
  deepStrictEqual(codesOf(await world.perform("a.json")), ["failed", "outside-limits"]);
  strictEqual(Deno.readTextFileSync(`${world.source}/a`), "changed");
  world.put("a.json", job(world.source));
  deepStrictEqual(codesOf(await world.perform("a.json")), ["done", undefined]);
  strictEqual(Deno.readTextFileSync(`${world.source}/a`), "content of a");
});

Deno.test({
  name: "Whenever somebody swaps a directory of the target for a link, nothing is written where the link leads",
  ignore: !HAS_FFI,
}, async () => {
  let swaps = 0;
  for (const at of ["t", "t/sub", "t/sub/deep"]) {
    for (let nth = 0, isDone = false; !isDone; nth += at === "t" ? 2 : 7) {
      const { world, share, elsewhere, id } = await scene();
      using _ = world;
      let calls = 0, isSwapped = false;
      const disk = hookedDisk(world.machine.disk, ({ path }, proceed) => {
        const isThere = !isSwapped && path.startsWith(`${share}/t`) && isDirectory(`${share}/${at}`);
        if (isThere && calls++ === nth) {
          isSwapped = true;
          Deno.renameSync(`${share}/${at}`, `${share}/moved`);
          Deno.symlinkSync(elsewhere, `${share}/${at}`);
        }
        return proceed();
      });
      world.put("a.json", {
        kind: "restore",
        snapshot: id,
        target: `${share}/t`,
        limits: { role: "run", below: [share] },
      });
      await world.perform("a.json", disk);
      deepStrictEqual(namesBelow(elsewhere), [], `${at}, call ${nth}`);
      isDone = !isSwapped;
      if (isSwapped) swaps++;
    }
  }
  ok(swaps > 20, `${swaps} swaps`);
});

function isDirectory(path: string): boolean {
  try {
    return Deno.lstatSync(path).isDirectory;
  } catch {
    return false;
  }
}

Deno.test("Bits and attributes that give rights are left out, and that is said", async () => {
  const { world, share } = await scene();
  using _ = world;
  Deno.chmodSync(`${world.source}/a`, 0o6755);
  world.clock.pass(1);
  const { id } = (await world.backup()).snapshot;
  world.put("a.json", {
    kind: "restore",
    snapshot: id,
    target: `${share}/t`,
    limits: { role: "admin", below: [share] },
  });
  const entry = await world.perform("a.json");
  strictEqual((Deno.lstatSync(`${share}/t/a`).mode ?? 0) & 0o7777, 0o755);
  ok(entry?.problems.some(({ message }) => message.includes("set-user-ID")), JSON.stringify(entry));
  const xattrs = { "user.x": "eA==", "security.capability": "eA==", "trusted.overlay": "eA==" };
  deepStrictEqual(harmless({ mode: 0o6755, xattrs }), { mode: 0o755, xattrs: { "user.x": "eA==" } });
  strictEqual(leftOutOf({ mode: 0o1755, xattrs: { "user.x": "eA==" } }).length, 0);
  strictEqual(leftOutOf({ mode: 0o2755, xattrs }).length, 3);
  deepStrictEqual((["block", "char", "fifo", "file"] as const).map((kind) => isDevice({ kind })), [
    true,
    true,
    false,
    false,
  ]);
});

const SNAPSHOT = "0123456789abcdef".repeat(4) + "f0";
/** Of each key of a restore, who may use it with limits. A new key comes here, after some thought. */
const WHO: Readonly<Record<string, "all" | "admin" | "nobody">> = {
  $schema: "nobody",
  kind: "all",
  notify: "nobody",
  by: "all",
  storage: "nobody",
  limits: "all",
  snapshot: "all",
  name: "nobody",
  host: "nobody",
  paths: "all",
  include: "all",
  exclude: "all",
  target: "all",
  inPlace: "admin",
  strip: "all",
  overwrite: "admin",
  delete: "nobody",
  owners: "all",
  workers: "nobody",
  hooks: "nobody",
  sparse: "nobody",
  flags: "nobody",
};

Deno.test("With limits, only the keys that were thought about can be used", () => {
  const restore = SCHEMAS.job.options.find(({ shape }) => shape.kind.value === "restore");
  deepStrictEqual(Object.keys(restore?.shape ?? {}).sort(), Object.keys(WHO).sort());
  for (const [key, who] of Object.entries(WHO)) {
    for (const role of ["run", "admin"] as const) {
      const isOpen = who === "all" || who === role;
      const value = key === "snapshot" ? SNAPSHOT : key === "kind" ? "restore" : "x";
      const told = beyondLimits({ kind: "restore", snapshot: SNAPSHOT, [key]: value }, { role });
      strictEqual(told.length === 0, isOpen, `${key} for ${role}`);
    }
  }
  for (const snapshot of [undefined, "latest", SNAPSHOT.slice(0, 12), "nas:latest"]) {
    strictEqual(beyondLimits({ kind: "restore", snapshot }, { role: "admin" }).length, 1, snapshot);
  }
  ok(!SCHEMAS.job.safeParse({ kind: "restore", snapshot: SNAPSHOT, target: "/x", limits: { below: ["/"] } }).success);
  ok(!SCHEMAS.job.safeParse({ kind: "prune", limits: { role: "admin", below: [] } }).success);
});
