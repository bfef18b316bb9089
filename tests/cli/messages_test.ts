/**
 * Every error's words. Each class of fault in src/ is made with arguments that stand for themselves, and what it says is
 * kept in expected/errors.txt; `UPDATE_EXPECTED=1 deno test` writes it anew, and the hints in `help errors`.
 */
import { deepStrictEqual, ok } from "node:assert/strict";
import { parseMarkdown } from "../../src/cli/help/markdown.ts";
import { Fault } from "../../src/core/fault.ts";

const ROOT = new URL("../../", import.meta.url);
const EXPECTED = new URL("tests/cli/expected/errors.txt", ROOT);

/** Arguments by their type; `NAME` is the name of the parameter. */
const SAMPLES: Readonly<Record<string, (NAME: string) => unknown>> = {
  string: (name) => name,
  number: () => 2,
  Raw: (name) => `/${name}`,
  Apath: (name) => `/${name}`,
  RootId: () => "3f2a91b0c4d5".padEnd(64, "0") + "f0",
  SnapshotInfo: () => ({ id: "3f2a91b0c4d5" }),
  Entry: () => ({ path: "/PATH", problems: ["WHY"] }),
  Fault: (name) => ({ message: `Cannot open ${name}`, hint: "Open it" }),
  "string | undefined": (name) => name,
  Share: () => "download",
  "readonly string[]": (name) => [`${name} 1`, `${name} 2`],
  "readonly number[]": () => [2, 2],
  "ReadonlyMap<string, string>": () => new Map([["3f2a91b0c4d5", "WHY"]]),
  "{ path: Raw; device: string }": (name) => ({ path: `/${name}`, device: "8:1" }),
};

function* sourcesIn(directory: URL): Generator<URL> {
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    const url = new URL(isDirectory ? `${name}/` : name, directory);
    if (isDirectory) yield* sourcesIn(url);
    else if (name.endsWith(".ts")) yield url;
  }
}

interface FaultClass {
  readonly name: string;
  readonly make: new (...args: unknown[]) => Fault;
  /** Of the constructor, as the source has it. */
  readonly parameters: string;
}

async function faultClasses(): Promise<FaultClass[]> {
  const found: FaultClass[] = [];
  for (const url of sourcesIn(new URL("src/", ROOT))) {
    const text = Deno.readTextFileSync(url);
    if (!/^export class \w+ extends /m.test(text)) continue;
    for (const [name, value] of Object.entries(await import(url.href))) {
      // A failure that is told again says what the first one said.
      if (typeof value !== "function" || !(value.prototype instanceof Fault) || name === "TransferredFault") continue;
      const own = text.slice(text.search(new RegExp(`^export class ${name}\\b`, "m")));
      if (!own.startsWith("export class")) continue; // it is from another file
      const [, parameters = ""] = /^ {2}constructor\(([^]*?)\) \{/m.exec(own) ?? [];
      found.push({ name, make: value as FaultClass["make"], parameters });
    }
  }
  return found;
}

/** "path: Raw, why = x" to "Raw"; a parameter with a default is left out. */
function samplesFor({ name, parameters }: FaultClass): unknown[] {
  const parts = parameters.match(/(?:\{[^}]*\}|[^,{}<]|<[^>]*>)+/g)?.map((part) => part.trim()).filter(Boolean) ?? [];
  return parts.filter((part) => !/[^=]=[^>]/.test(part.replace(/^\{[^}]*\}/, ""))).map((part) => {
    const [, parameter = "", type = ""] = /^(\w+|\{[^}]*\}): (.*)$/s.exec(part) ?? [];
    const sample = SAMPLES[type];
    ok(sample !== undefined, `${name} takes ${JSON.stringify(type)}, for which there is no sample here`);
    return sample(parameter.toUpperCase());
  });
}

const CLASSES = await faultClasses();
const FAULTS = CLASSES.map((faultClass) => ({
  name: faultClass.name,
  fault: new faultClass.make(...samplesFor(faultClass)),
}));

Deno.test("Every error says what is expected of it", () => {
  const blocks = FAULTS.map(({ fault: { code, message, hint } }) => `${code}\n  ${message}\n  hint: ${hint}\n`);
  const text = blocks.sort().join("\n");
  if (Deno.env.get("UPDATE_EXPECTED") === "1") Deno.writeTextFileSync(EXPECTED, text);
  deepStrictEqual(text.split("\n"), Deno.readTextFileSync(EXPECTED).split("\n"));
});

for (const { name, fault } of FAULTS) {
  Deno.test(`${name} says what failed, and what to do, in one sentence each`, () => {
    const { code, message, hint } = fault;
    ok(/^[a-z]+(?:-[a-z]+)*$/.test(code), code);
    ok(/^[A-Z"`]/.test(message), message);
    for (const text of [message, hint]) ok(text !== "" && !/[.!\n]$|\n|undefined|\[object/.test(text), text);
    ok(/^[A-Z`]/.test(hint), hint);
  });
}

/** Codes that only threads throw, and that no class has. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "bug": "Report it with the whole text",
  "source-vanished": "Nothing, if it was meant to be deleted",
};

/** What the topic says of an error: its code, what it means (written by hand), and the hints of its classes. */
function errorItem(code: string, meanings: ReadonlyMap<string, string>): string {
  const faults = FAULTS.filter(({ fault }) => fault.code === code).map(({ fault }) => fault);
  const hints = faults.map(({ hint }) => hint).filter((hint) => hint !== "HINT" && !hint.includes("Open it"));
  const hint = [...new Set(hints)].join(". Or: ") || ELSEWHERE[code] || "See its hint";
  return `\`${code}\`: ${meanings.get(code) ?? faults[0]?.message ?? ""} → ${hint}`;
}

Deno.test("help errors lists every code, what it means, and what the program says to do", () => {
  const topic = new URL("src/cli/help/errors.md", ROOT), text = Deno.readTextFileSync(topic);
  const items = parseMarkdown(text).flatMap((block) => block.kind === "item" ? [block.text] : []);
  const meanings = new Map(items.map((item) => {
    const [, code = "", meaning = ""] = /^`([a-z-]+)`: (.*?) → /.exec(item) ?? [];
    return [code, meaning];
  }));
  const codes = [...new Set([...FAULTS.map(({ fault }) => fault.code), ...Object.keys(ELSEWHERE)])].sort();
  const expected = codes.map((code) => errorItem(code, meanings));
  if (Deno.env.get("UPDATE_EXPECTED") === "1" && items.join("\n") !== expected.join("\n")) {
    const list = expected.map((item) => `- ${item}\n`).join(""); // `deno fmt` wraps it
    Deno.writeTextFileSync(topic, text.slice(0, text.indexOf("\n- `") + 1) + list);
  } else deepStrictEqual(items, expected);
});
