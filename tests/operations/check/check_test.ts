/** What a check says, and that it says it of everything that is wrong, once. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { hash } from "node:crypto";
import { rawOf } from "../../../src/core/raw.ts";
import { check, type Finding } from "../../../src/operations/check/check.ts";
import { IdList } from "../../../src/core/id_list.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { openStorage } from "../../../src/storage/storage.ts";
import { rounds } from "../../support/effort.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { run, TestMonitor, World } from "../../support/world.ts";

/** Items of the storage by kind: the content ids by their text, roots and hunks as they come. */
function items(world: World): { contents: Map<string, string>; roots: string[]; hunks: string[] } {
  const contents = new Map<string, string>(), roots: string[] = [], hunks: string[] = [];
  for (const [id, path] of world.items()) {
    if (id.length === 66 && id.endsWith("f0")) roots.push(path);
    else if (id.length === 66 && id.endsWith("f1")) hunks.push(path);
    else contents.set(Deno.readTextFileSync(path), path);
  }
  return { contents, roots, hunks };
}

function flipBit(path: string): void {
  Deno.chmodSync(path, 0o600);
  const bytes = Deno.readFileSync(path);
  bytes[bytes.length >> 1]! ^= 4;
  Deno.writeFileSync(path, bytes);
}

Deno.test("check() says once that its result could not be noted", async () => {
  using world = new World();
  world.write("a", "1");
  await world.backup();
  using storage = world.open();
  using _writer = storage.write("somebody else");
  const { monitor } = await world.check();
  strictEqual(monitor.notices.length, 1, monitor.notices.join("\n"));
  match(monitor.notices[0]!, /could not be noted/);
});

function places(findings: readonly Finding[]): string[] {
  return findings.map(({ severity, what, paths }) => `${severity}: ${what.replace(/[0-9a-f]{12,}/g, "ID")} ${paths}`);
}

for (const workers of [0, 2]) {
  for (const algorithm of ["sha256", "blake3", "crc32"] as const) {
    Deno.test(`check() of a sound ${algorithm} storage with ${workers} workers finds nothing and looks at everything`, async () => {
      using world = new World({ algorithm, workers });
      for (let i = 0; i < rounds(900, 900); i++) world.write(`d${i % 5}/f${i}`, `content ${i} `.repeat(i % 20));
      world.write("large", new Uint8Array(700_000).fill(3));
      await world.backup();
      await world.backup({ tree: false });
      const { findings, damaged, monitor } = await world.check();
      deepStrictEqual([findings, damaged, monitor.problems, monitor.notices], [[], 0, [], []]);
      strictEqual(monitor.of("checkedItems"), world.items().size);
      const bytes = [...world.items().values()].reduce((sum, path) => sum + Deno.statSync(path).size, 0);
      strictEqual(monitor.of("checkedBytes"), bytes);
      strictEqual((await world.check(false)).monitor.of("checkedBytes"), 0);
    });
  }
}

Deno.test("check() without reading data finds what is missing and what has another size, and not a flipped bit", async () => {
  using world = new World();
  for (const name of ["missing", "cut", "flipped", "sound"]) world.write(name, `${name} content`);
  await world.backup();
  const { contents } = items(world);
  Deno.removeSync(contents.get("missing content")!);
  run("sh", "-c", `chmod u+w ${contents.get("cut content")} && truncate -s 3 ${contents.get("cut content")}`);
  flipBit(contents.get("flipped content")!);
  const quick = await world.check(false);
  strictEqual(quick.damaged, 2);
  const paths = (findings: Finding[]) =>
    findings.flatMap(({ paths }) => paths.map((path) => path.split(":")[1])).sort();
  deepStrictEqual(paths(quick.findings), ["/cut", "/missing"]);
  const thorough = await world.check();
  strictEqual(thorough.damaged, 3);
  deepStrictEqual(paths(thorough.findings), ["/cut", "/flipped", "/missing"]);
});

Deno.test("check() names the paths that a damaged content means, in every snapshot, five at most", async () => {
  using world = new World();
  for (let i = 0; i < 4; i++) world.write(`copy ${i}\n`, "precious");
  world.write("other", "other");
  const first = (await world.backup()).snapshot;
  Deno.removeSync(`${world.source}/copy 0\n`);
  const second = (await world.backup()).snapshot;
  Deno.removeSync(items(world).contents.get("precious")!);
  const { findings } = await world.check(false);
  strictEqual(findings.length, 1);
  const { severity, where, paths } = findings[0]!;
  strictEqual(severity, "damage");
  strictEqual(where.length, 64);
  const expected = [...[0, 1, 2, 3].map((i) => `${first.id.slice(0, 12)}:/copy ${i}\n`)];
  const others = [1, 2, 3].map((i) => `${second.id.slice(0, 12)}:/copy ${i}\n`);
  strictEqual(paths.length, 5);
  ok(paths.every((path) => [...expected, ...others].includes(path)), paths.join());
});

Deno.test("check() reports a damaged hunk once, with every snapshot that needs it", async () => {
  using world = new World();
  for (let i = 0; i < 20; i++) world.write(`f${i}`, `content ${i}`);
  const snapshots = [(await world.backup()).snapshot, (await world.backup()).snapshot];
  const { hunks } = items(world);
  strictEqual(hunks.length, 1);
  flipBit(hunks[0]!);
  for (const readData of [false, true]) {
    const { findings, damaged } = await world.check(readData);
    strictEqual(damaged, 1);
    const [{ paths, severity } = { paths: [], severity: "note" }] = findings;
    strictEqual(severity, "damage");
    deepStrictEqual(
      [...paths].sort(),
      snapshots.map(({ id }) => `${id.slice(0, 12)}:/ and 20 entries after it`).sort(),
    );
  }
});

Deno.test("check() reports a damaged root once, and checks the other snapshots", async () => {
  using world = new World();
  world.write("a", "1");
  const first = (await world.backup()).snapshot;
  world.write("a", "22");
  await world.backup();
  flipBit(world.items().get(first.id)!);
  for (const readData of [false, true]) {
    const { findings, damaged } = await world.check(readData);
    strictEqual(damaged, 1);
    strictEqual(findings[0]!.where, first.id);
  }
});

Deno.test("check() only notes damage of what no snapshot needs", async () => {
  using world = new World();
  world.write("a", "1");
  await world.backup();
  const stray = (name: string) => `${world.storagePath}/content/00/${name}`;
  Deno.writeTextFileSync(stray("0".repeat(62)), "no content has this checksum");
  Deno.writeTextFileSync(stray(`${"0".repeat(62)}f1`), "no hunk");
  Deno.writeTextFileSync(stray("README.txt"), "what is this?");
  Deno.writeTextFileSync(stray(`${"0".repeat(62)}f2`), "no such class");
  const { findings, damaged } = await world.check();
  strictEqual(damaged, 0);
  deepStrictEqual(places(findings), [
    "note: 2 names in content/ are no items of this storage ",
    "note: A part of a manifest that no snapshot needs is damaged: its bytes don't match its checksum ",
    "note: An item that no snapshot needs is damaged: its bytes don't match its checksum ",
  ]);
});

Deno.test("check() finds an item that is no regular file any more", async () => {
  using world = new World();
  for (const name of ["link", "dir", "pipe"]) world.write(name, `${name} content`);
  await world.backup();
  const { contents } = items(world);
  for (const path of contents.values()) Deno.removeSync(path);
  Deno.writeTextFileSync(`${world.base}/outside`, "link content");
  Deno.symlinkSync(`${world.base}/outside`, contents.get("link content")!);
  Deno.mkdirSync(contents.get("dir content")!);
  run("mkfifo", contents.get("pipe content")!);
  for (const readData of [false, true]) strictEqual((await world.check(readData)).damaged, 3);
});

Deno.test("check() remembers what it found: the next backup stores it again, and the one after reads nothing", async () => {
  using world = new World();
  for (const name of ["flipped", "cut", "missing", "sound"]) world.write(name, `${name} content`);
  await world.backup();
  const { contents } = items(world);
  flipBit(contents.get("flipped content")!);
  run("sh", "-c", `chmod u+w ${contents.get("cut content")} && truncate -s 3 ${contents.get("cut content")}`);
  Deno.removeSync(contents.get("missing content")!);
  strictEqual((await world.check()).damaged, 3);
  const healing = (await world.backup()).monitor;
  strictEqual(healing.of("readFiles"), 3);
  strictEqual(healing.of("storedItems"), 3);
  strictEqual(healing.of("unchangedFiles"), 1);
  strictEqual((await world.backup()).monitor.of("readFiles"), 0);
  strictEqual((await world.check()).damaged, 0);
});

Deno.test("check() forgets damage that has been repaired by hand", async () => {
  using world = new World();
  world.write("a", "precious");
  await world.backup();
  const path = items(world).contents.get("precious")!;
  flipBit(path);
  strictEqual((await world.check()).damaged, 1);
  Deno.writeTextFileSync(path, "precious");
  strictEqual((await world.check()).damaged, 0);
  strictEqual((await world.backup()).monitor.of("readFiles"), 0);
});

Deno.test("check() needs no lock and no permission to write", async () => {
  using world = new World();
  world.write("a", "1");
  await world.backup();
  Deno.removeSync(items(world).contents.get("1")!);
  using storage = world.open();
  using _writer = storage.write("test");
  const { damaged, monitor } = await world.check();
  strictEqual(damaged, 1);
  match(monitor.notices.join(), /could not be noted/);
});

Deno.test("check() changes nothing but the catalog and its lock", async () => {
  using world = new World();
  for (let i = 0; i < 20; i++) world.write(`f${i}`, `content ${i}`);
  await world.backup();
  flipBit(items(world).contents.get("content 3")!);
  const state = () =>
    run("find", world.storagePath, "-path", "*/db/*", "-prune", "-o", "-printf", "%y %m %i %s %T@ %P\n").split("\n")
      .filter((line) => !/ (db|tmp)$/.test(line)).sort();
  const before = state();
  await world.check();
  await world.check(false);
  deepStrictEqual(state(), before);
});

Deno.test("check() stops when it is told to", async () => {
  using world = new World();
  world.write("a", "1");
  await world.backup();
  using storage = world.open();
  const request = { readData: true, workers: 0, signal: AbortSignal.abort() };
  await rejects(check(storage, request, () => {}, new TestMonitor()), { code: "interrupted" });
});

Deno.test("check() opens few directories: not one for each content", async () => {
  let opened = 0;
  const counting = hookedDisk(openDisk(), ({ operation }, proceed) => {
    if (operation === "openPath" || operation === "openDir") opened++;
    return proceed();
  });
  using world = new World();
  for (let i = 0; i < 3000; i++) world.write(`d${i % 3}/f${i}`, `content ${i}`);
  await world.backup({ tree: false });
  using storage = openStorage({ ...world.machine, disk: counting }, rawOf(world.storagePath), new TestMonitor());
  const request = { readData: false, workers: 0, signal: new AbortController().signal };
  await check(storage, request, () => {}, new TestMonitor());
  ok(opened < 256 * 3 + 100, `${opened} directories for 3000 contents in 256 of them`);
});

Deno.test("IdList gives back what was added, in order, in 33 bytes each", () => {
  const list = new IdList();
  const idOf = (i: number) => i.toString(16).padStart(8, "0").repeat(8) + (i % 3 === 0 ? "ef" : "");
  for (let i = 0; i < 100_000; i++) list.add(idOf(i));
  strictEqual(list.length, 100_000);
  let i = 0;
  for (const id of list) strictEqual(id, idOf(i++));
  strictEqual(i, 100_000);
  deepStrictEqual([...new IdList()], []);
});

Deno.test("IdList gives its ids in the order of their beginnings, whatever their length, and however many", () => {
  const list = new IdList(), ids: string[] = [];
  for (let i = 0; i < 70_000; i++) ids.push(hash("sha256", String(i)).slice(0, i % 7 === 0 ? 8 : 64));
  ids.push("00", "ff", "", "fffff0", "ffffff");
  for (const id of ids) list.add(id);
  const given = [...list.byBeginning()], beginnings = given.map((id) => id.slice(0, 5).padEnd(5, "0"));
  deepStrictEqual(beginnings, beginnings.toSorted());
  deepStrictEqual(given.toSorted(), ids.toSorted());
  deepStrictEqual([...new IdList().byBeginning()], []);
});
