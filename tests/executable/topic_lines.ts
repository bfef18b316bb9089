/** Commands of help topics, for tests that follow them to the letter. */
import { ok } from "node:assert/strict";
import { parseMarkdown } from "../../src/cli/help/markdown.ts";
import { TOPICS } from "../../src/cli/help/topics.ts";

/** The first block of commands in a section. */
export function linesOf(topic: string, title: string): readonly string[] {
  const blocks = parseMarkdown(TOPICS.get(topic) ?? "");
  const start = blocks.findIndex((block) => block.kind === "heading" && block.text.startsWith(title));
  const code = blocks.slice(start).find((block) => block.kind === "code");
  ok(start >= 0 && code?.kind === "code", `no commands for ${title}`);
  return code.lines;
}
