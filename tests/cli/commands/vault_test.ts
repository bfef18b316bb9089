/** Commands on vaults, as people give them. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { cpSync } from "node:fs";
import { openBackend } from "../../../src/backend/open.ts";
import { initVault } from "../../../src/vault/access.ts";
import { FakeWorld, type Ran, runIn } from "../fake_world.ts";

const PASSPHRASE = "four random words";

class VaultWorld extends FakeWorld implements Disposable {
  readonly base = Deno.makeTempDirSync({ prefix: "backup-tool-vaults-" });

  private constructor() {
    super();
    this.directory = this.base;
    this.variables["BACKUP_TOOL_STATE"] = `${this.base}/state`;
    this.variables["HOME"] = this.base;
    Deno.mkdirSync(`${this.base}/photos`);
    this.write("photos/a.jpg", "a photo");
    this.write("photos/b.jpg", "another one");
  }

  /** With an encrypted vault "vault", whose passphrase is quick to try. */
  static async make(): Promise<VaultWorld> {
    const world = new VaultWorld();
    await world.makeVault("vault", PASSPHRASE);
    world.secret("password", PASSPHRASE);
    return world;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.base, { recursive: true });
  }

  async makeVault(name: string, passphrase?: string): Promise<void> {
    const machine = await this.machine();
    await using backend = await openBackend(`${this.base}/${name}`, { ...machine, create: true });
    await initVault(backend, machine, passphrase === undefined ? {} : { passphrase, workFactor: 1 });
  }

  write(path: string, text: string): void {
    Deno.writeTextFileSync(`${this.base}/${path}`, text);
  }

  secret(path: string, text: string): void {
    Deno.writeTextFileSync(`${this.base}/${path}`, `${text}\n`, { mode: 0o600 });
  }

  /** @throws unless it ends so */
  async expect(status: number, ...args: string[]): Promise<Ran> {
    this.clock.pass(1);
    const ran = await runIn(this, ...args);
    strictEqual(ran.status, status, `${args.join(" ")}\n${ran.stdout}${ran.stderr}`);
    return ran;
  }

  // deno-lint-ignore no-explicit-any -- a test knows what it asked for
  async json(...args: string[]): Promise<any> {
    return JSON.parse((await this.expect(0, ...args, "--json")).stdout);
  }

  async code(status: number, ...args: string[]): Promise<string> {
    const { stderr } = await this.expect(status, ...args, "--json");
    return JSON.parse(stderr.trimEnd().split("\n").at(-1) ?? "").error.code;
  }
}

Deno.test("a passphrase is asked for where nothing else is given, and may be mistyped", async () => {
  using world = await VaultWorld.make();
  world.answers.push("wrong", "wrong too", PASSPHRASE);
  await world.expect(0, "backup", "photos", "-s", "vault");
  deepStrictEqual(world.questions, Array.from({ length: 3 }, () => `Passphrase of ${world.base}/vault: `));
  world.answers.push("wrong", "wrong", "wrong", PASSPHRASE);
  strictEqual(await world.code(12, "snapshots", "-s", "vault"), "wrong-passphrase");
  world.answers.length = 0;
  strictEqual(await world.code(12, "snapshots", "-s", "vault"), "no-key");
  world.answers.push("");
  strictEqual(await world.code(12, "snapshots", "-s", "vault"), "bad-passphrase");
});

Deno.test("init --vault asks for a new passphrase twice, and leaves nothing if it isn't the same", async () => {
  using world = await VaultWorld.make();
  world.answers.push("one", "other");
  strictEqual(await world.code(12, "init", "-s", "new", "--vault"), "bad-passphrase");
  deepStrictEqual([...Deno.readDirSync(world.base)].filter(({ name }) => name === "new"), []);
  world.answers.push("the same", "the same");
  const { stdout } = await world.expect(0, "init", "-s", "new", "--vault", "--key-name", "me");
  match(stdout, /^Made a vault in .*\/new \(encrypted\)\n.*\n {2}backup-tool key show --paper -s new \| lp\n$/);
});

Deno.test("a vault takes backups, is looked at, checked, restored from, and forgets", async () => {
  using world = await VaultWorld.make();
  const to = ["-s", "vault", "--password-file", "password"];
  strictEqual(await world.code(2, "backup", "photos", ...to, "--tree"), "bad-usage");
  const plan = await world.json("plan", "photos", ...to);
  deepStrictEqual([plan.units, plan.storedItems], [2, 2]);
  await world.expect(0, "backup", "photos", ...to, "--compression", "best", "--unit-size", "4M");
  world.write("photos/a.jpg", "changed");
  const { stdout } = await world.expect(0, "backup", "photos", ...to);
  ok(!stdout.includes("tree"));
  deepStrictEqual((await world.json("snapshots", ...to)).map(({ files }: { files: number }) => files), [2, 2]);
  strictEqual((await world.expect(0, "cat", "latest~1", "a.jpg", ...to)).stdout, "a photo");
  strictEqual((await world.expect(0, "find", "b.jpg", ...to)).stdout.includes("b.jpg"), true);
  strictEqual((await world.json("diff", "latest", ...to)).changes.length, 1);
  strictEqual((await world.json("check", "--read-data", ...to)).damaged, 0);
  strictEqual((await world.json("check", "--status", ...to)).never.contents, 0);
  await world.expect(0, "restore", "latest", "--target", "back", ...to);
  strictEqual(Deno.readTextFileSync(`${world.base}/back/a.jpg`), "changed");
  await world.expect(0, "tag", "latest", "--add", "keep", ...to);
  strictEqual((await world.json("forget", "--keep-tag", "keep", ...to)).removed.length, 1);
  const { steps } = await world.json("prune", "--keep-unused", "0", ...to);
  ok(steps.waitingBytes > 0 && steps.nextMs > 0);
});

Deno.test("an option counts before a variable, and that before the configuration", async () => {
  using world = await VaultWorld.make();
  world.write("c.jsonc", `{ "vaults": { "v": { "location": "vault", "passwordFile": "none" } } }`);
  world.variables["BACKUP_TOOL_CONFIG"] = "c.jsonc";
  strictEqual(await world.code(1, "snapshots", "-s", "v"), "disk");
  world.variables["BACKUP_TOOL_PASSWORD_COMMAND"] = `cat ${world.base}/password`;
  await world.expect(0, "snapshots", "-s", "v");
  world.secret("wrong", "wrong");
  strictEqual(await world.code(12, "snapshots", "-s", "v", "--password-file", "wrong"), "wrong-passphrase");
  world.variables["BACKUP_TOOL_KEY_FILE"] = "key";
  strictEqual(await world.code(2, "snapshots", "-s", "v"), "bad-usage");
  await world.expect(0, "snapshots", "-s", "v", "--password-file", "password");
});

Deno.test("a secret that others can read, or that is none, opens nothing", async () => {
  using world = await VaultWorld.make();
  for (const mode of [0o644, 0o604, 0o660, 0o602]) {
    Deno.chmodSync(`${world.base}/password`, mode);
    const isRoots = Deno.gid() === 0 && mode === 0o660;
    if (!isRoots) {
      strictEqual(await world.code(12, "snapshots", "-s", "vault", "--password-file", "password"), "exposed-secret");
    }
  }
  world.secret("empty", "");
  strictEqual(await world.code(12, "snapshots", "-s", "vault", "--password-file", "empty"), "bad-passphrase");
  world.secret("key", "AGE-SECRET-KEY-1NONE");
  strictEqual(await world.code(12, "snapshots", "-s", "vault", "--key-file", "key"), "bad-key-file");
  const { stderr } = await world.expect(12, "snapshots", "-s", "vault", "--password-command", "echo words; false");
  match(stderr, /^backup-tool: Cannot use the passphrase from the command: it failed\n/);
});

Deno.test("into a plain vault nothing is stored unless it is said that this is meant", async () => {
  using world = await VaultWorld.make();
  await world.expect(0, "init", "-s", "plain", "--vault", "--unencrypted");
  const from = ["-s", "vault", "--password-file", "password"];
  await world.expect(0, "backup", "photos", ...from);
  strictEqual(await world.code(2, "backup", "photos", "-s", "plain"), "plain-vault");
  strictEqual(await world.code(12, "backup", "photos", "-s", "plain", "--password-file", "password"), "not-encrypted");
  await world.expect(0, "backup", "photos", "-s", "plain", "--unencrypted");
  strictEqual(await world.code(12, "snapshots", "-s", "vault", "--unencrypted"), "no-key");
  deepStrictEqual((await world.json("snapshots", "-s", "plain")).length, 1);
  // Looking, and noting on this machine what was looked at, stores nothing there.
  strictEqual((await world.expect(0, "check", "--read-data", "-s", "plain")).stderr, "");
});

Deno.test("a write-only key leaves nothing where it was to restore, or to write an archive", async () => {
  using world = await VaultWorld.make();
  const full = ["-s", "vault", "--password-file", "password"], key = ["-s", "vault", "--key-file", "key"];
  await world.expect(0, "backup", "photos", ...full);
  await world.expect(0, "key", "export", "key", "--write-only", ...full);
  const there = () => [...Deno.readDirSync(world.base)].map(({ name }) => name).sort();
  const before = there();
  strictEqual(await world.code(1, "restore", "latest", "--target", "new/back", ...key), "write-only-key");
  strictEqual(await world.code(1, "dump", "latest", "-o", "all.tar", ...key), "write-only-key");
  strictEqual((await world.expect(1, "dump", "latest", ...key)).stdout, "");
  for (const more of [[], ["--json"]]) {
    strictEqual((await world.expect(1, "cat", "latest", "a.jpg", ...more, ...key)).stdout, "");
  }
  Deno.mkdirSync(`${world.base}/temp`);
  strictEqual(await world.code(1, "drill", "--tmp", "temp", ...key), "write-only-key");
  deepStrictEqual([...Deno.readDirSync(`${world.base}/temp`)], []);
  Deno.removeSync(`${world.base}/temp`);
  deepStrictEqual(there(), before);
});

Deno.test("copies go between an encrypted vault and a plain one if that is said of the plain one", async () => {
  using world = await VaultWorld.make();
  await world.expect(0, "init", "-s", "plain", "--vault", "--unencrypted");
  await world.expect(0, "init", "-s", "plain too", "--vault", "--unencrypted");
  const by = ["--password-file", "password"], to = ["-s", "vault", "--to", "plain"];
  await world.expect(0, "backup", "photos", "-s", "vault", ...by);
  strictEqual(await world.code(12, "copy", ...to, ...by), "not-encrypted");
  deepStrictEqual((await world.json("copy", ...to, ...by, "--to-unencrypted")).copied.length, 1);
  strictEqual(await world.code(2, "copy", "-s", "plain", "--to", "plain too"), "plain-vault");
  strictEqual(await world.code(2, "copy", ...to, ...by, "--to-unencrypted", "--to-key-file", "password"), "bad-usage");
  strictEqual(await world.code(12, "copy", "-s", "plain", "--to", "vault", "--to-unencrypted"), "no-key");
  const back = ["-s", "plain", "--to", "vault", "--unencrypted", "--to-password-file", "password"];
  deepStrictEqual((await world.json("copy", ...back)).present, 1);
  world.variables["BACKUP_TOOL_PASSWORD_FILE"] = "password";
  deepStrictEqual((await world.json("copy", ...to, "--to-unencrypted")).present, 1);
});

Deno.test("of two copies of one vault it is said that they are, and what joins them", async () => {
  using world = await VaultWorld.make();
  const by = ["--password-file", "password"];
  await world.expect(0, "backup", "photos", "-s", "vault", ...by);
  cpSync(`${world.base}/vault`, `${world.base}/twin`, { recursive: true });
  const twins = (await world.expect(2, "copy", "-s", "vault", "--to", "twin", ...by)).stderr;
  match(twins, /Cannot copy from "[^"]*\/vault" to "[^"]*\/twin": both have the same id, .* or copies of one\n/);
  match(twins, /copy from each of them into a new one/);
  match((await world.expect(2, "copy", "-s", "vault", "--to", "vault", ...by)).stderr, /a repository into itself\n/);
});

Deno.test("copies go between vaults whose keys differ, and back into a storage", async () => {
  using world = await VaultWorld.make();
  await world.makeVault("second", "other words");
  world.secret("other", "other words");
  const from = ["-s", "vault", "--password-file", "password"];
  await world.expect(0, "backup", "photos", ...from);
  strictEqual(await world.code(12, "copy", ...from, "--to", "second"), "wrong-passphrase");
  const copied = await world.json("copy", ...from, "--to", "second", "--to-password-file", "other");
  strictEqual(copied.copied.length, 1);
  await world.expect(0, "init", "-s", "st");
  strictEqual((await world.json("copy", "-s", "second", "--password-file", "other", "--to", "st")).copied.length, 1);
  const ids = async (...args: string[]) => (await world.json("snapshots", ...args)).map(({ id }: { id: string }) => id);
  deepStrictEqual(await ids("-s", "st"), await ids(...from));
  strictEqual((await world.json("check", "--read-data", "-s", "st")).damaged, 0);
});

Deno.test("what only storages can do names the vault, and what only vaults can, too", async () => {
  using world = await VaultWorld.make();
  await world.expect(0, "init", "-s", "st");
  const vault = ["-s", "vault", "--password-file", "password"];
  for (const line of [["tree", "build", "latest"], ["job", "history"], ["serve", "--jobs", "jobs", "--once"]]) {
    strictEqual(await world.code(1, ...line, ...vault), "not-for-vaults", line.join(" "));
  }
  strictEqual(await world.code(10, "key", "list", "-s", "st"), "no-vault");
  strictEqual(await world.code(2, "prune", "--grace", "2h", "-s", "st"), "bad-usage");
  strictEqual(await world.code(2, "init", "-s", "s3:https://example.invalid/x"), "bad-usage");
  Deno.removeSync(`${world.base}/vault/config`);
  Deno.mkdirSync(`${world.base}/vault/data`);
  Deno.mkdirSync(`${world.base}/vault/index`);
  Deno.mkdirSync(`${world.base}/vault/snapshots`);
  strictEqual(await world.code(10, "snapshots", ...vault), "no-vault");
});

Deno.test("a vault is healed from a storage, and the storage from the vault; what is lost is named", async () => {
  using world = await VaultWorld.make();
  const vault = ["-s", "vault", "--password-file", "password"];
  await world.expect(0, "init", "-s", "storage");
  await world.expect(0, "backup", "photos", "-s", "storage", "--no-tree");
  await world.expect(0, "copy", "-s", "storage", "--to", "vault", "--password-file", "password");
  match((await world.expect(0, "repair", ...vault)).stdout, /^Nothing is damaged\n$/);
  Deno.removeSync(`${world.base}/photos`, { recursive: true });
  Deno.removeSync(`${world.base}/vault/data`, { recursive: true });
  const { stdout, stderr } = await world.expect(3, "repair", ...vault, "--dry-run");
  match(stdout, /repaired hunk [^]*; a copy was in the cache on this machine\n/);
  match(stdout, /lost content [0-9a-f]{64}: [^]*\n *affects \/a.jpg in /);
  strictEqual(stderr, "");
  const healed = await world.expect(0, "repair", ...vault, "--from", "storage");
  match(healed.stdout, /repaired content [^]*; a copy was in .*storage\n/);
  match(healed.stdout, /repaired unit [^]* was stored again\n/);
  await world.expect(0, "check", ...vault, "--read-data");
  const leaves = [...Deno.readDirSync(`${world.base}/storage/content`)].map(({ name }) => name);
  for (const leaf of leaves) {
    const directory = `${world.base}/storage/content/${leaf}`;
    for (const { name } of Deno.readDirSync(directory)) {
      if (!name.endsWith("f0") || name.length < 64) Deno.removeSync(`${directory}/${name}`);
    }
  }
  const back = await world.expect(0, "repair", "-s", "storage", "--from", "vault", "--password-file", "password");
  match(back.stdout, /3 items damaged: 3 repaired, 0 are lost/);
  await world.expect(0, "check", "-s", "storage", "--read-data");
});

Deno.test("salvage and keys need no index", async () => {
  using world = await VaultWorld.make();
  const vault = ["-s", "vault", "--password-file", "password"];
  await world.expect(0, "backup", "photos", ...vault);
  await world.expect(0, "key", "export", "key", ...vault);
  strictEqual(Deno.statSync(`${world.base}/key`).mode! & 0o777, 0o600);
  const { stdout } = await world.expect(0, "key", "show", "--paper", ...vault);
  world.secret("paper", stdout);
  for (const gone of ["index", "snapshots", "keys", "config"]) {
    Deno.removeSync(`${world.base}/vault/${gone}`, { recursive: true });
  }
  const result = await world.json("salvage", "vault", "--target", "salvaged", "--key-file", "paper");
  deepStrictEqual([result.files, result.damaged], [2, []]);
  await world.expect(0, "salvage", "vault", "--target", "again", "--as-storage", "--key-file", "key");
  strictEqual((await world.json("check", "--read-data", "-s", "again")).damaged, 0);
  strictEqual(await world.code(2, "salvage", "vault", "--target", "x"), "bad-usage");
});

Deno.test("no secret is in what is printed", async () => {
  using world = await VaultWorld.make();
  const vault = ["-s", "vault", "--password-file", "password", "--verbose"];
  let all = "";
  for (
    const [status, ...line] of [
      [0, "backup", "photos", ...vault],
      [1, "key", "add", "--new-password-file", "password", "--name", "second", ...vault],
      [0, "key", "list", ...vault],
      [12, "snapshots", "-s", "vault", "--password-command", "echo secret of wrong words"],
      [0, "config"],
    ] as const
  ) {
    const { stdout, stderr } = await world.expect(status, ...line);
    all += stdout + stderr;
  }
  ok(!/random|secret|AGE-SECRET/.test(all), all);
});

Deno.test("a clock that is far off is told of, for snapshots get its time", async () => {
  using world = await VaultWorld.make();
  const vault = ["-s", "vault", "--password-file", "password"];
  world.clock.pass(10 * 365 * 24 * 60);
  match(
    (await world.expect(0, "backup", "photos", ...vault)).stderr,
    /The clock of this machine is \d+ d \d+ h ahead of/,
  );
});

Deno.test("the tab key offers names of vaults, and what this machine knows of one that a key file opens", async () => {
  using world = await VaultWorld.make();
  await world.expect(0, "backup", "photos", "-s", "vault", "--password-file", "password");
  await world.expect(0, "key", "export", "key", "-s", "vault", "--password-file", "password");
  await world.expect(0, "snapshots", "-s", "vault", "--key-file", "key");
  world.write("c.jsonc", `{ "vaults": { "offsite": { "location": "vault", "keyFile": "key" } } }`);
  world.variables["BACKUP_TOOL_CONFIG"] = "c.jsonc";
  const offers = async (...words: string[]) =>
    (await world.expect(0, "complete", "--", ...words)).stdout.trimEnd().split("\n").map((line) => line.split("\t")[0]);
  deepStrictEqual(await offers("copy", "--to", "of"), ["offsite", ":dirs"]);
  deepStrictEqual(await offers("ls", "-s", "offsite", "photos:"), ["photos:latest"]);
  deepStrictEqual(await offers("cat", "-s", "offsite", "latest", "a"), ["a.jpg"]);
  delete world.variables["BACKUP_TOOL_CONFIG"];
  // Nobody is asked, and no passphrase is tried for a second.
  deepStrictEqual(await offers("ls", "-s", "vault", "--password-file", "password", "lat"), [""]);
  deepStrictEqual(world.questions, []);
});

Deno.test("directories of vaults that the configuration names are no sources, and are not removed", async () => {
  using world = await VaultWorld.make();
  Deno.renameSync(`${world.base}/vault`, `${world.base}/photos/vault`);
  world.write("c.jsonc", `{ "vaults": { "offsite": { "location": "photos/vault" } } }`);
  world.variables["BACKUP_TOOL_CONFIG"] = "c.jsonc";
  await world.expect(0, "backup", "photos", "-s", "st", "--init");
  strictEqual((await world.json("snapshots", "-s", "st"))[0].files, 2);
  await world.expect(0, "restore", "latest", "-s", "st", "--in-place", "--delete");
  strictEqual(Deno.statSync(`${world.base}/photos/vault/config`).isFile, true);
});
