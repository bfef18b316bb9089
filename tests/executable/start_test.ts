import { match, ok, strictEqual } from "node:assert/strict";
import { compileScript } from "../../scripts/build.ts";
import { VERSION } from "../../src/core/version.ts";

const EXECUTABLE = Deno.env.get("BACKUP_TOOL_EXE");
const ignore = EXECUTABLE === undefined;

function run(program: string, args: string[], cwd: string): { code: number; stdout: string; stderr: string } {
  const { code, stdout, stderr } = new Deno.Command(program, { args, cwd, clearEnv: true, env: { PATH: "" } })
    .outputSync();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

const STARTS = 10, ROUNDS = 3;

/** Processor time of ten starts, in seconds: unlike time on the clock, other work adds little to it. */
function processorTime(program: string, args: string[], cwd: string): number {
  const script = `for i in ${Array.from({ length: STARTS }, (_, i) => i).join(" ")}; do "$@" > /dev/null; done; times`;
  const { code, stdout, stderr } = run("/bin/sh", ["-ec", script, "sh", program, ...args], cwd);
  strictEqual(code, 0, stderr);
  // Of the shell, then of its children: each "0m0.01s 0m0.02s".
  const [, user, , system] = /\n(\d+)m([\d.]+)s (\d+)m([\d.]+)s/.exec(stdout)?.slice(1).map(Number) ?? [];
  return (user ?? NaN) + (system ?? NaN);
}

Deno.test(
  { name: "the executable starts in an empty directory without PATH, and leaves nothing there", ignore },
  () => {
    const dir = Deno.makeTempDirSync();
    try {
      const { code, stdout } = run(EXECUTABLE!, ["version"], dir);
      strictEqual(code, 0);
      match(stdout, new RegExp(`^backup-tool ${VERSION.replaceAll(".", "\\.")}\\n`));
      strictEqual([...Deno.readDirSync(dir)].length, 0);
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  },
);

Deno.test({ name: "version takes at most four times the processor time of an empty program", ignore }, async () => {
  const dir = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${dir}/empty.js`, "");
    await compileScript(`${dir}/empty.js`, `${dir}/empty`);
    let empty = Infinity, version = Infinity;
    for (let round = 0; round < ROUNDS; round++) {
      empty = Math.min(empty, processorTime(`${dir}/empty`, [], dir));
      version = Math.min(version, processorTime(EXECUTABLE!, ["version"], dir));
    }
    ok(version <= 4 * empty, `version: ${version} s, an empty program: ${empty} s`);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
