import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  circles,
  factsOf,
  fileGraph,
  type Finding,
  findings,
  folderGraph,
  percentile,
} from "../../scripts/structure.ts";

function finding(title: string, files: Readonly<Record<string, string>>): Finding {
  const all = findings(Object.entries(files).map(([path, text]) => factsOf(path, text)));
  return all.find((one) => one.title === title)!;
}

Deno.test("structure counts what a file holds", () => {
  const facts = factsOf(
    "core/a.ts",
    `import { b } from "./b.ts";
import type { C } from "../platform/c.ts";
import { Buffer } from "node:buffer";
interface One { readonly a: string }
type Two = One;
class Three {
  two(): number {
    return [1].map((n) => n)[0]!;
  }
}
const later = () => import("./deep/d.ts");
const kinds = ["a"] as const, any: any = b as C;
`,
  );
  deepStrictEqual(facts, {
    path: "core/a.ts",
    lines: 12,
    imports: ["core/b.ts", "platform/c.ts", "core/deep/d.ts"],
    functions: [3],
    types: 3,
    casts: 1,
    nonNull: 1,
    any: 1,
  });
});

Deno.test("structure finds circles, and only those", () => {
  const graph = (arrows: readonly string[]) => {
    const nodes = new Map<string, Set<string>>();
    for (const [from = "", to = ""] of arrows) {
      for (const node of [from, to]) if (!nodes.has(node)) nodes.set(node, new Set());
      nodes.get(from)!.add(to);
    }
    return nodes;
  };
  deepStrictEqual(circles(graph(["ab", "bc", "ac"])), []);
  deepStrictEqual(circles(graph(["ab", "bc", "ca", "cd", "de", "ed"])), [["d", "e"], ["a", "b", "c"]]);
});

Deno.test("structure sees a circle between folders where there is none between files", () => {
  const files = [
    factsOf("storage/a.ts", `import "./content/b.ts";`),
    factsOf("storage/content/b.ts", ``),
    factsOf("storage/content/c.ts", `import "../d.ts";`),
    factsOf("storage/d.ts", ``),
  ];
  deepStrictEqual(circles(fileGraph(files)), []);
  deepStrictEqual(circles(folderGraph(files)), [["storage", "storage/content"]]);
});

Deno.test("structure names broken doors", () => {
  const broken = finding("Doors broken", { "core/a.ts": `import "../platform/b.ts";`, "platform/b.ts": "" });
  strictEqual(broken.isOver, true);
  strictEqual(broken.value, '\n  core/a.ts: Room "core" may not import room "platform": it has no doors');
  strictEqual(finding("Doors broken", { "platform/b.ts": `import "../core/a.ts";`, "core/a.ts": "" }).isOver, false);
});

Deno.test("structure holds numbers against their budgets", () => {
  const long = `function a() {\n${"  b();\n".repeat(59)}}\n`;
  deepStrictEqual(finding("Lines of a function, longest", { "core/a.ts": long }).value, "61 (at most 60)");
  strictEqual(finding("Lines of a function, longest", { "core/a.ts": long }).isOver, true);
  const casts = `${"a as B;\n".repeat(6)}${"\n".repeat(994)}`;
  strictEqual(finding("Casts in 1,000 lines", { "core/a.ts": casts }).value, "6.0 (at most 5)");
  const crowd = Object.fromEntries(Array.from({ length: 13 }, (_, n) => [`operations/backup/${n}.ts`, ""]));
  strictEqual(finding("Crowded folders of operations", crowd).value, "\n  operations/backup (13 files)");
});

Deno.test("structure's percentile is the value that a share doesn't exceed", () => {
  strictEqual(percentile([], 0.9), 0);
  strictEqual(percentile([3, 1, 2], 0.5), 2);
  strictEqual(percentile(Array.from({ length: 100 }, (_, n) => n + 1), 0.9), 91);
});
