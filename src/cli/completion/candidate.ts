/** What completion offers to a shell. */

/** A word to offer, with a short description. */
export interface Candidate {
  readonly value: string;
  readonly about?: string;
}

/** Asks the shell to complete names of files, or of directories. No candidate begins with a colon. */
export type Files = ":files" | ":dirs";
