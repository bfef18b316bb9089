/** The interface for programs against its own document, by a tool that makes up requests from it: with every role. */
import { strictEqual } from "node:assert/strict";
import { IS_SLOW } from "../support/effort.ts";
import { has } from "../support/needs.ts";
import { servingProgram } from "../support/serving_program.ts";
import { ask, tokenOf, TOKENS } from "../support/web_server.ts";
import { World } from "../support/world.ts";

const EXAMPLES = 15;
/**
 * A schema can't say all that makes a request a good one, or a bad one: times that exist, names of what is there, what
 * needs the password again.
 */
const NOT_CHECKED = "positive_data_acceptance,negative_data_rejection,missing_required_header,unsupported_method";

async function filled(): Promise<World> {
  const world = new World({ inMemory: true });
  world.write("docs/letter.txt", "some text");
  await world.backup({ name: "photos" });
  world.write("docs/letter.txt", "other text");
  await world.backup({ name: "docs" });
  return world;
}

/** @param document path of the OpenAPI document */
function argumentsFor(document: string, url: string, role: typeof TOKENS[number]): readonly string[] {
  const fixed = ["--seed", "1", "--generation-deterministic", "--no-color", "--continue-on-failure"];
  const asked = ["--phases", "examples,coverage,fuzzing", "--max-examples", String(EXAMPLES)];
  // A stream without an end.
  const but = ["--exclude-path", "/api/v1/events", "--exclude-checks", NOT_CHECKED];
  return [
    "run",
    document,
    "--url",
    url,
    "--header",
    `Authorization: Bearer ${tokenOf(role)}`,
    ...fixed,
    ...asked,
    ...but,
  ];
}

for (const role of TOKENS) {
  Deno.test({
    name: `schemathesis finds no answer that isn't described, asked by ${role} (SLOW)`,
    ignore: !IS_SLOW || !has("schemathesis"),
    fn: async () => {
      using world = await filled();
      const jobs = `${world.base}/jobs`, document = `${world.base}/openapi.json`;
      Deno.mkdirSync(jobs, { mode: 0o700 });
      await using server = await servingProgram(world, jobs, 1024);
      Deno.writeTextFileSync(document, (await ask(server, "/openapi.json", { token: tokenOf("admin") })).text);
      const { success, stdout } = await new Deno.Command("schemathesis", {
        args: [...argumentsFor(document, `http://127.0.0.1:${server.port}`, role)],
        cwd: world.base,
        stdin: "null",
        stderr: "inherit",
      }).output();
      strictEqual(success, true, new TextDecoder().decode(stdout));
      strictEqual(/server-bug/.exec(server.log()), null, server.log());
    },
  });
}
