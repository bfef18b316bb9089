/** What people see of series whose names meet. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { FakeWorld, type Ran, runIn } from "../fake_world.ts";

class Homes extends FakeWorld implements Disposable {
  override directory = Deno.makeTempDirSync({ prefix: "backup-tool-series-" });
  constructor() {
    super();
    this.variables["BACKUP_TOOL_STORAGE"] = "st";
    for (const owner of ["alice", "bob"]) {
      Deno.mkdirSync(`${this.directory}/${owner}/photos`, { recursive: true });
      Deno.writeTextFileSync(`${this.directory}/${owner}/photos/a`, owner);
    }
  }
  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
  async backup(owner: string, ...args: string[]): Promise<Ran> {
    this.clock.pass(60);
    const ran = await runIn(this, "backup", `${owner}/photos`, "--init", "--workers", "0", "--no-tree", ...args);
    strictEqual(ran.status, 0, ran.stderr);
    return ran;
  }
}

Deno.test("backup says once that a name was taken, and by what", async () => {
  using world = new Homes();
  await world.backup("alice");
  const first = await world.backup("bob"), second = await world.backup("bob");
  match(first.stderr, /This series is called photos-2, as that of \S+\/alice\/photos has the name already; --name/);
  strictEqual(second.stderr, "");
  match(second.stdout, /^Snapshot [0-9a-f]{12} of photos-2 made/);
});

Deno.test("snapshots and forget show sources where one name stands for several", async () => {
  using world = new Homes();
  await world.backup("alice", "--name", "photos");
  const plain = await runIn(world, "snapshots");
  strictEqual(plain.stdout.includes("SOURCES"), false);
  await world.backup("bob", "--name", "photos");
  const { stdout } = await runIn(world, "snapshots");
  match(stdout, /^ID .* SOURCES\n.*\/alice\/photos\n.*\/bob\/photos\n$/);
  const forget = await runIn(world, "forget", "--keep-last", "5", "--dry-run");
  match(forget.stdout, /\ntesthost:photos {2}\S+\/bob\/photos\n/);
});

Deno.test("diff of one snapshot compares it with the one before of the same sources", async () => {
  using world = new Homes();
  await world.backup("alice");
  await world.backup("bob");
  Deno.writeTextFileSync(`${world.directory}/alice/photos/b`, "new");
  await world.backup("alice");
  deepStrictEqual((await runIn(world, "diff", "photos:latest", "--quiet")).stdout, "+ /b\n");
});
