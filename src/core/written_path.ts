/**
 * Paths as people write them: on a command line, in a variable, in the configuration, in a job. All of them are
 * converted here to the form that the system takes. `.` and `..` are resolved lexically, as a shell resolves them in
 * `cd link/..`: a directory that doesn't exist yet has no other `..`, and the path shown is the path meant.
 */
import { BadUsage } from "./fault.ts";
import { joinRaw, knownRaw, type Raw, rawOf } from "./raw.ts";

/** What relative paths are resolved against. */
export interface PathPlace {
  /** The current directory, as an absolute path. */
  directory(): Raw;
  /** The user's home directory, as text; undefined if unknown. */
  home(): string | undefined;
  /** True: backslashes separate components too, and `C:/` is absolute. */
  readonly isWindows?: boolean;
}

/** Why a text is not a path: a phrase that continues "a path ..."; undefined if it is one. */
export function whyNoPath(text: string): string | undefined {
  if (text === "") return "must not be empty";
  if (text.includes("\0")) return "can't contain NUL";
  return FOREIGN_SURROGATE.test(text) ? "can't contain half a character" : undefined;
}

/** Lone surrogates that stand for no byte: the system would be asked for another name. */
const FOREIGN_SURROGATE = /(?![\udc80-\udcff])\p{Surrogate}/u;

/**
 * Resolves a text to an absolute path without `.`, `..`, doubled and trailing slashes; `~` is the home directory.
 * @throws BadUsage
 */
export function pathOf(text: string, place: PathPlace): Raw {
  const why = whyNoPath(text);
  if (why !== undefined) throw noPath(text, why);
  const isWindows = place.isWindows ?? false;
  const written = withHome(text, place);
  const path = rawOf(isWindows ? written.replaceAll("\\", "/") : written);
  const isAbsolute = path.startsWith("/") || isWindows && /^[A-Za-z]:\//.test(path);
  return resolved(isAbsolute ? path : joinRaw(place.directory(), path), isWindows);
}

function noPath(text: string, why: string): BadUsage {
  return text === ""
    ? new BadUsage("A path is empty", "Name one; is a variable not set?")
    : new BadUsage(`Cannot use ${JSON.stringify(text)} as a path: it ${why}`, "Check the spelling");
}

function withHome(text: string, { home }: PathPlace): string {
  if (!/^~(?:\/|$)/.test(text)) return text;
  const found = home();
  if (found !== undefined) return found + text.slice(1);
  throw new BadUsage(
    `Cannot use ${
      JSON.stringify(text)
    } as a path: HOME is not set, and the system knows no home directory of this user`,
    "Set HOME, or write the whole path",
  );
}

/** Normalises an absolute path: no `.`, `..`, doubled and trailing slashes. `..` of the top is the top. */
export function resolved(path: Raw, isWindows = false): Raw {
  if (!UNRESOLVED.test(path)) return path;
  // Of a share of Windows: //machine/share.
  const [top = "/"] = (isWindows ? /^(?:[A-Za-z]:\/|\/\/?)/ : /^(?:[A-Za-z]:)?\//).exec(path) ?? [];
  const parts: string[] = [];
  for (const part of path.slice(top.length).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return knownRaw(`${top}${parts.join("/")}`);
}

const UNRESOLVED = /\/\.{0,2}(?:\/|$)/;

/**
 * Converts typed text, replacing `\udcXX` by the byte XX: `--json` shows bytes that are not UTF-8 in this form, and it
 * is the only way to type them as an argument. In a name that really contains these six characters, write `\u005c` for
 * the backslash.
 */
export function typedText(text: string): string {
  if (!text.includes("\\u")) return text;
  return text.replace(
    /\\u(?:(dc[89a-f][0-9a-f])|005c)/gi,
    (_, code?: string) => code === undefined ? "\\" : String.fromCharCode(parseInt(code, 16)),
  );
}
