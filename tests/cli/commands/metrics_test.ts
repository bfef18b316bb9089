import { match, ok, strictEqual } from "node:assert/strict";
import { FakeWorld, runIn } from "../fake_world.ts";

Deno.test("metrics -o replaces a file that others can read, in one step", async () => {
  const base = Deno.makeTempDirSync({ prefix: "backup-tool-test-" });
  try {
    const world = new FakeWorld();
    world.directory = base;
    Deno.mkdirSync(`${base}/photos`);
    Deno.writeTextFileSync(`${base}/photos/a`, "12345");
    await runIn(world, "backup", "photos", "--init", "-s", "st");
    const printed = await runIn(world, "metrics", "-s", "st");
    match(printed.stdout, /^backup_tool_snapshot_bytes\{host="testhost",name="photos"\} 5$/m);
    match(printed.stdout, /^backup_tool_storage_free_bytes \d+$/m);
    Deno.writeTextFileSync(`${base}/b.prom`, "old");
    const before = Deno.openSync(`${base}/b.prom`);
    const written = await runIn(world, "metrics", "-s", "st", "-o", "b.prom");
    strictEqual(written.stdout, "");
    const text = Deno.readTextFileSync(`${base}/b.prom`);
    ok(text.startsWith("# HELP backup_tool_info") && text.endsWith("\n"), text);
    strictEqual(before.statSync().size, 3, "whoever had it open reads the old one to its end");
    before.close();
    strictEqual(Deno.statSync(`${base}/b.prom`).mode! & 0o777, 0o644);
    strictEqual([...Deno.readDirSync(base)].length, 3, "nothing else is left");
    Deno.symlinkSync("/dev/null", `${base}/link`);
    match((await runIn(world, "metrics", "-s", "st", "-o", "link")).stderr, /link.*ELOOP/, "as /dev/stdout is one");
    strictEqual(Deno.lstatSync(`${base}/link`).isSymlink, true);
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
});
