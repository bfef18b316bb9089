/**
 * Keeps the names in an archive from leading out of the directory where it is unpacked, whatever its snapshot contains.
 */
import { type Apath, parentOf, TOP } from "../../../core/apath.ts";
import type { Entry } from "../../../core/entry.ts";
import { Fault } from "../../../core/fault.ts";
import { knownRaw, type Raw, textOf } from "../../../core/raw.ts";

/** The snapshot contains an entry below a symlink, which no backup makes. */
export class BelowLink extends Fault {
  readonly code = "below-link";
  readonly hint = "Run `backup-tool check`: no backup makes such a snapshot";
  constructor(path: Apath) {
    super(
      `Cannot put ${
        JSON.stringify(textOf(path))
      } into the archive: there is a link above it, which might lead elsewhere`,
    );
  }
}

/** Codes of what means something in names on Windows: the backslash, and the colon after a drive's letter. */
const CODES = "5C|3A";
/** What is as good as escaped already gets one more step, so that no two names become one. */
const ESCAPED = new RegExp(`%(?=(?:25)*(?:${CODES}))`, "g");

/**
 * Converts a name for a ZIP file: it is relative, and stays below the directory where it is unpacked, on Windows too.
 * @param name relative, with `/` between components
 */
export function zipName(name: Raw): Raw {
  if (!/[\\%]|^[A-Za-z]:/.test(name)) return name;
  return knownRaw(name.replace(ESCAPED, "%25").replaceAll("\\", "%5C").replace(/^([A-Za-z]):/, "$1%3A"));
}

/**
 * Remembers the links of a snapshot as its entries pass by; entries of a directory must come before what is below them.
 */
export class LinksPassed {
  readonly #links = new Set<Apath>();
  #parent: Apath = TOP;
  #isBelow = false;

  /** Checks that no link is above an entry. @throws BelowLink */
  assertBelowNone({ path, kind }: Pick<Entry, "path" | "kind">): void {
    if (kind === "symlink") this.#links.add(path);
    if (this.#links.size === 0 || path === TOP) return;
    const parent = parentOf(path);
    // One look for all that is in a directory; a link in it is not above the others.
    if (parent !== this.#parent || kind === "symlink") [this.#parent, this.#isBelow] = [parent, this.#hasAbove(parent)];
    if (this.#isBelow) throw new BelowLink(path);
  }

  #hasAbove(path: Apath): boolean {
    for (let at = path; at !== TOP; at = parentOf(at)) if (this.#links.has(at)) return true;
    return false;
  }
}
