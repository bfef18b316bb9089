/** What changed since the release before, from the commits. */
import type { Artefact, Release } from "../release.ts";

/** A commit: what it says, and which files it changed. */
export interface Commit {
  readonly subject: string;
  readonly files: readonly string[];
}

/** Sections, and what of a commit belongs into them: the first that fits. */
const SECTIONS: readonly { readonly title: string; readonly fits: (file: string) => boolean }[] = [
  { title: "Formats", fits: (file) => file.endsWith("FORMAT.md") },
  {
    title: "The tool",
    fits: (file) => file === "main.ts" || /^src\/.*\.(?:ts|md)$/.test(file) && !isForDevelopers(file),
  },
  { title: "Packages", fits: (file) => file === "scripts/build.ts" || file.startsWith("scripts/package/") },
  { title: "Documents", fits: (file) => file.endsWith(".md") && !isForDevelopers(file) },
];
const REST = "For developers";

function isForDevelopers(file: string): boolean {
  return /^(?:src\/.*README|src\/README|tests\/|scripts\/bench\/)/.test(file);
}

/** Newest last, as they were made. @param since the release before */
export function notesFor({ version }: Release, commits: readonly Commit[], since: string | undefined): Artefact {
  const sections = [...SECTIONS.map(({ title }) => title), REST].map((title) => ({
    title,
    subjects: commits.filter((commit) => sectionOf(commit) === title).map(({ subject }) => `- ${subject}`),
  }));
  const content = [
    `# ${version}`,
    "",
    since === undefined ? "All changes so far." : `Changes since ${since}.`,
    "",
    ...sections.flatMap(({ title, subjects }) => subjects.length === 0 ? [] : [`## ${title}`, "", ...subjects, ""]),
  ].join("\n");
  return { name: "RELEASE_NOTES.md", content };
}

function sectionOf({ files }: Commit): string {
  return SECTIONS.find(({ fits }) => files.some(fits))?.title ?? REST;
}
