import { ok, strictEqual } from "node:assert/strict";
import { terminal } from "../../src/platform/terminal.ts";

const PROGRAM = new URL("./system_program.ts", import.meta.url).pathname;

Deno.test("columns() is never 0", () => ok(terminal().columns() > 0));

for (const [size, expected] of [[0, 80], [132, 132]]) {
  Deno.test(`columns() is ${expected} on a terminal that says ${size}`, async () => {
    const command = `stty cols ${size}; ${Deno.execPath()} run -A --no-check ${PROGRAM} columns`;
    const args = ["-qec", command, "/dev/null"];
    let output: Deno.CommandOutput;
    try {
      output = await new Deno.Command("script", { args, stdin: "null" }).output();
    } catch {
      return console.error("SKIPPED: no `script` to make a terminal with");
    }
    strictEqual(new TextDecoder().decode(output.stdout).trim(), `true ${expected}`);
  });
}
