/** The executable within the memory of a small NAS. */
import { match, strictEqual } from "node:assert/strict";
import { IS_LINUX, IS_ROOT } from "../support/needs.ts";

const EXECUTABLE = Deno.env.get("BACKUP_TOOL_EXE");
const LIMIT = 512 * 2 ** 20;
const FILES = 200_000, FILES_A_DIRECTORY = 1000;

/** A control group with that limit; undefined where none can be made. */
function makeGroup(): string | undefined {
  if (EXECUTABLE === undefined || !Deno.env.has("SLOW") || !IS_LINUX || !IS_ROOT) return undefined;
  const places = [["/sys/fs/cgroup", "memory.max"], ["/sys/fs/cgroup/memory", "memory.limit_in_bytes"]] as const;
  for (const [root, file] of places) {
    if (!isThere(`${root}/cgroup.procs`)) continue;
    const group = `${root}/backup-tool-test-${Deno.pid}`;
    try {
      Deno.mkdirSync(group);
    } catch {
      continue; // no such tree, or nobody may
    }
    try {
      Deno.writeTextFileSync(`${group}/${file}`, `${LIMIT}`);
      return group;
    } catch {
      Deno.removeSync(group); // without a limit of memory
    }
  }
  return undefined;
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

const group = makeGroup();
if (group !== undefined) globalThis.addEventListener("unload", () => Deno.removeSync(group));

Deno.test({
  name: `backup and check of ${FILES.toLocaleString("en")} files work with 512 MiB of memory (SLOW)`,
  ignore: group === undefined,
}, () => {
  const base = Deno.makeTempDirSync({ prefix: "backup-tool-memory-" });
  try {
    for (let at = 0; at < FILES; at += FILES_A_DIRECTORY) {
      Deno.mkdirSync(`${base}/source/${at}`, { recursive: true });
      for (let i = 0; i < FILES_A_DIRECTORY; i++) Deno.writeTextFileSync(`${base}/source/${at}/${i}`, `${at} ${i}`);
    }
    const run = (...args: string[]) => {
      const { code, stdout, stderr } = new Deno.Command("sh", {
        args: ["-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', group!, EXECUTABLE!, ...args],
        cwd: base,
        clearEnv: true,
        env: { PATH: "/bin:/usr/bin", HOME: base, BACKUP_TOOL_STORAGE: "storage" },
      }).outputSync();
      strictEqual(code, 0, `${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
      return new TextDecoder().decode(stdout);
    };
    run("init");
    run("backup", "source");
    run("backup", "source");
    match(run("check"), /no damage/);
    const { problems } = JSON.parse(run("check", "--read-data", "--json"));
    strictEqual((problems ?? []).length, 0);
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
});
