import { deepStrictEqual, ok } from "node:assert/strict";
import { z } from "zod";
import { complaintText, readJsonc } from "../../src/core/jsonc.ts";

const SCHEMA = z.strictObject({
  storage: z.string().optional(),
  when: z.enum(["always", "never"]).optional(),
  workers: z.number().int().min(0).max(64).optional(),
  sources: z.array(z.union([z.string(), z.strictObject({ path: z.string(), as: z.string().optional() })])).min(1)
    .optional(),
  span: z.string().superRefine((text, { addIssue }) => addIssue({ code: "custom", message: `Cannot read ${text}` }))
    .optional(),
  backups: z.record(z.string(), z.strictObject({ sources: z.array(z.string()), tree: z.boolean().optional() }))
    .optional(),
});

for (
  const { text, value } of [
    { text: "{}", value: {} },
    { text: `\ufeff// a comment\n{ /* and */ "storage": "/mnt", }\n`, value: { storage: "/mnt" } },
    { text: `{"$schema": "https://example.org/x.json", "workers": 2}`, value: { workers: 2 } },
    { text: `{"sources": ["/a", {"path": "/b", "as": "c"},]}`, value: { sources: ["/a", { path: "/b", as: "c" }] } },
  ]
) {
  Deno.test(`readJsonc() reads ${JSON.stringify(text)}`, () => deepStrictEqual(readJsonc(text, SCHEMA), { value }));
}

for (
  const { text, told } of [
    { text: "", told: ["1:1: The file is empty"] },
    { text: " \n", told: ["1:1: The file is empty"] },
    { text: "// nothing else", told: ["1:16: The text ends too early"] },
    { text: "3", told: ["1:1: Expected an object, found 3"] },
    { text: `{"storage": "/mnt"`, told: ["1:19: The text ends too early"] },
    { text: `{"storage": "/mnt"\n "workers": 2}`, told: [`2:2: A comma is missing before "workers"`] },
    { text: `{"storage" "/mnt"}`, told: [`1:12: A colon is missing before "/mnt"`] },
    { text: `{"storage": "/mnt\n}`, told: ["1:13: A closing quote is missing"] },
    { text: `{\n  storage: 1}`, told: ["2:3: Cannot read storage; keys and texts stand in double quotes"] },
    { text: `{"storage": 'x'}`, told: ["1:13: Cannot read 'x'; keys and texts stand in double quotes"] },
    { text: `{} x`, told: ["1:4: Cannot read x; keys and texts stand in double quotes"] },
    { text: `{} 3`, told: ["1:4: Expected nothing more, found 3"] },
    { text: `{"workers": ,}`, told: ["1:13: Expected a value, found ,"] },
    { text: `{"a/*": 1} /* x`, told: ["1:12: The end of the comment is missing"] },
    { text: `{\n\t"storag": "/mnt"\n}`, told: [`2:2: Unknown key "storag". Did you mean "storage"?`] },
    {
      text: `{"zzzzz": 1}`,
      told: [`1:2: Unknown key "zzzzz". Possible here: storage, when, workers, sources, span, backups`],
    },
    { text: `{"storage": 3}`, told: ["1:13: Expected text, found 3"] },
    { text: `{"storage": null}`, told: ["1:13: Expected text, found null"] },
    { text: `{"workers": "2"}`, told: [`1:13: Expected a number, found "2"`] },
    { text: `{"workers": 1.5}`, told: ["1:13: Expected a whole number, found 1.5"] },
    { text: `{"workers": 65}`, told: ["1:13: Expected at most 64, found 65"] },
    { text: `{"sources": []}`, told: ["1:13: Expected at least 1 element, found an empty list"] },
    { text: `{"sources": "/a"}`, told: [`1:13: Expected a list, found "/a"`] },
    { text: `{"sources": [7]}`, told: ["1:14: Expected text or an object, found 7"] },
    {
      text: `{"sources": ["/a", {"pth": "/b"}]}`,
      told: [`1:20: The key "path" is missing`, `1:21: Unknown key "pth". Did you mean "path"?`],
    },
    {
      text: `{"when": "alway"}`,
      told: [`1:10: Expected "always" or "never", found "alway". Did you mean "always"?`],
    },
    {
      text: `{"backups": {"photos": {}, "mail": {"sources": ["/m"], "tree": "no"}}}`,
      told: [`1:24: The key "sources" is missing`, `1:64: Expected true or false, found "no"`],
    },
    { text: `{"workers": 1, "workers": 2}`, told: [`1:16: The key "workers" is there twice`] },
    { text: `{"workers": 1e400}`, told: ["1:13: Expected a number, found 1e400"] },
    {
      text: `{"storage":\u00a0"/mnt"}`,
      told: ["1:12: Expected an ordinary space, found a no-break space (U+00A0)"],
    },
    { text: `{\f"storage": "/mnt"}`, told: ["1:2: Expected an ordinary space, found a form feed (U+000C)"] },
    { text: "\udcff\udcfe{\0}\0", told: ["1:1: The file is UTF-16; save it as UTF-8"] },
    { text: "\udcfe\udcff\0{\0}", told: ["1:1: The file is UTF-16; save it as UTF-8"] },
    { text: "{\0}\0", told: ["1:1: The file is UTF-16; save it as UTF-8"] },
  ]
) {
  Deno.test(`readJsonc() tells what is wrong with ${JSON.stringify(text)}`, () => {
    deepStrictEqual(readJsonc(text, SCHEMA).complaints?.map(complaintText), told);
  });
}

Deno.test("readJsonc() lets no key of a file reach the prototypes of objects", () => {
  const { value } = readJsonc(`{"a": 1, "__proto__": {"polluted": true}}`, z.record(z.string(), z.unknown()));
  deepStrictEqual([Object.keys(value ?? {}), ({} as Record<string, unknown>)["polluted"]], [["a"], undefined]);
});

for (const [open, close] of [["[", "]"], [`{"a":`, "}"], ["/* [ */ [", "]"], ["//\r[", "]"]] as const) {
  Deno.test(`readJsonc() refuses what is nested too deep, before it is parsed: ${open}`, () => {
    for (const depth of [101, 3000, 200_000]) {
      const text = `{"storage": ${open.repeat(depth)}1${close.repeat(depth)}}`;
      const { complaints } = readJsonc(text, SCHEMA);
      deepStrictEqual(complaints?.map(({ message }) => message), ["More than 100 lists and objects in each other"]);
      deepStrictEqual(readJsonc(text.slice(0, -depth), SCHEMA).complaints?.length, 1, "not even closed");
    }
  });
}

Deno.test("readJsonc() takes brackets in texts and comments for what they are", () => {
  const many = "[{".repeat(200);
  const text = `// ${many}\n{"storage": "${many}\\"${many}" /* ${many} */}`;
  deepStrictEqual(readJsonc(text, SCHEMA).value, { storage: `${many}"${many}` });
});

for (
  const [what, text] of [
    ["unknown keys", `{${Array.from({ length: 100_000 }, (_, i) => `"k${i}": 1`).join()}}`],
    ["repeated keys", `{${Array.from({ length: 100_000 }, () => `"workers": 1`).join()}}`],
    ["wrong elements", `{"sources": [${Array.from({ length: 100_000 }, (_, i) => i).join()}]}`],
    ["a long key", `{"${"k".repeat(1_000_000)}": 1}`],
    ["a long text", `{"when": "${"k".repeat(1_000_000)}"}`],
    ["a text that its check quotes", `{"span": "${"x".repeat(70_000)}"}`],
    ["a long number", `{"when": ${"9".repeat(1_000_000)}}`],
  ] as const
) {
  Deno.test(`readJsonc() tells a few of very many mistakes, in few words: ${what}`, () => {
    const told = readJsonc(text, SCHEMA).complaints?.map(complaintText).join("; ") ?? "";
    ok(told.length > 0 && told.length < 3000, `${told.length} characters`);
  });
}

Deno.test("readJsonc() knows that a line may end with a carriage return, as its parser does", () => {
  for (const text of [`"\r${"[".repeat(5000)}`, `//\r${"[".repeat(5000)}`]) {
    deepStrictEqual(readJsonc(text, SCHEMA).complaints?.length, 1);
  }
});
