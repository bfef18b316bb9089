import { strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
/** More than the main thread does alone. */
const FILES = 600;
const LONGEST_MS = 60_000;

Deno.test("a worker loses nothing it is sent while its modules are loaded, which takes long where nothing is cached", async () => {
  const base = Deno.makeTempDirSync();
  try {
    // A path where the program has never been: nothing of it is in a cache.
    for (const name of ["main.ts", "deno.json", "deno.lock", "src"]) {
      await new Deno.Command("cp", { args: ["-r", `${ROOT}/${name}`, base] }).output();
    }
    Deno.mkdirSync(`${base}/source`);
    for (let n = 0; n < FILES; n++) Deno.writeTextFileSync(`${base}/source/${n}`, `${n}`);
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--no-check", "main.ts"],
        ...["backup", "--init", "-s", "storage", "--workers", "2", "--quiet", "source"],
      ],
      cwd: base,
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
    const tooLong = setTimeout(() => child.kill("SIGKILL"), LONGEST_MS);
    const { code } = await child.status;
    clearTimeout(tooLong);
    strictEqual(code, 0);
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
});
