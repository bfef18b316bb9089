/** The jobs that the documents show are jobs. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { parseJob, parseRecurringJob } from "../../src/jobs/schema/job_file.ts";

const TOPIC = Deno.readTextFileSync(new URL("../../src/jobs/help/jobs.md", import.meta.url));

Deno.test("every job in the help topic can be run", () => {
  const samples = [...TOPIC.matchAll(/^```jsonc\n(.*?)^```/gms)].map(([, text = ""]) => text).filter((text) =>
    text.includes(`"kind"`)
  );
  ok(samples.length >= 6);
  for (const text of samples) {
    const { problems } = text.includes("recurring/")
      ? parseRecurringJob(text, Date.parse("2026-11-20T22:30:00Z"))
      : parseJob(text);
    deepStrictEqual(problems, [], text);
  }
});
