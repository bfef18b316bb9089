import { strictEqual } from "node:assert/strict";
import { type ImportFacts, nextImportStep } from "../../../src/jobs/import/import_step.ts";
import type { JobRecord } from "../../../src/jobs/state/job_state.ts";

const SOUND = { problems: 0 };

for (
  const { name, record = {}, facts = {}, removes = true, step } of [
    { name: "begins with a snapshot", step: "snapshot" },
    { name: "refuses a snapshot with problems", facts: { snapshot: { problems: 1 } }, step: "refuse" },
    { name: "makes a copy of the snapshot", facts: { snapshot: SOUND }, step: "copy" },
    { name: "makes the copy again if it isn't known to be whole", facts: { snapshot: SOUND, copy: "7" }, step: "copy" },
    {
      name: "publishes a whole copy",
      record: { copy: "7" },
      facts: { snapshot: SOUND, copy: "7", destination: "3" },
      step: "publish",
    },
    {
      name: "doesn't publish what isn't that copy",
      record: { copy: "7" },
      facts: { snapshot: SOUND, copy: "3" },
      step: "copy",
    },
    {
      name: "makes the copy again if it is gone",
      record: { copy: "7" },
      facts: { snapshot: SOUND, destination: "3" },
      step: "copy",
    },
    {
      name: "records what is in its place",
      record: { copy: "7" },
      facts: { snapshot: SOUND, copy: "3", destination: "7" },
      step: "record",
    },
    {
      name: "takes equal inodes for nothing where there are none",
      record: { copy: "0" },
      facts: { snapshot: SOUND, destination: "0" },
      step: "copy",
    },
    {
      name: "publishes what is there where there are no inodes",
      record: { copy: "0" },
      facts: { snapshot: SOUND, copy: "0", destination: "0" },
      step: "publish",
    },
    {
      name: "removes the source of what is published, whatever else is there",
      record: { phase: "published" },
      step: "remove-source",
    },
    { name: "leaves a source that is to stay", record: { phase: "published" }, removes: false, step: "end" },
  ] satisfies {
    name: string;
    record?: Partial<JobRecord>;
    facts?: Partial<ImportFacts>;
    removes?: boolean;
    step: string;
  }[]
) {
  Deno.test(`nextImportStep() ${name}`, () => {
    const whole = { snapshot: undefined, copy: undefined, destination: undefined, ...facts };
    strictEqual(nextImportStep({ phase: "begun", ...record } as JobRecord, whole, removes), step);
  });
}
