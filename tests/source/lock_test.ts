/** Locks of sources, with programs that are only pretended. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import type { CommandResult } from "../../src/platform/process.ts";
import { commandText, LockFailed, type Step } from "../../src/source/lock/act.ts";
import type { LockSpec } from "../../src/source/lock/lock_kinds.ts";
import { type KnownLock, lockSources, type LockWorld, recoverLocks } from "../../src/source/lock/lock.ts";
import { hookedDisk } from "../support/hooked_disk.ts";
import { TestClock } from "../support/world.ts";

class Killed extends Error {}

/** A machine whose programs do what the test says. */
class Machine implements Disposable {
  readonly base = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "backup-tool-test-lock-" }));
  readonly ran: string[] = [];
  /** Answers of programs, by the beginning of their command lines; others succeed, and say nothing. */
  answers: Record<string, Partial<CommandResult>> = {};
  /** Called before each program runs. */
  before: (command: string) => void = () => {};

  constructor() {
    for (const name of ["a", "b", "b/z"]) Deno.mkdirSync(`${this.base}/${name}`);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.base, { recursive: true });
  }

  get world(): LockWorld {
    return {
      disk: openDisk(),
      clock: new TestClock(),
      random: (bytes) => new Uint8Array(bytes).fill(0xab),
      run: (step) => Promise.resolve(this.#run(step)),
      state: rawOf(`${this.base}/state/locks`),
    };
  }

  #run(step: Step): CommandResult {
    const command = commandText(step).replaceAll(this.base, "");
    this.before(command);
    this.ran.push(
      step.env?.["BACKUP_TOOL_OUTCOME"] === undefined ? command : `${command} [${step.env["BACKUP_TOOL_OUTCOME"]}]`,
    );
    const known = Object.keys(this.answers).filter((start) => command.startsWith(start));
    const answer = this.answers[known.sort((a, b) => b.length - a.length)[0] ?? ""] ?? {};
    const { ok = true } = answer;
    return { ok, reason: ok ? "" : "it ended with status 1", output: "", errors: "", ...answer };
  }

  lock(spec: LockSpec, sources = ["a"], changes: Partial<LockWorld> = {}, signal = new AbortController().signal) {
    const request = {
      spec,
      sources: sources.map((name) => rawOf(`${this.base}/${name}`)),
      facts: { FACT: "1" },
      signal,
    };
    return lockSources({ ...this.world, ...changes }, request);
  }

  recover(work: "list" | "undo" | "forget" = "undo"): Promise<KnownLock[]> {
    return recoverLocks(this.world, work, (fault) => {
      throw fault;
    });
  }

  /** What was run since the last question. */
  take(): string[] {
    return this.ran.splice(0);
  }

  journals(): string[] {
    try {
      return [...Deno.readDirSync(`${this.base}/state/locks`)].map(({ name }) => name).filter((name) =>
        name.endsWith(".json")
      );
    } catch {
      return [];
    }
  }
}

const COMMAND: LockSpec = { kind: "command", before: "stop", after: "start", readFrom: undefined };
const ZFS = {
  "zfs list -H -o": { output: "tank/home\t/" },
};
const LVM = {
  "findmnt -n -o SOURCE": { output: "/dev/mapper/vg-home" },
  "findmnt -n -o TARGET": { output: "/" },
  "findmnt -n -o FSTYPE": { output: "xfs" },
  "lvs --noheadings": { output: "  vg/home" },
};

Deno.test("a command lock runs one line before and one after, which is told how it went", async () => {
  using machine = new Machine();
  for (const outcome of ["done", "failed"] as const) {
    const lock = await machine.lock(COMMAND);
    deepStrictEqual(machine.take(), ["/bin/sh -c stop"]);
    strictEqual(machine.journals().length, 1);
    deepStrictEqual(await lock.release(outcome), []);
    deepStrictEqual(machine.take(), [`/bin/sh -c start [${outcome}]`]);
    deepStrictEqual(machine.journals(), []);
  }
});

Deno.test("a ZFS lock makes one snapshot for all sources in a dataset, and reads them there", async () => {
  using machine = new Machine();
  machine.answers = { ...ZFS, "zfs list -H -t snapshot": { ok: true } };
  const lock = await machine.lock({ kind: "zfs" }, ["a", "b"]);
  deepStrictEqual(machine.take().filter((line) => !/list|findmnt/.test(line)), [
    "zfs snapshot tank/home@backup-tool-abababab-1",
  ]);
  strictEqual(
    lock.reading(rawOf(`${machine.base}/b`)),
    `/.zfs/snapshot/backup-tool-abababab-1${machine.base}/b`,
  );
  await lock.release("done");
  strictEqual(machine.take().at(-1), "zfs destroy tank/home@backup-tool-abababab-1 [done]");
});

Deno.test("an LVM lock snapshots, mounts, and takes back in the opposite order", async () => {
  using machine = new Machine();
  machine.answers = LVM;
  const lock = await machine.lock({ kind: "lvm" });
  deepStrictEqual(machine.take().filter((line) => !/^(?:findmnt|lvs)/.test(line)), [
    "lvcreate --snapshot --extents 10%ORIGIN --name backup-tool-abababab-1 vg/home",
    "mkdir -p /state/locks/mounts/backup-tool-abababab-1",
    "mount -o ro,nouuid,norecovery /dev/vg/backup-tool-abababab-1 /state/locks/mounts/backup-tool-abababab-1",
  ]);
  match(lock.reading(rawOf(`${machine.base}/a`)), /\/mounts\/backup-tool-abababab-1\/.*\/a$/);
  await lock.release("done");
  deepStrictEqual(machine.take().filter((line) => line.includes("[done]")), [
    "umount /state/locks/mounts/backup-tool-abababab-1 [done]",
    "rmdir /state/locks/mounts/backup-tool-abababab-1 [done]",
    "lvremove --yes vg/backup-tool-abababab-1 [done]",
  ]);
});

Deno.test("a source that is in no such volume is refused, and nothing has been done to it", async () => {
  using machine = new Machine();
  machine.answers = { zfs: { ok: false, errors: "no datasets available" }, findmnt: { ok: false }, lvs: { ok: false } };
  for (const kind of ["zfs", "lvm", "btrfs"] as const) {
    await rejects(machine.lock({ kind }), { code: "lock-failed" });
    deepStrictEqual(machine.journals(), []);
    await rejects(machine.lock({ kind }), { code: "lock-failed" }, "and it is not locked for ever");
  }
});

Deno.test("what was done is undone if a later step fails, or if a wish to stop comes between them", async () => {
  using machine = new Machine();
  machine.answers = { ...LVM, mount: { ok: false, errors: "mount: wrong fs type" }, mountpoint: { ok: false } };
  await rejects(machine.lock({ kind: "lvm" }), (error) => {
    ok(error instanceof LockFailed);
    match(error.message, /could not mount vg\/backup-tool-abababab-1 .*\(mount: wrong fs type\)$/);
    return true;
  });
  deepStrictEqual(machine.take().filter((line) => line.includes("[failed]")), [
    "rmdir /state/locks/mounts/backup-tool-abababab-1 [failed]",
    "lvremove --yes vg/backup-tool-abababab-1 [failed]",
  ]);
  const controller = new AbortController();
  machine.before = (command) => command.startsWith("mkdir") && controller.abort();
  await rejects(machine.lock({ kind: "lvm" }, ["a"], {}, controller.signal), { code: "interrupted" });
  ok(!machine.ran.some((line) => line.startsWith("mount ")));
  deepStrictEqual(machine.journals(), []);
});

Deno.test("two locks on one source are refused, also if they have others besides it", async () => {
  using machine = new Machine();
  const lock = await machine.lock(COMMAND, ["a", "b"]);
  for (const sources of [["a"], ["b"], ["b", "a"]]) {
    await rejects(machine.lock(COMMAND, sources), { code: "source-locked" });
  }
  const [active] = await machine.recover();
  deepStrictEqual([active!.isActive, machine.journals().length], [true, 1], "what runs is left alone");
  await lock.release("done");
  await (await machine.lock(COMMAND, ["b"])).release("done");
});

/** Lets the program die at a point: whatever it wants to do then is not done, and the kernel frees what it held. */
async function dying(
  machine: Machine,
  work: (disk: LockWorld["disk"]) => Promise<unknown>,
  point: number,
): Promise<boolean> {
  let calls = 0, isDead = false;
  const held: Disposable[] = [];
  const step = () => {
    if (isDead || calls++ === point) {
      isDead = true;
      throw new Killed();
    }
  };
  const disk = hookedDisk(openDisk(), ({ operation }, proceed) => {
    if (["create", "write", "rename", "unlink", "mkdir"].includes(operation)) step();
    const answer = proceed();
    if (operation === "openOrCreate") held.push(answer as Disposable);
    return answer;
  });
  machine.before = step;
  await work(disk).catch((error) => {
    if (!isDead) throw error;
  });
  machine.before = () => {};
  for (const file of held) file[Symbol.dispose]();
  return isDead;
}

Deno.test("a program killed at any point leaves nothing done to the source that the next start doesn't undo", async () => {
  let point = 0, undone = 0;
  for (;; point++) {
    using machine = new Machine();
    const there = new Set<string>();
    const world = machine.world;
    // Pretends a volume that remembers its snapshots.
    const run: LockWorld["run"] = async (given) => {
      const done = await world.run(given);
      const line = commandText(given);
      if (line.startsWith("zfs snapshot")) there.add(line.split(" ")[2]!);
      if (line.startsWith("zfs destroy")) {
        ok(there.delete(line.split(" ")[2]!), "only what is there is destroyed");
        undone++;
      }
      return line.startsWith("zfs list -H -t snapshot") ? { ...done, ok: there.has(line.split(" ").at(-1)!) } : done;
    };
    machine.answers = ZFS;
    const isDead = await dying(machine, async (disk) => {
      const lock = await machine.lock({ kind: "zfs" }, ["a"], { disk, run });
      await lock.release("done");
    }, point);
    const wasThere = there.size;
    const known = await recoverLocks({ ...world, run }, "undo", (fault) => {
      throw fault;
    });
    deepStrictEqual([...there], [], `killed at ${point}`);
    ok(known.length >= wasThere);
    deepStrictEqual(machine.journals(), []);
    await (await machine.lock({ kind: "zfs" }, ["a"], { run })).release("done");
    if (!isDead) break;
  }
  ok(point > 8 && undone > 10, `${point} points, ${undone} undone`);
});

Deno.test("what can't be undone stays written down, with the reason and the command, until it can", async () => {
  using machine = new Machine();
  const lock = await machine.lock(COMMAND);
  machine.answers = { "/bin/sh -c start": { ok: false, errors: "the service is broken" } };
  const [fault] = await lock.release("done");
  match(fault!.message, /Cannot undo "run stop": it ended with status 1 \(the service is broken\)/);
  match(fault!.hint, /by hand: \/bin\/sh -c start/);
  strictEqual((await machine.recover("list"))[0]!.record.acts.length, 1);
  strictEqual((await machine.recover())[0]!.faults.length, 1);
  await rejects(machine.lock(COMMAND), { code: "not-undone" }, "the next backup doesn't start from there");
  machine.answers = {};
  deepStrictEqual((await machine.recover())[0]!.faults, []);
  deepStrictEqual(await machine.recover("list"), []);
});

Deno.test("a volume that isn't there now may still hold a snapshot: that is not forgotten, unless it is asked for", async () => {
  using machine = new Machine();
  machine.answers = ZFS;
  await machine.lock({ kind: "zfs" });
  machine.answers = { zfs: { ok: false, reason: "zfs can't be started" } };
  // As if the process had ended: its locks are free.
  const [known] = await recoverLocks({ ...machine.world, disk: unlocked() }, "undo", () => {});
  match(known!.faults[0]!.message, /nothing is known of it: zfs can't be started/);
  strictEqual(machine.journals().length, 1);
  await recoverLocks({ ...machine.world, disk: unlocked() }, "forget", () => {});
  deepStrictEqual(machine.journals(), []);
});

function unlocked(): LockWorld["disk"] {
  return hookedDisk(openDisk(), ({ operation }, proceed) => operation === "tryLock" ? true : proceed());
}

Deno.test("a journal that can't be read is told of, and left", async () => {
  using machine = new Machine();
  const lock = await machine.lock(COMMAND);
  const [name] = machine.journals();
  Deno.writeTextFileSync(`${machine.base}/state/locks/${name}`, '{"format":"something"}');
  const told: string[] = [];
  await recoverLocks({ ...machine.world, disk: unlocked() }, "undo", (fault) => told.push(fault.code));
  deepStrictEqual(told, ["damaged-journal"]);
  await lock.release("done");
});

Deno.test("whatever lies among the journals is told of, and the others are undone", async () => {
  using machine = new Machine();
  await machine.lock(COMMAND);
  const at = (name: string) => `${machine.base}/state/locks/${name}`;
  Deno.mkdirSync(at("dir.json"));
  Deno.symlinkSync("/etc/passwd", at("link.json"));
  new Deno.Command("mkfifo", { args: [at("pipe.json")] }).outputSync();
  Deno.writeTextFileSync(at("deep.json"), "[".repeat(100_000) + "]".repeat(100_000));
  Deno.writeTextFileSync(
    at("acts.json"),
    '{"format":"backup-tool source lock","version":1,"sources":[],"acts":[{"undo":7}]}',
  );
  Deno.mkdirSync(at("x.lock"));
  Deno.writeTextFileSync(at("x.json"), "{}");
  const told: string[] = [];
  const known = await recoverLocks({ ...machine.world, disk: unlocked() }, "undo", (fault) => told.push(fault.message));
  strictEqual(known.length, 1);
  const names = told.map((message) => /(\w+)\.(?:json|lock)/.exec(message)?.[1]).sort();
  deepStrictEqual(names, ["acts", "deep", "dir", "link", "pipe", "x"]);
});

Deno.test("what lies in a source but not in its snapshot is known: mounts, and subvolumes of btrfs", async () => {
  using machine = new Machine();
  const at = (path: string) => `${machine.base}/${path}`;
  machine.answers = {
    ...ZFS,
    "findmnt -rn": { output: ["/", "/other", at("a"), at("a/x\\x20y"), at("b/z")].join("\n") },
  };
  const lock = await machine.lock({ kind: "zfs" }, ["a", "b", "b/z"]);
  deepStrictEqual(lock.lacks, [at("a/x y")], "a source of its own is no lack");
  await lock.release("done");
});
