/** Backups with limits: whatever somebody asks for, and whatever happens meanwhile, nothing else is read. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SCHEMAS } from "../../../src/jobs/schema/schema.ts";
import { beyondLimits, keysFor, kindsFor } from "../../../src/jobs/schema/web_keys.ts";
import { textOf } from "../../../src/core/raw.ts";
import { HAS_FFI } from "../../support/needs.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { JobWorld } from "../../support/job_world.ts";

/** A share that others write to, and a directory that nobody is to read. */
function scene() {
  const world = new JobWorld({ inMemory: true }), share = `${world.base}/share`, elsewhere = `${world.base}/elsewhere`;
  for (const path of [`${share}/t/sub/deep`, `${elsewhere}/sub/deep`]) Deno.mkdirSync(path, { recursive: true });
  for (const name of ["a", "sub/b", "sub/deep/c"]) {
    Deno.writeTextFileSync(`${share}/t/${name}`, `content of ${name}`);
    Deno.writeTextFileSync(`${elsewhere}/${name}`, `SECRET ${name}`);
  }
  return { world, share, elsewhere };
}

/** All that was kept: paths, and what is in the files. */
async function keptIn(world: JobWorld): Promise<{ readonly paths: readonly string[]; readonly texts: string }> {
  using storage = world.open();
  const paths: string[] = [], decoder = new TextDecoder();
  let texts = "";
  await using reader = storage.reader({ workers: 0, signal: new AbortController().signal });
  for (const { id } of storage.snapshots()) {
    for (const { path, content } of (await storage.manifest(id)).entries()) {
      paths.push(textOf(path));
      if (content === undefined) continue;
      for await (const chunk of reader.read(content)) texts += decoder.decode(chunk);
    }
  }
  return { paths, texts };
}

const job = (sources: readonly unknown[], below: readonly string[]) => ({
  kind: "backup",
  name: "shared",
  sources,
  limits: { role: "admin", below },
});

Deno.test("A backup with limits keeps what lies below them, and leaves the accounts of the page out", async () => {
  const { world, share } = scene();
  using _ = world;
  world.put("a.json", job([`${share}/t`, { path: `${share}/t/a`, as: "again" }], [share]));
  strictEqual((await world.perform("a.json"))?.outcome, "done");
  const { paths, texts } = await keptIn(world);
  ok(paths.includes("/t/sub/deep/c") && paths.includes("/again"), paths.join());
  ok(texts.includes("content of sub/deep/c"));
  Deno.mkdirSync(`${world.jobs}/.backup-tool/web`, { recursive: true });
  Deno.writeTextFileSync(`${world.jobs}/.backup-tool/web/users.json`, "SECRET");
  world.put("b.json", job([world.base], [world.base]));
  await world.perform("b.json");
  ok(!(await keptIn(world)).paths.some((path) => path.includes("users.json")));
});

Deno.test("A backup with limits reads nothing else: by path, by link, by the file it says", async () => {
  const { world, share, elsewhere } = scene();
  using _ = world;
  Deno.symlinkSync("../elsewhere", `${share}/link`);
  const refused: [source: string, below: readonly string[], code: string][] = [
    [elsewhere, [share], "outside-limits"],
    [`${share}/t/../../elsewhere`, [share], "outside-limits"],
    [`${share}-not`, [share], "outside-limits"],
    [`${share}/t`, [], "outside-limits"],
    [`${share}/missing`, [share], "no-source"],
    [`${world.storagePath}/content`, [world.base], "source-in-storage"],
    [`${world.jobs}/.backup-tool`, [world.base], "source-in-storage"],
  ];
  for (const [source, below, code] of refused) {
    world.put("a.json", job([source], below));
    const entry = await world.perform("a.json");
    deepStrictEqual([entry?.outcome, entry?.error?.code], ["failed", code], source);
  }
  for (const source of [`${share}/link`, `${share}/link/sub`]) {
    world.put("a.json", job([source], [share]));
    await world.perform("a.json");
  }
  const { texts } = await keptIn(world);
  strictEqual(texts, "");
});

Deno.test({
  name: "Whenever somebody swaps a directory of the source for a link, nothing is read where the link leads",
  ignore: !HAS_FFI,
}, async () => {
  let swaps = 0;
  for (const at of ["t", "t/sub", "t/sub/deep"]) {
    for (let nth = 0, isDone = false; !isDone; nth += 5) {
      const { world, share, elsewhere } = scene();
      using _ = world;
      let calls = 0, isSwapped = false;
      const disk = hookedDisk(world.machine.disk, ({ path }, proceed) => {
        if (!isSwapped && path.startsWith(share) && calls++ === nth) {
          isSwapped = true;
          Deno.renameSync(`${share}/${at}`, `${share}/moved`);
          Deno.symlinkSync(elsewhere, `${share}/${at}`);
        }
        return proceed();
      });
      world.put("a.json", job([`${share}/t`], [share]));
      await world.perform("a.json", disk);
      ok(!(await keptIn(world)).texts.includes("SECRET"), `${at}, call ${nth}`);
      isDone = !isSwapped;
      if (isSwapped) swaps++;
    }
  }
  ok(swaps > 10, `${swaps} swaps`);
});

/** Keys that no job of the page has, of any kind. A new key comes here, or into the list of what is allowed. */
const CLOSED: Readonly<Record<string, readonly string[]>> = {
  backup: ["excludeFrom", "host", "lock", "maxSize", "static"],
  check: [],
  copy: ["connections", "from", "limitDownload", "limitUpload", "passwordFile", "keyFile", "passwordCommand"],
  doctor: [],
  drill: [],
  forget: [],
  prune: [],
  rewrite: [],
  tag: [],
  tree: [],
};
const CLOSED_TO_ALL = ["$schema", "hooks", "storage", "workers"];

Deno.test("With limits, every key of every kind was thought about", () => {
  for (const [kind, closed] of Object.entries(CLOSED)) {
    const { shape } = SCHEMAS.recurring.options.find(({ shape }) => shape.kind.value === kind)!;
    const left = Object.keys(shape).filter((key) =>
      !keysFor(kind, "admin").includes(key) && !CLOSED_TO_ALL.includes(key)
    );
    deepStrictEqual(left.filter((key) => !closed.includes(key)), [], kind);
    for (const key of closed) ok(!keysFor(kind, "admin").includes(key), key);
  }
  for (const kind of ["import", "alarm", "nonsense", "toString"]) deepStrictEqual(keysFor(kind, "admin"), [], kind);
});

Deno.test("With limits, values that would remove, or lead elsewhere, are refused", () => {
  const admin = { role: "admin" } as const, removing = { role: "admin", remove: true } as const;
  deepStrictEqual(kindsFor({ role: "run" }), ["restore", "check", "drill", "doctor"]);
  ok(!kindsFor(admin).includes("prune") && kindsFor(removing).includes("prune"));
  const refused: readonly object[] = [
    { kind: "backup", sources: ["sftp:host:/x"] },
    { kind: "backup", sources: [{ location: "sftp:host:/x" }] },
    { kind: "backup", sources: ["/x"], keep: { last: 1 } },
    { kind: "copy", to: "/elsewhere" },
    { kind: "copy", to: "s3:https://host/x" },
    { kind: "copy", to: "usb", prune: true },
    { kind: "prune" },
    { kind: "forget", keep: "policy" },
    { kind: "tag", snapshots: ["latest"], remove: ["pinned"] },
    { kind: "tag", snapshots: ["latest"], set: [] },
    { kind: "tree", snapshots: ["latest"], action: "remove" },
    { kind: "import", source: "/x" },
    { kind: "backup", sources: ["/x"], hooks: {} },
  ];
  for (const one of refused) strictEqual(beyondLimits({ ...one }, admin).length, 1, JSON.stringify(one));
  const good: readonly object[] = [
    { kind: "backup", sources: ["/x"], keep: "policy" },
    { kind: "copy", to: "usb", prune: false },
    { kind: "tag", snapshots: ["latest"], add: ["pinned"], description: "x" },
    { kind: "tree", snapshots: ["latest"], action: "build" },
  ];
  for (const one of good) deepStrictEqual(beyondLimits({ ...one }, admin), []);
  deepStrictEqual(beyondLimits({ kind: "forget", snapshots: ["0".repeat(64)] }, removing), []);
  strictEqual(beyondLimits({ kind: "forget", snapshots: ["latest"] }, removing).length, 1);
  deepStrictEqual(beyondLimits({ kind: "backup", sources: ["/x"], keep: { last: 1 } }, removing), []);
  ok(beyondLimits({ kind: "backup", sources: ["/x"] }, { role: "run" }).length > 0);
});
