/** Turns patterns that ignore case into ordinary .gitignore patterns: `*.jpg` becomes `*.[jJ][pP][gG]`. */

/** The pattern for any spelling of its letters. Comments and all other characters stay as they are. */
export function ignoringCase(line: string): string {
  if (line.startsWith("#")) return line;
  const characters = [...line];
  let spelt = "", isClass = false;
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? "", next = characters[at + 1] ?? "";
    if (character === "\\") {
      spelt += bothCases(next, isClass) ?? `\\${next}`;
      at++;
    } else if (!isClass) {
      spelt += bothCases(character, false) ?? character;
      if (character !== "[") continue;
      isClass = true;
      // What comes first is a member even if it is a bracket.
      const first = /^\[[!^]?\]?/.exec(characters.slice(at).join(""))?.[0] ?? "[";
      spelt += first.slice(1);
      at += first.length - 1;
    } else if (character === "[" && next === ":") {
      const end = characters.indexOf("]", at + 2);
      const name = characters.slice(at, end < 0 ? undefined : end + 1).join("");
      spelt += CASES[name] ?? name;
      at += [...name].length - 1;
    } else if (next === "-" && characters[at + 2] !== "]" && characters[at + 2] !== undefined) {
      spelt += bothRanges(character, characters[at + 2] ?? "");
      at += 2;
    } else {
      isClass = character !== "]";
      spelt += bothCases(character, true) ?? character;
    }
  }
  return spelt;
}

const CASES: Readonly<Record<string, string>> = {
  "[:lower:]": "[:lower:][:upper:]",
  "[:upper:]": "[:lower:][:upper:]",
};

/** A class of both cases of a character; undefined if it has only one. */
function bothCases(character: string, isClass: boolean): string | undefined {
  const lower = character.toLowerCase(), upper = character.toUpperCase();
  // One like the sharp s has no capital of one character.
  if (lower === upper || [...lower].length > 1 || [...upper].length > 1) return undefined;
  const both = [...new Set([lower, upper, character])].join("");
  return isClass ? both : `[${both}]`;
}

/** Both cases of a range of letters; any other range as it is. */
function bothRanges(first: string, last: string): string {
  const range = `${first}-${last}`;
  if (/^[a-z]-[a-z]$/.test(range)) return `${range}${range.toUpperCase()}`;
  return /^[A-Z]-[A-Z]$/.test(range) ? `${range}${range.toLowerCase()}` : range;
}
