import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { complaintText } from "../../../src/core/jsonc.ts";
import { parseJob, parseRecurringJob } from "../../../src/jobs/schema/job_file.ts";
import { absolutePath, JOB_KINDS, jsonSchema, nextDueMs } from "../../../src/jobs/schema/schema.ts";

const NOW = Date.parse("2026-11-20T22:30:00Z");
const KINDS = `one of ${JOB_KINDS.map((kind) => `"${kind}"`).join(", ")}`;

const SOUND: Readonly<Record<string, string>> = {
  "a backup with everything": `{ // nightly
    "$schema": "schema/job.schema.json",
    "kind": "backup", "name": "photos", "sources": ["/volume1/photos", { "path": "/volume1/docs", "as": "docs" }],
    "exclude": ["*.tmp"], "iexclude": ["*.bak"], "excludeIfPresent": [".nobackup"], "skipIfUnchanged": true, "excludeFrom": ["/etc/excludes"], "presets": ["nas"], "tags": ["nightly"],
    "ignoreFiles": false, "excludeCaches": true, "excludeLargerThan": "1.5GiB", "maxSize": 1000, "oneFileSystem": true,
    "tree": false, "host": "nas", "workers": 2, "keep": { "daily": 7, "weekly": 5, "monthly": 12, "yearly": "unlimited" },
  }`,
  "an import": `{ "kind": "import", "source": "/incoming/scans", "destination": "scans/2026-11", "pack": "zip" }`,
  "a restore": `{ "kind": "restore", "name": "photos", "snapshot": "latest", "include": ["2024/**"], "target": "/r" }`,
  "a check": `{ "kind": "check", "readDataSubset": "oldest:5%" }`,
  "a restore in place": `{ "kind": "restore", "inPlace": true }`,
  "a prune": `\ufeff{ "kind": "prune", "keep": { "within": "1y6m" } }`,
  "a copy to whatever there will be": `{ "kind": "copy", "to": "s3://somewhere" }`,
};

for (const [name, text] of Object.entries(SOUND)) {
  Deno.test(`parseJob() reads ${name}`, () => deepStrictEqual(parseJob(text).problems, []));
}

for (
  const [text, ...problems] of [
    ["", "1:1: The file is empty"],
    ["  \n ", "1:1: The file is empty"],
    [`{"kind":"check",\n "a" 3}`, "2:6: A colon is missing before 3"],
    [`{"kind":"check"`, "1:16: The text ends too early"],
    ["[]", "1:1: Expected an object, found an empty list"],
    [
      "{}",
      `1:1: The key "kind" is missing. Possible here: backup, import, restore, check, prune, copy, drill, rewrite, tag, forget, tree, alarm, doctor`,
    ],
    [`{"kind":"bakup"}`, `1:9: Expected ${KINDS}, found "bakup". Did you mean "backup"?`],
    [`{"kind":"xyz"}`, `1:9: Expected ${KINDS}, found "xyz"`],
    [`{"kind":"check","kind":"check"}`, `1:17: The key "kind" is there twice`],
    [`{"kind":"backup"}`, `1:1: The key "sources" is missing`],
    [
      `{"kind":"backup","exlude":[],\n"sources":["rel",{"path":"/x","at":"y"},{"as":3},5]}`,
      `1:18: Unknown key "exlude". Did you mean "exclude"?`,
      `2:12: Expected an absolute path`,
      `2:31: Unknown key "at". Did you mean "as"?`,
      `2:41: The key "path" is missing`,
      `2:47: Expected text, found 3`,
      `2:50: Expected text or an object, found 5`,
    ],
    [
      `{"kind":"backup","sources":[],\n  "maxSize":"big","keep":{"daily":-1}}`,
      `1:28: Expected at least 1 element, found an empty list`,
      `2:13: Expected a size, such as 500K, 10M or 1.5GiB`,
      `2:35: Expected at least 0, found -1`,
    ],
    [
      `{"kind":"backup","sources":["/a"],"presets":["nsa"]}`,
      `1:46: Expected "nas" or "desktop", found "nsa". Did you mean "nas"?`,
    ],
    [`{"kind":"backup","sources":["/a"],"keep":{"daily":0}}`, `1:42: Expected a rule that keeps something`],
    [`{"kind":"prune","keep":{"within":"0d"}}`, `1:24: Expected a rule that keeps something`],
    [`{"kind":"prune","keep":{"tag":[]}}`, `1:24: Expected a rule that keeps something`],
    [`{"kind":"prune","keep":{"tag":[" , "]}}`, `1:32: Expected a tag`],
    [`{"kind":"prune","keep":{"within":"9999999999d"}}`, `1:34: Expected a span, such as 30d or 1y6m`],
    [
      `{"kind":"import","source":"/a","destination":"a//b"}`,
      `1:46: Expected a path below archive/, without empty names: there is nothing before or after one of its slashes`,
    ],
    [`{"kind":"import","source":"/a","destination":"${"é".repeat(126)}"}`, `1:46: Expected names of at most 250 bytes`],
    [
      `{"kind":"backup","sources":[{"path":"/a","as":"${"é".repeat(126)}"}]}`,
      `1:47: Expected names of at most 250 bytes`,
    ],
    [
      `{"kind":"import","source":"/a","destination":"../x","pack":"zpi","removeSource":"yes"}`,
      `1:46: Expected a path below archive/, without ..`,
      `1:60: Expected "none" or "zip", found "zpi". Did you mean "zip"?`,
      `1:81: Expected true or false, found "yes"`,
    ],
    [`{"kind":"restore"}`, `1:1: The key "target", or "inPlace", is missing`],
    [`{"kind":"restore","target":"/a","inPlace":true}`, `1:28: Expected no "target" with "inPlace"`],
    [`{"kind":"check","readDataSubset":"some"}`, "1:34: Expected a part, such as 5%, 1/7, 10G or oldest:5%"],
    [`{"kind":"check","workers":99}`, `1:27: Expected at most 64, found 99`],
    [`{"kind":"check","workers":1.5}`, `1:27: Expected a whole number, found 1.5`],
    [
      `{"kind":"check","every":"0 3 * * *"}`,
      `1:17: Unknown key "every". Possible here: $schema, kind, notify, by, hooks, limits, storage, readData, readDataSubset, snapshot, path, workers`,
    ],
  ] as const
) {
  Deno.test(`parseJob() tells what is wrong with ${JSON.stringify(text)}`, () => {
    const told = parseJob(text).problems.map(complaintText);
    deepStrictEqual(told, problems);
  });
}

for (
  const destination of [
    "",
    "/x",
    "..",
    "a/../b",
    "a/..",
    "./a",
    "a//b",
    "a/",
    "a\\\\b",
    "a\\u0000b",
    "C:/x",
    "x".repeat(251),
  ]
) {
  Deno.test(`parseJob() refuses the destination "${destination.slice(0, 20)}"`, () => {
    const { problems } = parseJob(`{"kind":"import","source":"/a","destination":"${destination}"}`);
    strictEqual(problems.length, 1);
  });
}

for (
  const [every, message] of [
    ["0 3 * * *", undefined],
    ["*/5 * * * *", undefined],
    ["0 0 31 2 *", "cron"],
    ["2026-11-20T00:00:00", "cron"],
    ["soon", "cron"],
    ["0 0 3 1 1 * 2020", "cron"],
    ["0 0 3 1 1 * 2035", undefined],
  ] as const
) {
  Deno.test(`parseRecurringJob() ${message === undefined ? "reads" : "refuses"} the time "${every}"`, () => {
    const { problems } = parseRecurringJob(`{"kind":"check","every":"${every}"}`, NOW);
    strictEqual(problems.length, message === undefined ? 0 : 1);
  });
}

Deno.test("parseRecurringJob() wants a time that is due, and a time zone that exists", () => {
  const told = parseRecurringJob(`{"kind":"check","evry":"0 3 * * *","timeZone":"Europe/Nowhere"}`, NOW).problems;
  deepStrictEqual(told.map(({ message }) => message), [
    `The key "every" is missing`,
    `Unknown key "evry"`,
    "Expected a time zone, such as Europe/Berlin",
  ]);
});

Deno.test("nextDueMs() counts in the job's time zone, also over a change of the clocks", () => {
  const berlin = { every: "30 2 * * *", timeZone: "Europe/Berlin" };
  const from = (iso: string) => new Date(nextDueMs(berlin, Date.parse(iso))!).toISOString();
  strictEqual(from("2026-11-20T22:00:00Z"), "2026-11-21T01:30:00.000Z");
  // That half hour doesn't exist on this day.
  strictEqual(from("2027-03-27T22:00:00Z"), "2027-03-28T01:00:00.000Z");
});

Deno.test("jsonSchema() knows every kind, and forbids what it doesn't know", () => {
  for (const form of ["job", "recurring"] as const) {
    const schema = jsonSchema(form) as {
      oneOf: { properties: Record<string, { const?: string }>; required: string[]; additionalProperties?: unknown }[];
    };
    deepStrictEqual(schema.oneOf.map(({ properties }) => properties["kind"]?.const), JOB_KINDS);
    for (const { properties, required, additionalProperties } of schema.oneOf) {
      strictEqual("every" in properties, form === "recurring");
      ok(required.includes("kind"));
      if (properties["kind"]?.const !== "copy") strictEqual(additionalProperties, false);
    }
  }
});

Deno.test("paths of jobs are judged and resolved as those of the command line", () => {
  const told = (job: object) => parseJob(JSON.stringify(job)).problems.map(({ message }) => message);
  deepStrictEqual(told({ kind: "restore", target: "/x", paths: [""] }), ["A path must not be empty"]);
  deepStrictEqual(told({ kind: "restore", target: "" }), ["Expected an absolute path"]);
  deepStrictEqual(told({ kind: "restore", target: "/a\0" }), ["A path can't contain NUL"]);
  deepStrictEqual(told({ kind: "backup", sources: ["/a\ud800"] }), ["A path can't contain half a character"]);
  deepStrictEqual(told({ kind: "backup", sources: ["/caf\udce9", { path: "/x/../y/" }] }), []);
  strictEqual(absolutePath("/x/../caf\udce9//"), "/caf\xe9");
});
