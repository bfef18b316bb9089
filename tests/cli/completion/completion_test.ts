import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SCRIPTS } from "../../../src/cli/completion/scripts.ts";
import { FakeWorld, runIn } from "../fake_world.ts";
import { Place, PROGRAM } from "../program.ts";
import { writeProgram } from "../../support/programs.ts";

/** A world with two series in a storage, whose trees are named by the test's clock. */
class CompletedWorld extends FakeWorld implements Disposable {
  readonly base = Deno.makeTempDirSync({ prefix: "backup-tool-completion-" });
  constructor() {
    super();
    this.directory = this.base;
    this.variables["BACKUP_TOOL_STORAGE"] = `${this.base}/st`;
  }
  [Symbol.dispose](): void {
    Deno.removeSync(this.base, { recursive: true });
  }
  async fill(): Promise<this> {
    Deno.mkdirSync(`${this.base}/photos/2026`, { recursive: true });
    Deno.mkdirSync(`${this.base}/mail`);
    Deno.writeTextFileSync(`${this.base}/photos/2026/a b.jpg`, "a");
    Deno.writeTextFileSync(`${this.base}/photos/2026/new\nline`, "");
    Deno.writeTextFileSync(`${this.base}/photos/readme`, "b");
    Deno.writeTextFileSync(`${this.base}/mail/inbox`, "c");
    await this.backup("photos", "--init", "--tag", "nightly");
    await this.backup("mail", "--tag", "nightly", "--tag", "mine");
    await this.backup("photos", "--no-tree");
    return this;
  }
  async backup(...args: string[]): Promise<void> {
    this.clock.pass(60);
    const { status, stderr } = await runIn(this, "backup", ...args);
    strictEqual(status, 0, stderr);
  }
  /** What is offered for the last of the words. */
  async offers(...words: string[]): Promise<string[]> {
    const { status, stdout, stderr } = await runIn(this, "complete", "--", ...words);
    deepStrictEqual([status, stderr], [0, ""]);
    return stdout.split("\n").slice(0, -1).map((line) => line.split("\t")[0] ?? "");
  }
}

Deno.test("complete offers commands, commands of commands, options and their choices", async () => {
  using world = new CompletedWorld();
  const commands = await world.offers("");
  for (const name of ["init", "backup", "restore", "tree", "completions", "help"]) ok(commands.includes(name), name);
  ok(!commands.includes("complete"), "it is hidden");
  deepStrictEqual(await world.offers("res"), ["restore"]);
  deepStrictEqual(await world.offers("tree", ""), ["build", "remove"]);
  deepStrictEqual(await world.offers("-s", "x", "-v", "tree", "b"), ["build"]);
  deepStrictEqual(await world.offers("help", "tree", "r"), ["remove"]);
  deepStrictEqual(await world.offers("restore", "--ov"), ["--overwrite"]);
  deepStrictEqual(await world.offers("restore", "--overwrite", "nev"), ["never"]);
  deepStrictEqual(await world.offers("restore", "--overwrite=a"), ["--overwrite=always"]);
  deepStrictEqual(await world.offers("backup", "--exclude-preset", ""), ["nas", "desktop"]);
  deepStrictEqual(await world.offers("completions", ""), ["bash", "zsh", "fish", "powershell"]);
  const options = await world.offers("backup", "--");
  for (const name of ["--exclude", "--storage", "--json", "--help"]) ok(options.includes(name), name);
  ok(!options.includes("--no-exclude-caches"), "hidden options stay hidden");
});

Deno.test("complete asks the shell for files where a file is wanted, and for nothing where no help is possible", async () => {
  using world = new CompletedWorld();
  deepStrictEqual(await world.offers("--storage", ""), [":dirs"]);
  deepStrictEqual(await world.offers("--storage=/mn"), [":dirs"]);
  deepStrictEqual(await world.offers("restore", "latest", "-t", "/t"), [":dirs"]);
  deepStrictEqual(await world.offers("backup", "--exclude-from", ""), [":files"]);
  deepStrictEqual(await world.offers("backup", ""), [":files"]);
  deepStrictEqual(await world.offers("backup", "--exclude", ""), []);
  deepStrictEqual(await world.offers("snapshots", ""), []);
  deepStrictEqual(await world.offers("nonsense", ""), []);
});

Deno.test("complete offers names of snapshots: latest, of a series, trees; ids once one has been begun", async () => {
  using world = await new CompletedWorld().fill();
  const { stdout } = await runIn(world, "snapshots", "--json");
  const [first, second, third] = JSON.parse(stdout);
  const offered = await world.offers("ls", "");
  deepStrictEqual(offered, [
    "latest",
    "photos:latest",
    "mail:latest",
    third.id.slice(0, 12), // it has no tree
    second.tree,
    first.tree,
  ]);
  const begun = first.id.slice(0, 4);
  ok((await world.offers("ls", begun)).includes(first.id.slice(0, 12)));
  deepStrictEqual(await world.offers("ls", first.id.slice(0, 20)), [first.id]);
  deepStrictEqual(await world.offers("tree", "remove", "ma"), ["mail:latest"]);
  deepStrictEqual(await world.offers("diff", "latest", "ma"), ["mail:latest"]);
  deepStrictEqual(await world.offers("forget", "latest", "ma"), ["mail:latest"]);
  deepStrictEqual(
    await world.offers("ls", "2026/11-21T0"),
    [second.tree, first.tree].filter((tree) => /T0/.test(tree)),
  );
});

Deno.test("complete offers paths in the snapshot that was named, tags, and names of series", async () => {
  using world = await new CompletedWorld().fill();
  deepStrictEqual(await world.offers("cat", "latest", ""), ["2026/", "readme"]);
  deepStrictEqual(await world.offers("cat", "latest", "/"), ["/2026/", "/readme"]);
  deepStrictEqual(await world.offers("cat", "photos:latest", "/2026/"), ["/2026/a b.jpg"], "no control characters");
  deepStrictEqual(await world.offers("ls", "mail:latest", "in"), ["inbox"]);
  deepStrictEqual(await world.offers("diff", "latest", "mail"), await world.offers("ls", "mail"));
  deepStrictEqual(await world.offers("restore", "mail:latest", "inbox", "/"), ["/inbox"]);
  deepStrictEqual(await world.offers("backup", "--name", ""), ["photos", "mail"]);
  deepStrictEqual(await world.offers("backup", "--tag", ""), ["nightly", "mine"]);
  deepStrictEqual(await world.offers("forget", "--host", ""), ["testhost"]);
  deepStrictEqual(await world.offers("restore", "latest", "--as", ""), [":files"]);
});

Deno.test("complete offers the names that the configuration has", async () => {
  using world = new CompletedWorld();
  world.variables["BACKUP_TOOL_CONFIG"] = `${world.base}/c.jsonc`;
  Deno.writeTextFileSync(
    `${world.base}/c.jsonc`,
    `{"backups": {"photos": {"sources": ["/p"]}, "mail": {"sources": ["/m"]}}}`,
  );
  deepStrictEqual(await world.offers("backup", "ph"), ["photos", ":files"]);
});

Deno.test("complete is silent whatever is wrong", async () => {
  using world = new CompletedWorld();
  deepStrictEqual(await world.offers("ls", ""), [], "no storage there");
  delete world.variables["BACKUP_TOOL_STORAGE"];
  deepStrictEqual(await world.offers("ls", ""), [], "none named");
  world.variables["BACKUP_TOOL_CONFIG"] = "/nowhere";
  deepStrictEqual(await world.offers("backup", ""), [], "no configuration there");
  deepStrictEqual(await world.offers("--storage=", "ls", "x", "--"), await world.offers("ls", "--"));
  deepStrictEqual(await runIn(world, "complete"), {
    status: 0,
    stdout: (await runIn(world, "complete", "")).stdout,
    stderr: "",
  });
});

Deno.test("complete neither waits for a writer nor changes the storage", async () => {
  using world = await new CompletedWorld().fill();
  const { openStorage } = await import("../../../src/storage/storage.ts");
  const { rawOf } = await import("../../../src/core/raw.ts");
  using storage = openStorage(await world.machine(), rawOf(`${world.base}/st`), {
    count() {},
    current() {},
    phase() {},
    follow: () => ({ [Symbol.dispose]() {} }),
    setTotal() {},
    problem() {},
    notice() {},
  });
  using _writer = storage.write("test");
  strictEqual((await world.offers("ls", "")).length, 6);
  Deno.removeSync(`${world.base}/st/db/catalog.sqlite`);
  deepStrictEqual(await world.offers("ls", ""), [], "a catalog is not made for it");
});

const hasShell = (shell: string): boolean => {
  try {
    return new Deno.Command(shell, { args: ["-c", ":"], stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
};

/** A place where `backup-tool` is a command, with a snapshot in its storage. */
async function shellPlace(): Promise<Place> {
  const place = new Place();
  Deno.mkdirSync(`${place.base}/bin`);
  const words = PROGRAM.map((word) => `'${word}'`).join(" ");
  writeProgram(`${place.base}/bin/backup-tool`, `#!/bin/bash\nexec ${words} "$@"\n`);
  place.write("a b.txt", "x");
  place.write("it's", "y");
  await place.expect(0, "init");
  await place.expect(0, "backup", "source", "--name", "docs");
  return place;
}

/** What bash offers for a line with the cursor at its end. @param split the line as readline splits it */
function bashOffers(place: Place, line: string, split: readonly string[]): string[] {
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  const script = [
    SCRIPTS.bash,
    `PATH=${quoted(`${place.base}/bin`)}:$PATH`,
    `COMP_LINE=${quoted(line)} COMP_POINT=${line.length}`,
    `COMP_WORDS=(${split.map(quoted).join(" ")}) COMP_CWORD=${split.length - 1}`,
    "_backup_tool",
    `((\${#COMPREPLY[@]} == 0)) || printf '%s\\n' "\${COMPREPLY[@]}"`,
  ].join("\n");
  const env = { ...place.env, NO_COLOR: "1" };
  const { stdout, stderr } = new Deno.Command("bash", { args: ["-c", script], cwd: place.base, env }).outputSync();
  strictEqual(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout).split("\n").slice(0, -1);
}

Deno.test({
  name: "completions bash: bash offers commands, snapshots, paths and files, split and quoted as it needs them",
  ignore: !hasShell("bash"),
  async fn() {
    using place = await shellPlace();
    const offers = (line: string, ...split: string[]) => bashOffers(place, line, split);
    deepStrictEqual(offers("backup-tool res", "backup-tool", "res"), ["restore"]);
    deepStrictEqual(offers("backup-tool  ls  docs:", "backup-tool", "ls", "docs", ":"), ["latest"]);
    deepStrictEqual(offers("backup-tool ls docs:la", "backup-tool", "ls", "docs", ":", "la"), ["latest"]);
    deepStrictEqual(offers("backup-tool cat latest /", "backup-tool", "cat", "latest", "/"), ["/a\\ b.txt", "/it\\'s"]);
    deepStrictEqual(offers("backup-tool cat latest a\\ b", "backup-tool", "cat", "latest", "a\\ b"), ["a\\ b.txt"]);
    deepStrictEqual(offers(`backup-tool cat latest "a b`, "backup-tool", "cat", "latest", `"a b`), ["a b.txt"]);
    deepStrictEqual(offers("backup-tool backup sou", "backup-tool", "backup", "sou"), ["source"]);
    deepStrictEqual(offers("backup-tool --storage=sto", "backup-tool", "--storage", "=", "sto"), ["storage"]);
    const algorithm = offers("backup-tool init --algorithm=", "backup-tool", "init", "--algorithm", "=");
    ok(algorithm.includes("sha256"), algorithm.join());
    const [tree = ""] = offers("backup-tool ls 2", "backup-tool", "ls", "2");
    const [day = "", minute = ""] = tree.split(":");
    deepStrictEqual(offers(`backup-tool ls ${day}:`, "backup-tool", "ls", day, ":"), [minute]);
  },
});

for (const shell of ["zsh", "fish"] as const) {
  Deno.test({
    name: `completions ${shell}: ${shell} can read it`,
    ignore: !hasShell(shell),
    fn() {
      const path = Deno.makeTempFileSync({ suffix: `.${shell}` });
      Deno.writeTextFileSync(path, SCRIPTS[shell]);
      const { success, stderr } = new Deno.Command(shell, { args: ["-n", path] }).outputSync();
      Deno.removeSync(path);
      strictEqual(new TextDecoder().decode(stderr), "");
      ok(success);
    },
  });
}

Deno.test({
  name: "completions fish: fish offers snapshots with what they are",
  ignore: !hasShell("fish"),
  async fn() {
    using place = await shellPlace();
    const script = `${SCRIPTS.fish}\ncomplete -C 'backup-tool ls docs:'`;
    const env = { ...place.env, NO_COLOR: "1", PATH: `${place.base}/bin:${Deno.env.get("PATH")}`, HOME: place.base };
    const { stdout } = new Deno.Command("fish", { args: ["-c", script], cwd: place.base, env }).outputSync();
    ok(/^docs:latest\t.* docs$/m.test(new TextDecoder().decode(stdout)), new TextDecoder().decode(stdout));
  },
});
