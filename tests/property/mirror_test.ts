/**
 * A restore in place that removes what should not be there, against everything that may have happened to the source:
 * what was backed up is as it was, what backups leave out is untouched, nothing outside is, and the preview was right.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { textOf } from "../../src/core/raw.ts";
import { previewRestore, restore } from "../../src/operations/restore/restore.ts";
import { run, TestMonitor, World } from "../support/world.ts";

const EXCLUDES = ["*.tmp", "cache/"];
const NAMES = ["a", "b", "c", "x.tmp", "cache"];

const paths = fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const changes = fc.record({
  what: fc.constantFrom("write", "write", "write", "remove", "mkdir", "symlink", "link"),
  path: paths,
  text: fc.constantFrom("one", "two", ""),
});
type Change = typeof changes extends fc.Arbitrary<infer T> ? T : never;

/** Does one thing, whatever stands in its way. */
function apply(base: string, { what, path, text }: Change): void {
  const script = {
    write: `mkdir -p "$d" && rm -rf "$p" && printf %s "$t" > "$p"`,
    remove: `rm -rf "$p"`,
    mkdir: `mkdir -p "$p"`,
    symlink: `mkdir -p "$d" && rm -rf "$p" && ln -s /nowhere "$p"`,
    link: `mkdir -p "$d" && rm -rf "$p" && ln "$o" "$p"`,
  }[what]!;
  const directory = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : ".";
  const env = { d: directory, p: path, t: text, o: `${base}/../outside/precious` };
  new Deno.Command("sh", { args: ["-c", script], cwd: base, env, stderr: "null" }).outputSync();
}

/** Everything in the source, by path. */
function listing(directory: string): Map<string, string> {
  const lines = run("find", directory, "-mindepth", "1", "-printf", "%P\t%y %s %T@ %i\n").split("\n").filter(Boolean);
  return new Map(lines.map((line) => line.split("\t") as [string, string]));
}

/** `cache/` fits directories only. */
function isLeftOut(path: string, facts: string): boolean {
  return path.split("/").some((name, i, all) => {
    return name.endsWith(".tmp") || (name === "cache" && (i < all.length - 1 || facts.startsWith("d")));
  });
}

Deno.test("restoring in place with delete gives the snapshot back and touches nothing else, whatever happened", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(changes, { minLength: 1, maxLength: 12 }),
      fc.array(changes, { minLength: 1, maxLength: 12 }),
      async (before, after) => {
        using world = new World({ inMemory: true });
        Deno.mkdirSync(`${world.base}/outside`);
        Deno.writeTextFileSync(`${world.base}/outside/precious`, "outside");
        for (const change of before) apply(world.source, change);
        await world.backup({ excludes: EXCLUDES, tree: false });
        const copy = `${world.base}/copy`;
        run("cp", "-a", world.source, copy);
        for (const change of after) apply(world.source, change);
        await assertMirrors(world, copy);
      },
    ),
    { numRuns: 30 },
  );
});

async function assertMirrors(world: World, copy: string): Promise<void> {
  const then = listing(world.source);
  const monitor = new TestMonitor(), said = new Set<string>();
  using storage = world.open(monitor);
  const request = {
    ...world.restoreRequest(storage.resolve("latest"), ""),
    destination: { kind: "in-place" },
    delete: true,
    overwrite: "always",
  } as const;
  await previewRestore(storage, request, new TestMonitor(), ({ action, path }) => {
    if (action === "remove") said.add(textOf(path).slice(world.source.length + 1));
  });
  deepStrictEqual(listing(world.source), then, "the preview changes nothing");
  await restore(storage, request, monitor);
  const now = listing(world.source);
  for (const [path, facts] of then) {
    if (isLeftOut(path, facts) && !facts.startsWith("d")) strictEqual(now.get(path), facts, path);
    if (!now.has(path)) ok(said.has(path), `${path} was removed without a word`);
  }
  strictEqual(Deno.readTextFileSync(`${world.base}/outside/precious`), "outside");
  // What is left out may stand where something is to be restored: then it stays, and that is said.
  if (monitor.problems.length > 0) {
    deepStrictEqual(new Set(monitor.problems.map(({ name }) => name)), new Set(["target-taken"]));
    return;
  }
  const options = [
    "-aH",
    "--checksum",
    "--dry-run",
    "--itemize-changes",
    ...EXCLUDES.map((each) => `--exclude=${each}`),
  ];
  const differences = run("rsync", ...options, "--delete", `${copy}/`, `${world.source}/`).split("\n").filter(Boolean);
  const stay = (directory: string) =>
    [...now].some(([path, facts]) => path.startsWith(directory) && isLeftOut(path, facts));
  const wrong = differences.filter((line) => {
    const deleted = /^\*deleting +(.*\/)$/.exec(line)?.[1];
    return !line.startsWith("cannot delete non-empty directory: ") && (deleted === undefined || !stay(deleted));
  });
  deepStrictEqual(wrong, []);
}
