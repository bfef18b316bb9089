/** All files of a release, made twice from clones in different places: the same bytes. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { has, IS_LINUX } from "../support/needs.ts";

const can = Deno.env.has("SLOW") && Deno.env.has("BACKUP_TOOL_EXE") && IS_LINUX && has("git");

function done(command: string, args: readonly string[], cwd: string): string {
  const { code, stdout, stderr } = new Deno.Command(command, { args: [...args], cwd }).outputSync();
  strictEqual(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** @returns sums of all files, by their own count */
function madeIn(directory: string, project: string): string {
  done("git", ["clone", "--quiet", "--no-local", project, directory], ".");
  done(Deno.execPath(), ["run", "-A", "scripts/package/main.ts", "--url", "https://example.org/v1"], directory);
  const sums = "find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum && sha256sum --quiet -c SHA256SUMS";
  return done("sh", ["-ec", sums], `${directory}/dist/packages`);
}

Deno.test({ name: "deno task package makes the same bytes twice, in different places (SLOW)", ignore: !can }, () => {
  const base = Deno.makeTempDirSync({ prefix: "backup-tool-package-" });
  try {
    const first = madeIn(`${base}/one`, new URL("../..", import.meta.url).pathname);
    // Of the first clone, so that it is the same commit.
    const second = madeIn(`${base}/another/place`, `${base}/one`);
    match(first, /backup-tool-[\d.]+-linux-x64-glibc$/m);
    ok(first.split("\n").length > 50);
    deepStrictEqual(second.split("\n"), first.split("\n"));
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
});
