/** All help topics. A new one is a Markdown file beside the code, its import, and its place in the list. */
import gettingStarted from "./getting-started.md" with { type: "text" };
import excludes from "./excludes.md" with { type: "text" };
import retention from "./retention.md" with { type: "text" };

/** Names to texts, in the order of `help topics`. The first line of each text is its title. */
export const TOPICS: ReadonlyMap<string, string> = new Map([
  ["getting-started", gettingStarted],
  ["excludes", excludes],
  ["retention", retention],
]);

/** Other words that people try. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ["tutorial", "getting-started"],
  ["patterns", "excludes"],
  ["exclude", "excludes"],
]);

/** The Markdown of a topic; undefined if there is none of that name. */
export function topicNamed(name: string): string | undefined {
  return TOPICS.get(ALIASES.get(name) ?? name);
}

/** What stands in the list of topics: the title of a text, "Excludes: what a backup leaves out", without its first word. */
export function titleOf(text: string): string {
  return (/^# (?:[^:\n]*: )?(.*)$/m.exec(text)?.[1] ?? "").replaceAll("`", "");
}
