/** Whatever lies in the job directory, or in the service's state: it is told once, and everything else goes on. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { TOP } from "../../../src/core/apath.ts";
import { rawOf, textOf } from "../../../src/core/raw.ts";
import { appendHistory, readHistory, trimHistory } from "../../../src/jobs/state/history.ts";
import type { HistoryEntry } from "../../../src/jobs/state/stored_state.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { DiskFault } from "../../../src/platform/disk.ts";
import { JobWorld } from "../../support/job_world.ts";
import { CHECK, runnerWith, type Served, serveIn, started } from "../../support/serving.ts";
import { HAS_LINUX_DISK } from "../../support/needs.ts";

const outcomes = ({ entries }: Served) => Object.fromEntries(entries.map(({ name, outcome }) => [name, outcome]));
const told = ({ log }: Served, event: string) => log.filter((one) => one.event === event).map(({ message }) => message);
const control = (world: JobWorld) => `${world.jobs}/.backup-tool`;

for (
  const [what, text] of [
    ["deep lists", `{"kind":"check","x":${"[".repeat(3000)}${"]".repeat(3000)}}`],
    ["deep and not closed", `{"a":`.repeat(500_000)],
    ["deep behind a carriage return", `"\r${"[".repeat(100_000)}`],
    ["very many keys", `{"kind":"check",${Array.from({ length: 50_000 }, (_, i) => `"k${i}":1`).join()}}`],
    ["nothing", ""],
    ["zeros", "\0".repeat(5000)],
    ["UTF-16", "\ufffe{\0}\0"],
    ["a key of objects", `{"kind":"check","__proto__":{"workers":1}}`],
    ["a kind of objects", `{"kind":"constructor"}`],
    ["a number too large", `{"kind":"check","workers":1e400}`],
    ["a wrong type of everything", `{"kind":["check"],"workers":{}}`],
  ] as const
) {
  Deno.test(`serve() rejects a file with ${what}, keeps its text, and does the next job`, async () => {
    using world = new JobWorld();
    world.put("a.json", text);
    world.put("b.json", CHECK);
    world.clock.ms = Date.now() + 60_000;
    const served = await serveIn(world);
    deepStrictEqual(outcomes(served), { "a.json": "rejected", "b.json": "done" });
    deepStrictEqual(world.remains(), []);
    strictEqual(world.history()[0]?.text, text);
    ok(served.log.every(({ message }) => message.length < 4000 && !message.includes("    at ")));
  });
}

Deno.test("serve() keeps what it rejects whole, whatever its size", async () => {
  using world = new JobWorld();
  const sizes = {
    "a.json": 1_100_000,
    "b.json": 4 * 1024 * 1024,
    "c.json": 4 * 1024 * 1024 + 1,
    "d.jsonc": 20_000_000,
  };
  for (const [name, size] of Object.entries(sizes)) world.put(name, `{"kind":"check"}`.padEnd(size - 3) + "END");
  Deno.chmodSync(`${world.jobs}/d.jsonc`, 0o640);
  world.put("e.json", CHECK);
  world.clock.ms = Date.now() + 60_000;
  const served = await serveIn(world);
  deepStrictEqual(outcomes(served), {
    "a.json": "rejected",
    "b.json": "rejected",
    "c.json": "rejected",
    "d.jsonc": "rejected",
    "e.json": "done",
  });
  deepStrictEqual(world.remains(), []);
  for (const { name, text, kept, error } of world.history().slice(0, 4)) {
    const whole = text ?? Deno.readTextFileSync(`${world.jobs}/${kept}`);
    deepStrictEqual([whole.length, whole.slice(-3)], [sizes[name as keyof typeof sizes], "END"], name);
    match(error!.message, /a job has 1048576 bytes at most/);
  }
  deepStrictEqual(world.history().map(({ kept }) => kept?.replace(/\.[0-9a-f]{8}/, "")), [
    undefined,
    undefined,
    ".backup-tool/rejected/c.json",
    ".backup-tool/rejected/d.jsonc",
    undefined,
  ]);
  const mode = (path: string) => Deno.statSync(path).mode! & 0o777;
  strictEqual(mode(`${control(world)}/rejected`), 0o700);
});

Deno.test("serve() does a job whatever bytes its name has, in one line for each that is told", {
  ignore: !HAS_LINUX_DISK,
}, async () => {
  using world = new JobWorld();
  const names = ["a\nb.json", "\x1b[31m.json", "caf\udce9.json", "\u2028.json", `${"n".repeat(250)}.json`, "$(x).json"];
  using jobs = openDisk().openDir(rawOf(world.jobs));
  for (const name of names) {
    using file = jobs.create(rawOf(name), 0o600);
    file!.write(new TextEncoder().encode(JSON.stringify(CHECK)), 0);
  }
  const served = await serveIn(world);
  deepStrictEqual(outcomes(served), Object.fromEntries(names.map((name) => [name, "done"])));
  deepStrictEqual(world.remains(), []);
  const lines = [...served.log.map(({ message }) => message), ...served.states.slice(1, -1)];
  // deno-lint-ignore no-control-regex -- a state has to be one line, or it says more than one thing
  deepStrictEqual(lines.filter((line) => /[\x00-\x1f\u2028]/.test(line)), []);
});

Deno.test("serve() tells once of what is called like a job and isn't a file", async () => {
  using world = new JobWorld();
  Deno.mkdirSync(`${world.jobs}/dir.json`);
  Deno.symlinkSync("/etc/passwd", `${world.jobs}/link.json`);
  Deno.symlinkSync("nowhere", `${world.jobs}/dangling.json`);
  new Deno.Command("mkfifo", { args: [`${world.jobs}/pipe.json`] }).outputSync();
  using _ = Deno.listen({ transport: "unix", path: `${world.jobs}/socket.json` });
  for (const name of ["x.json", "y.json", "z.json"]) world.put(name, CHECK);
  const served = await serveIn(world);
  deepStrictEqual(started(served), ["x.json", "y.json", "z.json"]);
  deepStrictEqual(told(served, "job-unreadable").sort(), [
    "dangling.json is passed over: it is no file, but a symlink",
    "dir.json is passed over: it is no file, but a dir",
    "link.json is passed over: it is no file, but a symlink",
    "pipe.json is passed over: it is no file, but a fifo",
    "socket.json is passed over: it is no file, but a socket",
  ]);
});

Deno.test("serve() goes on when files change, vanish or can't be read while it looks at them", async () => {
  using world = new JobWorld();
  for (const name of ["a.json", "b.json", "c.json", "d.json", "e.json"]) world.put(name, CHECK);
  const at = (name: string) => `${world.jobs}/${name}`;
  let turn = 0;
  const disk = hookedDisk(world.machine.disk, ({ operation, path }, proceed) => {
    if (operation === "open" && path === at("a.json")) throw new DiskFault("EIO", "open", rawOf(path));
    if (operation === "open" && path === at("b.json") && turn++ === 0) Deno.removeSync(path);
    if (operation === "open" && path === at("c.json") && turn++ === 1) {
      Deno.writeTextFileSync(path, `{"kind":"check"} `);
    }
    if (operation === "stat" && path === at("d.json") && turn++ === 3) {
      Deno.removeSync(path);
      Deno.symlinkSync("/etc/passwd", path);
    }
    return proceed();
  });
  const served = await serveIn(world, { machine: { ...world.machine, disk } });
  strictEqual(outcomes(served)["e.json"], "done");
  strictEqual(told(served, "job-unreadable").filter((message) => message.startsWith("a.json")).length, 1);
  ok(served.entries.every(({ outcome }) => outcome === "done"));
});

for (
  const [what, spoil] of [
    ["a record that is garbage", (at) => Deno.writeTextFileSync(`${at}/running/a.json`, "garbage")],
    ["a record of another job", (at) => Deno.writeTextFileSync(`${at}/running/a.json`, record("../../x.json"))],
    ["a record without its entry", (at) => Deno.writeTextFileSync(`${at}/running/a.json`, record("a.json", "ended"))],
    ["a directory as a record", (at) => Deno.mkdirSync(`${at}/running/a.json/x`, { recursive: true })],
    ["a link as a record", (at) => Deno.symlinkSync("/etc/passwd", `${at}/running/a.json`)],
    ["a directory as a temporary file", (at) => Deno.mkdirSync(`${at}/tmp/x`, { recursive: true })],
    ["a directory as a lock", (at) => Deno.mkdirSync(`${at}/lock`)],
    ["other things among the records", (at) => Deno.mkdirSync(`${at}/running/other`)],
    ["a file where the records are", (at) => {
      Deno.removeSync(`${at}/running`);
      Deno.writeTextFileSync(`${at}/running`, "");
    }],
    ["a state that is a directory", (at) => Deno.mkdirSync(`${at}/recurring.json/x`, { recursive: true })],
    [
      "a state that is a pipe",
      (at) => void new Deno.Command("mkfifo", { args: [`${at}/recurring.json`] }).outputSync(),
    ],
    ["a history that is a file", (_, storage) => Deno.writeTextFileSync(`${storage}/db/history`, "")],
    ["a month that is a directory", (_, storage) => Deno.mkdirSync(monthOf(storage), { recursive: true })],
    ["a month that is garbage", (_, storage) => {
      Deno.mkdirSync(`${storage}/db/history`);
      Deno.writeTextFileSync(monthOf(storage), `\0\0{"run":3}\n[[[\n{"run":"x","end":"y"}\n`);
    }],
  ] as readonly (readonly [string, (at: string, storage: string) => void])[]
) {
  Deno.test(`serve() goes on with ${what}`, async () => {
    using world = new JobWorld();
    Deno.mkdirSync(`${control(world)}/running`, { recursive: true });
    Deno.mkdirSync(`${world.jobs}/recurring`);
    Deno.writeTextFileSync(`${world.jobs}/recurring/r.json`, `{"kind":"check","every":"* * * * *"}`);
    spoil(control(world), world.storagePath);
    for (const name of ["a.json", "b.json"]) world.put(name, CHECK);
    const served = await serveIn(world);
    deepStrictEqual(outcomes(served), { "a.json": "done", "b.json": "done" });
    world.clock.pass(60);
    deepStrictEqual((await serveIn(world)).entries.map(({ outcome }) => outcome), ["done"]);
    strictEqual(world.history().filter(({ outcome }) => outcome === "done").length, 3);
  });
}

function record(name: string, phase = "begun"): string {
  const mark = { inode: "1", mtime: "1", size: 1 };
  const start = "2026-11-20T22:30:00.000Z";
  return JSON.stringify({ format: "backup-tool job", version: 1, run: "r", name, text: "{}", mark, start, phase });
}

function monthOf(storage: string): string {
  return `${storage}/db/history/2026-11.jsonl`;
}

Deno.test("serve() has other jobs done while one can't be ended, and ends that later without doing it again", async () => {
  using world = new JobWorld();
  for (const name of ["a.json", "b.json"]) world.put(name, CHECK);
  const disk = hookedDisk(world.machine.disk, ({ operation, path }, proceed) => {
    if (operation === "unlink" && path === `${world.jobs}/a.json`) throw new DiskFault("EPERM", "remove", rawOf(path));
    return proceed();
  });
  const machine = { ...world.machine, disk };
  const served = await serveIn(world, { machine, ...runnerWith(machine) });
  deepStrictEqual([outcomes(served), served.postponed?.code], [{ "b.json": "done" }, "disk"]);
  const after = await serveIn(world);
  deepStrictEqual([outcomes(after), world.remains()], [{ "a.json": "done" }, []]);
  deepStrictEqual(world.history().map(({ name }) => name), ["a.json", "b.json"]);
});

Deno.test("serve() passes over a job that meets a bug, and does the others", async () => {
  using world = new JobWorld();
  for (const name of ["a.json", "b.json"]) world.put(name, CHECK);
  const disk = hookedDisk(world.machine.disk, ({ operation, path }, proceed) => {
    if (operation === "unlink" && path === `${world.jobs}/a.json`) throw new TypeError("x is no function");
    return proceed();
  });
  const machine = { ...world.machine, disk };
  const served = await serveIn(world, { machine, ...runnerWith(machine) });
  deepStrictEqual([outcomes(served), served.postponed?.code], [{ "b.json": "done" }, "bug"]);
  deepStrictEqual(told(served, "job-postponed"), ["a.json: TypeError: x is no function"]);
});

Deno.test("serve() tells of a full disk that takes no history, and ends each job when there is room again", async () => {
  using world = new JobWorld();
  for (const name of ["a.json", "b.json"]) world.put(name, CHECK);
  const disk = hookedDisk(world.machine.disk, ({ operation, path }, proceed) => {
    if (operation === "write" && path.includes("/db/history/")) throw new DiskFault("ENOSPC", "write", rawOf(path));
    return proceed();
  });
  const machine = { ...world.machine, disk };
  const served = await serveIn(world, { machine, ...runnerWith(machine) });
  deepStrictEqual([served.entries, told(served, "job-postponed").length], [[], 2]);
  deepStrictEqual(outcomes(await serveIn(world)), { "a.json": "done", "b.json": "done" });
  strictEqual(world.history().length, 2);
});

Deno.test("a backup job leaves out what the service keeps: its records, its notes of locks, and the storage", async () => {
  using world = new JobWorld();
  world.write("f", "1");
  Deno.mkdirSync(`${world.base}/locks`);
  Deno.writeTextFileSync(`${world.base}/locks/secret.json`, "{}");
  Deno.mkdirSync(`${control(world)}/rejected`);
  Deno.writeTextFileSync(`${control(world)}/rejected/secret.json`, "{}");
  world.put("a.json", { kind: "backup", sources: [world.base], tree: false });
  const { log } = await serveIn(world, {
    ...runnerWith(world.machine, { lockState: rawOf(`${world.base}/locks`) }),
  });
  strictEqual(log.filter(({ level }) => level === "error").length, 0);
  using storage = world.open();
  const [snapshot] = storage.snapshots();
  const paths = [...storage.manifest(snapshot!.id).entries(TOP)].map(({ path }) => textOf(path));
  ok(paths.some((path) => path.endsWith("/f")) && paths.some((path) => path.endsWith("/a.json")));
  deepStrictEqual(paths.filter((path) => /secret|\/db\/|\/running|recurring\.json/.test(path)), []);
});

Deno.test("a clock that was years ahead costs no history", () => {
  using world = new JobWorld();
  using storage = world.open();
  const entry = (end: string): HistoryEntry => ({
    run: end,
    name: "a.json",
    kind: "check",
    outcome: "done",
    start: end,
    end,
    text: "{}",
    counts: {},
    problems: [],
    problemCount: 0,
  });
  for (const month of ["2026-09", "2026-10", "2026-11"]) {
    appendHistory(storage.dir, entry(`${month}-15T00:00:00.000Z`), false);
  }
  const far = Date.parse("2036-01-01T00:00:00Z");
  trimHistory(storage.dir, 400, far);
  appendHistory(storage.dir, entry("2036-01-01T00:00:00.000Z"), false);
  trimHistory(storage.dir, 400, far + 1000);
  trimHistory(storage.dir, 400, Date.parse("2026-11-20T00:00:00Z"));
  strictEqual([...readHistory(storage)].length, 4);
});

Deno.test("serve() takes no jobs from a directory whose JSON files are not jobs", async () => {
  using world = new JobWorld();
  const at = async (files: Record<string, string>) => {
    const path = Deno.makeTempDirSync({ dir: world.base });
    for (const [name, text] of Object.entries(files)) Deno.writeTextFileSync(`${path}/${name}`, text);
    const places = { jobs: rawOf(path), storage: rawOf(world.storagePath), temp: undefined };
    const before = [...Deno.readDirSync(path)].length;
    await rejects(serveIn(world, { places }), (error: Error & { code?: string }) => {
      strictEqual(error.code, "bad-job-directory");
      return true;
    });
    strictEqual([...Deno.readDirSync(path)].length, before);
  };
  await at({ "package.json": `{"name":"x"}`, "tsconfig.json": `{// comment\n}` });
  await at({ "deployment.json": `{"kind":"Deployment"}` });
  await at({ "list.json": "[]", "deep.json": "[".repeat(5000), "none.json": "" });
});

Deno.test("serve() takes jobs from a new directory with a job in it, also one with mistakes", async () => {
  using world = new JobWorld();
  const jobs = `${world.base}/new`;
  Deno.mkdirSync(jobs);
  Deno.writeTextFileSync(`${jobs}/a.json`, `{"kind":"check","redData":true}`);
  const places = { jobs: rawOf(jobs), storage: rawOf(world.storagePath), temp: undefined };
  deepStrictEqual(outcomes(await serveIn(world, { places })), { "a.json": "rejected" });
});

Deno.test("serve() wants a directory, not a file, and the one that it began with", async () => {
  using world = new JobWorld();
  Deno.writeTextFileSync(`${world.base}/file`, "");
  const places = { jobs: rawOf(`${world.base}/file`), storage: rawOf(world.storagePath), temp: undefined };
  await rejects(serveIn(world, { places }), { code: "bad-job-directory" });
  const gone = serveIn(world, {
    once: false,
    notify: (state) => {
      if (!state.startsWith("READY")) return;
      Deno.removeSync(world.jobs, { recursive: true });
      Deno.mkdirSync(world.jobs);
    },
  });
  await rejects(gone, { code: "bad-job-directory" });
});
