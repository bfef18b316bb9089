/** What completion offers a shell. */

/** One word to offer, with a few words about it. */
export interface Candidate {
  readonly value: string;
  readonly about?: string;
}

/** Asks the shell for names of files, or of directories. A candidate can't begin with a colon. */
export type Files = ":files" | ":dirs";
