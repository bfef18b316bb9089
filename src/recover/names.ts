/** Makes names that can be unpacked on any machine. */

const RESERVED = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i;
// deno-lint-ignore no-control-regex
const REFUSED = /[\x00-\x1f\x7f-\x9f\\/:*?"<>|\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]/;

/** A name without characters that some system refuses or that would hide it. */
export function cleanName(name: string): string {
  const clean = Array.from(name, (character) => REFUSED.test(character) && character.length === 1 ? "_" : character);
  const text = clean.join("").replace(/[. ]$/, "_");
  if (text === "" || text === "." || text === "..") return "_";
  return RESERVED.test(text) ? `_${text}` : text;
}

/** Makes paths for an archive. Paths that are equal, also by case or Unicode form, get a number. */
export class CleanPaths {
  readonly #taken = new Set<string>();
  readonly #directories = new Map<string, string>([["", ""]]);

  /** The clean path of a file. @param path relative, `a/b` */
  file(path: string): string {
    const slash = path.lastIndexOf("/");
    return this.#free(this.#directory(path.slice(0, Math.max(0, slash))), path.slice(slash + 1));
  }

  #directory(path: string): string {
    const known = this.#directories.get(path);
    if (known !== undefined) return known;
    const slash = path.lastIndexOf("/");
    const made = this.#free(this.#directory(path.slice(0, Math.max(0, slash))), path.slice(slash + 1));
    this.#directories.set(path, made);
    return made;
  }

  #free(parent: string, name: string): string {
    const clean = cleanName(name), [, stem = clean, ending = ""] = /^(.+?)(\.[^.]{1,10})?$/.exec(clean) ?? [];
    for (let n = 1;; n++) {
      const path = `${parent === "" ? "" : `${parent}/`}${n === 1 ? clean : `${stem} (${n})${ending}`}`;
      const key = path.normalize("NFC").toLowerCase();
      if (this.#taken.has(key)) continue;
      this.#taken.add(key);
      return path;
    }
  }
}
