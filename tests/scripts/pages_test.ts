/** The pages for people who work on the source name files that are there. */
import { makeProgram } from "../../src/cli/program/run.ts";
import { FakeWorld } from "../cli/fake_world.ts";
import { deepStrictEqual, ok } from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);
const PAGES = ["README.md", "src/README.md", "tests/README.md", "scripts/bench/README.md"];
const TOPICS = ["src/cli/help/", "src/jobs/help/", "src/server/help/"].flatMap((folder) =>
  [...Deno.readDirSync(new URL(folder, ROOT))].filter(({ name }) => name.endsWith(".md")).map(({ name }) =>
    folder + name
  )
);

/** Relative links, and names of TypeScript files in code, as URLs. A name alone may lie in any folder of the page. */
function mentions(page: URL, text: string): URL[] {
  const links = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)];
  const names = [...text.matchAll(/(?<=[\s`(])([\w.]+\/[\w/]+\.ts)\b/g)];
  return [...links, ...names].map(([, path = ""]) => new URL(path, page));
}

function isThere(url: URL): boolean {
  try {
    Deno.statSync(url);
    return true;
  } catch {
    return false;
  }
}

for (const name of PAGES) {
  Deno.test(`${name} names only files that are there`, () => {
    const page = new URL(name, ROOT), text = Deno.readTextFileSync(page);
    const named = mentions(page, text);
    ok(named.length > 0);
    const fromRoot = (url: URL) => new URL(url.pathname.slice(new URL(".", page).pathname.length), ROOT);
    const missing = named.filter((url) => !isThere(url) && !isThere(fromRoot(url)) && !url.pathname.endsWith("/x.ts"));
    deepStrictEqual(missing.map(({ pathname }) => pathname), []);
  });
}

Deno.test("the README links to every help topic, is short, and its own links lead somewhere", () => {
  const text = Deno.readTextFileSync(new URL("README.md", ROOT));
  deepStrictEqual(TOPICS.filter((topic) => !text.includes(`(${topic})`)), []);
  ok(new TextEncoder().encode(text).length <= 10_000);
});

Deno.test("help topics lead only to topics and commands that are there", async () => {
  const program = await makeProgram(new FakeWorld(), () => Promise.resolve());
  const known = new Set([
    "topics",
    "commands",
    "COMMAND",
    "TOPIC",
    ...program.commands.map((command) => command.name()),
  ]);
  for (const name of TOPICS) known.add(name.replace(/.*\/|\.md$/g, ""));
  for (const page of ["README.md", ...TOPICS]) {
    const text = Deno.readTextFileSync(new URL(page, ROOT));
    const named = [...text.matchAll(/backup-tool\s+help\s+([\w-]+)/g)].map(([, name = ""]) => name);
    deepStrictEqual([page, named.filter((name) => !known.has(name) && name !== "--man")], [page, []]);
  }
});
