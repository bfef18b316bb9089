/** The program as a user meets it: real processes, a real disk, exit statuses, what is printed where. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { differences } from "../support/world.ts";
import { isExecutable, Place } from "./program.ts";

const isLinux = Deno.build.os === "linux";
const isRoot = Deno.uid() === 0;
const hasRsync = await canRun("rsync", "--version");

async function canRun(program: string, ...args: string[]): Promise<boolean> {
  const found = await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output().catch(() =>
    undefined
  );
  return found?.success ?? false;
}

/** Names, kinds, modes and times that tools get wrong. */
function makeOddTree(place: Place): void {
  const at = (path: string) => `${place.source}/${path}`;
  for (const dir of ["empty dir", "sub", "sub/sub", "locked"]) Deno.mkdirSync(at(dir));
  place.write("plain", "plain\n");
  place.write("empty", "");
  place.write("same content", "plain\n");
  place.write("new\nline", "1");
  place.write("quo'te\"d \\ $HOME `x`", "2");
  place.write("esc\x1b[31mred", "3");
  place.write("Grüße 日本 👋", "4");
  place.write(" lead and trail ", "5");
  place.write("-s", "6");
  place.write("n".repeat(255), "7");
  place.write("sub/sub/deep", "deep");
  place.write("locked/secret", "secret");
  Deno.chmodSync(at("locked"), 0o700);
  Deno.chmodSync(at("locked/secret"), 0o600);
  Deno.chmodSync(at("plain"), 0o4755);
  Deno.chmodSync(at("sub"), 0o1777);
  Deno.symlinkSync("nowhere/at all", at("dangling"));
  Deno.linkSync(at("plain"), at("sub/hard link"));
  const script = [
    `printf latin > "$1"/caf$(printf '\\351')`,
    `mkfifo "$1/pipe"`,
    `truncate -s 3000000 "$1/sparse"; printf x >> "$1/sparse"`,
    `touch -d '2001-02-03 04:05:06.123456789' "$1/plain"`,
    `touch -h -d '1969-12-31 23:59:59.987654321 UTC' "$1/dangling"`,
    `touch -d '2040-01-01 00:00:00.000000001' "$1/sub"`,
    ...(isRoot ? [`chown 1234:5678 "$1/empty"; chown -h 1:2 "$1/dangling"; mknod "$1/device" c 1 3`] : []),
  ];
  if (isLinux) new Deno.Command("bash", { args: ["-c", script.join("\n"), "bash", place.source] }).outputSync();
}

Deno.test("init, backup, look, restore, check: the whole way of an odd tree", async (t) => {
  using place = new Place();
  makeOddTree(place);
  await place.ages();
  const init = await place.json("init");
  let id = "", tree = "";

  await t.step("init tells what it made", () => {
    const { id, created, ...rest } = init;
    match(id, /^[0-9a-f-]{36}$/);
    match(created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    deepStrictEqual(rest, { path: place.storage, algorithm: "sha256", hexSplit: [2] });
  });

  await t.step("backup prints its summary on standard output, and nothing on standard error", async () => {
    const { stdout, stderr } = await place.expect(0, "backup", "source", "--name", "odd", "--tag", "a", "--tag", "b");
    strictEqual(stderr, "");
    match(
      stdout,
      /^Snapshot [0-9a-f]{12} of odd made in [\d.]+ s\n {2}files {5}\d+ \(2\.9 MiB\): \d+ new, 0 changed, 0 unchanged\n {2}read/,
    );
    match(stdout, /\n {2}tree {6}\/.*\/storage\/\d{4}\/\d\d-\d\dT\d\d:\d\d\n$/);
  });

  await t.step("snapshots --json has the documented shape", async () => {
    const [snapshot, ...others] = await place.json("snapshots");
    strictEqual(others.length, 0);
    ({ id, tree } = snapshot);
    const { host, time, files, bytes, ...rest } = snapshot;
    strictEqual(host, Deno.hostname());
    match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    ok(files >= 14 && bytes > 0, `${files} files, ${bytes} bytes`);
    const sources = [Deno.realPathSync(place.source)];
    deepStrictEqual(rest, { id, tree, name: "odd", sources, tags: ["a", "b"], complete: true });
    match(id, /^[0-9a-f]{64}f0$/);
  });

  await t.step("snapshots prints a table that fits 80 columns", async () => {
    const [head = "", row = ""] = (await place.expect(0, "snapshots")).stdout.split("\n");
    match(head, /^ID {12}TIME {18}NAME +FILES +SIZE {2}TAGS$/);
    match(row, new RegExp(`^${id.slice(0, 12)} {2}\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d \\+0[12] {2}odd .* a,b$`));
    ok(row.length <= 80, row);
  });

  await t.step("ls shows names that can't disturb a terminal, and exact ones as JSON", async () => {
    const { stdout } = await place.expect(0, "ls", "latest");
    match(stdout, /^new\\nline$/m);
    match(stdout, /^esc\\e\[31mred$/m);
    match(stdout, /^empty dir\/$/m);
    strictEqual(stdout.includes("\x1b"), false);
    const names = (await place.json("ls", id.slice(0, 6))).map((entry: { path: string }) => entry.path);
    for (const name of ["/new\nline", "/esc\x1b[31mred", "/Grüße 日本 👋"]) ok(names.includes(name), name);
    if (isLinux) ok(names.includes("/caf\udce9") && stdout.includes("caf\\xe9"));
  });

  await t.step("ls lists one directory, one file, or everything below, also in long form", async () => {
    strictEqual((await place.expect(0, "ls", tree, "sub")).stdout, "hard link\nsub/\n");
    strictEqual(
      (await place.expect(0, "ls", "latest", "/sub/", "-R")).stdout,
      "/sub/\n/sub/hard link\n/sub/sub/\n/sub/sub/deep\n",
    );
    match(
      (await place.expect(0, "ls", "-l", "latest", "plain")).stdout,
      /^-rwsr-xr-x \S+ +\S+ +6 B \d{4}-\d\d-\d\d .* plain\n$/,
    );
    match((await place.expect(0, "ls", "-l", "latest")).stdout, /^lrwxrwxrwx .* dangling -> nowhere\/at all$/m);
    const [entry] = await place.json("ls", "latest", "/plain");
    deepStrictEqual([entry.kind, entry.size, entry.mode], ["file", 6, "4755"]);
    if (isLinux) match(entry.mtime, /\.123456789Z$/);
  });

  await t.step("cat prints exact bytes", async () => {
    strictEqual((await place.expect(0, "cat", "latest", "new\nline")).stdout, "1");
    strictEqual((await place.expect(0, "cat", "latest", "--", "-s")).stdout, "6");
    const { base64, path, size } = await place.json("cat", "latest", "/plain");
    deepStrictEqual([atob(base64), path, size], ["plain\n", "/plain", 6]);
    // The runtime of an executable takes no arguments that are not UTF-8.
    if (isLinux && !isExecutable) strictEqual(place.shell(`"$@" /caf$'\\351'`, "cat", "latest").stdout, "latin");
    const { stdout } = place.command("cat", "latest", "sparse").outputSync();
    strictEqual(stdout.length, isLinux ? 3_000_001 : 0);
  });

  await t.step("restore brings everything back as it was", async () => {
    const restored = await place.json("restore", "latest", "--target", "restored");
    deepStrictEqual([restored.snapshot, restored.target, restored.problems], [id, `${place.base}/restored`, 0]);
    strictEqual(Deno.readTextFileSync(`${place.base}/restored/sub/sub/deep`), "deep");
    if (hasRsync) strictEqual(differences(place.source, `${place.base}/restored`), "");
  });

  await t.step("restore takes paths and patterns", async () => {
    await place.expect(0, "restore", "latest", "/sub", "-t", "part");
    deepStrictEqual(namesIn(`${place.base}/part`), ["sub"]);
    await place.expect(0, "restore", "latest", "-t", "filtered", "--include", "de*", "--exclude", "device");
    deepStrictEqual(namesIn(`${place.base}/filtered`), ["sub"]);
  });

  await t.step("check finds nothing", async () => {
    match((await place.expect(0, "check")).stdout, /^Checked 1 snapshot, \d+ items.*: no damage\n$/);
    const { damaged, snapshots, bytes, findings } = await place.json("check", "--read-data");
    deepStrictEqual([damaged, snapshots, findings], [0, 1, []]);
    ok(bytes > 0);
  });

  await t.step("an incremental backup reads only what changed", async () => {
    place.write("plain two", "new");
    const done = await place.json("backup", "source", "--name", "odd");
    deepStrictEqual([done.readFiles, done.storedItems, done.problems], [1, 1, 0]);
    strictEqual(done.snapshot.tree.length >= tree.length, true);
    strictEqual((await place.json("snapshots")).length, 2);
  });

  await t.step("rebuild after rm -rf db gives the same snapshots", async () => {
    const before = await place.json("snapshots");
    Deno.removeSync(`${place.storage}/db`, { recursive: true });
    const { stdout } = await place.expect(0, "rebuild");
    match(stdout, /^Rebuilt the catalog: 2 snapshots, \d+ contents\n$/);
    deepStrictEqual(await place.json("snapshots"), before);
  });

  await t.step("tree remove and tree build undo each other", async () => {
    match((await place.expect(0, "tree", "remove", id.slice(0, 8))).stdout, /^Removed /);
    strictEqual(exists(`${place.storage}/${tree}`), false);
    strictEqual((await place.fault(1, "no-tree", "tree", "remove", id)).includes(tree), true);
    strictEqual((await place.expect(0, "tree", "build", id)).stdout, `Built ${tree}\n`);
    strictEqual(Deno.readTextFileSync(`${place.storage}/${tree}/sub/sub/deep`), "deep");
    await place.fault(1, "tree-exists", "tree", "build", id);
  });
});

Deno.test("check tells damage with the paths it means, and ends with 3", async () => {
  using place = new Place();
  place.write("precious", "precious");
  place.write("other", "other");
  await place.expect(0, "backup", "source", "--init", "--no-tree");
  const [{ content }] = await place.json("ls", "latest", "/precious");
  const item = `${place.storage}/content/${content.slice(0, 2)}/${content.slice(2)}`;
  Deno.chmodSync(item, 0o600);
  Deno.writeTextFileSync(item, "precioux");
  strictEqual((await place.run("check", "--read-data")).status, 3);
  const { stdout } = await place.expect(3, "check", "--read-data");
  match(stdout, new RegExp(`^damage: .*${content}`, "m"));
  match(stdout, /^ {2}affects .*\/precious$/m);
  match(stdout, /DAMAGE in 1 place\n$/);
  const { damaged, findings } = JSON.parse((await place.expect(3, "check", "--read-data", "--json")).stdout);
  deepStrictEqual([damaged, findings[0].severity], [1, "damage"]);
  const cat = await place.expect(1, "cat", "latest", "precious");
  match(cat.stderr, /^backup-tool: .*damaged/);
  const restored = await place.expect(3, "restore", "latest", "-t", "out");
  match(restored.stderr, /backup-tool: 1 problem \(see above\)\n$/);
  strictEqual(Deno.readTextFileSync(`${place.base}/out/other`), "other");
  await place.expect(0, "backup", "source", "--no-tree");
  await place.expect(0, "check", "--read-data");
});

Deno.test("every foreseen failure has a message, a hint, a code and an exit status, and loses nothing", async (t) => {
  using place = new Place();
  place.write("a", "a");
  const faults = (name: string, check: () => Promise<void>) => t.step(name, check);

  await faults("no storage", async () => {
    match(await place.fault(10, "no-storage", "snapshots"), /Cannot find a storage in ".*\/storage"/);
    await place.fault(10, "no-storage", "backup", "source");
    strictEqual(exists(place.storage), false);
    Deno.mkdirSync(`${place.base}/empty`);
    await place.fault(10, "no-storage", "check", "-s", "empty");
    await place.fault(10, "no-storage", "check", "-s", "source/a");
  });
  await faults("init where something is", async () => {
    await place.fault(1, "storage-exists", "init", "-s", "source");
    await place.expect(0, "init");
    await place.fault(1, "storage-exists", "init");
    await place.fault(1, "storage-exists", "backup", "source", "--init", "-s", "source");
  });
  await faults("a snapshot that isn't there", async () => {
    await place.fault(1, "no-snapshot", "ls", "latest");
    await place.expect(0, "backup", "source");
    await place.expect(0, "backup", "source");
    for (const name of ["latest~2", "ffff", "2001/01-01T00:00", "lates"]) {
      await place.fault(1, "no-snapshot", "ls", name);
    }
  });
  await faults("a snapshot name that fits two lists both", async () => {
    const [one, two] = await place.json("snapshots");
    const message = await place.fault(1, "ambiguous-snapshot", "ls", one.tree.slice(0, 10).replace("/", "-"));
    for (const { id } of [one, two]) ok(message.includes(id.slice(0, 12)), message);
  });
  await faults("a path that isn't there, or can't be", async () => {
    await place.fault(1, "not-in-snapshot", "ls", "latest", "/b");
    await place.fault(1, "not-in-snapshot", "cat", "latest", "b");
    await place.fault(1, "not-in-snapshot", "restore", "latest", "/b", "-t", "out");
    await place.fault(1, "bad-path", "ls", "latest", "/../etc");
    await place.fault(1, "not-a-file", "cat", "latest", "/");
  });
  await faults("a target that isn't empty", async () => {
    Deno.mkdirSync(`${place.base}/full`);
    Deno.writeTextFileSync(`${place.base}/full/a`, "mine");
    await place.fault(1, "target-not-empty", "restore", "latest", "-t", "full");
    strictEqual(Deno.readTextFileSync(`${place.base}/full/a`), "mine");
    await place.expect(0, "restore", "latest", "-t", "full", "--overwrite", "never");
    strictEqual(Deno.readTextFileSync(`${place.base}/full/a`), "mine");
    await place.expect(0, "restore", "latest", "-t", "full", "--overwrite", "always");
    strictEqual(Deno.readTextFileSync(`${place.base}/full/a`), "a");
  });
  await faults("a missing source", async () => {
    const before = await place.json("snapshots");
    match((await place.expect(1, "backup", "source/none")).stderr, /none": no such file or directory/);
    deepStrictEqual(await place.json("snapshots"), before);
  });
  await faults("patterns that can't be read", async () => {
    await place.fault(1, "disk", "backup", "source", "--exclude-from", "source");
    match((await place.expect(1, "backup", "source", "--exclude-from", "no such")).stderr, /no such file or directory/);
  });
  await faults("another writer", async () => {
    using lock = Deno.openSync(`${place.storage}/db/lock`, { read: true, write: true });
    lock.lockSync(true);
    await place.fault(11, "locked", "backup", "source");
    await place.fault(11, "locked", "rebuild");
    await place.expect(0, "snapshots");
    await place.expect(0, "cat", "latest", "a");
  });
  await faults("a newer format", async () => {
    const main = `${place.storage}/db/main`;
    const text = Deno.readTextFileSync(main);
    Deno.chmodSync(main, 0o600);
    Deno.writeTextFileSync(main, text.replace(/"version": ?1/, '"version":99'));
    await place.fault(1, "newer-format", "snapshots");
    await place.fault(1, "newer-format", "backup", "source");
    Deno.writeTextFileSync(main, text.slice(0, 30));
    await place.fault(1, "damaged-settings", "snapshots");
    Deno.writeTextFileSync(main, text);
    await place.expect(0, "check", "--read-data");
  });
});

Deno.test("backup takes several sources, and leaves out what it is told to", async () => {
  using place = new Place();
  for (const dir of ["photos", "photos/@eaDir", "letters", "letters/cache"]) Deno.mkdirSync(`${place.source}/${dir}`);
  place.write("photos/1.jpg", "1");
  place.write("photos/@eaDir/1.jpg", "thumbnail");
  place.write("photos/Thumbs.db", "litter");
  place.write("letters/a.odt", "a");
  place.write("letters/b.tmp", "b");
  place.write("letters/large", "x".repeat(2000));
  place.write("letters/cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55");
  place.write("letters/cache/c", "c");
  place.write("single", "single");
  Deno.writeTextFileSync(`${place.base}/patterns`, "# comment\n\n*.tmp\r\n");
  await place.expect(0, "init");
  const options = ["--exclude-from", "patterns", "--exclude-preset", "nas", "--exclude-caches"];
  const sources = ["source/photos", "source/letters/", "source/single"];
  const done = await place.json("backup", ...sources, ...options, "--exclude-larger-than", "1K", "--host", "nas1");
  deepStrictEqual([done.snapshot.host, done.problems], ["nas1", 0]);
  ok(done.excludedEntries >= 4, `${done.excludedEntries} excluded`);
  const paths = (await place.json("ls", "latest", "-R")).map(({ path }: { path: string }) => path);
  const files = ["/letters/a.odt", "/photos/1.jpg", "/single"];
  deepStrictEqual(paths.filter((path: string) => files.some((file) => file.startsWith(path))), [
    "/letters",
    "/photos",
    "/single",
    "/letters/a.odt",
    "/photos/1.jpg",
  ]);
  for (const path of paths) ok(!/@eaDir\/|Thumbs|\.tmp|large|cache\/c/.test(path), path);
});

Deno.test({
  name: "backup of a file that can't be read names it, goes on, and ends with 3",
  ignore: isRoot,
  async fn() {
    using place = new Place();
    place.write("good", "good");
    place.write("unreadable", "secret");
    Deno.chmodSync(`${place.source}/unreadable`, 0);
    const { stderr } = await place.expect(3, "backup", "source", "--init");
    match(stderr, /^backup-tool: .*unreadable.*EACCES/m);
    match(stderr, /^backup-tool: 1 problem \(see above\)$/m);
    strictEqual((await place.expect(0, "cat", "latest", "good")).stdout, "good");
  },
});

Deno.test("--quiet leaves only results, --verbose names places and counters", async () => {
  using place = new Place();
  place.write("a", "a");
  deepStrictEqual(await place.run("backup", "source", "--init", "--quiet"), { status: 0, stdout: "", stderr: "" });
  strictEqual((await place.expect(0, "ls", "latest", "-q")).stdout, "a\n");
  match((await place.expect(0, "backup", "source", "--verbose")).stderr, /^walkedEntries 2$/m);
});

Deno.test({
  name: "output that nobody reads to its end stops the program without a word",
  ignore: !isLinux,
  async fn() {
    using place = new Place();
    for (let i = 0; i < 3000; i++) place.write(`${i} ${"long name ".repeat(20)}`, "");
    await place.expect(0, "backup", "source", "--init", "--no-tree", "-q");
    const { stdout, stderr } = place.shell(
      `"$@" | { read -r line; echo got; }; echo "\${PIPESTATUS[0]}"`,
      "ls",
      "latest",
    );
    deepStrictEqual([stdout, stderr], ["got\n141\n", ""]);
    match(place.shell(`"$@" > /dev/full`, "ls", "latest").stderr, /^backup-tool: .*ENOSPC|no space/m);
  },
});

const SLOW_DIRECTORIES = 24;

/** Takes a while to read on any machine, and hardly any space. */
function makeSlowSource(place: Place): void {
  for (let i = 0; i < SLOW_DIRECTORIES; i++) {
    Deno.mkdirSync(`${place.source}/d${i}`);
    place.write(`d${i}/large`, "");
    Deno.truncateSync(`${place.source}/d${i}/large`, 64 * 1024 * 1024);
  }
}

for (const workers of ["0", "2"]) {
  Deno.test({
    name:
      `an interrupt stops a backup with --workers ${workers} in good order, with 130, and the next run completes it`,
    ignore: !isLinux,
    async fn() {
      using place = new Place();
      makeSlowSource(place);
      await place.expect(0, "init");
      const { status, stderr } = await place.interrupted("/d1", "backup", "source", "--workers", workers, "--verbose");
      strictEqual(status, 130, stderr);
      match(stderr, /Stopped before the work was done\n {2}hint: Run the same command again to continue\n$/);
      await place.expect(0, "backup", "source");
      await place.expect(0, "check", "--read-data");
      strictEqual((await place.json("ls", "latest", "-R")).length, 1 + 2 * SLOW_DIRECTORIES);
    },
  });
}

Deno.test({
  name: "a terminal shows progress that is gone at the end, and names that can't disturb it",
  ignore: !isLinux || !(await canRun("script", "--version")),
  async fn() {
    using place = new Place();
    place.write("esc\x1b[31mred", "3");
    await place.expect(0, "backup", "source", "--init");
    const onTerminal = (...args: string[]) =>
      place.shell(`PATH=/usr/bin:/bin; printf -v line '%q ' "$@"; script -qec "$line" /dev/null`, ...args).stdout;
    strictEqual(onTerminal("ls", "latest"), "esc\\e[31mred\r\n");
    makeSlowSource(place);
    const shown = onTerminal("backup", "source", "--workers", "0");
    const [first = "", ...others] = shown.split("\x1b[K");
    match(first, /^\rreading the source: [\d,]+ (?:files?|entr(?:y|ies))/);
    match(others.at(-1) ?? "", /^Snapshot [0-9a-f]{12} of source made in /);
  },
});

function namesIn(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
