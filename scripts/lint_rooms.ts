/**
 * Lint rules of this project: rooms with one-way doors. A room is a directory of `src/`. What a room may import, and who
 * may touch the outside world, stands in the two tables below and nowhere else.
 */
import { fileURLToPath } from "node:url";

/** A room to the rooms it may import. `main.ts` may import all. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  platform: ["core"],
  source: ["core", "platform"],
  storage: ["core", "platform"],
  backend: ["core", "platform"],
  vault: ["core", "platform", "backend"],
  operations: ["core", "platform", "source", "storage", "backend", "vault"],
  jobs: ["core", "platform", "source", "storage", "backend", "vault", "operations"],
  server: ["core", "platform", "source", "storage", "backend", "vault", "operations", "jobs"],
  cli: ["core", "platform", "source", "storage", "backend", "vault", "operations", "jobs", "server"],
};

/** What only one place of `src/` may use, and what everybody else does instead. */
const ONLY_IN = {
  Deno: { place: "platform/", instead: "take what you need as an argument, or add it to platform/" },
  "node:sqlite": { place: "storage/catalog/", instead: "ask the catalog" },
  fetch: { place: "backend/", instead: "use a backend" },
  ambient: { place: "platform/", instead: "take a Clock or a Random as an argument" },
} as const;

/** Time and chance that would reach into a function without being given to it. */
const AMBIENT = ["Date.now", "Math.random", "performance.now", "crypto.randomUUID", "crypto.getRandomValues"];

const ROOT = new URL("../", import.meta.url);

/** Path below `src/`, such as "storage/catalog/schema.ts"; undefined for every other file. */
function insideSrc(file: URL): string | undefined {
  const src = new URL("src/", ROOT).pathname;
  return file.pathname.startsWith(src) ? file.pathname.slice(src.length) : undefined;
}

/** The room of a path below `src/`; undefined for a file that lies in `src/` itself. */
function roomOf(inside: string): string | undefined {
  const slash = inside.indexOf("/");
  return slash < 0 ? undefined : inside.slice(0, slash);
}

function urlOfFile(filename: string): URL {
  return new URL(filename.startsWith("/") ? `file://${encodeURI(filename)}` : filename.replaceAll("\\", "/"), ROOT);
}

/** Why a file of `src/` may not import `specifier`; undefined if it may. */
function brokenDoor(filename: string, specifier: string): string | undefined {
  const file = urlOfFile(filename);
  const inside = insideSrc(file);
  if (inside === undefined || !/^(\.{1,2}\/|\/|file:)/.test(specifier)) return undefined;
  const target = insideSrc(new URL(specifier, file));
  const from = roomOf(inside);
  if (from === undefined || MAY_IMPORT[from] === undefined) return noSuchRoom(from ?? inside);
  if (target === undefined) {
    return `Room "${from}" may not import ${JSON.stringify(specifier)}, which lies outside src/`;
  }
  const to = roomOf(target);
  if (to === from || (to !== undefined && MAY_IMPORT[from].includes(to))) return undefined;
  return `Room "${from}" may not import room "${to ?? target}": ${doorsOf(from)}`;
}

function noSuchRoom(name: string): string {
  return `"${name}" is not a room of src/: ${Object.keys(MAY_IMPORT).join(", ")} are`;
}

function doorsOf(room: string): string {
  const rooms = MAY_IMPORT[room] ?? [];
  return rooms.length === 0 ? "it has no doors" : `its doors lead to ${rooms.join(", ")}`;
}

/** Why a file may not use one of the guarded things; undefined if it may, or is no part of `src/`. */
function notHere(filename: string, guarded: keyof typeof ONLY_IN, name: string): string | undefined {
  const inside = insideSrc(urlOfFile(filename));
  const { place, instead } = ONLY_IN[guarded];
  if (inside === undefined || inside.startsWith(place)) return undefined;
  return `Room "${roomOf(inside) ?? inside}" may not use ${name}, which belongs to ${place}: ${instead}`;
}

/** The text of a specifier that stands in the source as it is; undefined if it is computed. */
function literalText(node: Deno.lint.Node | null | undefined): string | undefined {
  if (node?.type === "Literal" && typeof node.value === "string") return node.value;
  if (node?.type === "TemplateLiteral" && node.expressions.length === 0) return node.quasis[0]?.cooked;
  return undefined;
}

/** "Date.now" for `Date.now`, `Date["now"]` and `globalThis.Date.now`; undefined for anything but names joined by dots. */
function dottedName(node: Deno.lint.Node): string | undefined {
  if (node.type === "Identifier") return node.name;
  if (node.type !== "MemberExpression") return undefined;
  const object = dottedName(node.object);
  const property = !node.computed && node.property.type === "Identifier"
    ? node.property.name
    : literalText(node.property);
  if (object === undefined || property === undefined) return undefined;
  return object === "globalThis" ? property : `${object}.${property}`;
}

/** True for an identifier that only labels a property, a method or a key: `app.fetch`, `{ fetch: 1 }`. */
function isLabel(node: Deno.lint.Identifier): boolean {
  const parent: Deno.lint.Node = node.parent;
  switch (parent.type) {
    case "MemberExpression":
      return parent.property === node && !parent.computed;
    case "Property":
      return parent.key === node && !parent.computed;
    case "MethodDefinition":
    case "PropertyDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return parent.key === node && !parent.computed;
    default:
      return false;
  }
}

type Context = Deno.lint.RuleContext;

function reportIf(context: Context, node: Deno.lint.Node, message: string | undefined): void {
  if (message !== undefined) context.report({ node, message });
}

/** Calls `check` with every import of a file, whatever its form: static, type only, re-export, dynamic, `import("x").T`. */
function everyImport(check: (node: Deno.lint.Node, specifier: string | undefined) => void): Deno.lint.LintVisitor {
  return {
    ImportDeclaration: (node) => check(node, node.source.value),
    ExportAllDeclaration: (node) => check(node, node.source.value),
    ExportNamedDeclaration: (node) => {
      if (node.source !== null) check(node, literalText(node.source));
    },
    ImportExpression: (node) => check(node, literalText(node.source)),
    TSImportType: (node) => check(node, literalText(node.argument) ?? literalOfType(node.argument)),
    TSExternalModuleReference: (node) => check(node, literalText(node.expression)),
  };
}

function literalOfType(node: Deno.lint.Node): string | undefined {
  return node.type === "TSLiteralType" ? literalText(node.literal) : undefined;
}

const doors: Deno.lint.Rule = {
  create: (context) =>
    everyImport((node, specifier) => {
      if (specifier !== undefined) return reportIf(context, node, brokenDoor(context.filename, specifier));
      if (insideSrc(urlOfFile(context.filename)) === undefined) return;
      context.report({ node, message: "A computed import can lead through any door: write its path as a literal" });
    }),
};

/** A rule for a global name, also as a property of `globalThis`. */
function guardGlobal(name: "Deno" | "fetch"): Deno.lint.Rule {
  return {
    create: (context) => ({
      Identifier: (node) => {
        if (node.name === name && !isLabel(node)) reportIf(context, node, notHere(context.filename, name, name));
      },
      MemberExpression: (node) => {
        const ofGlobal = node.object.type === "Identifier" && node.object.name === "globalThis";
        if (ofGlobal && dottedName(node) === name) reportIf(context, node, notHere(context.filename, name, name));
      },
    }),
  };
}

const sqlite: Deno.lint.Rule = {
  create: (context) =>
    everyImport((node, specifier) => {
      if (specifier !== "node:sqlite") return;
      reportIf(context, node, notHere(context.filename, "node:sqlite", "node:sqlite"));
    }),
};

const ambient: Deno.lint.Rule = {
  create: (context) => {
    const report = (node: Deno.lint.Node, name: string) =>
      reportIf(context, node, notHere(context.filename, "ambient", name));
    return {
      MemberExpression: (node) => {
        const name = dottedName(node);
        if (name !== undefined && AMBIENT.includes(name)) report(node, `${name}()`);
      },
      NewExpression: (node) => {
        if (dottedName(node.callee) === "Date" && node.arguments.length === 0) report(node, "new Date()");
      },
      CallExpression: (node) => {
        if (dottedName(node.callee) === "Date") report(node, "Date()");
      },
    };
  },
};

const exportsByName: Deno.lint.Rule = {
  create: (context) => ({
    ExportDefaultDeclaration: (node) => context.report({ node, message: NO_DEFAULT }),
    ExportAllDeclaration: (node) =>
      context.report({ node, message: "No `export *`: import from the file that defines the thing" }),
    ExportSpecifier: (node) => {
      const name = node.exported.type === "Identifier" ? node.exported.name : literalText(node.exported);
      if (name === "default") context.report({ node, message: NO_DEFAULT });
    },
  }),
};
const NO_DEFAULT = "No default export: a thing has one name, everywhere";

const unions: Deno.lint.Rule = {
  create: (context) => ({
    TSEnumDeclaration: (node) =>
      context.report({ node, message: "No enum: use a union of literals, or a constant object with `as const`" }),
  }),
};

const plugin: Deno.lint.Plugin = {
  name: "rooms",
  rules: {
    doors,
    runtime: guardGlobal("Deno"),
    sqlite,
    network: guardGlobal("fetch"),
    ambient,
    exports: exportsByName,
    unions,
  },
};

/** Where the project lies, for tests that make up file names in it. */
export const PROJECT = fileURLToPath(ROOT);

// deno-lint-ignore rooms/exports -- Deno takes a plugin from the default export
export default plugin;
