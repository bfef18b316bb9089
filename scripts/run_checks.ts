/**
 * Runs everything that must hold, and ends with one line `N passed, N failed` with the true counts of all runs, and
 * `, N skipped` if any test was ignored.
 *
 *   deno task test        format, lint, types, structure, tests, some of them on the disk of other systems once more, samples
 *                         of the documents, the executable and its tests
 *   deno task ok          what can be had before each commit: without the executable and the tests that kill the real
 *                         program, with a third of the random input (tests/support/effort.ts), files in memory where there
 *                         is room, many files of tests in one go (tests/support/group.ts), and without the files of tests
 *                         that passed here with the very same code (test_choice.ts), and the slowest where two minutes don't
 *                         do (tests/times.json, until they have run here); `deno task ok --all` runs them, too
 *   deno task crash       the crash tests alone, with many more kills, cuts and errors than the others make
 *
 * What needs no tests runs beside them, and is told of after them. A failed format, lint, type or structure check counts as one failure, and so does each ignored test that IGNORABLE
 * doesn't name.
 * Exit status: 0 all passed, 1 not.
 */
import { buildExecutable, NoBaseRuntime } from "./build.ts";
import { TEST_FLAGS } from "./deno_test.ts";
import { PORTABLE_DISK, PORTABLE_PREFIX, PORTABLE_TESTS } from "./portable_tests.ts";
import { digestOfOthers, fingerprintOf, passedFiles, projectFiles } from "./test_choice.ts";
import { inGroups, msByFile, testFilesBelow, withinTime } from "./test_groups.ts";
import {
  addTallies,
  filesOfFewFailures,
  slowest,
  type Tally,
  tallyOf,
  type TestLine,
  testLines,
  verdictOf,
  wronglyIgnored,
} from "./tally.ts";

/** Set for everything this script starts, so that a test that starts it again can't run for ever. */
const GUARD = "BACKUP_TOOL_CHECKS";
/** Tells the tests of the executable where it is. */
const EXECUTABLE = "BACKUP_TOOL_EXE";
/** Which tests may be ignored. */
const IGNORABLE = "tests/ignored.txt";
const SAMPLES = ["src/storage/FORMAT.md", "src/vault/FORMAT.md"];
const CODE = ["main.ts", "src", "tests", "scripts"];
/** Tests that need the compiled executable. */
const EXECUTABLE_ONLY = "tests/executable";
const CRASH = "tests/crash";
/** Those that kill the real program, which takes long. */
const PROGRAM_CRASHES = "tests/crash/program";
/** Tests that start the program: the executable where there is one, else the source. */
const BLACK_BOX = [
  EXECUTABLE_ONLY,
  "tests/cli",
  `${PROGRAM_CRASHES}/backup_killed_test.ts`,
  `${PROGRAM_CRASHES}/jobs_killed_test.ts`,
];
/** Has tests do more than there is time for in every run. */
const SLOW = { SLOW: "1" };
/** Has tests do less, before each commit. */
const QUICK = { QUICK: "1" };
/** A file system in memory, and how much must be free there. */
const MEMORY = "/dev/shm", MEMORY_KIB = 3_000_000;
/** How long each file of tests took when it last ran here; of others, how long those take that need seconds. */
const TIMES = "dist/test_times.json", TYPICAL_TIMES = "tests/times.json";
/** What each file of tests depended on when all of its tests last passed here. */
const PASSED = "dist/passed_tests.json";
/** A test that waits leaves a core to another. */
const JOBS = navigator.hardwareConcurrency + 1;
const GROUPS_A_JOB = 4;
/** For the tests before a commit; what the checks need besides is two minutes then. */
const LIMIT_MS = 100_000;
/** In a group what one file leaves behind would be another's leak. */
const UNBLAMED = TEST_FLAGS.filter((flag) => !flag.startsWith("--sanitize"));

interface Ran {
  readonly succeeded: boolean;
  readonly output: string;
}

interface Sink {
  writeSync(bytes: Uint8Array): number;
}

/** Where the words of a run go. */
interface Outlet {
  readonly stdout: Sink;
  readonly stderr: Sink;
}

/** Keeps what is said until somebody may say it. */
class Kept implements Outlet {
  readonly #said: (readonly [Sink, Uint8Array])[] = [];
  readonly stdout = this.#keeperFor(Deno.stdout);
  readonly stderr = this.#keeperFor(Deno.stderr);

  tell(): void {
    for (const [to, bytes] of this.#said.splice(0)) writeAll(to, bytes);
  }

  #keeperFor(to: Sink): Sink {
    return { writeSync: (bytes) => this.#said.push([to, bytes.slice()]) && bytes.length };
  }
}

/** Runs Deno, the same one that runs this; passes its output on and keeps it. */
async function deno(args: readonly string[], outlet: Outlet, env: Record<string, string> = {}): Promise<Ran> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    env: { ...env, [GUARD]: "running", NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [output, , status] = await Promise.all([
    passOn(child.stdout, outlet.stdout),
    passOn(child.stderr, outlet.stderr),
    child.status,
  ]);
  return { succeeded: status.success, output };
}

async function passOn(from: ReadableStream<Uint8Array>, to: Sink): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of from) {
    writeAll(to, bytes);
    text += decoder.decode(bytes, { stream: true });
  }
  return text;
}

function writeAll(to: Sink, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += to.writeSync(bytes.subarray(done));
}

function heading(text: string, { stdout }: Outlet = Deno): void {
  writeAll(stdout, new TextEncoder().encode(`\n== ${text}\n`));
}

/** A check that finds no numbers: only its failure counts. */
async function check(title: string, args: readonly string[], outlet: Outlet): Promise<Tally> {
  heading(title, outlet);
  const { succeeded } = await deno(args, outlet);
  return { passed: 0, failed: succeeded ? 0 : 1, ignored: 0 };
}

/** All tests of all runs. */
const seen: TestLine[] = [];

async function tests(
  title: string,
  args: readonly string[],
  { env = {}, outlet = Deno, flags = TEST_FLAGS, prefix = "" }: {
    readonly env?: Record<string, string>;
    readonly outlet?: Outlet;
    readonly flags?: readonly string[];
    /** Before the name of each test. */
    readonly prefix?: string;
  } = {},
): Promise<Tally> {
  heading(title, outlet);
  const jobs = { DENO_JOBS: `${JOBS}` };
  const { succeeded, output } = await deno(["test", "--parallel", ...flags, ...args], outlet, { ...jobs, ...env });
  seen.push(...testLines(output).map((line) => ({ ...line, name: prefix + line.name })));
  const tally = tallyOf(output, succeeded), doubtful = succeeded ? [] : filesOfFewFailures(output);
  if (doubtful.length === 0 || !await passAlone(doubtful, { env, outlet })) return tally;
  flaky.push(...testLines(output).filter(({ result }) => result === "FAILED").map(({ name }) => prefix + name));
  return { ...tally, passed: tally.passed + tally.failed, failed: 0 };
}

/** Tests that failed beside others, and not alone: to be mended, but no reason to distrust the program. */
const flaky: string[] = [];
const LOOKS_AGAIN = 2;

/** Looks again at files of which a test failed: each time all of them must pass. */
async function passAlone(
  files: readonly string[],
  { env, outlet }: { readonly env: Record<string, string>; readonly outlet: Outlet },
): Promise<boolean> {
  for (let look = 0; look < LOOKS_AGAIN; look++) {
    heading(`once more, alone: ${files.join(", ")}`, outlet);
    if (!(await deno(["test", ...TEST_FLAGS, "--trace-leaks", ...files], outlet, env)).succeeded) return false;
  }
  return true;
}

/** The executable, or why there is none. */
interface Built {
  readonly path: string | undefined;
  readonly tally: Tally;
}

/** Compiles the executable. Where no base runtime can be had, says so loudly and counts nothing. */
async function executable(): Promise<Built> {
  heading("executable");
  const none = { passed: 0, failed: 0, ignored: 0 };
  try {
    return { path: await buildExecutable({}), tally: none };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    if (!(error instanceof NoBaseRuntime)) return { path: undefined, tally: { ...none, failed: 1 } };
    console.error("The executable and its tests are left out: this machine can't get a base runtime");
    return { path: undefined, tally: none };
  }
}

async function existing(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(paths.map((path) => Deno.stat(path).then(() => [path], () => [])));
  return found.flat();
}

/** What needs no tests. */
async function looks(outlet: Outlet): Promise<Tally[]> {
  const samples = await existing(SAMPLES);
  return [
    await check("format", ["fmt", "--check"], outlet),
    await check("lint", ["lint"], outlet),
    await check("types", ["check", ...await existing(CODE)], outlet),
    await check("structure", ["run", "-A", "scripts/structure.ts"], outlet),
    ...samples.length === 0 ? [] : [await tests("samples of the documents", ["--doc", ...samples], { outlet })],
  ];
}

/** Tests that start the program start the executable, if there is one; some of them the source, too, on the other disk. */
async function everything(): Promise<Tally[]> {
  const kept = new Kept(), looking = looks(kept);
  const { path, tally } = await executable();
  const others = path === undefined ? [EXECUTABLE_ONLY] : BLACK_BOX;
  const tested = await tests("tests", [`--ignore=${others.join(",")}`, "tests"]);
  const looked = await looking;
  kept.tell();
  const options = { env: PORTABLE_DISK, prefix: PORTABLE_PREFIX };
  const portable = await tests("tests on the disk of other systems", await existing(PORTABLE_TESTS), options);
  if (path === undefined) return [...looked, tally, tested, portable];
  const env = { [EXECUTABLE]: path };
  return [...looked, tested, portable, await tests("tests of the executable", await existing(BLACK_BOX), { env })];
}

/** What can be had in two minutes. */
async function fast(): Promise<Tally[]> {
  const kept = new Kept(), looking = looks(kept);
  const base = temporaryDirectory();
  const remove = () => Deno.removeSync(base, { recursive: true });
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => (remove(), Deno.exit(130)));
  try {
    const { files, prints } = filesToTest();
    const groups = inGroups(files, times(), { count: JOBS * GROUPS_A_JOB, directory: base });
    const env = { ...QUICK, TMPDIR: base };
    const tested = await tests("tests", ["--config=deno.json", ...groups], { env, flags: UNBLAMED });
    Deno.mkdirSync("dist", { recursive: true });
    noteIn(TIMES, msByFile(seen));
    noteIn(PASSED, Object.fromEntries([...passedFiles(seen)].map((file) => [file, prints.get(file) ?? ""])));
    const looked = await looking;
    kept.tell();
    return [...looked, tested];
  } finally {
    remove();
  }
}

/** For the files of the tests: open to all as such directories are, and with a short name, as those of sockets must be. */
function temporaryDirectory(): string {
  const base = emptyDirectory();
  Deno.chmodSync(base, 0o1777);
  return base;
}

/** In memory if there is room. */
function emptyDirectory(): string {
  const prefix = "bt-";
  if (Deno.build.os !== "linux") return Deno.makeTempDirSync({ prefix });
  const args = ["--output=fstype,avail", "-k", MEMORY];
  const { stdout } = new Deno.Command("df", { args, stderr: "null" }).outputSync();
  const [kind, free] = new TextDecoder().decode(stdout).trim().split("\n").at(-1)?.split(/\s+/) ?? [];
  return Deno.makeTempDirSync({ prefix, ...(kind === "tmpfs" && Number(free) > MEMORY_KIB && { dir: MEMORY }) });
}

/** The files of tests that are worth running, and what stands for all that each depends on. */
function filesToTest(): { readonly files: readonly string[]; readonly prints: ReadonlyMap<string, string> } {
  const all = testFilesBelow("tests", [EXECUTABLE_ONLY, PROGRAM_CRASHES]);
  const read = projectFiles(), others = digestOfOthers(["src", "tests"], ["deno.json", "deno.lock", "README.md"]);
  const prints = new Map(all.flatMap((file) => {
    const print = fingerprintOf(file, read, others);
    return print === undefined ? [] : [[file, print] as const];
  }));
  const passed = Deno.args.includes("--all") ? {} : known<string>(PASSED);
  const files = all.filter((file) => prints.get(file) === undefined || prints.get(file) !== passed[file]);
  const rest = all.length - files.length;
  if (rest > 0) console.log(`${rest} of ${all.length} files of tests passed with the same code: not run again`);
  const limitMs = Deno.args.includes("--all") ? Infinity : LIMIT_MS * JOBS;
  const { chosen, left } = withinTime(files, times(), limitMs);
  if (left.length > 0) console.log(`${left.length} slow files are left to \`deno task test\`: ${left.join(", ")}`);
  return { files: chosen, prints };
}

/** By file of tests; nothing is known of others. */
function known<T>(path: string): Record<string, T> {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch {
    return {};
  }
}

/** Milliseconds by file of tests. */
function times(): Record<string, number> {
  return { ...known<number>(TYPICAL_TIMES), ...known<number>(TIMES) };
}

function noteIn<T>(path: string, news: Readonly<Record<string, T>>): void {
  Deno.writeTextFileSync(path, JSON.stringify({ ...known<T>(path), ...news }, undefined, 2));
}

function tellSlowest(): void {
  heading("slowest tests");
  for (const { name, ms } of slowest(seen)) console.log(`${(ms / 1000).toFixed(1)} s  ${name}`);
}

/** Names every ignored test; one that isn't expected counts as a failure. */
function judgeIgnored(): Tally {
  const ignored = new Set(seen.filter(({ result }) => result === "ignored").map(({ name }) => name));
  if (ignored.size > 0) heading("ignored tests");
  const wrong = new Set(wronglyIgnored(seen, Deno.readTextFileSync(IGNORABLE)));
  for (const name of ignored) console.log(`${wrong.has(name) ? "UNEXPECTED  " : ""}${name}`);
  if (wrong.size > 0) console.log(`${wrong.size} ignored tests are not in ${IGNORABLE}: install what they need`);
  return { passed: 0, failed: wrong.size, ignored: 0 };
}

async function main(): Promise<void> {
  if (Deno.env.has(GUARD)) throw new Error("The checks are running already: a test must not start them again");
  Deno.chdir(new URL("..", import.meta.url));
  const tallies = Deno.args.includes("--crash")
    ? [await tests("crash tests", [CRASH], { env: SLOW })]
    : await (Deno.args.includes("--fast") ? fast() : everything());
  tellSlowest();
  if (flaky.length > 0) heading("flaky tests: failed beside others, passed alone; mend them");
  for (const name of flaky) console.log(name);
  const total = addTallies([...tallies, judgeIgnored()]);
  console.log(`\n${verdictOf(total)}`);
  Deno.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
}

if (import.meta.main) await main();
