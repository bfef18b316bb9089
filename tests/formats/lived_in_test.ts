/** A storage of format version 1 with everything that one may hold, made by the tool of its time: make_lived_in.ts. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parseApath } from "../../src/core/apath.ts";
import { rawOf, textOf } from "../../src/core/raw.ts";
import { readHistory } from "../../src/jobs/state/history.ts";
import type { BackupRequest } from "../../src/operations/backup/backup_request.ts";
import { verificationStatus } from "../../src/operations/check/verification_status.ts";
import { prune } from "../../src/operations/forget/prune.ts";
import { rebuildCatalog } from "../../src/operations/repair/rebuild.ts";
import type { SnapshotInfo } from "../../src/snapshot/snapshot_info.ts";
import { IS_ROOT } from "../support/needs.ts";
import { differences, run, TestMonitor, World } from "../support/world.ts";

const ARCHIVE = fileURLToPath(new URL("fixtures/format-1/lived-in.tar.gz", import.meta.url));

/** Of each snapshot: host, name, tags, files, whether it is complete. */
const SNAPSHOTS = [
  ["nas", "data", "first,both", 12, true],
  ["nas", "data", "both", 12, true],
  ["nas", "photos", "", 1, true],
  ["nas", "photos", "", 1, true],
  ["nas", "special", "", 1, true],
  ["nas", "shop", "", 1, true],
  ["laptop", "data", "renamed", 1, true],
  ["nas", "hurt", "", 2, true],
  ["nas", "recovered", "", 1, true],
  ["nas", "scans/first", "", 1, true],
  ["nas", "many", "", 1664, false],
  ["nas", "waiting", "", 1, true],
];
const LOST = "45cbc1da0761eb51016368debbb7c233e5391342a1d013cec57fa57378cb8ee6";
/** Files of the backup that was interrupted. */
const MANY_FILES = 4000;

/** A world whose storage is a copy of the fixture, as it would be after a move to another disk. */
class LivedIn extends World {
  constructor() {
    super({ inMemory: true });
    Deno.removeSync(this.storagePath, { recursive: true });
    run("tar", "-C", this.base, "--xattrs", "--xattrs-include=*", "--acls", "-xpf", ARCHIVE);
    this.clock.ms = Date.UTC(2027, 0, 1);
  }

  /** Goes on with a series, where files have other inodes and times of change. */
  async goOn(
    source: string,
    changes: Partial<BackupRequest>,
  ): Promise<{ snapshot: SnapshotInfo; monitor: TestMonitor }> {
    const sources = [rawOf(`${this.base}/${source}`)], detection = { ignoreInode: true, ignoreCtime: true };
    return await this.backup({ sources, host: "nas", detection, tree: false, ...changes });
  }

  named(name: string, index = 0): SnapshotInfo {
    using storage = this.open();
    const found = storage.snapshots().filter((snapshot) => snapshot.name === name)[index];
    if (found === undefined) throw new Error(`There is no snapshot ${index} of ${name}`);
    return found;
  }
}

function test(name: string, body: (world: LivedIn) => Promise<void>): void {
  // Owners and devices are only restored by root.
  Deno.test({ name: `format 1, lived in: ${name}`, ignore: !IS_ROOT }, async () => {
    using world = new LivedIn();
    await body(world);
  });
}

test("its snapshots, its policy and what was noted are read as they lie", async (world) => {
  const monitor = new TestMonitor();
  using storage = world.open(monitor);
  const listed = storage.snapshots().map(({ host, name, tags, files, complete }) => {
    return [host, name, tags.join(), files, complete];
  });
  deepStrictEqual(listed, SNAPSHOTS);
  deepStrictEqual(storage.policy(), { daily: 7, tag: ["first"] });
  using _writer = storage.write("test"); // who may replace the catalog of an earlier version by a new one
  const { damaged, never, oldest } = await verificationStatus(storage);
  deepStrictEqual([damaged.contents, never.contents, oldest?.slice(0, 10)], [2, 0, "2026-11-26"]);
  const [first] = storage.snapshots(), { root } = storage.manifest(first!.id);
  deepStrictEqual([root.excludes, root.leftOut?.caches, root.named], [["*.tmp"], true, undefined]);
  deepStrictEqual(monitor.problems, []);
  const history = [...readHistory(storage)].map(({ name, outcome, kind }) => [name, outcome, kind]);
  deepStrictEqual(history, [["scans.json", "done", "import"]]);
  strictEqual(Deno.readTextFileSync(`${world.storagePath}/archive/scans/first/scan.txt`), "scanned");
});

test("a catalog made again says what that of its time said", async (world) => {
  using storage = world.open();
  {
    using _writer = storage.write("test");
    storage.catalog();
  }
  const live = [...storage.catalog().dump()], status = await verificationStatus(storage);
  rebuildCatalog(storage, new TestMonitor());
  deepStrictEqual([...storage.catalog().dump()], live);
  deepStrictEqual(await verificationStatus(storage), status);
  Deno.removeSync(`${world.storagePath}/db`, { recursive: true });
  using bare = world.open();
  deepStrictEqual([...bare.catalog().dump()], live);
});

test("snapshots are restored exactly, with owners, attributes, ACLs, links and holes", async (world) => {
  for (const [index, copy] of ["data-1", "data-2"].entries()) {
    const { target, monitor } = await world.restore(world.named("data", index).id);
    deepStrictEqual(monitor.problems, []);
    for (const left of ["left out.tmp", "ignored/a.log"]) Deno.removeSync(`${world.base}/${copy}/${left}`);
    for (const dir of [".", "ignored"]) run("touch", "-r", `${target}/${dir}`, `${world.base}/${copy}/${dir}`);
    strictEqual(differences(`${world.base}/${copy}`, target), "");
    const { blocks } = Deno.statSync(`${target}/sparse`);
    ok(blocks! * 512 < 100_000, `${blocks} blocks`);
  }
  const { target } = await world.restore(world.named("shop").id);
  strictEqual(Deno.readTextFileSync(`${target}/shop.sql`), "a dump\n");
});

test("manifests have special files, what a static file should be, and what was made again", (world) => {
  using storage = world.open();
  const special = [...storage.manifest(world.named("special").id).entries()].map(({ path, kind, device }) => {
    return `${textOf(path)} ${kind} ${device?.major ?? ""}:${device?.minor ?? ""}`;
  });
  deepStrictEqual(special, [
    "/ dir :",
    "/disk block 7:200",
    "/file file :",
    "/null char 1:3",
    "/pipe fifo :",
    "/socket socket :",
  ]);
  const raw = storage.manifest(world.named("data", 1).id).entry(parseApath("/negative.raw"));
  strictEqual(raw?.problems?.length, 1);
  strictEqual(storage.manifest(world.named("recovered").id).root.recovered, true);
  return Promise.resolve();
});

test("check() finds what is lost and what waits for the next backup, and nothing else", async (world) => {
  const { findings } = await world.check();
  const damage = findings.filter(({ severity }) => severity === "damage").map(({ where, paths }) => {
    return [where === LOST, paths.map((path) => path.replace(/^\w+:/, ""))];
  });
  deepStrictEqual(damage.sort(), [[false, ["/damaged"]], [true, ["/lost"]]]);
  ok(Deno.statSync(`${world.storagePath}/quarantine/${LOST}`).isFile);
});

test("each series goes on: what is unchanged is taken over unread", async (world) => {
  const again = async (source: string, changes: Partial<BackupRequest>) => {
    const { monitor, snapshot } = await world.goOn(source, changes);
    deepStrictEqual(monitor.problems, []);
    return [monitor.of("readFiles"), monitor.of("storedItems"), snapshot.files];
  };
  const excludes = ["*.tmp"], excludeCaches = true;
  deepStrictEqual(
    await again("data", { name: "data", excludes, excludeCaches, statics: ["*.raw"] }),
    [3, 0, 12],
    "names of a hard link, and what had a problem, are read",
  );
  deepStrictEqual(await again("bob/photos", { name: "photos" }), [0, 0, 1]);
  deepStrictEqual(await again("waiting", { name: "waiting" }), [1, 1, 1], "what is damaged is read and stored again");
  Deno.writeTextFileSync(`${world.base}/bob/photos/another`, "new");
  deepStrictEqual(await again("bob/photos", { name: "photos" }), [1, 1, 2]);
  const { findings } = await world.check();
  deepStrictEqual(findings.filter(({ severity }) => severity === "damage").map(({ where }) => where), [LOST]);
});

test("an interrupted backup goes on where it was", async (world) => {
  const done = world.named("many");
  for (let n = 0; n < MANY_FILES; n++) {
    const path = `${world.base}/many/${n % 10}/${n}`;
    Deno.mkdirSync(`${world.base}/many/${n % 10}`, { recursive: true });
    Deno.writeTextFileSync(path, `${n % 3}`);
    Deno.chmodSync(path, 0o644);
    Deno.utimeSync(path, 1_000_000_000, 1_000_000_000);
  }
  const { monitor, snapshot } = await world.goOn("many", { name: "many" });
  deepStrictEqual([monitor.of("unchangedFiles"), monitor.of("readFiles")], [done.files, MANY_FILES - done.files]);
  deepStrictEqual([monitor.of("storedItems"), snapshot.files], [0, MANY_FILES]);
  using storage = world.open();
  deepStrictEqual(storage.snapshots().filter(({ name }) => name === "many").map(({ complete }) => complete), [true]);
});

test("nothing that a snapshot needs is removed", async (world) => {
  const before = [...world.items().keys()].sort();
  {
    using storage = world.open();
    const request = { dryRun: false, workers: 0, signal: new AbortController().signal };
    await prune(storage, request, () => {}, new TestMonitor());
  }
  deepStrictEqual([...world.items().keys()].sort(), before);
});
