import { deepStrictEqual } from "node:assert/strict";
import { EXIT } from "../../src/cli/session/exit.ts";

const ROOT = new URL("../../", import.meta.url);
const README = Deno.readTextFileSync(new URL("README.md", ROOT));

/** Codes of all faults that the source defines. */
function codesIn(directory: URL): string[] {
  return [...Deno.readDirSync(directory)].flatMap((entry) => {
    const url = new URL(entry.isDirectory ? `${entry.name}/` : entry.name, directory);
    if (entry.isDirectory) return codesIn(url);
    return [...Deno.readTextFileSync(url).matchAll(/readonly code = "([a-z-]+)"/g)].map(([, code = ""]) => code);
  });
}

/** First cells of the rows between two marks. */
function firstCells(from: string, to: string): string[] {
  const part = README.slice(README.indexOf(from)).split(to)[0] ?? "";
  return [...part.matchAll(/^\| `?([a-z0-9-]+)`? +\|/gm)].map(([, cell = ""]) => cell).filter((cell) =>
    !/^-+$/.test(cell)
  );
}

Deno.test("README lists the code of every fault, and no other", () => {
  const codes = new Set(codesIn(new URL("src/", ROOT)));
  deepStrictEqual(firstCells("<!-- errors -->", "\n## ").slice(1).sort(), [...codes, "bug"].sort());
});

Deno.test("README lists every exit status, and no other", () => {
  const statuses = Object.values(EXIT).map(String);
  deepStrictEqual(firstCells("### Exit statuses", "### Errors").slice(1), statuses);
});
