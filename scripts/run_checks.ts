/**
 * Runs everything that must hold, and ends with one line `N passed, N failed` with the true counts of all runs, and
 * `, N skipped` if any test was ignored.
 *
 *   deno task test        format, lint, types, structure, tests, samples of the documents, the executable and its tests
 *   deno task ok          the same without the executable, and without the tests that kill the real program
 *   deno task crash       the crash tests alone, with many more kills, cuts and errors than the others make
 *
 * A failed format, lint, type or structure check counts as one failure, and so does each ignored test that IGNORABLE
 * doesn't name.
 * Exit status: 0 all passed, 1 not.
 */
import { buildExecutable, NoBaseRuntime } from "./build.ts";
import { TEST_FLAGS } from "./deno_test.ts";
import {
  addTallies,
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
/** Tests that start the program: from its source as a rule, once more as the executable where there is one. */
const BLACK_BOX = [
  EXECUTABLE_ONLY,
  "tests/cli",
  `${PROGRAM_CRASHES}/backup_killed_test.ts`,
  `${PROGRAM_CRASHES}/jobs_killed_test.ts`,
];
/** Has tests do more than there is time for before each commit. */
const SLOW = { SLOW: "1" };

interface Ran {
  readonly succeeded: boolean;
  readonly output: string;
}

/** Runs Deno, the same one that runs this; passes its output on and keeps it. */
async function deno(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    env: { ...env, [GUARD]: "running", NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [output, , status] = await Promise.all([
    passOn(child.stdout, Deno.stdout),
    passOn(child.stderr, Deno.stderr),
    child.status,
  ]);
  return { succeeded: status.success, output };
}

async function passOn(from: ReadableStream<Uint8Array>, to: { writeSync(bytes: Uint8Array): number }): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of from) {
    for (let done = 0; done < bytes.length;) done += to.writeSync(bytes.subarray(done));
    text += decoder.decode(bytes, { stream: true });
  }
  return text;
}

function heading(text: string): void {
  console.log(`\n== ${text}`);
}

/** A check that finds no numbers: only its failure counts. */
async function check(title: string, args: readonly string[]): Promise<Tally> {
  heading(title);
  const { succeeded } = await deno(args);
  return { passed: 0, failed: succeeded ? 0 : 1, ignored: 0 };
}

/** All tests of all runs. */
const seen: TestLine[] = [];

async function tests(title: string, args: readonly string[], env?: Record<string, string>): Promise<Tally> {
  heading(title);
  const { succeeded, output } = await deno(["test", "--parallel", ...TEST_FLAGS, ...args], env);
  seen.push(...testLines(output));
  return tallyOf(output, succeeded);
}

/** Compiles and tests the executable. Where no base runtime can be had, says so loudly and counts nothing. */
async function executable(): Promise<Tally> {
  heading("executable");
  try {
    const path = await buildExecutable({});
    return await tests("tests of the executable", await existing(BLACK_BOX), { [EXECUTABLE]: path });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    if (!(error instanceof NoBaseRuntime)) return { passed: 0, failed: 1, ignored: 0 };
    console.error("The executable and its tests are left out: this machine can't get a base runtime");
    return { passed: 0, failed: 0, ignored: 0 };
  }
}

async function existing(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(paths.map((path) => Deno.stat(path).then(() => [path], () => [])));
  return found.flat();
}

async function everything(fast: boolean): Promise<Tally[]> {
  const samples = await existing(SAMPLES);
  const left = fast ? [EXECUTABLE_ONLY, PROGRAM_CRASHES] : [EXECUTABLE_ONLY];
  const tallies = [
    await check("format", ["fmt", "--check"]),
    await check("lint", ["lint"]),
    await check("types", ["check", ...await existing(CODE)]),
    await check("structure", ["run", "-A", "scripts/structure.ts"]),
    await tests("tests", [`--ignore=${left.join()}`, "tests"]),
  ];
  if (samples.length > 0) tallies.push(await tests("samples of the documents", ["--doc", ...samples]));
  if (!fast) tallies.push(await executable());
  return tallies;
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
    ? [await tests("crash tests", [CRASH], SLOW)]
    : await everything(Deno.args.includes("--fast"));
  tellSlowest();
  const total = addTallies([...tallies, judgeIgnored()]);
  console.log(`\n${verdictOf(total)}`);
  Deno.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
}

if (import.meta.main) await main();
