import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { jsonSchema } from "../../../src/jobs/schema/schema.ts";
import { FakeWorld, runIn } from "../fake_world.ts";

function withFiles(files: Record<string, string>): Disposable & { readonly path: string } {
  const path = Deno.makeTempDirSync({ prefix: "backup-tool-job-" });
  for (const [name, text] of Object.entries(files)) {
    Deno.mkdirSync(`${path}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.writeTextFileSync(`${path}/${name}`, text);
  }
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

Deno.test("job check tells every problem with its place, as text and as JSON, and ends with 3", async () => {
  using files = withFiles({ "good.json": `{"kind":"check"}`, "bad.jsonc": `{\n  "kind": "chek"\n}` });
  const good = `${files.path}/good.json`, bad = `${files.path}/bad.jsonc`;
  const message =
    'Expected one of "backup", "import", "restore", "check", "prune", "copy", "drill", "rewrite", "tag", "forget", "tree", "alarm", "doctor", found "chek"';
  const hint = 'Did you mean "check"?';
  deepStrictEqual(await runIn(new FakeWorld(), "job", "check", good, bad), {
    status: 3,
    stdout: `${bad}:2:11: ${message}. ${hint}\n1 of 2 jobs can't be run\n`,
    stderr: "",
  });
  const { stdout, status } = await runIn(new FakeWorld(), "job", "check", good, bad, "--json");
  strictEqual(status, 3);
  deepStrictEqual(JSON.parse(stdout), [
    { file: good, valid: true, problems: [] },
    { file: bad, valid: false, problems: [{ line: 2, column: 11, message, hint }] },
  ]);
});

Deno.test("job check takes what lies in recurring/ for a job that recurs, and ends with 0 if nothing is wrong", async () => {
  using files = withFiles({ "recurring/nightly.json": `{"kind":"check","every":"0 3 * * *"}` });
  const file = `${files.path}/recurring/nightly.json`;
  deepStrictEqual(await runIn(new FakeWorld(), "job", "check", file), {
    status: 0,
    stdout: "1 job: nothing wrong\n",
    stderr: "",
  });
  strictEqual((await runIn(new FakeWorld(), "job", "check", `${files.path}/missing.json`)).status, 3);
});

Deno.test("job schema prints the schema that editors read", async () => {
  const { status, stdout } = await runIn(new FakeWorld(), "job", "schema");
  strictEqual(status, 0);
  deepStrictEqual(JSON.parse(stdout), JSON.parse(JSON.stringify(jsonSchema("job"))));
});
