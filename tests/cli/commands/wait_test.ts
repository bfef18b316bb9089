/** --wait: what a run does while another one writes. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { rawOf } from "../../../src/core/raw.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { systemClock } from "../../../src/platform/system_clock.ts";
import { takeWriterLock } from "../../../src/storage/layout/writer_lock.ts";
import { FakeWorld, type Ran, runIn } from "../fake_world.ts";

/** A storage with a snapshot, whose clock goes on whenever somebody waits. */
class Held implements Disposable {
  readonly base = Deno.makeTempDirSync({ prefix: "backup-tool-wait-" });
  readonly world = new FakeWorld();
  /** Called at each pause. */
  paused: () => void = () => {};

  constructor() {
    const { base, world } = this;
    Deno.mkdirSync(`${base}/source`);
    Deno.writeTextFileSync(`${base}/source/file`, "text");
    world.directory = base;
    world.variables["BACKUP_TOOL_STORAGE"] = `${base}/storage`;
    world.variables["BACKUP_TOOL_STATE"] = `${base}/state`;
    const { sleep } = world.clock;
    world.clock.sleep = async (ms, signal) => {
      if (ms === 0) return await sleep(0, signal);
      this.paused();
      world.clock.ms += ms;
    };
  }
  [Symbol.dispose](): void {
    Deno.removeSync(this.base, { recursive: true });
  }
  run(...args: string[]): Promise<Ran> {
    return runIn(this.world, ...args);
  }
  hold(): Disposable {
    const disk = openDisk();
    using storage = disk.openDir(rawOf(`${this.base}/storage`));
    using db = disk.openDir(rawOf(`${this.base}/storage/db`));
    return takeWriterLock(storage, db, { holder: "somebody", clock: systemClock });
  }
}

/** Commands that write, in an order in which each can. */
const WRITERS = [
  ["backup", "source", "--name", "a"],
  ["backup", "source", "--name", "a", "--before", "/bin/true", "--after", "/bin/true"],
  ["tag", "latest", "--add", "kept"],
  ["policy", "set", "--keep-daily", "7"],
  ["tree", "remove", "latest"],
  ["tree", "build", "latest"],
  ["check", "--read-data"],
  ["rebuild"],
  ["repair"],
  ["forget", "--keep-last", "1"],
  ["prune"],
];

Deno.test("with --wait, every command that writes waits until the other run has ended", async () => {
  using held = new Held();
  await held.run("init");
  for (const command of WRITERS) {
    const lock = held.hold();
    let pauses = 0;
    held.paused = () => void (++pauses === 3 && lock[Symbol.dispose]());
    const { status, stderr } = await held.run(...command, "--wait", "2h");
    deepStrictEqual([command, status, pauses], [command, 0, 3], stderr);
    strictEqual(stderr.match(/Waiting: .* \(somebody\)/g)?.length, 1, stderr);
  }
});

Deno.test("the writer of a vault is waited for as that of a storage", async () => {
  using held = new Held();
  await held.run("init", "--vault", "--unencrypted", "-s", "vault");
  const other = new FakeWorld(), { promise: done, resolve: end } = Promise.withResolvers<void>();
  Object.assign(other, { directory: held.base, clock: systemClock });
  Object.assign(other.variables, held.world.variables);
  const writing = Promise.withResolvers<void>();
  other.input = ReadableStream.from((async function* () {
    writing.resolve();
    await done;
    yield new TextEncoder().encode("late");
  })());
  const slow = runIn(other, "backup", "--stdin-name", "input", "-s", "vault", "--unencrypted");
  await writing.promise;
  const command = ["backup", "source", "-s", "vault", "--unencrypted"];
  strictEqual((await held.run(...command)).status, 11);
  let pauses = 0;
  const { sleep } = held.world.clock;
  held.world.clock.sleep = async (ms, signal) => {
    if (ms > 0 && ++pauses === 3) end(), await slow;
    await sleep(ms, signal);
  };
  const { status, stderr } = await held.run(...command, "--wait", "2h");
  deepStrictEqual([status, pauses, (await slow).status], [0, 3, 0], stderr);
});

Deno.test("a wait in vain ends as without one, and has stopped no service meanwhile", async () => {
  using held = new Held();
  await held.run("init");
  using _ = held.hold();
  const startMs = held.world.clock.ms;
  const backup = ["backup", "source", "--before", `/usr/bin/touch ${held.base}/stopped`];
  const { status, stderr } = await held.run(...backup, "--wait", "90m");
  deepStrictEqual([status, held.world.clock.ms - startMs >= 90 * 60_000], [11, true]);
  match(stderr, /another run is writing to it \(somebody\)/);
  deepStrictEqual([...Deno.readDirSync(held.base)].map(({ name }) => name).includes("stopped"), false);
});

Deno.test("how long to wait also comes from a variable or the configuration", async () => {
  using held = new Held();
  await held.run("init");
  const waits = async (...options: string[]): Promise<number> => {
    using _ = held.hold();
    const startMs = held.world.clock.ms;
    strictEqual((await held.run("prune", ...options)).status, 11);
    return Math.round((held.world.clock.ms - startMs) / 1000);
  };
  strictEqual(await waits(), 0);
  Deno.writeTextFileSync(`${held.base}/own.jsonc`, `{ "wait": "20m" }`);
  strictEqual(await waits("--config", `${held.base}/own.jsonc`), 1200);
  held.world.variables["BACKUP_TOOL_WAIT"] = "1m";
  strictEqual(await waits("--config", `${held.base}/own.jsonc`), 60);
  strictEqual(await waits("--wait", "30s"), 30);
  strictEqual(await waits("--wait", "0"), 0);
  const { status, stderr } = await held.run("prune", "--wait", "soon");
  deepStrictEqual([status, stderr.includes("Write it like 30s, 90m, 24h, 7d, or 0")], [2, true], stderr);
});
