/** Commands that only look write nothing, whatever state the storage is in. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Raw } from "../../../src/core/raw.ts";
import { DiskFault } from "../../../src/platform/disk.ts";
import type { Machine } from "../../../src/platform/machine.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { FakeWorld, runIn } from "../fake_world.ts";
import { type Call, hookedDisk } from "../../support/hooked_disk.ts";
import { WORKER_SCRIPT } from "../../support/world.ts";

const CHANGES = new Set([
  "create",
  "openOrCreate",
  "mkdir",
  "link",
  "symlink",
  "mknod",
  "rename",
  "exchange",
  "unlink",
  "rmdir",
  "write",
  "truncate",
  "cloneFrom",
  "setAttributes",
  "setSelfAttributes",
  "setXattr",
  "setSelfXattr",
  "sync",
  "syncFileSystem",
]);

/** A storage with snapshots, on a disk that notes every attempt to change something, and lets none succeed. */
class ReadWorld extends FakeWorld implements Disposable {
  override directory = Deno.makeTempDirSync({ prefix: "backup-tool-reading-" });
  readonly writes: string[] = [];
  isReadOnly = false;
  /** What a prune would remove from tmp/ is counted. */
  countsLeftovers = false;

  constructor() {
    super();
    this.variables["BACKUP_TOOL_STORAGE"] = "st";
    this.variables["BACKUP_TOOL_STATE"] = `${this.directory}/state`;
    this.write("source/a", "a");
    this.write("source/sub/b", "b");
    this.write("good.json", `{"kind": "backup", "sources": ["${this.directory}/source"]}`);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }

  override machine(): Promise<Machine> {
    const disk = hookedDisk(openDisk(), (call, proceed) => this.#note(call, proceed));
    const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
    return Promise.resolve({ disk, clock: this.clock, random, workerScript: WORKER_SCRIPT });
  }

  #note({ operation, path }: Call, proceed: () => unknown): unknown {
    if (!this.isReadOnly) return proceed();
    const isTemp = operation !== "stat" && !this.countsLeftovers && path.startsWith(`${this.directory}/st/tmp`);
    if (!CHANGES.has(operation) && !isTemp) return proceed();
    this.writes.push(`${operation} ${path}`);
    throw new DiskFault("EROFS", operation, path as Raw);
  }

  write(path: string, text: string): void {
    const full = `${this.directory}/${path}`;
    Deno.mkdirSync(full.slice(0, full.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(full, text);
  }

  async fill(): Promise<void> {
    for (let i = 0; i < 3; i++) {
      this.write("source/c", `${i}`);
      this.clock.pass(60);
      const { status, stderr } = await runIn(this, "backup", "source", "--init", "--workers", "0");
      strictEqual(status, 0, stderr);
      if (i === 0) Deno.copyFileSync(this.catalog, `${this.directory}/old.sqlite`);
    }
    await runIn(this, "policy", "set", "--keep-last", "1");
  }

  get catalog(): string {
    return `${this.directory}/st/db/catalog.sqlite`;
  }

  /** Everything in the storage, with what changes when something does. */
  state(path = `${this.directory}/st`): string[] {
    return [...Deno.readDirSync(path)].flatMap(({ name, isDirectory }) => {
      const full = `${path}/${name}`, { size, ino, mtime, ctime } = Deno.lstatSync(full);
      const own = `${full} ${size} ${ino} ${mtime?.getTime()} ${ctime?.getTime()}`;
      return isDirectory ? [own, ...this.state(full)] : [own];
    }).sort();
  }
}

const LINES: readonly (readonly string[])[] = [
  ["snapshots"],
  ["ls", "latest"],
  ["ls", "latest", "-lR"],
  ["ls", "latest", "--tree", "--sort", "size"],
  ["find", "*"],
  ["find", "*", "--gone", "--long"],
  ["history", "/c"],
  ["diff", "latest"],
  ["diff", "latest~1", "latest", "--json"],
  ["diff", "latest", "./source", "--read-data"],
  ["stats"],
  ["cat", "latest", "/c"],
  ["dump", "latest"],
  ["dump", "latest", "/sub", "--format", "zip"],
  ["plan", "source"],
  ["plan", "source", "--why", "source/a"],
  ["plan", "--job", "good.json"],
  ["restore", "latest", "--target", "new", "--dry-run"],
  ["restore", "latest", "--in-place", "--delete", "--dry-run"],
  ["forget", "--keep-last", "1", "--dry-run"],
  ["forget", "--keep-last", "1", "--dry-run", "--prune"],
  ["forget", "latest", "--dry-run"],
  ["prune", "--dry-run"],
  ["policy", "show"],
  ["repair", "--dry-run"],
  ["repair", "--dry-run", "--read-data"],
  ["recover", "--list"],
  ["check", "--status"],
  ["job", "check", "good.json"],
  ["job", "history"],
  ["job", "schema"],
  ["config"],
  ["config", "--example"],
  ["completions", "bash"],
  ["version"],
  ["help", "forget", "latest"],
  ["complete", "--", "ls", ""],
  ["complete", "--", "cat", "latest", "/"],
];

const STATES: Readonly<Record<string, (world: ReadWorld) => void>> = {
  "as the last backup left it": () => {},
  "without a catalog": (world) => Deno.removeSync(world.catalog),
  "with a catalog that lacks snapshots": (world) => {
    Deno.removeSync(`${world.directory}/st/db/catalog.agreed`);
    Deno.copyFileSync(`${world.directory}/old.sqlite`, world.catalog);
  },
  "with a catalog that can't be read": (world) => Deno.writeTextFileSync(world.catalog, "no database"),
  "without the note that it agrees": (world) => Deno.removeSync(`${world.directory}/st/db/catalog.agreed`),
  "without db/": (world) => Deno.removeSync(`${world.directory}/st/db`, { recursive: true }),
  "without tmp/": (world) => Deno.removeSync(`${world.directory}/st/tmp`, { recursive: true }),
};

for (const [state, make] of Object.entries(STATES)) {
  Deno.test(`commands that only look write nothing into a storage ${state}`, async () => {
    using world = new ReadWorld();
    await world.fill();
    Deno.mkdirSync(`${world.directory}/state/locks`, { recursive: true });
    Deno.writeTextFileSync(
      `${world.directory}/state/locks/x.json`,
      JSON.stringify({
        format: "backup-tool source lock",
        version: 1,
        kind: "command",
        sources: [],
        started: "",
        acts: [],
      }),
    );
    make(world);
    world.isReadOnly = true;
    const before = world.state(), beside = world.state(`${world.directory}/state`);
    for (const line of LINES) {
      world.countsLeftovers = line[0] === "forget" || line.some((word) => /prune$/.test(word));
      const { status, stdout, stderr } = await runIn(world, ...line);
      const isWithoutPolicy = state === "without db/" && line[0] === "policy";
      deepStrictEqual([line, status === 0 || isWithoutPolicy, world.writes], [line, true, []], stdout + stderr);
      ok(!stderr.includes("EROFS"), stderr);
    }
    deepStrictEqual(world.state(), before);
    deepStrictEqual(world.state(`${world.directory}/state`), beside);
    deepStrictEqual(
      [...Deno.readDirSync(world.directory)].map(({ name }) => name).filter((name) => name === "new"),
      [],
    );
  });
}
