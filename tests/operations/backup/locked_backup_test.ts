/** Backups of sources that are held still, by real programs. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { type Raw, rawOf, textOf } from "../../../src/core/raw.ts";
import { lockedBackup } from "../../../src/operations/backup/locked_backup.ts";
import type { BackupRequest } from "../../../src/operations/backup/backup_request.ts";
import type { LockSpec } from "../../../src/source/lock/lock_kinds.ts";
import { differences, run, TestMonitor, World } from "../../support/world.ts";
import { has, HAS_LINUX_DISK, IS_ROOT } from "../../support/needs.ts";

async function back(world: World, spec: LockSpec | undefined, changes: Partial<BackupRequest> = {}) {
  const monitor = new TestMonitor();
  world.clock.pass(1);
  using storage = world.open(monitor);
  const locking = { state: rawOf(`${world.base}/state/locks`), spec };
  const snapshot = await lockedBackup(storage, { ...world.request(), ...changes }, locking, monitor);
  return { snapshot, monitor };
}

function command(before: string | undefined, after: string | undefined, readFrom?: string): LockSpec {
  return { kind: "command", before, after, readFrom: readFrom as Raw | undefined };
}

Deno.test("a command lock runs its lines around the backup, with the job's facts, and reads where it is told to", async () => {
  using world = new World();
  world.write("file", "live");
  const copy = `${world.base}/copy`, log = `${world.base}/log`;
  const before =
    `cp -a "$BACKUP_TOOL_SOURCE" ${copy}; echo frozen > ${copy}/file; echo "$BACKUP_TOOL_NAME before" >> ${log}`;
  const after = `rm -r ${copy}; echo "$BACKUP_TOOL_OUTCOME" >> ${log}`;
  const { snapshot } = await back(world, command(before, after, copy), { name: "series" });
  const { target } = await world.restore("latest");
  strictEqual(Deno.readTextFileSync(`${target}/file`), "frozen\n");
  strictEqual(Deno.readTextFileSync(log), "series before\ndone\n");
  deepStrictEqual(snapshot.sources, [world.source], "the snapshot names what a person named");
  deepStrictEqual(names(`${world.base}/state/locks`).filter((name) => name.endsWith(".json")), []);
});

function names(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name);
}

Deno.test("what a lock did is undone if the backup fails, and a failing lock is a failing backup", async () => {
  using world = new World();
  world.write("file", "1");
  const log = `${world.base}/log`, after = `echo "$BACKUP_TOOL_OUTCOME" >> ${log}`;
  const controller = new AbortController();
  controller.abort();
  await rejects(back(world, command(undefined, after), { excludes: ["[a"] }), { code: "bad-pattern" });
  await rejects(back(world, command("exit 3", after)), { code: "lock-failed", message: /status 3/ });
  await rejects(back(world, command("true", after), { signal: controller.signal }), { code: "interrupted" });
  strictEqual(Deno.readTextFileSync(log), "failed\n".repeat(2), "what was not begun isn't undone");
  const { monitor, snapshot } = await back(world, command(undefined, "exit 4"));
  deepStrictEqual([monitor.problems.map(({ name }) => name), snapshot.files], [["not-undone"], 1]);
  await rejects(back(world, command("true", "true")), { code: "not-undone" });
});

Deno.test("a backup without a lock undoes what others have left, too", async () => {
  using world = new World();
  world.write("file", "1");
  const mark = `${world.base}/undone`;
  await back(world, command(undefined, `test -e ${mark}-able && touch ${mark}`));
  Deno.writeTextFileSync(`${mark}-able`, "");
  const { monitor } = await back(world, undefined);
  ok(Deno.statSync(mark).isFile);
  match(monitor.notices.join(), /^Undone what a run of 2026-11-20T.* had done to /);
});

/** A btrfs of its own, if this machine lets anybody make one. */
class Btrfs implements Disposable {
  readonly path: string;

  constructor(base: string) {
    const image = `${base}/image`;
    this.path = `${base}/btrfs`;
    run("truncate", "-s", "200M", image);
    run("mkfs.btrfs", "-q", image);
    Deno.mkdirSync(this.path);
    run("mount", "-o", "loop", image, this.path);
  }

  static isPossible(): boolean {
    if (!IS_ROOT || !has("mkfs.btrfs", "btrfs")) return false;
    using world = new World();
    try {
      using _disk = new Btrfs(world.base);
      return true;
    } catch {
      return false;
    }
  }

  /** Lazily: what still looks at it must not hide how the test failed. */
  [Symbol.dispose](): void {
    run("umount", "--lazy", this.path);
  }

  snapshots(): string[] {
    return run("btrfs", "subvolume", "list", this.path).split("\n").filter((line) => line.includes(".backup-tool-"));
  }
}

const CAN_BTRFS = Btrfs.isPossible();

Deno.test("a btrfs lock backs up the source as it was at one moment, and leaves no snapshot behind", {
  ignore: !HAS_LINUX_DISK || !CAN_BTRFS,
}, async () => {
  using world = new World();
  using disk = new Btrfs(world.base);
  run("btrfs", "subvolume", "create", `${disk.path}/home`);
  const source = `${disk.path}/home/me`;
  Deno.mkdirSync(`${source}/deep`, { recursive: true });
  for (const name of ["a", "deep/b"]) Deno.writeTextFileSync(`${source}/${name}`, `content of ${name}`);
  run("setfattr", "-n", "user.test", "-v", "1", `${source}/a`);
  const request = { sources: [rawOf(source)] };
  const first = await back(world, { kind: "btrfs" }, request);
  deepStrictEqual([first.monitor.problems, first.snapshot.files, first.snapshot.name], [[], 2, "me"]);
  deepStrictEqual(first.snapshot.sources, [source]);
  deepStrictEqual(disk.snapshots(), []);
  strictEqual(differences(source, (await world.restore("latest")).target), "");
  const second = await back(world, { kind: "btrfs" }, request);
  strictEqual(second.monitor.of("unchangedFiles"), 2, "inode numbers and times are those of the source");
  strictEqual((await back(world, undefined, request)).monitor.of("unchangedFiles"), 2);
  run("btrfs", "subvolume", "create", `${source}/deep/inner one`);
  const third = await back(world, { kind: "btrfs" }, request);
  deepStrictEqual(third.monitor.problems.map(({ name, message }) => [name, message.split('"')[1]]), [
    ["outside-snapshot", `${source}/deep/inner one`],
  ]);
  deepStrictEqual((await back(world, { kind: "btrfs" }, { ...request, oneFileSystem: true })).monitor.problems, []);
  run("btrfs", "subvolume", "delete", `${source}/deep/inner one`);
  // Two sources in one subvolume, and only what is listed.
  const both = { sources: [rawOf(source), rawOf(`${disk.path}/home`)], only: [rawOf(`${source}/a`)] };
  deepStrictEqual((await back(world, { kind: "btrfs" }, both)).snapshot.files, 1);
  deepStrictEqual(disk.snapshots(), []);
});

Deno.test(
  "a storage inside a source on btrfs is left out of the snapshot as well",
  { ignore: !CAN_BTRFS },
  async () => {
    using outer = new World();
    using disk = new Btrfs(outer.base);
    using world = new World({ storageIn: () => disk.path });
    Deno.writeTextFileSync(`${disk.path}/file`, "1");
    const { snapshot, monitor } = await back(world, { kind: "btrfs" }, { sources: [rawOf(disk.path)] });
    deepStrictEqual([snapshot.files, monitor.notices.filter((text) => text.includes("storage itself")).length], [1, 1]);
    using storage = world.open();
    const paths = [...storage.manifest(snapshot.id).entries()].map(({ path }) => textOf(path));
    deepStrictEqual(paths, ["/", "/file"]);
  },
);
