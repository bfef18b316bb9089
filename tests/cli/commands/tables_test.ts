/** Lists of snapshots and of what is different: which rows there are, and how wide they get. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { FakeWorld, runIn } from "../fake_world.ts";

class Tables implements Disposable {
  readonly base = Deno.makeTempDirSync({ prefix: "backup-tool-tables-" });
  readonly world = new FakeWorld();

  constructor() {
    this.world.directory = this.base;
    this.world.variables["BACKUP_TOOL_STORAGE"] = `${this.base}/storage`;
    this.world.variables["BACKUP_TOOL_STATE"] = `${this.base}/state`;
  }
  [Symbol.dispose](): void {
    Deno.removeSync(this.base, { recursive: true });
  }
  write(path: string, text: string): void {
    Deno.mkdirSync(`${this.base}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
    Deno.writeTextFileSync(`${this.base}/${path}`, text);
  }
  /** Standard output of a run that must succeed. */
  async told(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await runIn(this.world, ...args);
    strictEqual(status, 0, `${args.join(" ")}\n${stderr}`);
    return stdout.replace(/\b[0-9a-f]{12}\b/g, "ID__________");
  }
  /** Sequences of `backup`, as the tags of snapshots say them. */
  async listed(...args: string[]): Promise<string> {
    const shown: { tags: string[] }[] = JSON.parse(await this.told("snapshots", ...args, "--json"));
    return shown.map(({ tags }) => tags[0]).join(" ");
  }
}

/** Six snapshots on as many days, of three series. */
async function withSnapshots(): Promise<Tables> {
  const tables = new Tables();
  for (const path of ["photos/2026/a", "docs/b"]) tables.write(path, path);
  await tables.told("init");
  const backups: readonly (readonly string[])[] = [
    ["photos", "--tag", "1", "--tag", "old"],
    ["docs", "--tag", "2"],
    ["photos", "--tag", "3", "--host", "laptop"],
    ["photos", "--tag", "4"],
    ["docs", "--tag", "5", "--tag", "old", "--tag", "tax"],
    ["photos", "--tag", "6"],
  ];
  for (const backup of backups) {
    await tables.told("backup", ...backup);
    tables.world.clock.pass(24 * 60);
  }
  return tables;
}

Deno.test("snapshots are chosen by name, host, tag, source and time, and the last ones of each series", async () => {
  using tables = await withSnapshots();
  const listed = (...args: string[]) => tables.listed(...args);
  strictEqual(await listed(), "1 2 3 4 5 6");
  strictEqual(await listed("--name", "photos"), "1 3 4 6");
  strictEqual(await listed("--host", "laptop"), "3");
  strictEqual(await listed("--tag", "old"), "1 5");
  strictEqual(await listed("--tag", "old,tax", "--tag", "3"), "3 5");
  strictEqual(await listed("--path", "photos/2026"), "1 3 4 6");
  strictEqual(await listed("--path", tables.base), "1 2 3 4 5 6");
  strictEqual(await listed("--path", "elsewhere"), "");
  strictEqual(await listed("--since", "2026-11-24"), "5 6");
  strictEqual(await listed("--since", "49h"), "5 6");
  strictEqual(await listed("--last", "1"), "3 5 6");
  strictEqual(await listed("--last", "2", "--name", "photos"), "3 4 6");
  deepStrictEqual(await runIn(tables.world, "snapshots", "--tag", "none"), {
    status: 0,
    stdout: "",
    stderr: "backup-tool: No snapshot matches\n",
  });
  strictEqual((await runIn(tables.world, "snapshots", "--since", "soon")).status, 2);
});

Deno.test("the list of snapshots has 80 columns, and only columns that tell something", async () => {
  using tables = await withSnapshots();
  const all = await tables.told("snapshots");
  strictEqual(all.split("\n")[0], "ID            TIME                  HOST      NAME    FILES  SIZE  TAGS");
  strictEqual(all.split("\n")[1], "ID__________  2026-11-20 23:05 +01  testhost  photos      1  13 B  1,old");
  ok(all.split("\n").every((line) => line.length <= 80), all);
  match(await tables.told("snapshots", "--host", "testhost"), /^ID {12}TIME {18}NAME {4}FILES {2}SIZE {2}TAGS\n/);
  match(
    await tables.told("snapshots", "--long", "--last", "1"),
    /^ID .* HOST .* TREE .* TAGS +SOURCES\n.*laptop.* 2026\/11-22T23:05 +3 +\S+\/photos\n/,
  );
});

Deno.test("snapshots --group shows each series by itself", async () => {
  using tables = await withSnapshots();
  const titles = (await tables.told("snapshots", "--group")).split("\n").filter((line) => /^\w+:/.test(line));
  deepStrictEqual(titles.map((line) => line.replace(tables.base, "")).sort(), [
    "laptop:photos  /photos",
    "testhost:docs  /docs",
    "testhost:photos  /photos",
  ]);
});

Deno.test("diff --name-only has nothing but paths, diff --stat how much is different in each directory", async () => {
  using tables = new Tables();
  for (const path of ["s/a/1", "s/a/b/2", "s/c/3", "s/top"]) tables.write(path, path);
  await tables.told("init");
  await tables.told("backup", "s");
  tables.world.clock.pass(60);
  tables.write("s/a/1", "longer than before");
  tables.write("s/a/b/new", "12345");
  tables.write("s/top", "another");
  Deno.renameSync(`${tables.base}/s/c/3`, `${tables.base}/s/c/moved`);
  Deno.removeSync(`${tables.base}/s/a/b/2`);
  await tables.told("backup", "s");
  strictEqual(await tables.told("diff", "latest", "--name-only"), "/a/1\n/a/b/2\n/a/b/new\n/c/moved\n/top\n");
  deepStrictEqual(JSON.parse(await tables.told("diff", "latest", "--name-only", "--json", "-p", "/c")), ["/c/moved"]);
  const [head, ...rows] = (await tables.told("diff", "latest", "--stat")).trimEnd().split("\n");
  strictEqual(head, "ADDED  REMOVED  CONTENT  METADATA  MOVED    NEW   GONE  PATH");
  deepStrictEqual(rows, [
    "    0        0        1         0      0   +7 B   -5 B  /",
    "    1        1        1         0      0  +23 B  -12 B  /a",
    "    0        0        0         0      1   +0 B   -0 B  /c",
    "1 added, 1 removed, 2 changed, 1 moved; +30 B, -17 B",
  ]);
  const { directories, summary } = JSON.parse(await tables.told("diff", "latest", "--stat", "--json", "-p", "/a"));
  deepStrictEqual(directories.map(({ path, addedBytes }: { path: string; addedBytes: number }) => [path, addedBytes]), [
    ["/a", 18],
    ["/a/b", 5],
  ]);
  deepStrictEqual([summary.added, summary.addedBytes], [1, 23]);
  strictEqual((await runIn(tables.world, "diff", "latest", "--stat", "--name-only")).status, 2);
});

Deno.test("find has headings that say what they are, in 80 columns", async () => {
  using tables = await withSnapshots();
  const [head = "", row = ""] = (await tables.told("find", "a")).split("\n");
  strictEqual(head, "SNAPSHOT      SEEN FIRST..LAST        SNAPSHOTS       SIZE  PATH");
  strictEqual(row, "ID__________  2026-11-22                      1       13 B  /2026/a");
});
