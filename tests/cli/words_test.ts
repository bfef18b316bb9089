/** What people read says repair, match, exclude: one word for a thing, and the one that other tools have. */
import { deepStrictEqual } from "node:assert/strict";
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
