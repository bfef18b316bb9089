/** What the commands for looking print, as a person and as a program see it. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { FakeWorld, runIn } from "../fake_world.ts";

/** A storage with three snapshots of a small source, whose times stand still. */
class Looked extends FakeWorld implements Disposable {
  override directory = Deno.makeTempDirSync({ prefix: "backup-tool-looking-" });
  readonly source = `${this.directory}/source`;
  ids: string[] = [];

  constructor() {
    super();
    this.variables["BACKUP_TOOL_STORAGE"] = `${this.directory}/storage`;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }

  write(path: string, text: string, day: number): void {
    const full = `${this.source}/${path}`;
    Deno.mkdirSync(full.slice(0, full.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(full, text);
    Deno.chmodSync(full, 0o644);
    Deno.utimeSync(full, new Date(Date.UTC(2026, 9, day)), new Date(Date.UTC(2026, 9, day)));
  }

  async backup(...args: string[]): Promise<void> {
    this.clock.pass(24 * 60);
    const { stdout, stderr } = await runIn(
      this,
      "backup",
      "source",
      "--init",
      "--no-tree",
      "--json",
      "--workers",
      "0",
      "--quiet",
      ...args,
    );
    strictEqual(stderr, "");
    this.ids.push(JSON.parse(stdout).snapshot.id);
  }

  /** What is printed, with ids as S1, S2 ... for snapshots and C1, C2 ... for contents in order of appearance. */
  async text(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await runIn(this, ...args);
    deepStrictEqual([status, stderr], [0, ""], stdout);
    return this.#named(stdout);
  }

  // deno-lint-ignore no-explicit-any -- a test knows what it asked for
  async json(...args: string[]): Promise<any> {
    const { status, stdout, stderr } = await runIn(this, ...args, "--json");
    deepStrictEqual([status, stderr], [0, ""], stdout);
    return JSON.parse(stdout);
  }

  #named(text: string): string {
    const contents: string[] = [];
    return text.replace(/\b[0-9a-f]{12,66}\b/g, (id) => {
      const snapshot = this.ids.findIndex((one) => one.startsWith(id));
      if (snapshot >= 0) return `S${snapshot + 1}`.padEnd(Math.min(id.length, 12), "_");
      if (!contents.includes(id)) contents.push(id);
      return `C${contents.indexOf(id) + 1}`.padEnd(Math.min(id.length, 12), "_");
    });
  }
}

async function looked(): Promise<Looked> {
  const world = new Looked();
  world.write("letters/mum.txt", "dear mum", 1);
  world.write("letters/old.txt", "old", 2);
  world.write("photos/big.raw", "p".repeat(1_500_000), 3);
  await world.backup();
  world.write("letters/mum.txt", "dear mum, again", 4);
  await world.backup();
  Deno.removeSync(`${world.source}/letters/old.txt`);
  Deno.chmodSync(`${world.source}/letters/mum.txt`, 0o600);
  Deno.renameSync(`${world.source}/photos/big.raw`, `${world.source}/photos/esc\x1b[31m.raw`);
  await world.backup();
  return world;
}

function lines(...text: string[]): string {
  return text.map((line) => `${line}\n`).join("");
}

Deno.test("find prints a line for each version of a path, safe for terminals", async () => {
  using world = await looked();
  strictEqual(
    await world.text("find", "*.txt", "*.raw"),
    lines(
      "SNAPSHOT      SEEN FIRST..LAST        SNAPSHOTS       SIZE  PATH",
      "S1__________  2026-11-21                      1        8 B  /letters/mum.txt",
      "S2__________  2026-11-22                      1       15 B  /letters/mum.txt",
      "S3__________  2026-11-23                      1       15 B  /letters/mum.txt",
      "S2__________  2026-11-21..2026-11-22          2        3 B  /letters/old.txt",
      "S2__________  2026-11-21..2026-11-22          2    1.4 MiB  /photos/big.raw",
      "S3__________  2026-11-23                      1    1.4 MiB  /photos/esc\\e[31m.raw",
    ),
  );
  match(
    await world.text("find", "mum*", "--long", "--snapshot", "latest"),
    /^S3__________ {2}2026-11-23 {22}1 {2}-rw------- \S+ +\S+ +15 B 2026-10-04 01:00 \+01 \/letters\/mum.txt$/m,
  );
  strictEqual(
    await world.text("find", "--gone", "-k", "f", "--smaller-than", "1k", "--bytes"),
    lines(
      "SNAPSHOT      SEEN FIRST..LAST        SNAPSHOTS       SIZE  PATH",
      "S2__________  2026-11-21..2026-11-22          2        3 B  /letters/old.txt",
    ),
  );
});

Deno.test("find --json has the documented shape", async () => {
  using world = await looked();
  const [first, second] = await world.json("find", "old.txt", "mum.txt");
  const { user: _user, group: _group, uid: _uid, gid: _gid, content, ...rest } = first;
  match(content, /^[0-9a-f]{64}$/);
  const snapshot = { id: world.ids[0], time: "2026-11-21T22:05:11.123Z" };
  deepStrictEqual(rest, {
    path: "/letters/mum.txt",
    host: "testhost",
    name: "source",
    kind: "file",
    size: 8,
    mtime: "2026-10-01T00:00:00.000000000Z",
    mode: "0644",
    first: snapshot,
    last: snapshot,
    snapshots: 1,
    current: false,
  });
  strictEqual(second.size, 15);
  deepStrictEqual(await world.json("find", "nothing"), []);
});

Deno.test("find refuses what it can't read, and says how to write it", async () => {
  using world = await looked();
  const fails = async (...args: string[]) => {
    const { status, stderr } = await runIn(world, "find", ...args);
    return [status, stderr];
  };
  deepStrictEqual(await fails("--newer-than", "yesterday"), [
    2,
    'backup-tool: Cannot read "yesterday" as a time\n' +
    "  hint: Write it like 2026-11-20, 2026-11-20 23:05 or, for how long ago, 7d or 1y6m\n",
  ]);
  for (const args of [["--newer-than", "2026-02-30"], ["--content", "xyz"], ["--kind", "folder"], ["["]]) {
    strictEqual((await fails(...args))[0], 2, args.join(" "));
  }
  strictEqual((await fails("--snapshot", "2025/01-01T00:00"))[0], 1);
});

Deno.test("history prints what became of a path", async () => {
  using world = await looked();
  strictEqual(
    await world.text("history", "letters/mum.txt"),
    lines(
      "SNAPSHOT      TIME                  IN  CHANGE   SIZE  CONTENT",
      "S1__________  2026-11-21 23:05 +01   1  added     8 B  C1__________",
      "S2__________  2026-11-22 23:05 +01   1  content  15 B  C2__________",
      "S3__________  2026-11-23 23:05 +01   1  mode     15 B  C2__________",
    ),
  );
  strictEqual(
    await world.text("history", "/letters/old.txt"),
    lines(
      "SNAPSHOT      TIME                  IN  CHANGE   SIZE  CONTENT",
      "S1__________  2026-11-21 23:05 +01   2  added     3 B  C1__________",
      "S3__________  2026-11-23 23:05 +01   -  removed",
    ),
  );
  const [only] = await world.json("history", "/letters/old.txt");
  deepStrictEqual([only.change, only.snapshots, only.goneIn.id, only.aspects], ["added", 2, world.ids[2], []]);
  const { status, stderr } = await runIn(world, "history", "/nothing");
  strictEqual(status, 1);
  ok(stderr.startsWith('backup-tool: No snapshot has "/nothing"\n'));
});

Deno.test("diff prints what a snapshot changed, or what is different from another or a directory", async () => {
  using world = await looked();
  strictEqual(
    await world.text("diff", "latest"),
    lines(
      "M /letters/mum.txt  (mode)",
      "- /letters/old.txt",
      "R /photos/big.raw -> /photos/esc\\e[31m.raw",
      "1 removed, 1 changed in metadata, 1 moved; +0 B, -3 B",
    ),
  );
  strictEqual(
    await world.text("diff", "latest~2", "latest", "--path", "letters", "--quiet"),
    lines("C /letters/mum.txt  (mode)", "- /letters/old.txt"),
  );
  strictEqual(await world.text("diff", "latest", "./source"), lines("No differences"));
  world.write("letters/mum.txt", "dear mum!", 9);
  strictEqual(
    await world.text("diff", "latest", `${world.source}/letters`, "-p", "/letters"),
    lines("C /letters/mum.txt  (mode)", "1 changed; +9 B, -15 B"),
  );
});

Deno.test("diff --json has the documented shape", async () => {
  using world = await looked();
  const { before, now, changes, summary } = await world.json("diff", "latest");
  deepStrictEqual([before.id, now.id], [world.ids[1], world.ids[2]]);
  deepStrictEqual(summary, { added: 0, removed: 1, content: 0, metadata: 1, moved: 1, addedBytes: 0, removedBytes: 3 });
  const [changed, removed, moved] = changes;
  deepStrictEqual([changed.change, changed.aspects, changed.before.mode, changed.now.mode], [
    "metadata",
    ["mode"],
    "0644",
    "0600",
  ]);
  deepStrictEqual([removed.path, removed.now, removed.before.size], ["/letters/old.txt", undefined, 3]);
  deepStrictEqual([moved.from, moved.path], ["/photos/big.raw", "/photos/esc\x1b[31m.raw"]);
  const empty = await world.json("diff", "latest", "latest");
  deepStrictEqual(empty.changes, []);
});

Deno.test("diff of the first snapshot, and of a path that isn't there, say what to do", async () => {
  using world = await looked();
  const first = await runIn(world, "diff", "latest~2");
  deepStrictEqual([first.status, first.stderr.split("\n")[1]], [2, "  hint: Name another one to compare it with"]);
  const directory = await runIn(world, "diff", "latest", "source");
  deepStrictEqual([directory.status, directory.stderr.split("\n")[1]], [
    2,
    "  hint: If you mean the directory, write `./source`",
  ]);
  const typo = await runIn(world, "diff", "latest", "-p", "/leters");
  deepStrictEqual([typo.status, typo.stdout], [1, ""]);
});

Deno.test("stats prints what there is, how it grew, and the largest contents", async () => {
  using world = await looked();
  const text = await world.text("stats", "--largest", "2");
  match(text, /^manifests {2}[\d.]+ KiB in 6 items$/m);
  match(text, /^free {7}.* on this file system$/m);
  strictEqual(
    text.replace(/^(manifests|free) .*\n/mg, ""),
    lines(
      "snapshots  3 of 1 series",
      "contents   1.4 MiB in 4 contents",
      "copies     4.3 MiB if every snapshot were a full copy",
      "saved      2.9 MiB (66 %) by keeping each content once",
      "checked    0.0%: never checked; run `check --read-data`",
      "",
      "ID            TIME                  NAME       SIZE      NEW  UNIQUE",
      "S1__________  2026-11-21 23:05 +01  source  1.4 MiB  1.4 MiB     8 B",
      "S2__________  2026-11-22 23:05 +01  source  1.4 MiB     15 B     0 B",
      "S3__________  2026-11-23 23:05 +01  source  1.4 MiB      0 B     0 B",
      "",
      "Largest contents:",
      "  1.4 MiB  /photos/big.raw",
      "     15 B  /letters/mum.txt",
    ),
  );
  const { snapshots, largest, savedBytes, logicalBytes, contentBytes } = await world.json("stats");
  deepStrictEqual(snapshots.map((one: { newBytes: number }) => one.newBytes), [1_500_011, 15, 0]);
  deepStrictEqual(largest[0].path, "/photos/big.raw");
  strictEqual(savedBytes, logicalBytes - contentBytes);
  strictEqual((await runIn(world, "stats", "--largest", "many")).status, 2);
});

Deno.test("ls draws a tree, sorts, and exports for ncdu", async () => {
  using world = await looked();
  strictEqual(
    await world.text("ls", "latest~2", "--tree"),
    lines(
      "/",
      "├── letters/",
      "│   ├── mum.txt",
      "│   └── old.txt",
      "└── photos/",
      "    └── big.raw",
    ),
  );
  strictEqual(
    await world.text("ls", "latest~2", "letters", "--sort", "size", "--reverse"),
    lines("old.txt", "mum.txt"),
  );
  strictEqual(await world.text("ls", "latest~2", "letters", "--sort", "time"), lines("old.txt", "mum.txt"));
  strictEqual(
    await world.text("ls", "latest~2", "--tree", "letters", "--long").then((text) => text.match(/[^ ]+ mum.txt/)?.[0]),
    "├── mum.txt",
  );
  const [major, minor, about, top] = JSON.parse(await world.text("ls", "latest", "--ncdu"));
  deepStrictEqual([major, minor, about.progname, about.timestamp], [1, 2, "backup-tool", world.clock.ms / 1000 | 0]);
  const shape = (item: unknown): unknown =>
    Array.isArray(item) ? item.map(shape) : [(item as { name: string }).name, (item as { asize?: number }).asize];
  deepStrictEqual(shape(top), [
    ["/", undefined],
    [["letters", undefined], ["mum.txt", 15]],
    [["photos", undefined], ["esc\x1b[31m.raw", 1_500_000]],
  ]);
  strictEqual((await runIn(world, "ls", "latest", "--ncdu", "--json")).status, 2);
  strictEqual((await runIn(world, "ls", "latest", "--sort", "color")).status, 2);
});

Deno.test("dump writes an archive to a pipe, and refuses a terminal", async () => {
  using world = await looked();
  const zip = await runIn(world, "dump", "latest", "/letters", "--format", "zip");
  deepStrictEqual([zip.status, zip.stderr, zip.stdout.slice(0, 2)], [0, "", "PK"]);
  const tar = await runIn(world, "dump", "latest", "letters");
  ok(tar.stdout.includes("\0letters/mum.txt\0"), "no entry");
  world.stdout.isTerminal = true;
  const refused = await runIn(world, "dump", "latest");
  deepStrictEqual([refused.status, refused.stdout], [2, ""]);
  match(refused.stderr, /An archive is nothing for a terminal/);
  strictEqual((await runIn(world, "dump", "latest", "--format", "rar")).status, 2);
});

Deno.test("what is listed for people stands right behind its directory, as a walk comes to it", async () => {
  using world = new Looked();
  for (const path of ["docs/letter", "docs-2/a", "docs/old/mum", "a", "z"]) world.write(path, path, 1);
  await world.backup();
  const order = ["/a", "/docs/", "/docs/letter", "/docs/old/", "/docs/old/mum", "/docs-2/", "/docs-2/a", "/z"];
  deepStrictEqual((await world.text("ls", "latest", "-R")).trimEnd().split("\n"), ["/", ...order]);
  Deno.mkdirSync(`${world.directory}/empty`);
  const { stdout } = await runIn(world, "diff", "latest", "./empty", "--quiet");
  deepStrictEqual(
    stdout.trimEnd().split("\n").map((line) => line.slice(2)).filter((path) => path !== "/  (mode)"),
    order,
  );
});

Deno.test("where there is nothing to list, standard output is empty, and standard error says so", async () => {
  using world = new Looked();
  await runIn(world, "init");
  deepStrictEqual(await runIn(world, "snapshots"), {
    status: 0,
    stdout: "",
    stderr: "backup-tool: There are no snapshots yet\n",
  });
  deepStrictEqual(await runIn(world, "job", "history"), {
    status: 0,
    stdout: "",
    stderr: "backup-tool: No job has ended yet\n",
  });
  world.write("a", "a", 1);
  await world.backup();
  deepStrictEqual(await runIn(world, "find", "*.nope"), { status: 0, stdout: "", stderr: "backup-tool: No matches\n" });
  deepStrictEqual(await runIn(world, "find", "*.nope", "--quiet"), { status: 0, stdout: "", stderr: "" });
  deepStrictEqual(await runIn(world, "find", "*.nope", "--json"), { status: 0, stdout: "[]\n", stderr: "" });
});
