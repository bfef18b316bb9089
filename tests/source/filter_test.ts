import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { type Apath, apathOf, parseApath, TOP } from "../../src/core/apath.ts";
import { decideWithParents, type Decision, excludesWithParents, parseFilter } from "../../src/source/filter.ts";
import { includesWithParents } from "../../src/source/filter.ts";
import { parseExcludeFile, PRESETS } from "../../src/source/exclude_lists.ts";
import { BadPattern } from "../../src/source/pattern.ts";
import { GitRepository, hasGit } from "../support/git.ts";

/** What the filter says of a path of a file, or with a final slash of a directory; parents are not looked at. */
function decide(lines: readonly string[], path: string): Decision | undefined {
  const isDirectory = path.endsWith("/");
  return parseFilter(lines).decide(parseApath(`/${isDirectory ? path.slice(0, -1) : path}`), isDirectory);
}

// A line of the table: patterns, what they leave out, what they leave alone. A final slash makes a path a directory.
const TABLE: readonly (readonly [claim: string, patterns: string[], excluded: string[], kept: string[]])[] = [
  ["a name fits at every depth", ["a"], ["a", "a/", "x/a", "x/y/a/"], ["ab", "ba", "A", "a/b"]],
  ["a first slash ties a pattern to the top", ["/a"], ["a", "a/"], ["x/a"]],
  ["a slash inside does, too", ["a/b"], ["a/b"], ["x/a/b", "a/b/c"]],
  ["a final slash fits directories only", ["a/"], ["a/", "x/a/"], ["a", "x/a"]],
  ["a final slash doesn't tie to the top", ["a/b/"], ["a/b/"], ["x/a/b/", "a/b"]],
  ["a star stays inside a name", ["/a*c"], ["ac", "abc"], ["a/c"]],
  ["a star fits a leading dot and a newline", ["*"], [".a", "a\nb", "x/.a"], []],
  ["an ending is taken as it is", ["*.t+p"], ["a.t+p", ".t+p", "x/y.t+p"], ["a.ttp", "a.t+p~", "t+p"]],
  ["several stars", ["*a*b*"], ["ab", "xaxbx", "aabb"], ["ba", "xbxa"]],
  ["an inner star between slashes", ["a/*/c"], ["a/b/c"], ["a/c", "a/b/b/c"]],
  ["** first: any directory", ["**/a/b"], ["a/b", "x/a/b", "x/y/a/b"], ["xa/b"]],
  ["** last: what is below, not the directory itself", ["a/**"], ["a/b", "a/b/c"], ["a", "a/"]],
  ["** between: any number of directories", ["a/**/b"], ["a/b", "a/x/b", "a/x/y/b"], ["a/xb", "b", "x/a/b"]],
  ["** twice", ["a/**/b/**/c"], ["a/b/c", "a/b/b/c", "a/x/b/y/b/c"], ["a/c", "a/b/xc", "a/xb/c"]],
  ["** alone fits everything", ["**"], ["a", "a/b", ".a/b/"], []],
  ["** inside a name is one star", ["/a**b"], ["ab", "axb"], ["a/b", "ax/b"]],
  ["a question mark is one character", ["a?c"], ["abc", "aüc", "a\u{1f600}c", "a\nc"], ["ac", "abbc", "a/c"]],
  ["a class", ["[a-cx]1"], ["a1", "b1", "x1"], ["d1", "A1", "-1", "1"]],
  ["a class of other letters", ["[äöü]"], ["ä", "ü"], ["a", "\udcc3"]],
  ["a range of other letters", ["[а-я]"], ["б", "я"], ["ё", "b"]],
  ["a negated class", ["/x[!a-c]y", "/z[^a]"], ["xdy", "x-y", "zb"], ["xay", "xy", "za", "x/y", "z/"]],
  ["brackets and dashes as members", ["[]a]", "[b-]", "[-c]", "[[d]"], ["]", "a", "b", "-", "c", "[", "d"], ["[]"]],
  ["escapes in a class", ["[\\]\\\\x-\\z]"], ["]", "\\", "y", "z"], ["-", "["]],
  ["a class of POSIX", ["[[:digit:][:upper:]_]x"], ["0x", "Zx", "_x"], ["ax", ":x", "dx", "[x"]],
  ["no class of POSIX", ["[[:]", "x[[:a]"], ["[", ":", "x[", "x:", "xa"], ["x]"]],
  ["a class never holds a slash", ["a[/]b", "a[!x]c", "a[+--]d"], ["a-d"], ["a/b", "a/c", "a/d"]],
  ["escaped stars and such", ["a\\*", "\\[x]", "\\?"], ["a*", "[x]", "?"], ["ab", "x", "b"]],
  ["an escaped letter is a letter", ["\\a\\b"], ["ab"], ["\\a\\b"]],
  ["escaped # and !", ["\\#a", "\\!b"], ["#a", "!b"], ["a", "b"]],
  ["# and ! inside are ordinary", ["a#", "b!"], ["a#", "b!"], ["a", "b"]],
  ["braces and parentheses are ordinary", ["{a,b}", "(c|d)", "+(e)", "@f", "$g^"], ["{a,b}", "(c|d)", "+(e)", "@f"], [
    "a",
    "c",
    "e",
  ]],
  ["spaces at the end don't count", ["a  "], ["a"], ["a  ", "a "]],
  ["escaped spaces at the end do", ["a\\ ", "b \\  "], ["a ", "b  "], ["a", "b", "b "]],
  ["a backslash before the escape doesn't escape the space", ["a\\\\ "], ["a\\"], ["a\\ "]],
  ["spaces at the start and inside do", [" a", "b c"], [" a", "b c"], ["a", "bc"]],
  ["a tab is no space", ["a\t"], ["a\t"], ["a"]],
  ["the last pattern decides", ["*.a", "!x.a", "x.*"], ["x.a", "y.a"], ["x"]],
  ["! keeps", ["*", "!a", "!/b/"], ["x", "x/b/", "b"], ["a", "x/a", "b/"]],
  ["comments and empty lines are nothing", ["", "#a", "   ", "# b"], [], ["#a", "a", "b", " "]],
  ["composed and decomposed letters differ", ["\u00fc"], ["\u00fc"], ["u\u0308"]],
];

for (const [claim, patterns, excluded, kept] of TABLE) {
  Deno.test(`parseFilter(): ${claim}`, () => {
    for (const path of excluded) strictEqual(decide(patterns, path)?.negated, false, `${path} is left out`);
    for (const path of kept) ok(decide(patterns, path)?.negated !== false, `${path} is kept`);
  });
}

Deno.test("parseFilter() fits names of any bytes", () => {
  const filter = parseFilter(["caf\udce9*", "[\udcff]", "a?z"]);
  const decides = (raw: string) => filter.decide(apathOf(raw), false)?.pattern;
  strictEqual(decides("/caf\xe9.txt"), "caf\udce9*");
  strictEqual(decides("/caf\xc3\xa9.txt"), undefined);
  strictEqual(decides("/\xff"), "[\udcff]");
  strictEqual(decides("/\xfe"), undefined);
  strictEqual(decides("/a\x80z"), "a?z");
  strictEqual(decides("/a\xc3\xbcz"), "a?z");
});

Deno.test("parseFilter() names the pattern that decides, as it was written", () => {
  const lines = ["*.log  ", "!keep.log", "/tmp/", "keep*"];
  deepStrictEqual(decide(lines, "x.log"), { pattern: "*.log  ", negated: false });
  deepStrictEqual(decide(lines, "tmp/"), { pattern: "/tmp/", negated: false });
  deepStrictEqual(decide(lines, "keep.log"), { pattern: "keep*", negated: false });
  deepStrictEqual(decide(lines.slice(0, 2), "keep.log"), { pattern: "!keep.log", negated: true });
  strictEqual(decide(lines, "other"), undefined);
});

Deno.test("parseFilter() finds the last of hundreds of patterns of every form", () => {
  const forms = (i: number) => [`name${i}`, `*.end${i}`, `pre${i}-*x`, `/path/${i}`, `/glob/*/${i}`];
  const lines = Array.from({ length: 300 }, (_, i) => forms(i)).flat();
  const filter = parseFilter([...lines, ...lines.map((line) => `!${line}`), ...lines.slice(0, 700)]);
  for (let i = 0; i < 300; i++) {
    const paths = [`/a/name${i}`, `/b/c.end${i}`, `/pre${i}-x`, `/path/${i}`, `/glob/any/${i}`];
    paths.forEach((path, form) => {
      const decision = filter.decide(parseApath(path), false);
      deepStrictEqual(decision, { pattern: (i < 140 ? "" : "!") + forms(i)[form], negated: i >= 140 });
    });
  }
});

const UNUSABLE: Readonly<Record<string, RegExp>> = {
  "/": /it names nothing/,
  "!": /it names nothing/,
  "!/": /it names nothing/,
  "//": /it names nothing/,
  "a\\": /nothing follows the backslash/,
  "a\\/": /nothing follows the backslash/,
  "a[b": /a \[ has no \]/,
  "a[]": /a \[ has no \]/,
  "a[\\": /a \[ has no \]/,
  "[[:letter:]]": /there is no class \[:letter:\]/,
  "a\0b": /NUL/,
};

for (const [pattern, why] of Object.entries(UNUSABLE)) {
  Deno.test(`parseFilter() refuses ${JSON.stringify(pattern)}, which can fit nothing`, () => {
    throws(() => parseFilter(["a", pattern]), (error) => error instanceof BadPattern && why.test(error.message));
  });
}

Deno.test("parseFilter() answers soon, whatever the pattern", () => {
  const name = "a".repeat(255), path = `${"a/".repeat(2000)}${name}`;
  const filter = parseFilter(["*a*a*a*a*a*a*a*a*a*a*b", "/**/a/**/a/**/a/**/a/**/a/**/b", "a/*a*a*a*a/**/*a*a*a*b"]);
  strictEqual(filter.decide(parseApath(`/${name}`), false), undefined);
  strictEqual(filter.decide(parseApath(`/${path}`), false), undefined);
});

Deno.test("decideWithParents() takes in nothing below a directory that is left out", () => {
  const filter = parseFilter(["/logs/", "!/logs/keep", "*.tmp", "!*.tmp/"]);
  const decides = (path: string, isDirectory = false) => decideWithParents(filter, parseApath(path), isDirectory);
  deepStrictEqual(decides("/logs/keep"), { pattern: "/logs/", negated: false });
  deepStrictEqual(decides("/logs/a/b/c"), { pattern: "/logs/", negated: false });
  deepStrictEqual(decides("/d.tmp", true), { pattern: "!*.tmp/", negated: true });
  strictEqual(decides("/d.tmp/file"), undefined);
  strictEqual(decideWithParents(filter, TOP, true), undefined);
  strictEqual(excludesWithParents(filter, parseApath("/logs/keep"), false), true);
  strictEqual(excludesWithParents(filter, parseApath("/d.tmp"), true), false);
  strictEqual(excludesWithParents(parseFilter(["*"]), TOP, true), false);
});

Deno.test("includesWithParents() follows the nearest directory that a pattern fits", () => {
  const filter = parseFilter(["/docs", "!*.tmp", "/docs/old.tmp/new"]);
  const includes = (path: string) => includesWithParents(filter, parseApath(path), false);
  deepStrictEqual(
    ["/docs", "/docs/a/b", "/docs/a.tmp", "/docs/a.tmp/b", "/docs/old.tmp/new/x", "/other", "/other/docs"].map(
      includes,
    ),
    [true, true, false, false, true, false, false],
  );
  strictEqual(includesWithParents(filter, TOP, true), false);
});

Deno.test("parseExcludeFile() takes any line ends, and drops the mark of UTF-8, comments and empty lines", () => {
  const text = "\ufeff# comment\r\n*.tmp\r\n\r\n  \n\\#a\n b \r\n!c\n\td\r";
  deepStrictEqual(parseExcludeFile(text), ["*.tmp", "\\#a", " b ", "!c", "\td"]);
  deepStrictEqual(parseExcludeFile(""), []);
  deepStrictEqual(parseExcludeFile("a\rb\n\ufeffc"), ["a\rb", "\ufeffc"]);
});

Deno.test("parseExcludeFile() and parseFilter() take a hundred thousand lines, also long ones", () => {
  const long = ".".repeat(4096), longer = "x".repeat(1 << 20);
  throws(() => parseFilter([longer]), /longer than 4096 characters/);
  const lines = parseExcludeFile(
    [long, `${long.slice(1)}*`, ...Array.from({ length: 100_000 }, (_, i) => `name-${i}*`)].join("\n"),
  );
  strictEqual(lines.length, 100_002);
  const filter = parseFilter(lines);
  strictEqual(filter.decide(parseApath("/a/name-99999-b"), false)?.pattern, "name-99999*");
  strictEqual(filter.decide(parseApath("/a/other"), false), undefined);
  strictEqual(filter.decide(`/${long}` as Apath, false)?.pattern, `${long.slice(1)}*`);
  strictEqual(parseFilter([long]).decide(`/a/${long}` as Apath, false)?.pattern, long);
});

Deno.test("parseFilter() takes more globs than a function takes arguments", () => {
  const filter = parseFilter(Array.from({ length: 150_000 }, (_, i) => `*-${i}-*`));
  strictEqual(filter.decide(parseApath("/a/b-149999-c"), false)?.pattern, "*-149999-*");
  strictEqual(filter.decide(parseApath("/a/b-150000-c"), false), undefined);
});

Deno.test("PRESETS leave out litter, and only litter", () => {
  const { nas = [], desktop = [] } = PRESETS;
  for (const litter of ["photos/@eaDir/", "#recycle/", "#snapshot/", "a/.DS_Store", "Thumbs.db", "$RECYCLE.BIN/"]) {
    strictEqual(decide(nas, litter)?.negated, false, litter);
  }
  for (const litter of ["me/.cache/", "me/.local/share/Trash/", ".Trash-1000/", "a/.~lock.x.odt#", "~$x.docx"]) {
    strictEqual(decide(desktop, litter)?.negated, false, litter);
  }
  for (const mine of [".cache", "Trash/", "share/Trash/", "a~$b", "lock.x"]) {
    strictEqual(decide(desktop, mine), undefined, mine);
  }
  for (const mine of ["@eaDir", "recycle/", "DS_Store", "a/Thumbs.db.txt", "#recycle.txt"]) {
    strictEqual(decide(nas, mine), undefined, mine);
  }
  for (const [name, lines] of Object.entries(PRESETS)) {
    deepStrictEqual(parseExcludeFile(lines.join("\n")), lines, `${name} has no pattern that reads as a comment`);
  }
});

// What git is asked about: three levels of these names, directories and files.
const NAMES = ["a", "b", "ab", "A", "a.b", ".a", "-", "ü", "a b", "#a", "!a", "[a]", "\\a", "a\n", "a ", "x*"];
const DIRECTORIES = ["a", "ab", ".a", "ü", "a\n"];

const PIECES = [
  "a",
  "b",
  "ab",
  "A",
  ".",
  "-",
  "ü",
  " ",
  "\\ ",
  "#",
  "!",
  "\t",
  "\n",
  "\\a",
  "\\\\",
  "\\*",
  "x",
  "{",
  "(",
];
const WILD = ["*", "*", "*", "**", "***", "?", "[a-b]", "[!a]", "[^b-z]", "[]-]", "[[:alpha:]]", "[\\]a-]", "[", "[a"];

const piece = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...PIECES) },
  { weight: 4, arbitrary: fc.constantFrom(...WILD) },
);
const component = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...NAMES, "**", "*", "**", "a*", "*b") },
  { weight: 3, arbitrary: fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join("")) },
);
const pattern = fc.record({
  start: fc.constantFrom("", "", "", "/", "!", "!", "!/", "#", "\\#", "\\!", "\\"),
  components: fc.array(component, { minLength: 1, maxLength: 4 }),
  end: fc.constantFrom("", "", "", "/", "/", " ", "  ", "\\ ", "\\"),
}).map(({ start, components, end }) => `${start}${components.join("/")}${end}`.replaceAll("\n", "?"));

function isUsable(line: string): boolean {
  try {
    parseFilter([line]);
    return true;
  } catch (error) {
    ok(error instanceof BadPattern);
    return false;
  }
}

/** Git compares bytes: `?` and classes are one byte there, and one character here. */
function meansBytes(line: string): boolean {
  return /[?[]/.test(line);
}

interface Asked {
  readonly path: string;
  readonly isDirectory: boolean;
}

function universe(): Asked[] {
  const parents = ["", ...DIRECTORIES, ...DIRECTORIES.flatMap((one) => DIRECTORIES.map((two) => `${one}/${two}`))];
  const inside = (parent: string) =>
    NAMES.map((name) => ({
      path: parent === "" ? name : `${parent}/${name}`,
      isDirectory: DIRECTORIES.includes(name) && parent.split("/").length < 3,
    }));
  return parents.flatMap(inside);
}

/** Line numbers, and whether that line leaves the path out, as git tells it. */
function verdictOf(lines: readonly string[], { path, isDirectory }: Asked): string {
  const decision = decideWithParents(parseFilter(lines), parseApath(`/${path}`), isDirectory);
  return decision === undefined ? "" : `${decision.negated ? "kept" : "excluded"} by ${decision.pattern}`;
}

Deno.test("parseFilter() says of every path what git says", { ignore: !hasGit() }, () => {
  using repository = new GitRepository();
  const asked = universe();
  repository.makeDirectories(asked.filter(({ isDirectory }) => isDirectory).map(({ path }) => path));
  let compared = 0, excluded = 0, refused = 0;
  fc.assert(
    fc.property(fc.array(pattern, { minLength: 1, maxLength: 5 }), (lines) => {
      const usable = lines.filter(isUsable);
      refused += lines.length - usable.length;
      repository.writeRules(`${lines.join("\n")}\n`);
      const paths = usable.some(meansBytes) ? asked.filter(({ path }) => !path.includes("ü")) : asked;
      const told = repository.ask(paths.map(({ path }) => path));
      for (const [i, { path, line, excluded: isExcluded }] of told.entries()) {
        const theirs = line === undefined ? "" : `${isExcluded ? "excluded" : "kept"} by ${lines[line - 1]}`;
        strictEqual(verdictOf(usable, paths[i]!), theirs, JSON.stringify({ path, lines }));
        compared++;
        if (isExcluded) excluded++;
      }
    }),
    { numRuns: 200, seed: 20261120 },
  );
  ok(compared > 50_000 && excluded > 2_000 && refused > 10, `${compared} compared, ${excluded} excluded`);
});
