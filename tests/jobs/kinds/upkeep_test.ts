/** Jobs that look after snapshots: check of a part, rewrite, alarm. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { openBackend } from "../../../src/backend/open.ts";
import { complaintText } from "../../../src/core/jsonc.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { RecordStore } from "../../../src/jobs/state/job_state.ts";
import { markOf, readJobFile } from "../../../src/jobs/queue/job_directory.ts";
import { parseJob } from "../../../src/jobs/schema/job_file.ts";
import { existingTree } from "../../../src/storage/tree/tree_places.ts";
import { initVault } from "../../../src/vault/access.ts";
import { noise } from "../../support/units.ts";
import { JobWorld } from "../../support/job_world.ts";

/** Puts a job in that has begun in a process before this one. */
function putBegun(world: JobWorld, name: string, job: object, chosen: readonly string[]): void {
  world.put(name, job);
  using jobs = world.machine.disk.openDir(rawOf(world.jobs));
  using records = new RecordStore(jobs.openDir(rawOf(".backup-tool")));
  const file = readJobFile(jobs, rawOf(name));
  ok(file !== undefined);
  const start = "2026-11-20T22:05:11Z";
  records.save({ run: "r1", name: file.name, text: file.text, mark: markOf(file), start, phase: "begun", chosen });
}

function paths(world: JobWorld): string[][] {
  using storage = world.open();
  return storage.snapshots().map(({ id }) =>
    [...storage.manifest(id).entries()].filter(({ kind }) => kind === "file").map(({ path }) => String(path))
  );
}

Deno.test("a check job may be limited to one snapshot, and to a path in it", async () => {
  using world = new JobWorld();
  world.write("a/one", "1");
  world.write("b/two", "22");
  await world.backup();
  world.write("b/three", "333");
  await world.backup();
  const read = async (job: object) => {
    world.put("a.json", { kind: "check", readData: true, ...job });
    const entry = await world.perform("a.json");
    return [entry?.outcome, entry?.counts["checkedBytes"] ?? entry?.error?.code];
  };
  const [, all] = await read({}), [, first] = await read({ snapshot: "latest~1" });
  const [, part] = await read({ snapshot: "latest", path: "b/" });
  ok(Number(all) > Number(first), `${all} ${first}`);
  ok(Number(part) < Number(all), `${part} ${all}`);
  deepStrictEqual((await read({ snapshot: "latest~1", path: "/b/three" }))[0], "failed");
  deepStrictEqual((await read({ snapshot: "nothing" }))[0], "failed");
});

Deno.test("a rewrite job removes paths and sets names; done once more after a kill, it ends the same", async () => {
  using world = new JobWorld();
  for (const name of ["keep", "secret"]) world.write(name, name);
  const { snapshot: { id: first } } = await world.backup();
  world.write("keep", "changed");
  const { snapshot: { id: second } } = await world.backup();
  const job = { kind: "rewrite", snapshots: [first], remove: ["secret"], newName: "clean", newTags: ["x"] };
  world.put("a.json", job);
  const entry = await world.perform("a.json");
  deepStrictEqual([entry?.outcome, entry?.error], ["done", undefined]);
  deepStrictEqual(paths(world), [["/keep"], ["/keep", "/secret"]]);
  ok(world.log.some(({ message }) => message.includes(`Rewrote ${first.slice(0, 12)}: it is now `)));

  // The kill came when it was done, and before that was noted.
  putBegun(world, "a.json", job, [first]);
  strictEqual((await world.perform("a.json"))?.outcome, "done");
  // And between two snapshots.
  const both = { kind: "rewrite", snapshots: [first, second], remove: ["/secret"] };
  putBegun(world, "b.json", both, [first, second]);
  const done = await world.perform("b.json");
  deepStrictEqual([done?.outcome, done?.error], ["done", undefined]);
  deepStrictEqual(paths(world), [["/keep"], ["/keep"]]);
  using storage = world.open();
  deepStrictEqual(storage.snapshots().map(({ name, tags }) => [name, tags]), [["clean", ["x"]], ["source", []]]);
  deepStrictEqual(world.remains(), []);
});

Deno.test("a rewrite job of all, or by name, that matches nothing fails", async () => {
  using world = new JobWorld();
  world.write("keep", "1");
  await world.backup();
  world.put("a.json", { kind: "rewrite", snapshots: "all", exclude: ["*.tmp"] });
  strictEqual((await world.perform("a.json"))?.error?.code, "nothing-matches");
  world.put("b.json", { kind: "rewrite", name: "source", newTime: "2020-01-02 03:04", newDescription: "old" });
  strictEqual((await world.perform("b.json"))?.outcome, "done");
  using storage = world.open();
  const [{ time, description } = { time: "", description: "" }] = storage.snapshots();
  deepStrictEqual([time, description], ["2020-01-02T02:04:00.000Z", "old"]);
});

Deno.test("an alarm job acknowledges alarms, and may be done again", async () => {
  using world = new JobWorld({ inMemory: true });
  for (let i = 0; i < 60; i++) world.write(`letter${i}`, `Dear reader ${i}. ${"All is well. ".repeat(90)}`);
  await world.backup();
  for (let i = 0; i < 30; i++) world.write(`letter${i}`, noise(1000, i));
  const { snapshot: { id, alarm } } = await world.backup();
  strictEqual(alarm?.acknowledged, false);
  const job = { kind: "alarm", acknowledge: [id] };
  world.put("a.json", job);
  strictEqual((await world.perform("a.json"))?.outcome, "done");
  {
    using storage = world.open();
    strictEqual(storage.resolve("latest").alarm?.acknowledged, true);
  }
  putBegun(world, "a.json", job, [id]);
  strictEqual((await world.perform("a.json"))?.outcome, "done");
  world.put("b.json", { kind: "alarm", acknowledge: "all" });
  strictEqual((await world.perform("b.json"))?.outcome, "done");
});

function infos(world: JobWorld) {
  using storage = world.open();
  return storage.snapshots();
}

/** Makes snapshots, oldest first. @returns their ids */
async function snapshotsIn(world: JobWorld, count: number, isTreeless = false): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    world.write("file", `${i}`);
    ids.push((await world.backup({ tree: !isTreeless })).snapshot.id);
    world.clock.pass(86_400_000);
  }
  return ids;
}

Deno.test("a tag job changes tags, and may be done again after a kill", async () => {
  using world = new JobWorld();
  const [first = "", second = ""] = await snapshotsIn(world, 2);
  const job = { kind: "tag", snapshots: [first, "latest"], add: ["a", "pinned"], description: "of the flat" };
  world.put("a.json", job);
  strictEqual((await world.perform("a.json"))?.outcome, "done");
  const seen = () => infos(world).map(({ tags, description }) => [tags, description]);
  deepStrictEqual(seen(), [[["a", "pinned"], "of the flat"], [["a", "pinned"], "of the flat"]]);
  ok(world.log.some(({ message }) => message.includes(`Tagged ${first.slice(0, 12)}: it is now `)));
  const after = infos(world).map(({ id }) => id);
  putBegun(world, "a.json", job, [first, second]);
  strictEqual((await world.perform("a.json"))?.outcome, "done");
  deepStrictEqual(infos(world).map(({ id }) => id), after);
  world.put("b.json", { kind: "tag", snapshots: ["latest"], set: ["x"] });
  strictEqual((await world.perform("b.json"))?.outcome, "done");
  deepStrictEqual(seen().map(([tags]) => tags), [["a", "pinned"], ["x"]]);
});

Deno.test("a forget job removes what it names, or what rules don't keep; done again after a kill, no more", async () => {
  using world = new JobWorld();
  const [first = "", second = "", ...others] = await snapshotsIn(world, 5);
  const job = { kind: "forget", snapshots: ["latest~4", second] }, ids = () => infos(world).map(({ id }) => id);
  putBegun(world, "a.json", job, [first, second]);
  strictEqual((await world.perform("a.json"))?.outcome, "done");
  deepStrictEqual(ids(), others);
  // It was killed when one of the two was gone: the names mean other snapshots by now.
  putBegun(world, "a.json", job, [first, second]);
  strictEqual((await world.perform("a.json"))?.outcome, "done");
  deepStrictEqual(ids(), others);
  world.put("b.json", { kind: "forget", keep: { last: 1 }, name: "other" });
  strictEqual((await world.perform("b.json"))?.outcome, "done");
  deepStrictEqual(ids(), others);
  world.put("b.json", { kind: "forget", keep: { last: 1 } });
  const { outcome } = await world.perform("b.json") ?? {};
  deepStrictEqual([outcome, ids()], ["done", others.slice(-1)]);
  world.put("b.json", { kind: "forget", keep: "policy" });
  strictEqual((await world.perform("b.json"))?.error?.code, "bad-usage", "there is no policy");
  world.put("c.json", { kind: "tag", snapshots: ["latest"], add: ["pinned"] });
  await world.perform("c.json");
  world.put("b.json", { kind: "forget", snapshots: ["latest"] });
  strictEqual((await world.perform("b.json"))?.error?.code, "snapshot-pinned");
});

/** For each snapshot, oldest first: whether it has a tree. */
function treesIn(world: JobWorld): boolean[] {
  using storage = world.open();
  return storage.snapshots().map((snapshot) => existingTree(storage, snapshot) !== undefined);
}

Deno.test("a tree job builds or removes trees, and leaves those alone that are as they should be", async () => {
  using world = new JobWorld();
  const ids = await snapshotsIn(world, 2, true), trees = () => treesIn(world);
  const perform = async (action: string, snapshots: readonly string[]) => {
    world.put("a.json", { kind: "tree", snapshots, action });
    const { outcome, error } = await world.perform("a.json") ?? {};
    return error?.code ?? outcome;
  };
  deepStrictEqual(trees(), [false, false]);
  strictEqual(await perform("build", ids.slice(1)), "done");
  deepStrictEqual(trees(), [false, true]);
  strictEqual(await perform("build", ids), "done");
  deepStrictEqual(trees(), [true, true]);
  strictEqual(await perform("remove", ["latest"]), "done");
  strictEqual(await perform("remove", ["latest"]), "done");
  deepStrictEqual(trees(), [true, false]);
  strictEqual(await perform("build", ["nothing"]), "no-snapshot");
});

Deno.test("what is missing, or doesn't go together, in such jobs is reported", () => {
  const cases = [
    [`{"kind":"check","path":"/a"}`, `1:24: Expected a "snapshot" with "path"`],
    [
      `{"kind":"check","snapshot":"latest","readDataSubset":"5%"}`,
      `1:54: Expected no "readDataSubset" with "snapshot"`,
    ],
    [
      `{"kind":"rewrite","remove":["/a"]}`,
      `1:1: The key "snapshots", or one of "name", "host" and "tag", is missing`,
    ],
    [
      `{"kind":"rewrite","snapshots":["3f2a"],"tag":"x","remove":["/a"]}`,
      `1:46: Expected no "tag" with "snapshots"`,
    ],
    [
      `{"kind":"rewrite","snapshots":"all"}`,
      "1:1: One of these keys is missing: remove, exclude, newHost, newName, newTime, newTags, newDescription",
    ],
    [`{"kind":"tag","snapshots":["latest"]}`, "1:1: One of these keys is missing: add, remove, set, description"],
    [`{"kind":"forget"}`, `1:1: The key "snapshots", or "keep", is missing`],
    [`{"kind":"forget","snapshots":["latest"],"keep":"policy"}`, `1:48: Expected no "keep" with "snapshots"`],
    [`{"kind":"tree","snapshots":["latest"]}`, `1:1: The key "action" is missing`],
    [`{"kind":"alarm"}`, `1:1: The key "acknowledge" is missing`],
  ] as const;
  const told = cases.map(([text]) => parseJob(text).problems.map(complaintText));
  deepStrictEqual(told, cases.map(([, complaint]) => [complaint]));
});

Deno.test("a doctor job logs facts, and complains of what may be a trouble, of storages and vaults", async () => {
  using world = new JobWorld();
  await world.backup();
  world.put("a.json", { kind: "doctor" });
  const entry = await world.perform("a.json");
  // A machine may have concerns of its own.
  ok(["done", "problems"].includes(entry?.outcome ?? ""), JSON.stringify(entry?.error));
  const told = (start: string) => world.log.some(({ message }) => message.startsWith(`a.json: ${start}`));
  ok(told("This machine: backup-tool ") && told("The storage: file system "));
  strictEqual(entry?.problems.some(({ message }) => message.includes("was made later")), false);
  world.clock.pass(-60);
  world.put("a.json", { kind: "doctor", storage: world.storagePath });
  const late = await world.perform("a.json");
  strictEqual(late?.outcome, "problems");
  const [future, ...others] = late.problems.filter(({ message }) => message.startsWith("A snapshot was made later"));
  deepStrictEqual([future?.code, others], ["concern", []]);

  const location = `${world.base}/vault`, passwordFile = `${world.base}/password`;
  await using backend = await openBackend(location, { ...world.machine, create: true });
  await initVault(backend, world.machine, { passphrase: "correct horse", workFactor: 1 });
  Deno.writeTextFileSync(passwordFile, "correct horse\n");
  Deno.chmodSync(passwordFile, 0o600);
  world.vaults = { offsite: { location, passwordFile } };
  world.put("a.json", { kind: "doctor", storage: "offsite" });
  const looked = await world.perform("a.json");
  ok(["done", "problems"].includes(looked?.outcome ?? ""), JSON.stringify(looked?.error));
  ok(told("The vault: kind of place directory; encrypted yes"));
});
