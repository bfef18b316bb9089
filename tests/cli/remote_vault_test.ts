/** A vault's life on a server, by the command line; and what was written meanwhile has no secret in it, wherever it is. */
import { match, ok, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { restServer } from "../support/rest_server.ts";
import { ACCESS_KEY, s3Server, SECRET_KEY } from "../support/s3_server.ts";
import { noise } from "../support/units.ts";
import { Place } from "./program.ts";
import { HAS_LINUX_DISK } from "../support/needs.ts";

const PASSWORD = "hush-hush:p4ss/word", BASIC = btoa(`me:${PASSWORD}`);

/** @returns all that the program said */
async function life(place: Place, location: string): Promise<string> {
  for (let i = 0; i < 20; i++) Deno.writeFileSync(`${place.source}/file${i}`, noise(1000 + i * 3000, i));
  const said: string[] = [];
  const run = async (status: number, ...args: string[]) => {
    const { stdout, stderr } = await place.expect(status, ...args);
    said.push(stdout, stderr);
    return stdout + stderr;
  };
  const to = ["-s", location];
  await run(10, "snapshots", ...to);
  await run(0, "init", ...to, "--vault", "--unencrypted");
  const plain = [...to, "--unencrypted"];
  match(await run(0, "backup", ...plain, place.source, "--name", "a"), /20 new contents/);
  Deno.writeTextFileSync(`${place.source}/new`, "new");
  match(await run(0, "backup", ...plain, place.source, "--name", "a"), /1 new content/);
  await run(0, "snapshots", ...plain);
  await run(0, "restore", "latest", ...plain, "--target", `${place.base}/restored`);
  const restored = new Deno.Command("diff", { args: ["-r", place.source, `${place.base}/restored`] }).outputSync();
  strictEqual(new TextDecoder().decode(restored.stdout), "");
  await run(0, "forget", ...plain, "--keep-last", "1");
  await run(0, "prune", ...plain);
  await run(0, "check", ...plain, "--read-data");
  // Nobody there, and with a server that refuses: errors are written, too.
  said.push((await place.run("snapshots", ...to, "--no-cache", "-v")).stderr);
  return said.join("\n");
}

function* filesBelow(directory: string): Generator<string> {
  for (const { name, isDirectory, isFile } of Deno.readDirSync(directory)) {
    if (isDirectory) yield* filesBelow(`${directory}/${name}`);
    else if (isFile) yield `${directory}/${name}`;
  }
}

/** Neither in what was said, nor in any file that is there now, nor in names. */
function assertNowhere(secrets: readonly string[], said: string, place: Place, names: Iterable<string>): void {
  const texts = new Map([["what was said", said], ["names", [...names].join("\n")]]);
  for (const file of filesBelow(place.base)) texts.set(file, Buffer.from(Deno.readFileSync(file)).toString("latin1"));
  ok(texts.size > 20, String(texts.size));
  for (const [where, text] of texts) for (const secret of secrets) ok(!text.includes(secret), `${secret} in ${where}`);
}

Deno.test("A vault on a REST server with a password: made, backed up to, restored from, pruned", async () => {
  await using server = restServer(
    undefined,
    ({ headers }) =>
      headers.get("authorization") === `Basic ${BASIC}`
        ? undefined
        : new Response(`go away, ${headers.get("authorization")}`, { status: 401 }),
  );
  using place = new Place();
  place.env["BACKUP_TOOL_REST_USER"] = "me";
  place.env["BACKUP_TOOL_REST_PASSWORD"] = PASSWORD;
  const location = `rest:http://127.0.0.1:${server.port}/nas/`;
  const said = await life(place, location);
  place.env["BACKUP_TOOL_REST_PASSWORD"] = `${PASSWORD}x`;
  const refused = await place.fault(1, "place-refuses", "snapshots", "-s", location);
  match(refused, /it wants other credentials/);
  assertNowhere([PASSWORD, BASIC], said + refused, place, [...server.objects.keys(), ...server.requests]);
});

Deno.test("A vault in S3: made, backed up to, restored from, pruned", async () => {
  await using server = s3Server();
  using place = new Place();
  place.env["AWS_ACCESS_KEY_ID"] = ACCESS_KEY;
  place.env["AWS_SECRET_ACCESS_KEY"] = SECRET_KEY;
  const said = await life(place, `s3:http://127.0.0.1:${server.port}/bucket/nas`);
  assertNowhere([SECRET_KEY], said, place, server.requests.map(({ url }) => url.href));
});

Deno.test(
  "Files of a server are backed up into a vault on another one, and restored",
  { ignore: !HAS_LINUX_DISK },
  async () => {
    await using source = s3Server();
    await using vault = restServer();
    using place = new Place();
    place.env["AWS_ACCESS_KEY_ID"] = ACCESS_KEY;
    place.env["AWS_SECRET_ACCESS_KEY"] = SECRET_KEY;
    for (let i = 0; i < 5; i++) {
      const facts = { method: "PUT", url: new URL("http://x"), headers: new Headers(), body: noise(1000 * i, i) };
      source.objects.set(`/bucket/photos/${i % 2}/${i}.jpg`, facts);
    }
    const to = ["-s", `rest:http://127.0.0.1:${vault.port}/`, "--unencrypted"];
    const from = `s3:http://127.0.0.1:${source.port}/bucket/photos`;
    await place.expect(0, "init", ...to, "--vault");
    match((await place.expect(0, "backup", from, ...to)).stdout, /of photos made[^]*5 new/);
    match((await place.expect(0, "backup", from, ...to)).stdout, /0 new, 0 changed, 5 unchanged/);
    await place.expect(0, "restore", "latest", ...to, "--target", `${place.base}/out`);
    ok(Buffer.compare(Deno.readFileSync(`${place.base}/out/1/3.jpg`), noise(3000, 3)) === 0);
    await place.fault(2, "bad-usage", "backup", from, place.source, ...to);
    await place.fault(1, "no-remote-source", "backup", `${from}x`, ...to);
  },
);

Deno.test("A server that the configuration names is backed up by its name, and is not planned", {
  ignore: !HAS_LINUX_DISK,
}, async () => {
  await using server = s3Server();
  using place = new Place();
  const body = noise(5000, 1), location = `s3:http://127.0.0.1:${server.port}/bucket`;
  server.objects.set("/bucket/a.bin", { method: "PUT", url: new URL("http://x"), headers: new Headers(), body });
  Deno.mkdirSync(`${place.base}/config/backup-tool`, { recursive: true });
  const keys = `access_key_id = ${ACCESS_KEY}\nsecret_access_key = ${SECRET_KEY}\n`;
  Deno.writeTextFileSync(`${place.base}/config/backup-tool/keys`, keys, { mode: 0o600 });
  const file = `${place.base}/config/backup-tool/backup-tool.jsonc`;
  const backups = { cloud: { sources: [{ location, credentialsFile: "keys" }] }, mixed: { sources: [location, "/x"] } };
  Deno.writeTextFileSync(file, JSON.stringify({ backups }));
  const as = ["--config", file];
  await place.expect(0, "init");
  await place.expect(0, "backup", "cloud", ...as);
  await place.expect(0, "restore", "cloud:latest", "--target", `${place.base}/back`, ...as);
  strictEqual(Deno.readFileSync(`${place.base}/back/a.bin`).length, 5000);
  match((await place.expect(2, "backup", "mixed", ...as)).stderr, /has a server among its sources/);
  match((await place.expect(2, "plan", "cloud", ...as)).stderr, /Cannot plan a backup of s3:http:/);
});
