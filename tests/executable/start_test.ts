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

/** Milliseconds of the fastest of many starts: noise only ever adds. */
function fastest(program: string, args: string[], cwd: string): number {
  let best = Infinity;
  for (let i = 0; i < 15; i++) {
    const start = performance.now();
    run(program, args, cwd);
    best = Math.min(best, performance.now() - start);
  }
  return best;
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

Deno.test({ name: "version answers within 2.5 times the time of an empty program", ignore }, async () => {
  const dir = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${dir}/empty.js`, "");
    await compileScript(`${dir}/empty.js`, `${dir}/empty`);
    const empty = fastest(`${dir}/empty`, [], dir);
    const version = fastest(EXECUTABLE!, ["version"], dir);
    ok(version <= 2.5 * empty, `version: ${version.toFixed(1)} ms, an empty program: ${empty.toFixed(1)} ms`);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
