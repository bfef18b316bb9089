import { ok, strictEqual } from "node:assert/strict";
import { terminal } from "../../src/platform/terminal.ts";
import { has } from "../support/needs.ts";

const PROGRAM = new URL("./system_program.ts", import.meta.url).pathname;

Deno.test("columns() is never 0", () => ok(terminal().columns() > 0));

for (const [size, expected] of [[0, 80], [132, 132]]) {
  Deno.test(`columns() is ${expected} on a terminal that says ${size}`, { ignore: !has("script") }, async () => {
    const command = `stty cols ${size}; ${Deno.execPath()} run -A --no-check ${PROGRAM} columns`;
    const args = ["-qec", command, "/dev/null"];
    const output = await new Deno.Command("script", { args, stdin: "null" }).output();
    strictEqual(new TextDecoder().decode(output.stdout).trim(), `true ${expected}`);
  });
}

const ASKING = `import { isStdoutClosed } from ${
  JSON.stringify(new URL("../../src/platform/terminal.ts", import.meta.url).href)
};
console.error(isStdoutClosed());`;

for (const [how, is] of [[">&-", true], ["> /dev/null", false], ["| cat", false], ["> file", false]] as const) {
  Deno.test({
    name: `isStdoutClosed() is ${is} for a program that was started with ${how}`,
    ignore: Deno.build.os !== "linux",
    fn: () => {
      const cwd = Deno.makeTempDirSync();
      Deno.writeTextFileSync(`${cwd}/program.ts`, ASKING);
      const line = `{ "$0" run -A --no-check program.ts; } ${how}`;
      const { stderr } = new Deno.Command("sh", { args: ["-c", line, Deno.execPath()], cwd }).outputSync();
      Deno.removeSync(cwd, { recursive: true });
      strictEqual(new TextDecoder().decode(stderr).trim(), String(is));
    },
  });
}
