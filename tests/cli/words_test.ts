/** What people read says repair, match, exclude: one word for a thing, and the one that other tools have. */
import { deepStrictEqual } from "node:assert/strict";
import ts from "typescript";
import { TOPICS } from "../../src/cli/help/topics.ts";
import { makeProgram } from "../../src/cli/program/run.ts";
import { FakeWorld, runIn } from "./fake_world.ts";

const ROOT = new URL("../../", import.meta.url);

/** Words of the list "avoid" of the glossary in src/README.md, as they are in its first column. */
function avoided(): RegExp[] {
  const readme = Deno.readTextFileSync(new URL("src/README.md", ROOT));
  const table = readme.slice(readme.indexOf("| avoid "));
  const cells = [...table.matchAll(/^\| ([^|]+?) +\|/gm)].map(([, cell = ""]) => cell).slice(2);
  return cells.flatMap((cell) => cell.split(", ")).map((words) => new RegExp(`(?<![\\w-])${words}(?![\\w-])`, "i"));
}

/** Lines with a word to avoid. @param name of the text */
function wrong(name: string, text: string): string[] {
  // Codes, keys and names are what they are, and so is what somebody types.
  return text.replace(/`[^`]*`|^\$ .*|"(?:[^"\n\\]|\\.)*"/gm, "").split("\n").flatMap((line) => {
    const hit = AVOIDED.find((pattern) => pattern.test(line));
    return hit === undefined ? [] : [`${name}: ${line.trim()} (${hit.source})`];
  });
}

const AVOIDED = avoided();

/** Code and documents of all rooms. The glossary itself is none of them, and has the words. */
function* sourceFiles(directory = new URL("src/", ROOT)): Generator<URL> {
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    if (isDirectory) yield* sourceFiles(new URL(`${name}/`, directory));
    else if (/\.(?:ts|md)$/.test(name) && !directory.pathname.endsWith("/src/")) yield new URL(name, directory);
  }
}

/** Comments, and texts of more than one word: what is logged, printed or thrown. */
function proseOf(text: string): string[] {
  const file = ts.createSourceFile("x.ts", text, ts.ScriptTarget.Latest, false);
  const prose: string[] = [], comments = new Map<number, string>();
  const visit = (node: ts.Node) => {
    const ranges = [ts.getLeadingCommentRanges(text, node.pos), ts.getTrailingCommentRanges(text, node.end)].flat();
    for (const range of ranges) if (range !== undefined) comments.set(range.pos, text.slice(range.pos, range.end));
    if (ts.isStringLiteral(node) || ts.isTemplateLiteralToken(node)) prose.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(file);
  const inLines = [...comments.values()].map((comment) => comment.replace(/@param \w+|\n[ *]*/g, " "));
  return [...inLines, ...prose.filter((words) => words.includes(" "))];
}

function* expectedFiles(directory = new URL("tests/cli/expected/", ROOT)): Generator<URL> {
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    if (isDirectory) yield* expectedFiles(new URL(`${name}/`, directory));
    else yield new URL(name, directory);
  }
}

Deno.test("no output that people see has a word that is to be avoided", () => {
  const files = [...expectedFiles()];
  deepStrictEqual(files.flatMap((file) => wrong(file.pathname, Deno.readTextFileSync(file))), []);
  deepStrictEqual(files.length > 30, true);
});

Deno.test("no help page or topic has a word that is to be avoided", async () => {
  const found = [...TOPICS].flatMap(([name, text]) => wrong(name, text));
  found.push(...wrong("README", Deno.readTextFileSync(new URL("README.md", ROOT))));
  const program = await makeProgram(new FakeWorld(), () => Promise.resolve());
  const words = program.commands.flatMap((command) => [
    [command.name()],
    ...command.commands.map((inner) => [command.name(), inner.name()]),
  ]);
  for (const name of words) {
    found.push(...wrong(name.join(" "), (await runIn(new FakeWorld(), ...name, "--help")).stdout));
  }
  deepStrictEqual(found, []);
  deepStrictEqual(AVOIDED.length > 20, true);
});

Deno.test("no message, docstring, comment or format has a word that is to be avoided", () => {
  const found: string[] = [];
  for (const file of sourceFiles()) {
    const text = Deno.readTextFileSync(file), path = file.pathname.slice(ROOT.pathname.length);
    const prose = file.pathname.endsWith(".ts") ? proseOf(text) : [text];
    found.push(...prose.flatMap((words) => wrong(path, words)));
  }
  deepStrictEqual(found, []);
});
