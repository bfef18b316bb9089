/** `restore` as people and programs see it. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { run, World } from "../../support/world.ts";
import { FakeWorld, type Ran, runIn } from "../fake_world.ts";

interface Scene extends Disposable {
  readonly world: World;
  readonly restore: (...args: string[]) => Promise<Ran>;
}

/** A source with a missing, an older, a newer and an extra file since its backup. */
async function makeScene(): Promise<Scene> {
  const world = new World(), cli = new FakeWorld();
  for (const name of ["missing", "older", "newer", "same"]) world.write(name, `${name} then`);
  run("sh", "-c", `touch -d 2005-01-01 ${world.source}/*`);
  await world.backup();
  Deno.removeSync(`${world.source}/missing`);
  for (const [name, date] of [["older", "2001-01-01"], ["newer", "2030-01-01"], ["ex\ttra", "2001-01-01"]] as const) {
    world.write(name, `${name} now`);
    run("touch", "-d", date, `${world.source}/${name}`);
  }
  return {
    world,
    restore: (...args) => runIn(cli, "restore", "latest", ...args, "-s", world.storagePath),
    [Symbol.dispose]: () => world[Symbol.dispose](),
  };
}

Deno.test("restore --dry-run shows a line for each change, and how many there are", async () => {
  using scene = await makeScene();
  const { source } = scene.world;
  const { status, stdout, stderr } = await scene.restore("--in-place", "--delete", "--dry-run");
  deepStrictEqual({ status, stderr }, { status: 0, stderr: "" });
  strictEqual(
    stdout,
    `remove  ${source}/ex\\ttra\ncreate  ${source}/missing\nrefuse  ${source}/newer\nreplace ${source}/older\n` +
      "Would create 1, replace 1, remove 1 and leave 1 as they are; 1 would be refused\n",
  );
});

Deno.test("restore --dry-run --json names every change", async () => {
  using scene = await makeScene();
  const { source } = scene.world;
  const { snapshot, ...others } = JSON.parse((await scene.restore("--in-place", "--delete", "-n", "--json")).stdout);
  match(snapshot, /^[0-9a-f]{64}f0$/);
  deepStrictEqual(others, {
    target: null,
    changes: [
      { action: "remove", path: `${source}/ex\ttra` },
      { action: "create", path: `${source}/missing` },
      { action: "refuse", path: `${source}/newer` },
      { action: "replace", path: `${source}/older` },
    ],
    create: 1,
    replace: 1,
    remove: 1,
    refuse: 1,
    kept: 1,
  });
  deepStrictEqual(
    JSON.parse((await scene.restore("--target", "/nowhere/at/all", "/nothing", "-n", "--json")).stderr).error.code,
    "not-in-snapshot",
  );
});

Deno.test("restore --in-place --delete says what it did, and what it refused", async () => {
  using scene = await makeScene();
  const refused = await scene.restore("--in-place", "--delete");
  strictEqual(refused.status, 3);
  match(refused.stderr, /newer": what is there is newer\n/);
  match(
    refused.stdout,
    /^Restored 2 files \(\d+ B\) of snapshot [0-9a-f]+ in .* in place\n +kept +1 file.*\n +removed +1 other entry/,
  );
  const { stdout, status } = await scene.restore("--in-place", "--delete", "--overwrite", "always", "--json");
  const { files, kept, removed, problems, target } = JSON.parse(stdout);
  deepStrictEqual({ status, files, kept, removed, problems, target }, {
    status: 0,
    files: 4,
    kept: 0,
    removed: 0,
    problems: 0,
    target: null,
  });
});

Deno.test("restore takes a path of the source, and a new name for it", async () => {
  using scene = await makeScene();
  const { world, restore } = scene;
  const { status } = await restore(`${world.source}/older`, "--as", `${world.base}/older-then`);
  strictEqual(status, 0);
  strictEqual(Deno.readTextFileSync(`${world.base}/older-then`), "older then");
});

const WRONG: readonly (readonly string[])[] = [
  ["--target", "/x", "--in-place"],
  ["--as", "/x", "/a", "/b"],
  ["--as", "/x", "/a", "--delete"],
  ["--in-place", "--strip", "1"],
  ["--target", "/x", "--strip", "1", "--delete"],
  ["--target", "/x", "--strip", "-1"],
  ["--target", "/x", "--overwrite", "sometimes"],
];
for (const args of WRONG) {
  Deno.test(`restore ${args.join(" ")} is wrong usage, and does nothing`, async () => {
    const { status, stdout, stderr } = await runIn(new FakeWorld(), "restore", "latest", ...args, "-s", "/nowhere");
    deepStrictEqual({ status, stdout }, { status: 2, stdout: "" });
    match(stderr, /^backup-tool: .*\n {2}hint: /);
  });
}
