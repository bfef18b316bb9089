/** Jobs that back up a server's files. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { parseJob } from "../../../src/jobs/schema/job_file.ts";
import { JobWorld } from "../../support/job_world.ts";
import { ACCESS_KEY, s3Server, SECRET_KEY } from "../../support/s3_server.ts";
import { noise } from "../../support/units.ts";

const problemsOf = (job: Record<string, unknown>) =>
  parseJob(JSON.stringify({ kind: "backup", ...job })).problems.map(({ message }) => message);

Deno.test("a job backs up a server with credentials of its own, and fetches nothing twice", async () => {
  await using server = s3Server();
  using world = new JobWorld();
  for (const [key, size] of [["a.txt", 10], ["d/b.bin", 70_000], ["d/large.iso", 900_000], ["d/c.tmp", 5]] as const) {
    const body = noise(size, size);
    server.objects.set(`/bucket/data/${key}`, {
      method: "PUT",
      url: new URL("http://x"),
      headers: new Headers(),
      body,
    });
  }
  const credentialsFile = `${world.base}/keys`;
  const keys = `aws_access_key_id = ${ACCESS_KEY}\naws_secret_access_key = ${SECRET_KEY}\n`;
  Deno.writeTextFileSync(credentialsFile, keys, { mode: 0o600 });
  const location = `s3:http://127.0.0.1:${server.port}/bucket/data/`;
  const job = {
    kind: "backup",
    name: "cloud",
    sources: [{ location, credentialsFile }],
    maxSize: "500K",
    exclude: ["*.tmp"],
  };
  world.put("a.json", job);
  const first = await world.perform("a.json");
  deepStrictEqual([first?.outcome, first?.problems, first?.counts["excludedEntries"]], ["done", [], 2]);
  const fetched = () =>
    server.requests.filter(({ method, url }) => method === "GET" && url.pathname.includes("/data/"));
  strictEqual(fetched().length, 2);
  world.clock.pass(60);
  world.put("b.json", { ...job, keep: { last: 1 } });
  const second = await world.perform("b.json");
  deepStrictEqual([second?.outcome, second?.problems], ["done", []]);
  strictEqual(fetched().length, 2);
  using storage = world.open();
  const [snapshot, ...others] = storage.snapshots();
  strictEqual(others.length, 0);
  deepStrictEqual([snapshot?.name, snapshot?.sources, snapshot?.tree], ["cloud", [location], null]);
  const written = new TextDecoder("latin1").decode(
    new Deno.Command("grep", { args: ["-rl", SECRET_KEY, world.base] }).outputSync().stdout,
  );
  strictEqual(written.trim(), credentialsFile);
});

Deno.test("a job that may not read a server fails, and says which", async () => {
  await using server = s3Server();
  using world = new JobWorld();
  const location = `s3:http://127.0.0.1:${server.port}/bucket/data/`;
  const command = "echo access_key_id = wrong; echo secret_access_key = wrong-too";
  world.put("a.json", { kind: "backup", sources: [{ location, credentialsCommand: command }] });
  const entry = await world.perform("a.json");
  strictEqual(entry?.outcome, "failed");
  ok(entry.error?.message.includes("127.0.0.1") && !entry.error.message.includes("wrong-too"), entry.error?.message);
});

Deno.test("a server in a job stands alone, without what only files of this machine have", () => {
  const location = "dav:https://cloud.example.net/me";
  deepStrictEqual(problemsOf({ sources: [location] }), []);
  deepStrictEqual(problemsOf({ sources: [{ location, limitDownload: "2M" }] }), []);
  deepStrictEqual(problemsOf({ sources: [location, "/home"] }), ["Expected a job of its own for a server"]);
  deepStrictEqual(problemsOf({ sources: [location], lock: "btrfs", static: ["*"] }), [
    'Expected no "lock" for a server\'s files',
    'Expected no "static" for a server\'s files',
  ]);
  for (const wrong of ["rest:https://x/y", "home", "s3:"]) ok(problemsOf({ sources: [wrong] }).length > 0, wrong);
});
