/** The executable as the service of a NAS: many small jobs, one after the other. */
import { strictEqual } from "node:assert/strict";

const EXECUTABLE = Deno.env.get("BACKUP_TOOL_EXE");
const JOBS = Deno.env.get("SLOW") ? 1000 : 60;

Deno.test({
  name: "the executable does many small jobs, without anything else to help it",
  ignore: EXECUTABLE === undefined,
}, () => {
  const base = Deno.makeTempDirSync({ prefix: "backup-tool-serve-" });
  try {
    const run = (...args: string[]) => {
      const options = { args, cwd: base, clearEnv: true, env: { PATH: "", BACKUP_TOOL_STORAGE: "storage" } };
      const { code, stderr, stdout } = new Deno.Command(EXECUTABLE!, options).outputSync();
      strictEqual(code, 0, new TextDecoder().decode(stderr));
      return new TextDecoder().decode(stdout);
    };
    run("init");
    Deno.mkdirSync(`${base}/jobs`);
    Deno.mkdirSync(`${base}/incoming`);
    for (let i = 0; i < JOBS; i++) {
      Deno.writeTextFileSync(`${base}/incoming/${i}`, `content ${i}`);
      const job = { kind: "import", source: `${base}/incoming/${i}`, destination: `all/${i}` };
      Deno.writeTextFileSync(`${base}/jobs/${i}.json`, JSON.stringify(job));
    }
    run("serve", "--jobs", "jobs", "--once");
    for (let i = 0; i < JOBS; i++) {
      strictEqual(Deno.readTextFileSync(`${base}/storage/archive/all/${i}`), `content ${i}`);
    }
    strictEqual([...Deno.readDirSync(`${base}/incoming`)].length, 0);
    strictEqual(JSON.parse(run("job", "history", "--all", "--json")).length, JOBS);
    run("check", "--read-data");
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
});
