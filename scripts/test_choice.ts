/**
 * Which tests can't but pass again: nothing that they load has changed since they passed here. It is for the quick look
 * before a commit; `deno task test` believes nothing of it.
 */
import { createHash } from "node:crypto";
import type { TestLine } from "./tally.ts";

/** Files of the project by path: their text, or undefined for one that isn't there. */
export type ReadFile = (path: string) => string | undefined;

/** Any text that may be a file of code: an import, a worker's script, the program that a test starts. */
const CODE_NAME = /["'`]([\w./-]+\.ts)["'`]/g;
/** A test that looks at the source itself depends on all of it. */
const SOURCE_NAME = /["'`](?:\.\.?\/)*(?:src|tests|scripts)(?:\/[a-z_/]*)?["'`]/;

/** Names the script of threads, which is the program itself: it loads what the thread is for. */
const NAMES_THREADS = "tests/support/world.ts", PROGRAM = "main.ts";

/**
 * All files of code that a file may load, itself among them. Where only threads start from the program, they load those
 * parts of it that the test loads otherwise, too.
 */
export function closureOf(file: string, read: ReadFile): Set<string> {
  const found = new Set<string>(), parts = new Set<string>();
  let isProgram = false;
  for (let next = [file]; next.length > 0; next = [...parts].filter(isWanted)) next.forEach(visit);
  return found;

  function visit(path: string): void {
    if (found.has(path) || read(path) === undefined) return;
    found.add(path);
    const named = namedIn(path, read);
    isProgram ||= path !== NAMES_THREADS && named.includes(PROGRAM);
    named.forEach(path === PROGRAM ? (name) => parts.add(name) : visit);
  }

  function isWanted(part: string): boolean {
    if (found.has(part)) return false;
    return isProgram || [...found].some((path) => folderOf(path) === folderOf(part));
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

const links = new WeakMap<ReadFile, Map<string, readonly string[]>>();

/** Files that a file may load. */
function namedIn(path: string, read: ReadFile): readonly string[] {
  const known = links.get(read) ?? new Map<string, readonly string[]>();
  links.set(read, known);
  const named = known.get(path) ??
    [...(read(path) ?? "").matchAll(CODE_NAME)].flatMap(([, name = ""]) =>
      [`file:///${path}`, "file:///"].map((base) => new URL(name, base).pathname.slice(1)).filter((to) =>
        read(to) !== undefined
      )
    );
  known.set(path, named);
  return named;
}

/**
 * What stands for everything that the tests of a file depend on; undefined if nobody can tell.
 * @param others stands for everything that is no code: documents, fixtures, versions
 */
export function fingerprintOf(file: string, read: ReadFile, others: string): string | undefined {
  const closure = [...closureOf(file, read)].sort();
  if (closure.some((path) => !path.startsWith("src/") && SOURCE_NAME.test(read(path) ?? ""))) return undefined;
  const hash = createHash("sha256").update(others);
  for (const path of closure) hash.update(`${path}\0${digestOf(path, read)}\0`);
  return hash.digest("hex");
}

const digests = new WeakMap<ReadFile, Map<string, string>>();

function digestOf(path: string, read: ReadFile): string {
  const known = digests.get(read) ?? new Map<string, string>();
  digests.set(read, known);
  const digest = known.get(path) ?? createHash("sha256").update(read(path) ?? "").digest("hex");
  known.set(path, digest);
  return digest;
}

/** Files of which every test that ran passed. */
export function passedFiles(tests: readonly TestLine[]): Set<string> {
  const fileOf = ({ name }: TestLine) => name.split(" => ")[0] ?? "";
  const passed = new Set(tests.map(fileOf));
  for (const test of tests) if (test.result === "FAILED") passed.delete(fileOf(test));
  return passed;
}

/** A {@link ReadFile} of the project in the current directory, which reads each file once. */
export function projectFiles(): ReadFile {
  const texts = new Map<string, string | undefined>();
  return (path) => {
    if (!texts.has(path)) texts.set(path, textOf(path));
    return texts.get(path);
  };
}

function textOf(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.IsADirectory) return undefined;
    throw error;
  }
}

/** Stands for everything below the directories that is no code, for single files, and for the runtime. */
export function digestOfOthers(directories: readonly string[], files: readonly string[]): string {
  const hash = createHash("sha256").update(JSON.stringify(Deno.version));
  const add = (path: string) => hash.update(`${path}\0`).update(Deno.readFileSync(path));
  const visit = (directory: string) => {
    for (const { name, isDirectory, isFile } of [...Deno.readDirSync(directory)].sort(byName)) {
      const path = `${directory}/${name}`;
      if (isDirectory) visit(path);
      else if (isFile && !name.endsWith(".ts")) add(path);
    }
  };
  directories.forEach(visit);
  files.forEach(add);
  return hash.digest("hex");
}

function byName(a: Deno.DirEntry, b: Deno.DirEntry): number {
  return a.name < b.name ? -1 : 1;
}
