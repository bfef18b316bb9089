import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { parseJob, parseRecurringJob } from "../../src/jobs/job_file.ts";
import { JOB_KINDS, jsonSchema, nextDueMs } from "../../src/jobs/schema.ts";
import { suggestion } from "../../src/jobs/suggestion.ts";

const SOUND: Readonly<Record<string, string>> = {
  "a backup with everything": `{ // nightly
    "$schema": "schema/job.schema.json",
    "kind": "backup", "name": "photos", "sources": ["/volume1/photos", { "path": "/volume1/docs", "as": "docs" }],
    "exclude": ["*.tmp"], "excludeFrom": ["/etc/excludes"], "presets": ["nas"], "tags": ["nightly"],
    "ignoreFiles": false, "excludeCaches": true, "excludeLargerThan": "1.5GiB", "maxSize": 1000, "oneFileSystem": true,
    "tree": false, "host": "nas", "workers": 2, "keep": { "daily": 7, "weekly": 5, "monthly": 12, "yearly": "unlimited" },
  }`,
  "an import": `{ "kind": "import", "source": "/incoming/scans", "destination": "scans/2026-11", "pack": "zip" }`,
  "a restore": `{ "kind": "restore", "name": "photos", "snapshot": "latest", "include": ["2024/**"], "target": "/r" }`,
  "a check": `{ "kind": "check", "readData": true }`,
  "a prune": `\ufeff{ "kind": "prune", "keep": { "within": "1y6m" } }`,
  "a copy to whatever there will be": `{ "kind": "copy", "to": "s3://somewhere" }`,
};

for (const [name, text] of Object.entries(SOUND)) {
  Deno.test(`parseJob() reads ${name}`, () => deepStrictEqual(parseJob(text).problems, []));
}

for (
  const [text, ...problems] of [
    ["", "1:1 The file is empty"],
    ["  \n ", "1:1 The file is empty"],
    [`{"kind":"check",\n "a" 3}`, "2:6 Not valid JSON: colon expected"],
    [`{"kind":"check"`, "1:16 Not valid JSON: close brace expected"],
    ["[]", "1:1 A job must be an object, not a list"],
    ["{}", `1:1 "kind" is missing: one of backup, import, restore, check, prune, copy`],
    [`{"kind":"bakup"}`, `1:9 Unknown kind "bakup": did you mean "backup"?`],
    [`{"kind":"xyz"}`, `1:9 Unknown kind "xyz": one of backup, import, restore, check, prune, copy`],
    [`{"kind":"check","kind":"check"}`, `1:17 "kind" stands here twice`],
    [`{"kind":"backup"}`, `1:1 "sources" is missing`],
    [
      `{"kind":"backup","exlude":[],\n"sources":["rel",{"path":"/x","at":"y"},{"as":3},5]}`,
      `1:18 Unknown key "exlude": did you mean "exclude"?`,
      `2:12 "sources[0]" must be an absolute path`,
      `2:31 Unknown key "at": did you mean "as"?`,
      `2:41 "path" is missing`,
      `2:47 "sources[2].as" must be text, not a number`,
      `2:50 "sources[3]" must be text or an object`,
    ],
    [
      `{"kind":"backup","sources":[],\n  "maxSize":"big","keep":{"daily":-1}}`,
      `1:28 "sources" must name something`,
      `2:13 "maxSize" must be a size, such as 500K, 10M or 1.5GiB`,
      `2:35 "keep.daily" must be at least 0`,
    ],
    [
      `{"kind":"backup","sources":["/a"],"presets":["nsa"]}`,
      `1:46 "presets[0]" must be one of "nas", "desktop": did you mean "nas"?`,
    ],
    [`{"kind":"backup","sources":["/a"],"keep":{"daily":0}}`, `1:42 "keep" must keep something`],
    [
      `{"kind":"import","source":"/a","destination":"../x","pack":"zpi","removeSource":"yes"}`,
      `1:46 "destination" must be a path below archive/, without ..`,
      `1:60 "pack" must be one of "none", "zip": did you mean "zip"?`,
      `1:81 "removeSource" must be true or false, not text`,
    ],
    [`{"kind":"check","workers":99}`, `1:27 "workers" must be at most 64`],
    [`{"kind":"check","workers":1.5}`, `1:27 "workers" must be a whole number, not a fraction`],
    [`{"kind":"check","every":"0 3 * * *"}`, `1:17 Unknown key "every"`],
  ] as const
) {
  Deno.test(`parseJob() tells what is wrong with ${JSON.stringify(text)}`, () => {
    const told = parseJob(text).problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
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
  ] as const
) {
  Deno.test(`parseRecurringJob() ${message === undefined ? "reads" : "refuses"} the time "${every}"`, () => {
    const { problems } = parseRecurringJob(`{"kind":"check","every":"${every}"}`);
    strictEqual(problems.length, message === undefined ? 0 : 1);
  });
}

Deno.test("parseRecurringJob() wants a time that is due, and a time zone that exists", () => {
  const told = parseRecurringJob(`{"kind":"check","evry":"0 3 * * *","timeZone":"Europe/Nowhere"}`).problems;
  deepStrictEqual(told.map(({ message }) => message), [
    `"every" is missing`,
    `Unknown key "evry": did you mean "every"?`,
    `"timeZone" must be a time zone such as Europe/Berlin`,
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

for (
  const [given, known, meant] of [
    ["exlude", ["exclude", "name"], "exclude"],
    ["SOURCES", ["sources"], "sources"],
    ["nmae", ["name"], "name"],
    ["x", ["name", "kind"], undefined],
    ["", ["name"], undefined],
  ] as const
) {
  Deno.test(`suggestion() for "${given}" is ${meant}`, () => strictEqual(suggestion(given, known), meant));
}
