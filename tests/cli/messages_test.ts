/**
 * Every error's words. Each class of fault in src/ is made with arguments that stand for themselves, and what it says is
 * kept in expected/errors.txt; `UPDATE_EXPECTED=1 deno test` writes it anew. What to do then stands in the README.
 */
import { deepStrictEqual, ok } from "node:assert/strict";
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

Deno.test("At least as many errors are tried here as the README lists codes, but for those that only threads throw", () => {
  const [, table = ""] = /<!-- errors -->([^]*?)\n## /.exec(Deno.readTextFileSync(new URL("README.md", ROOT))) ?? [];
  const listed = [...table.matchAll(/^\| `([a-z-]+)`/gm)].map(([, code = ""]) => code);
  const tried = new Set(FAULTS.map(({ fault }) => fault.code));
  deepStrictEqual(listed.filter((code) => !tried.has(code)).sort(), ["bug", "source-vanished"]);
});
