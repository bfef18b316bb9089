import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { FakeWorld, runIn } from "../fake_world.ts";
import { Place } from "../program.ts";
import { HAS_LINUX_DISK } from "../../support/needs.ts";

function plant(place: Place): void {
  for (const dir of ["a", "b"]) {
    Deno.mkdirSync(`${place.source}/${dir}`);
    for (const name of ["1", "2"]) place.write(`${dir}/${name}`, dir + name);
  }
}

async function paths(place: Place): Promise<string[]> {
  return (await place.json("ls", "latest", "-R")).map(({ path }: { path: string }) => path);
}

Deno.test("--source gives sources names of their own", { ignore: !HAS_LINUX_DISK }, async () => {
  using place = new Place();
  plant(place);
  const options = ["--source", "first=source/a", "--source", "x=y=source/b"];
  Deno.renameSync(`${place.source}/b`, `${place.source}/x`);
  Deno.mkdirSync(`${place.base}/y=source`);
  Deno.renameSync(`${place.source}/x`, `${place.base}/y=source/b`);
  await place.ages();
  await place.expect(0, "backup", ...options, "--init");
  deepStrictEqual(await paths(place), ["/first", "/x", "/first/1", "/first/2", "/x/1", "/x/2"]);
  strictEqual((await place.json("plan", ...options)).unchanged.files, 4);
  await place.fault(2, "bad-usage", "backup", "--source", "a=source/a", "--source", "a=source");
  for (const wrong of ["source", "=source", "a=", "a/b=source", "..=source"]) {
    match((await place.expect(2, "backup", "--source", wrong)).stderr, /--source/);
  }
});

Deno.test("--files-from takes paths from a file or a pipe, by lines or with NUL", async () => {
  using place = new Place();
  plant(place);
  Deno.writeTextFileSync(`${place.base}/list`, "a/1\r\n\n./b//2\n");
  await place.expect(0, "backup", "source", "--init", "--files-from", "list");
  deepStrictEqual(await paths(place), ["/", "/a", "/b", "/a/1", "/b/2"]);
  place.write("new\nline", "odd");
  const piped = place.shell(`printf 'source/new\\nline\\0' | "$@"`, "backup", "--files-from", "-", "-0");
  strictEqual(piped.status, 0, piped.stderr);
  const source = Deno.realPathSync(place.source);
  strictEqual((await paths(place)).at(-1), `${source}/new\nline`);
  Deno.writeTextFileSync(`${place.base}/list`, "a/1\nmissing\n");
  match(
    (await place.expect(3, "backup", "source", "--files-from", "list")).stderr,
    /missing": no such file or directory/,
  );
  Deno.writeTextFileSync(`${place.base}/list`, "\n");
  await place.fault(2, "bad-usage", "backup", "source", "--files-from", "list");
  await place.fault(2, "bad-usage", "backup", "source", "storage", "--files-from", "list");
  await place.fault(1, "disk", "backup", "source", "--files-from", "nowhere");
});

Deno.test("--stdin-name keeps standard input, --command what a command prints", async () => {
  using place = new Place();
  plant(place);
  const piped = place.shell(`echo hello | "$@"`, "backup", "--init", "--stdin-name", "greeting");
  strictEqual(piped.status, 0, piped.stderr);
  strictEqual((await place.expect(0, "cat", "latest", "greeting")).stdout, "hello\n");
  const { snapshot } = await place.json(
    "backup",
    "source",
    "--command",
    "/bin/echo one; /bin/echo two",
    "--stdin-name",
    "out",
  );
  deepStrictEqual([snapshot.name, snapshot.files], ["source+out", 5]);
  strictEqual((await place.expect(0, "cat", "latest", "out")).stdout, "one\ntwo\n");
  match(
    await place.fault(1, "command-failed", "backup", "--command", "exit 7", "--stdin-name", "out"),
    /ended with status 7/,
  );
  strictEqual((await place.json("snapshots")).length, 2);
  await place.fault(2, "bad-usage", "backup", "--command", "true");
  await place.fault(2, "bad-usage", "backup");
  match((await place.expect(2, "backup", "--stdin-name", "a/b")).stderr, /without slashes/);
});

Deno.test("--source knows the home directory, which a shell doesn't put there", async () => {
  using place = new Place();
  plant(place);
  const world = new FakeWorld();
  Object.assign(world.variables, { HOME: place.source, BACKUP_TOOL_STORAGE: place.storage });
  const { status, stdout, stderr } = await runIn(world, "backup", "--init", "--source", "x=~/a", "--json");
  strictEqual(status, 0, stderr);
  deepStrictEqual(JSON.parse(stdout).snapshot.sources, [Deno.realPathSync(`${place.source}/a`)]);
});
