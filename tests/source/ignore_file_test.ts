import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { rawOf } from "../../src/core/raw.ts";
import { DiskFault } from "../../src/platform/disk.ts";
import { parseFilter } from "../../src/source/filter.ts";
import { GitRepository, hasGit } from "../support/git.ts";
import { hookedDisk } from "../support/hooked_disk.ts";
import { Place, REAL_DISK, walkAll } from "../support/walking.ts";
import { run } from "../support/world.ts";

/** Paths that a walk finds, without the files that say what is left out. */
function kept(place: Place, options: Parameters<typeof walkAll>[1] = {}): string[] {
  return walkAll(place.root(), options).paths.filter((path) => !path.endsWith("/.backupignore"));
}

function ignore(place: Place, directory: string, ...lines: readonly string[]): void {
  Deno.writeTextFileSync(`${place.path}/${directory}.backupignore`, lines.join("\n"));
}

Deno.test("a .backupignore file holds for its directory and below", () => {
  using place = new Place();
  place.make("a/x.tmp", "a/b/x.tmp", "a/only", "c/x.tmp", "c/only", "a/b/only");
  ignore(place, "a/", "*.tmp", "/only");
  deepStrictEqual(kept(place), ["/", "/a", "/c", "/a/b", "/c/only", "/c/x.tmp", "/a/b/only"].sort(inWalkOrder));
});

/** By directory, then by name: fit for these simple names. */
function inWalkOrder(a: string, b: string): number {
  const key = (path: string) => path === "/" ? "" : path.replace(/\/([^/]*)$/, "\0$1");
  return key(a) < key(b) ? -1 : 1;
}

Deno.test("a .backupignore file is itself backed up, unless a pattern says otherwise", () => {
  using place = new Place();
  place.make("a");
  ignore(place, "", "b");
  deepStrictEqual(walkAll(place.root()).paths, ["/", "/.backupignore", "/a"]);
  ignore(place, "", ".backupignore", "a");
  deepStrictEqual(walkAll(place.root()).paths, ["/"]);
});

Deno.test("a deeper .backupignore file wins, and patterns of the command line win over all", () => {
  using place = new Place();
  place.make("a/x.tmp", "a/keep.log", "x.tmp", "b.log", "never");
  ignore(place, "", "*.tmp", "*.log", "!never");
  ignore(place, "a/", "!x.tmp", "!keep.log");
  const filter = parseFilter(["keep.log", "never", "!b.log"]);
  deepStrictEqual(kept(place, { filter }), ["/", "/a", "/b.log", "/a/x.tmp"]);
});

Deno.test("nothing below a directory that is left out comes back", () => {
  using place = new Place();
  place.make("a/b/keep", "c");
  ignore(place, "", "/a/");
  ignore(place, "a/", "!*");
  ignore(place, "a/b/", "!keep");
  deepStrictEqual(kept(place), ["/", "/c"]);
});

Deno.test("walk() takes no notice of .backupignore files if it is told so", () => {
  using place = new Place();
  place.make("a");
  ignore(place, "", "*");
  deepStrictEqual(kept(place, { ignoreFiles: false }), ["/", "/a"]);
});

Deno.test("a .backupignore file holds per source", () => {
  using place = new Place();
  place.make("one/a", "two/a");
  ignore(place, "one/", "/a");
  const roots = ["one", "two"].map((name) => place.root(name, { at: `/${name}` as never }));
  deepStrictEqual(walkAll(roots).paths, ["/one", "/two", "/one/.backupignore", "/two/a"]);
});

Deno.test("a pattern in a .backupignore file that can't be understood is told of, and the others hold", () => {
  using place = new Place();
  place.make("sub/a", "sub/b", "sub/[x");
  ignore(place, "sub/", "a", "[x", "/");
  const { paths, monitor } = walkAll(place.root());
  deepStrictEqual(paths, ["/", "/sub", "/sub/.backupignore", "/sub/[x", "/sub/b"]);
  deepStrictEqual(monitor.notices, [
    `${place.path}/sub/.backupignore: Cannot use the pattern "[x": a [ has no ] (write \\[ for the character itself)`,
    `${place.path}/sub/.backupignore: Cannot use the pattern "/": it names nothing`,
  ]);
  deepStrictEqual(monitor.problems, []);
});

Deno.test("a .backupignore file that can't be read is reported, and everything is backed up", () => {
  using place = new Place();
  place.make("a", "b");
  ignore(place, "", "a");
  const path = `${place.path}/.backupignore`;
  const disk = hookedDisk(REAL_DISK, (call, proceed) => {
    if (call.operation === "open" && call.path === path) throw new DiskFault("EIO", "open", rawOf(path));
    return proceed();
  });
  const { paths, monitor } = walkAll(place.root(), {}, disk);
  deepStrictEqual(paths, ["/", "/.backupignore", "/a", "/b"]);
  strictEqual(monitor.problems.length, 1);
});

Deno.test("what is named .backupignore and is no regular file means nothing", () => {
  using place = new Place();
  place.make("dir/.backupignore/", "dir/a", "link/.backupignore -> rules", "link/rules", "link/a", "fifo/a");
  Deno.writeTextFileSync(`${place.path}/link/rules`, "*");
  run("mkfifo", `${place.path}/fifo/.backupignore`);
  const { paths, monitor } = walkAll(place.root());
  deepStrictEqual(paths, walkAll(place.root(), { ignoreFiles: false }).paths);
  deepStrictEqual(monitor.problems, []);
});

Deno.test("of a .backupignore file of any size no more than a megabyte is read", () => {
  using place = new Place();
  place.make("a", "z");
  Deno.writeTextFileSync(`${place.path}/.backupignore`, "a\n");
  Deno.truncateSync(`${place.path}/.backupignore`, 8 * 1024 ** 3);
  deepStrictEqual(kept(place), ["/", "/z"]);
});

Deno.test("a .backupignore file fits names of any bytes", () => {
  using place = new Place();
  using top = REAL_DISK.openDir(rawOf(place.path));
  for (const name of ["caf\udce9", "café", "tea"]) top.create(rawOf(name), 0o644)![Symbol.dispose]();
  Deno.writeFileSync(`${place.path}/.backupignore`, Uint8Array.of(0xef, 0xbb, 0xbf, 0x63, 0x61, 0x66, 0xe9, 13, 10));
  deepStrictEqual(kept(place), ["/", "/café", "/tea"]);
});

const DIRECTORIES = ["", "a/", "a/b/", "c/"];
const FILES = ["x", "y.tmp", "a/x", "a/y.tmp", "a/b/x", "a/b/y.tmp", "a/b/z", "c/x", "c/a/x", "c/a/b/y.tmp"];
const line = fc.tuple(
  fc.constantFrom("", "", "!", "!"),
  fc.constantFrom("x", "*.tmp", "*", "/x", "a/", "b", "/a", "a/b", "a/*", "**/x", "b/**", "c/**/x", "z", "/b/", "a/x"),
).map((parts) => parts.join(""));
const rules = fc.array(fc.array(line, { maxLength: 4 }), {
  minLength: DIRECTORIES.length,
  maxLength: DIRECTORIES.length,
});

Deno.test("walk() finds with .backupignore files what git doesn't ignore with the same .gitignore files", {
  ignore: !hasGit(),
}, () => {
  using repository = new GitRepository();
  using place = new Place();
  place.make(...FILES);
  repository.makeDirectories(["a/b", "c/a/b"]);
  const everything = walkAll(place.root(), { ignoreFiles: false }).paths.slice(1);
  let ignored = 0;
  fc.assert(
    fc.property(rules, (files) => {
      for (const [i, lines] of files.entries()) {
        repository.writeRules(lines.join("\n"), DIRECTORIES[i]);
        ignore(place, DIRECTORIES[i]!, ...lines);
      }
      const asked = repository.ask(everything.map((path) => path.slice(1)));
      const expected = asked.filter(({ excluded }) => !excluded).map(({ path }) => `/${path}`);
      ignored += asked.length - expected.length;
      deepStrictEqual(kept(place).slice(1), expected);
    }),
    { numRuns: 200, seed: 20261120 },
  );
  ok(ignored > 500, `${ignored} paths ignored`);
});

Deno.test("of a .backupignore file that is too long, no half of a line leaves anything out", () => {
  using place = new Place();
  place.make("photos/tmp/x", "photos/p", "skipped");
  const limit = 1024 * 1024, start = "/skipped\n#";
  const text = `${start}${"#".repeat(limit - start.length - 8)}\n/photos/tmp/x\n`;
  strictEqual(text.slice(limit - 8, limit + 4), "\n/photos/tmp");
  ignore(place, "", text.slice(0, -1), "");
  const { paths, monitor: { notices } } = walkAll(place.root());
  deepStrictEqual(paths.includes("/photos/p"), true);
  deepStrictEqual(paths.includes("/skipped"), false);
  strictEqual(notices.filter((notice) => notice.includes("is longer than 1048576 bytes")).length, 1);
});
