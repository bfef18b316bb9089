import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { HAS_LINUX_DISK } from "../../support/needs.ts";
import { Place } from "../program.ts";

/** Where ctimes are whole seconds, whatever was written within two of them counts as changed. */
const ignore = !HAS_LINUX_DISK;

function plant(place: Place): void {
  place.write("a.txt", "12345");
  place.write("b.tmp", "1234567");
  Deno.mkdirSync(`${place.source}/sub`);
  place.write("sub/c.txt", "1");
}

Deno.test("plan says what a backup would do, for people and as JSON, and does nothing of it", { ignore }, async () => {
  using place = new Place();
  plant(place);
  await place.expect(0, "init");
  const first = await place.json("plan", "source", "--exclude", "*.tmp");
  deepStrictEqual(first.new, { files: 2, bytes: 6, others: 2 });
  deepStrictEqual(first.excluded, [{ by: "pattern", pattern: "*.tmp", from: null, entries: 1, bytes: 7 }]);
  deepStrictEqual([first.previous, first.readFiles, first.readBytes, first.storedItems], [null, 2, 6, 2]);
  deepStrictEqual(first.largest, [{ path: "/a.txt", bytes: 5, state: "new" }, {
    path: "/sub/c.txt",
    bytes: 1,
    state: "new",
  }]);
  deepStrictEqual(await place.json("snapshots"), []);
  const { readFiles, readBytes } = await place.json("backup", "source", "--exclude", "*.tmp");
  deepStrictEqual([readFiles, readBytes], [first.readFiles, first.readBytes]);
  Deno.removeSync(`${place.source}/sub`, { recursive: true });
  const { stdout } = await place.expect(0, "plan", "source", "--exclude", "*.tmp");
  match(stdout, /^Backup of source, compared with snapshot [0-9a-f]{12} \(/);
  match(stdout, /\n {2}unchanged {2}1 file \(5 B\)\n/);
  match(stdout, /\n {2}gone {7}1 file \(1 B\), 1 directory or other\n/);
  match(stdout, /\n +1 {2}the pattern \*\.tmp of --exclude\n/);
  match(stdout, /\nTo read {4}0 files \(0 B\)\n/);
});

Deno.test("backup --dry-run is what plan says, of each backup that it would make, and makes nothing", async () => {
  using place = new Place();
  plant(place);
  place.write("D.TMP", "1");
  Deno.mkdirSync(`${place.source}/cache`);
  place.write("cache/.nobackup", "");
  place.write("cache/big", "1");
  const options = ["source", "--iexclude", "*.tmp", "--exclude-if-present", ".nobackup"];
  await place.fault(10, "no-storage", "backup", ...options, "--init", "-n");
  await place.expect(0, "init");
  const planned = await place.json("plan", ...options), dry = await place.json("backup", ...options, "--dry-run");
  deepStrictEqual(dry, planned);
  deepStrictEqual(dry.excluded, [
    { by: "pattern", pattern: "*.[tT][mM][pP]", from: null, entries: 2, bytes: 8 },
    { by: "marker", name: ".nobackup", entries: 1, bytes: 0 },
  ]);
  const { stdout } = await place.expect(0, "backup", ...options, "-n");
  match(stdout, /\n +2 {2}the pattern \*\.tmp of --iexclude\n +1 {2}--exclude-if-present: \.nobackup is beside it\n/);
  deepStrictEqual(await place.json("snapshots"), []);
  await place.fault(2, "bad-usage", "backup", "--command", "true", "--stdin-name", "a", "--dry-run");
  Deno.writeTextFileSync(
    `${place.base}/c.jsonc`,
    `{ "backups": { "a": { "sources": ["source"] }, "b": { "sources": ["source/sub"] } } }`,
  );
  const both = await place.json("backup", "--all", "-n", "--config", `${place.base}/c.jsonc`);
  deepStrictEqual(both.map(({ name, readFiles }: { name: string; readFiles: number }) => [name, readFiles]), [
    ["a", 6],
    ["b", 1],
  ]);
});

Deno.test("backup --skip-if-unchanged says that nothing has changed, and since when", async () => {
  using place = new Place();
  plant(place);
  const options = ["backup", "source", "--skip-if-unchanged"];
  await place.expect(0, "init");
  const { snapshot, unchanged } = await place.json(...options);
  strictEqual(unchanged, undefined);
  const again = await place.json(...options);
  deepStrictEqual([again.snapshot.id, again.unchanged], [snapshot.id, true]);
  const { stdout } = await place.expect(0, ...options);
  match(stdout, /^Nothing has changed since snapshot [0-9a-f]{12} of source: no new one was made\n {2}files /);
  strictEqual((await place.json("snapshots")).length, 1);
  Deno.writeTextFileSync(`${place.base}/c.jsonc`, `{ "defaults": { "skipIfUnchanged": true } }`);
  await place.json("backup", "source", "--config", `${place.base}/c.jsonc`);
  await place.json("backup", "source", "--config", `${place.base}/c.jsonc`, "--no-skip-if-unchanged");
  strictEqual((await place.json("snapshots")).length, 2);
});

Deno.test(
  "plan --why names the rule that leaves a path out, and what is done with one that is taken",
  { ignore },
  async () => {
    using place = new Place();
    plant(place);
    Deno.mkdirSync(`${place.source}/.cache`);
    place.write(".cache/x", "1");
    place.write("sub/.backupignore", "*.log\n");
    place.write("sub/d.log", "1");
    place.write("large", "x".repeat(5000));
    Deno.writeTextFileSync(`${place.base}/patterns`, "sub/c*\n");
    await place.expect(0, "init");
    const options = [
      "--exclude",
      "*.tmp",
      "--exclude-preset",
      "desktop",
      "--exclude-from",
      "patterns",
      "--max-size",
      "4K",
    ];
    const why = async (path: string) =>
      (await place.expect(0, "plan", "source", ...options, "--why", path)).stdout.trimEnd();
    const source = Deno.realPathSync(place.source);
    strictEqual(await why("source/b.tmp"), `${place.source}/b.tmp is excluded by the pattern *.tmp of --exclude`);
    match(await why("source/sub/c.txt"), /pattern sub\/c\* of --exclude-from patterns$/);
    match(await why("source/.cache/x"), /pattern \.cache\/ of --exclude-preset desktop, which excludes .*\/\.cache$/);
    ok((await why("source/sub/d.log")).endsWith(`the pattern *.log of ${source}/sub/.backupignore`));
    match(await why("source/large"), /is excluded by the limit of size$/);
    match(await why("source/a.txt"), /is new$/);
    await place.ages();
    await place.expect(0, "backup", "source", ...options);
    match(await why("source/a.txt"), /is unchanged/);
    place.write("a.txt", "longer than before");
    match(await why("source/a.txt"), /would be read again: size, mtime, ctime differ/);
    const json = await place.json("plan", "source", ...options, "--why", "source/.cache/x");
    deepStrictEqual(json, {
      path: `${place.source}/.cache/x`,
      verdict: "excluded",
      rule: { by: "pattern", pattern: ".cache/", from: null },
      at: `${source}/.cache`,
    });
    await place.fault(1, "no-source", "plan", "source", "--why", "source/nowhere");
    await place.fault(1, "not-in-sources", "plan", "source", "--why", "patterns");
  },
);

Deno.test("plan refuses what makes no sense", async () => {
  using place = new Place();
  await place.fault(10, "no-storage", "plan", "source");
  await place.expect(0, "init");
  await place.fault(2, "bad-usage", "plan");
  await place.fault(1, "no-source", "plan", "missing");
});

Deno.test("--static keeps what has changed, and the exit status tells", async () => {
  using place = new Place();
  plant(place);
  await place.expect(0, "backup", "source", "--init", "--static", "*.txt");
  place.write("a.txt", "damaged");
  for (const command of ["plan", "backup"]) {
    const { stderr } = await place.expect(3, command, "source", "--static", "*.txt");
    match(stderr, /"\/a\.txt" is marked static, but it has another size or time; the previous version is kept/);
  }
  strictEqual((await place.expect(0, "cat", "latest", "a.txt")).stdout, "12345");
  strictEqual((await place.json("backup", "source", "--force")).readFiles, 3);
  strictEqual((await place.expect(0, "cat", "latest", "a.txt")).stdout, "damaged");
});

Deno.test("plan --job says what a job file would do, and refuses what is no backup", async () => {
  using place = new Place();
  plant(place);
  await place.expect(0, "init");
  const job = { kind: "backup", sources: [place.source], exclude: ["*.tmp"], name: "nightly" };
  const write = (value: unknown) => Deno.writeTextFileSync(`${place.base}/job.jsonc`, JSON.stringify(value));
  write(job);
  const plan = await place.json("plan", "--job", "job.jsonc");
  deepStrictEqual([plan.name, plan.new.files, plan.excluded.length], ["nightly", 2, 1]);
  write({ ...job, every: "0 3 * * *" });
  deepStrictEqual(await place.json("plan", "--job", "job.jsonc"), plan);
  match(
    (await place.expect(0, "plan", "--job", "job.jsonc", "--why", "source/b.tmp")).stdout,
    /pattern \*\.tmp of --exclude/,
  );
  write({ ...job, surces: [] });
  match(await place.fault(2, "bad-usage", "plan", "--job", "job.jsonc"), /surces/);
  write({ kind: "check" });
  match(await place.fault(2, "bad-usage", "plan", "--job", "job.jsonc"), /kind check/);
  await place.fault(2, "bad-usage", "plan", "source", "--job", "job.jsonc");
  await place.fault(1, "disk", "plan", "--job", "missing.json");
});
