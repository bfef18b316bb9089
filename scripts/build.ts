/**
 * Makes the executable.
 *
 *   deno task compile                       dist/backup-tool for this machine
 *   deno task compile --target linux-arm64  dist/backup-tool-aarch64-unknown-linux-gnu
 *
 * `main.ts` and everything it imports, packages too, becomes a few plain scripts, which are embedded in a base runtime.
 * What is imported only when a command runs stays a script of its own: one script for all would take 8 ms longer to
 * start. The program starts its workers from `main.js` itself, so nothing else has to be included.
 *
 * The base runtime comes from Deno's download site. Where that can't be reached, the environment may name two files:
 * DENORT_BIN, a base runtime for this machine, and COMPILE_DENO, the Deno of the same version, which then compiles.
 */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { stableScripts } from "./stable_scripts.ts";

/** Short names to what Deno calls the platform. */
const TARGETS: Readonly<Record<string, string>> = {
  "linux-x64": "x86_64-unknown-linux-gnu",
  "linux-arm64": "aarch64-unknown-linux-gnu",
  "macos-x64": "x86_64-apple-darwin",
  "macos-arm64": "aarch64-apple-darwin",
  "windows-x64": "x86_64-pc-windows-msvc",
};

const ROOT = new URL("../", import.meta.url);
const SCRIPTS = "dist/scripts";
const ENTRY = `${SCRIPTS}/main.js`;

/**
 * The garbage collector lets a heap grow the further, the larger it may become, and each thread has one. Measured with
 * 200,000 files: 280 MB instead of 390 MB, and no slower. The youngest objects may grow to 8 MB: with half of that, a
 * first backup copies those of files on their way again and again, which costs a tenth. The others are first looked
 * through at 24 MB: a run of a second needs that never. Marking makes no tasks: a thread's event loop runs such a task
 * again and again while other threads mark, which took a tenth of a backup's processor time, and with real-time
 * priority on all cores for ever. `gc` is for src/core/garbage.ts.
 */
export const V8_FLAGS = [
  "--expose-gc",
  "--max-old-space-size=512",
  "--initial-old-space-size=24",
  "--max-semi-space-size=8",
  "--no-incremental-marking-task",
].join(",");

/**
 * No code cache: the runtime keeps it under a fixed name in the shared temporary directory and doesn't look who wrote
 * it, so that on a shared machine somebody else could put code into a program run by root.
 */
const COMPILE_FLAGS = ["--no-check", "--no-code-cache", "--no-config", `--v8-flags=${V8_FLAGS}`, "-A"];

/** The same for all scripts, so that equal scripts make equal executables. */
const SCRIPT_TIME = new Date("2000-01-01T00:00:00Z");

/** Machine code that a package (ssh2) tries to load, and does without. */
const OPTIONAL_NATIVE = ["cpu-features", "*.node"];

/** The build can't be done as asked; the message is for the person who asked. */
export class BuildFailed extends Error {}

/** This machine can't get a base runtime: nothing is wrong with the program. */
export class NoBaseRuntime extends BuildFailed {}

export interface BuildOptions {
  /** A short or a full name; undefined: this machine. */
  readonly target?: string | undefined;
}

/** The full name of a target. @throws BuildFailed for an unknown one */
export function targetNamed(name: string): string {
  const full = Object.entries(TARGETS).find((names) => names.includes(name))?.[1];
  if (full === undefined) {
    throw new BuildFailed(`Cannot build for ${JSON.stringify(name)}: give one of ${Object.keys(TARGETS).join(", ")}`);
  }
  return full;
}

/** Where the executable goes, relative to the project. @param target full name; undefined: this machine, `host` */
export function outputFor(target: string | undefined, host: string): string {
  const suffix = (target ?? host).includes("windows") ? ".exe" : "";
  return target === undefined ? `dist/backup-tool${suffix}` : `dist/backup-tool-${target}${suffix}`;
}

/** True if what the compiler printed says that the base runtime could not be downloaded. */
export function isDownloadFailure(output: string): boolean {
  return /error sending request|bad response/i.test(output);
}

/** Builds, and returns the absolute path of the executable. @throws BuildFailed, NoBaseRuntime */
export async function buildExecutable(options: BuildOptions): Promise<string> {
  const target = options.target === undefined ? undefined : targetNamed(options.target);
  const output = fileURLToPath(new URL(outputFor(target, Deno.build.target), ROOT));
  await Deno.mkdir(new URL("dist/", ROOT), { recursive: true });
  await bundle();
  await compileScript(ENTRY, output, target);
  return output;
}

async function bundle(): Promise<void> {
  await Deno.remove(new URL(SCRIPTS, ROOT), { recursive: true }).catch(() => {}); // there was none
  const without = OPTIONAL_NATIVE.flatMap((name) => ["--external", name]);
  const args = ["bundle", "--platform=deno", "--code-splitting", ...without, "--outdir", SCRIPTS, "main.ts"];
  const { succeeded, output } = await run(Deno.execPath(), args, environment());
  if (!succeeded) throw new BuildFailed(`Cannot bundle main.ts:\n${output}`);
  await deferRequire();
  await stabilize();
  await forgetTimes();
}

/** Neither the place of the project nor that of Deno's cache may show in the executable. */
async function stabilize(): Promise<void> {
  const cache = await Deno.realPath(await cacheDirectory()), scripts = new Map<string, string>();
  for await (const { name } of Deno.readDir(new URL(SCRIPTS, ROOT))) {
    scripts.set(name, await Deno.readTextFile(new URL(`${SCRIPTS}/${name}`, ROOT)));
    await Deno.remove(new URL(`${SCRIPTS}/${name}`, ROOT));
  }
  const packages = `${relative(fileURLToPath(ROOT), cache).replaceAll("\\", "/")}/npm/`;
  for (const [name, text] of stableScripts(scripts, packages)) {
    await Deno.writeTextFile(new URL(`${SCRIPTS}/${name}`, ROOT), text);
  }
}

/** Where Deno keeps packages. */
async function cacheDirectory(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"], env: environment() }).output();
  return (JSON.parse(new TextDecoder().decode(stdout)) as { readonly denoDir: string }).denoDir;
}

/** The executable holds when each script was written: the same source would make other bytes each time. */
async function forgetTimes(): Promise<void> {
  for await (const { name } of Deno.readDir(new URL(SCRIPTS, ROOT))) {
    await Deno.utime(new URL(`${SCRIPTS}/${name}`, ROOT), SCRIPT_TIME, SCRIPT_TIME);
  }
}

/** What the bundler puts before packages that call `require`: into a script that all others import. */
const REQUIRE = /import \{ createRequire as (\w+) \} from "node:module";\nvar __require = \1\(import\.meta\.url\);/;

/** Loads `node:module` only where a package asks for it: else every start, and every thread, would take 3 MB for it. */
async function deferRequire(): Promise<void> {
  const lazily =
    `var __require = (name) => process.getBuiltinModule("node:module").createRequire(import.meta.url)(name);`;
  for await (const { name } of Deno.readDir(new URL(SCRIPTS, ROOT))) {
    const script = new URL(`${SCRIPTS}/${name}`, ROOT), text = await Deno.readTextFile(script);
    if (REQUIRE.test(text)) await Deno.writeTextFile(script, text.replace(REQUIRE, lazily));
  }
}

/**
 * Embeds a script, and what it imports, in a base runtime.
 * @param target full name; undefined: this machine
 * @throws BuildFailed, NoBaseRuntime
 */
export async function compileScript(script: string, output: string, target?: string): Promise<void> {
  const forThisMachine = target === undefined || target === Deno.build.target;
  const compiler = (forThisMachine && Deno.env.get("COMPILE_DENO")) || Deno.execPath();
  const args = [
    "compile",
    ...COMPILE_FLAGS,
    ...(target === undefined ? [] : ["--target", target]),
    "-o",
    output,
    script,
  ];
  const { succeeded, output: said } = await run(
    compiler,
    args,
    forThisMachine ? environment() : environmentWithoutBase(),
  );
  if (succeeded) return;
  if (!isDownloadFailure(said)) throw new BuildFailed(`Cannot compile ${script}:\n${said}`);
  throw new NoBaseRuntime(noBaseRuntime(said));
}

function environment(): Record<string, string> {
  return { ...Deno.env.toObject(), NO_COLOR: "1" };
}

/** A base runtime for this machine is the wrong one for another target. */
function environmentWithoutBase(): Record<string, string> {
  const { DENORT_BIN: _, ...rest } = environment();
  return rest;
}

function noBaseRuntime(said: string): string {
  return `Cannot download the base runtime for the executable:\n${said}\n` +
    "Build on a machine that reaches https://dl.deno.land, or set DENORT_BIN to a base runtime (denort) for this machine " +
    "and COMPILE_DENO to the Deno of the same version.";
}

async function run(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ readonly succeeded: boolean; readonly output: string }> {
  const child = new Deno.Command(command, { args: [...args], cwd: ROOT, env, clearEnv: true });
  const { success, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { succeeded: success, output: (decoder.decode(stdout) + decoder.decode(stderr)).trim() };
}

async function main(): Promise<void> {
  try {
    const { values } = parseArgs({ args: Deno.args, options: { target: { type: "string" } } });
    const path = await buildExecutable(values);
    const { size } = await Deno.stat(path);
    console.log(`${path} (${(size / 1e6).toFixed(0)} MB)`);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    console.error(error instanceof BuildFailed || error instanceof TypeError ? error.message : error);
    Deno.exit(1);
  }
}

if (import.meta.main) await main();
