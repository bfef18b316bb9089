/**
 * What people see. Each scenario is run three times: at a terminal 80 columns wide, through a pipe, and with `--json`; the
 * files in expected/ hold all that was written, standard error after "! ". `UPDATE_EXPECTED=1 deno test` writes them anew.
 */
import { deepStrictEqual } from "node:assert/strict";
import { makeProgram } from "../../src/cli/program/run.ts";
import { FakeWorld } from "./fake_world.ts";
import { ExpectedWorld, type Reader, READERS } from "./expected_world.ts";
import { SCENARIOS } from "./scenarios.ts";

const DIRECTORY = new URL("expected/", import.meta.url);
const UPDATES = Deno.env.get("UPDATE_EXPECTED") === "1";

const HEADINGS: Readonly<Record<Reader, string>> = {
  terminal: "== On a terminal",
  pipe: "== Through a pipe",
  json: "== With --json",
};

for (const [name, scenario] of Object.entries(SCENARIOS)) {
  Deno.test(`What people see: ${name}`, async () => {
    const parts: string[] = [];
    for (const reader of READERS) {
      using world = new ExpectedWorld(reader);
      const transcripts: string[] = [];
      await scenario(world, async (...args) => void transcripts.push(await world.transcript(args)));
      parts.push(`${HEADINGS[reader]}\n\n${transcripts.join("\n\n")}\n`);
    }
    const file = new URL(`${name}.txt`, DIRECTORY), text = parts.join("\n");
    if (UPDATES) Deno.writeTextFileSync(file, text);
    deepStrictEqual(text.split("\n"), Deno.readTextFileSync(file).split("\n"));
  });
}

Deno.test("What people see can't disturb a terminal", () => {
  for (const name of Object.keys(SCENARIOS)) {
    const text = Deno.readTextFileSync(new URL(`${name}.txt`, DIRECTORY));
    // Colours stand in the files as \\e[...m; one in a name would do so without its end.
    const colours = text.split("\n").flatMap((line) => line.match(/\\e\[(?!31m\\nname)[\d;]*m/g) ?? []);
    deepStrictEqual([name, colours.length % 2], [name, 0]);
    // deno-lint-ignore no-control-regex -- that is what must not be there
    deepStrictEqual(text.match(/[\x00-\x09\x0b-\x1f\x7f]/g), null, name);
  }
});

Deno.test("Every command is shown to people", async () => {
  const shown = new Set<string>();
  for (const name of Object.keys(SCENARIOS)) {
    const text = Deno.readTextFileSync(new URL(`${name}.txt`, DIRECTORY));
    for (const [, command = ""] of text.matchAll(/^\$ backup-tool ([\w-]+)/gm)) shown.add(command);
  }
  const program = await makeProgram(new FakeWorld(), () => Promise.resolve());
  deepStrictEqual(program.commands.map((command) => command.name()).filter((name) => !shown.has(name)), []);
});
