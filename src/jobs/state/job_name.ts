/** Names of job files. */
import { type Raw, textOf } from "../../core/raw.ts";

/** Also over several lines: a newline is a byte of a name like others. */
const JOB_FILE = /^[^.~#].*\.jsonc?$/is;

/** False for hidden and temporary names, and for other extensions. */
export function isJobName(name: Raw): boolean {
  return JOB_FILE.test(name);
}

// deno-lint-ignore no-control-regex -- these would break the line, or disturb a terminal
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u2028\u2029]|\p{Surrogate}/gu;

/** A name as it may appear in one line of text, whatever it contains. */
export function nameText(name: Raw): string {
  return textOf(name).replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
