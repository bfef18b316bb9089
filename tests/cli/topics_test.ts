/** The topics say what the source says. */
import { deepStrictEqual } from "node:assert/strict";
import { parseMarkdown } from "../../src/cli/help/markdown.ts";
import { TOPICS } from "../../src/cli/help/topics.ts";
import { EXIT } from "../../src/cli/session/exit.ts";

const ROOT = new URL("../../", import.meta.url);

/** Codes of all faults that the source defines. */
function codesIn(directory: URL): string[] {
  return [...Deno.readDirSync(directory)].flatMap((entry) => {
    const url = new URL(entry.isDirectory ? `${entry.name}/` : entry.name, directory);
    if (entry.isDirectory) return codesIn(url);
    return [...Deno.readTextFileSync(url).matchAll(/readonly code = "([a-z-]+)"/g)].map(([, code = ""]) => code);
  });
}

Deno.test("help errors lists the code of every fault, and no other", () => {
  const listed = [...(TOPICS.get("errors") ?? "").matchAll(/^- `([a-z-]+)`: /gm)].map(([, code = ""]) => code);
  deepStrictEqual(listed.sort(), [...new Set(codesIn(new URL("src/", ROOT))), "bug"].sort());
});

Deno.test("help scripting lists every exit status, and no other", () => {
  const tables = parseMarkdown(TOPICS.get("scripting") ?? "").flatMap((block) => block.kind === "table" ? [block] : []);
  const statuses = tables.find(({ rows }) => rows[0]?.[0] === "status")?.rows.slice(1).map(([status]) => status);
  deepStrictEqual(statuses, Object.values(EXIT).map(String));
});
