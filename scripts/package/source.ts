/** What git knows of this source: when it was last changed, and what since the release before. */
import type { Commit } from "./artefacts/notes.ts";

/** For a source without git. */
const NO_TIME = new Date("2000-01-01T00:00:00Z");
/** Nothing that a subject or a path holds. */
const MARK = "\u0001";

/** SOURCE_DATE_EPOCH, else the time of the last commit. */
export async function sourceTime(): Promise<Date> {
  const seconds = Deno.env.get("SOURCE_DATE_EPOCH") ?? (await git("log", "-1", "--format=%ct"))?.trim();
  return seconds === undefined || !/^\d+$/.test(seconds) ? NO_TIME : new Date(1000 * Number(seconds));
}

/** The tag of the release before; undefined if there is none. */
export async function releaseBefore(version: string): Promise<string | undefined> {
  const tag = await git("describe", "--tags", "--abbrev=0", `--exclude=v${version}`);
  return tag?.trim() || undefined;
}

/** Commits since a tag, or all; oldest first. */
export async function commitsSince(tag: string | undefined): Promise<readonly Commit[]> {
  const range = tag === undefined ? [] : [`${tag}..HEAD`];
  const text = await git("log", "--reverse", "--no-merges", "--name-only", `--format=${MARK}%s`, ...range) ?? "";
  return text.split(MARK).slice(1).map((commit) => {
    const [subject = "", ...files] = commit.split("\n").filter((line) => line !== "");
    return { subject, files };
  });
}

/** @returns undefined if there is no git, or it fails */
async function git(...args: readonly string[]): Promise<string | undefined> {
  try {
    const cwd = new URL("../../", import.meta.url);
    const { success, stdout } = await new Deno.Command("git", { args: [...args], cwd, stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
