/** Places in snapshots, as people name them: `latest:/path`, a path that is gone, a date without a snapshot. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { FakeWorld, type Ran, runIn } from "../fake_world.ts";

class Places implements Disposable {
  readonly base = Deno.makeTempDirSync({ prefix: "backup-tool-places-" });
  readonly world = new FakeWorld();
  readonly storage: string;

  /** Two snapshots of 20 and 21 November; docs/gone is only in the first one. */
  static async make(kind: "storage" | "vault"): Promise<Places> {
    const made = new Places(kind);
    await made.run("init", ...(kind === "vault" ? ["--vault"] : []));
    for (const [path, text] of [["docs/letter", "dear"], ["docs/gone", "old"], ["a:/b", "odd"]] as const) {
      Deno.mkdirSync(`${made.base}/source/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
      Deno.writeTextFileSync(`${made.base}/source/${path}`, text);
    }
    await made.run("backup", "source", "--name", "files");
    Deno.removeSync(`${made.base}/source/docs/gone`);
    made.world.clock.pass(24 * 60);
    await made.run("backup", "source", "--name", "files");
    return made;
  }

  private constructor(kind: string) {
    Deno.mkdirSync(`${this.base}/source`);
    this.storage = `${this.base}/${kind}`;
    this.world.directory = this.base;
    Object.assign(this.world.variables, { BACKUP_TOOL_STORAGE: this.storage, BACKUP_TOOL_STATE: `${this.base}/state` });
  }
  [Symbol.dispose](): void {
    Deno.removeSync(this.base, { recursive: true });
  }
  run(...args: string[]): Promise<Ran> {
    return runIn(this.world, ...args, ...(this.storage.endsWith("vault") ? ["--unencrypted"] : []));
  }
  /** Standard output of a run that must succeed. */
  async told(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.run(...args);
    strictEqual(status, 0, `${args.join(" ")}\n${stderr}`);
    return stdout;
  }
  async refused(...args: string[]): Promise<string> {
    const { status, stderr } = await this.run(...args);
    strictEqual(status === 0, false);
    return stderr.replace(/\b[0-9a-f]{12}\b/g, "ID");
  }
}

for (const kind of ["storage", "vault"] as const) {
  Deno.test(`${kind}: SNAPSHOT:/PATH is SNAPSHOT PATH for each command that takes both`, async () => {
    using places = await Places.make(kind);
    strictEqual(await places.told("ls", "latest:/docs"), await places.told("ls", "latest", "/docs"));
    strictEqual(await places.told("cat", "files:latest:/docs/letter"), "dear");
    strictEqual(await places.told("cat", "latest~1:/docs/gone"), "old");
    strictEqual(await places.told("cat", "latest:/a:/b"), "odd");
    strictEqual(await places.told("dump", "latest:/docs"), await places.told("dump", "latest", "docs"));
    await places.told("restore", "latest:/docs/letter", "--as", `${places.base}/restored`);
    strictEqual(Deno.readTextFileSync(`${places.base}/restored`), "dear");
    await places.told("restore", "latest:/docs", "/a:", "-t", `${places.base}/both`);
    deepStrictEqual([...Deno.readDirSync(`${places.base}/both`)].map(({ name }) => name).sort(), ["a:", "docs"]);
    match(await places.refused("ls", "latest:/docs", "/a:"), /^backup-tool: The path in the snapshot is given twice\n/);
    match(await places.refused("ls", "nothing:/docs"), /Cannot find a snapshot "nothing:\/docs"/);
    match(await places.refused("cat", "latest"), /^backup-tool: Missing required argument 'PATH'\n/);
  });

  Deno.test(`${kind}: a path that a snapshot doesn't have says in which one it was last`, async () => {
    using places = await Places.make(kind);
    const expected = 'backup-tool: There is no "/docs/gone" in the snapshot ID\n' +
      "  hint: It was last in the snapshot ID (2026-11-20 23:05 +01)\n";
    for (
      const args of [
        ["ls", "latest", "docs/gone"],
        ["cat", "latest:/docs/gone"],
        ["dump", "latest", "/docs/gone", "-o", "file.tar"],
        ["restore", "latest", "/docs/gone", "-t", "new"],
        ["restore", "latest", "/docs/gone", "-t", "new", "--dry-run"],
        ["check", "latest", "/docs/gone"],
      ]
    ) strictEqual(await places.refused(...args), expected, args.join(" "));
    match(await places.refused("ls", "latest", "/docs/leter"), /hint: Did you mean "letter"\?/);
    deepStrictEqual([...Deno.readDirSync(places.base)].filter(({ name }) => /part$|tar$/.test(name)), []);
  });

  Deno.test(`${kind}: check looks at one snapshot, or at a path in it`, async () => {
    using places = await Places.make(kind);
    const json = async (...args: string[]) => JSON.parse(await places.told("check", ...args, "--json"));
    const { snapshots, items, bytes, damaged } = await json("latest~1", "--read-data");
    deepStrictEqual([snapshots, items, damaged], [1, 3, 0]);
    const part = await json("latest:/docs", "--read-data");
    deepStrictEqual([part.snapshots, part.items, part.bytes <= bytes], [1, 1, true]);
    deepStrictEqual([(await json("latest", "/docs")).bytes, (await json("latest", "/docs")).items], [0, 1]);
    strictEqual((await places.run("check", "latest", "--status")).status, 2);
    strictEqual((await places.run("check", "latest", "--read-data-subset", "5%")).status, 2);
  });
}

Deno.test("damage of other snapshots and paths is nothing that a check of one tells of", async () => {
  using places = await Places.make("storage");
  const [{ content }] = JSON.parse(await places.told("ls", "latest~1:/docs/gone", "--json"));
  const file = `${places.storage}/content/${content.slice(0, 2)}/${content.slice(2)}`;
  Deno.chmodSync(file, 0o600);
  Deno.writeTextFileSync(file, "OLD");
  const status = async (...args: string[]) => (await places.run("check", "--read-data", ...args)).status;
  deepStrictEqual([await status("latest"), await status("latest~1", "/a:"), await status("latest~1:/docs")], [0, 0, 3]);
  match((await places.run("check", "latest~1", "--read-data")).stdout, /affects [0-9a-f]{12}:\/docs\/gone\n/);
});

Deno.test("a date without a snapshot names its neighbours", async () => {
  using places = await Places.make("storage");
  const hint = async (name: string) => (await places.refused("ls", name)).split("\n")[1];
  const first = "ID (files, 2026-11-20 23:05 +01)", second = "ID (files, 2026-11-21 23:05 +01)";
  strictEqual(await hint("2026-11-21 12:00"), `  hint: The nearest are ${first} before it and ${second} after it`);
  strictEqual(await hint("files:2026-12"), `  hint: The nearest is ${second} before it`);
  strictEqual(await hint("2026-11-19"), `  hint: The nearest is ${first} after it`);
  strictEqual(await hint("other:2026-11-19"), "  hint: List the snapshots with `backup-tool snapshots`");
});

Deno.test("dump -o writes a file for its owner, in place of what was there, and only when it is whole", async () => {
  using places = await Places.make("storage");
  const file = `${places.base}/docs.tar`;
  Deno.writeTextFileSync(file, "before");
  match(await places.told("dump", "latest", "/docs", "-o", "docs.tar"), /^Wrote \d.* to .*\/docs\.tar\n$/);
  strictEqual(new TextDecoder().decode(Deno.readFileSync(file)), await places.told("dump", "latest", "/docs"));
  strictEqual((Deno.statSync(file).mode ?? 0) & 0o777, 0o600);
  const { bytes, problems } = JSON.parse(await places.told("dump", "latest", "-f", "zip", "-o", "all.zip", "--json"));
  deepStrictEqual([bytes, problems], [Deno.statSync(`${places.base}/all.zip`).size, 0]);
  match(await places.refused("dump", "latest", "-o", "source"), /EISDIR/);
  match(await places.refused("dump", "latest", "-o", "no/where.tar"), /ENOENT/);
});

Deno.test("dump -o replaces files alone: neither what a link leads to, as /dev/stdout does, nor a pipe or a device", async () => {
  using places = await Places.make("storage");
  Deno.symlinkSync("/dev/null", `${places.base}/link`);
  match(
    await places.refused("dump", "latest", "-o", "link"),
    /link.*ELOOP[^]*hint: Name the place that the link leads/,
  );
  strictEqual(Deno.lstatSync(`${places.base}/link`).isSymlink, true);
  strictEqual(new Deno.Command("mkfifo", { args: [`${places.base}/pipe`] }).outputSync().success, true);
  match(await places.refused("dump", "latest", "-o", "pipe"), /ENXIO[^]*hint: Name a regular file/);
  strictEqual(Deno.lstatSync(`${places.base}/pipe`).isFifo, true);
});
