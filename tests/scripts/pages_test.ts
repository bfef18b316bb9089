/** The pages for people who work on the source name files that are there. */
import { deepStrictEqual, ok } from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);
const PAGES = ["README.md", "src/README.md", "tests/README.md", "scripts/bench/README.md"];

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
