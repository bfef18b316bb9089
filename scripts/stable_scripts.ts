/**
 * Makes what the bundler wrote the same in every directory: it names packages by the way from the project to Deno's cache,
 * and scripts by hashes of texts with those names in them.
 */
import { createHash } from "node:crypto";

/** How a script names another one. */
const REFERENCE = /\.\/([\w.-]+-[0-9A-Z]{8}\.js)/g;
const HASHED = /^(.+)-[0-9A-Z]{8}\.js$/;
/** Where packages are, to readers. */
const PACKAGES = "npm/";
/** A name depends on the texts of scripts so many references away: more than it takes to tell all of them apart. */
const LEVELS = 8;
const HASH_DIGITS = 8;

/**
 * @param scripts texts by file name @param packages how the bundler names the directory of packages, with a final slash
 * @returns the same for the same source: other names, and texts that use them
 */
export function stableScripts(scripts: ReadonlyMap<string, string>, packages: string): ReadonlyMap<string, string> {
  const texts = new Map([...scripts].map(([name, text]) => [name, text.replaceAll(packages, PACKAGES)]));
  let names: ReadonlyMap<string, string> = new Map([...texts.keys()].map((name) => [name, stemOf(name)]));
  for (let level = 0; level < LEVELS; level++) names = namesFrom(texts, names);
  if (new Set(names.values()).size < names.size) throw new Error("Two scripts of the bundle can't be told apart");
  return new Map([...texts].map(([name, text]) => [nameIn(names, name), withNames(text, names)]));
}

/** Names with hashes of the texts as they would be with the names of before. */
function namesFrom(
  texts: ReadonlyMap<string, string>,
  before: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  return new Map([...texts].map(([name, text]) => {
    const stem = stemOf(name);
    return [name, stem === name ? name : `${stem}-${hashOf(withNames(text, before))}.js`];
  }));
}

/** Without its hash; the whole name if it has none. */
function stemOf(name: string): string {
  return HASHED.exec(name)?.[1] ?? name;
}

function withNames(text: string, names: ReadonlyMap<string, string>): string {
  return text.replaceAll(REFERENCE, (_, name: string) => `./${nameIn(names, name)}`);
}

function nameIn(names: ReadonlyMap<string, string>, name: string): string {
  return names.get(name) ?? name;
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, HASH_DIGITS).toUpperCase();
}
