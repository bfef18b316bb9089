/** Lint rules of this project: they hold every file against the tables of rooms.ts. */
import { fileURLToPath } from "node:url";
import { brokenDoor, brokenModule, type Guard, GUARDS, PARSED_TYPES, roomOf } from "./rooms.ts";

const ROOT = new URL("../", import.meta.url);

/** Path below `src/`, such as "catalog/schema.ts"; undefined for every other file. */
function insideSrc(file: URL): string | undefined {
  const src = new URL("src/", ROOT).pathname;
  return file.pathname.startsWith(src) ? file.pathname.slice(src.length) : undefined;
}

function urlOfFile(filename: string): URL {
  return new URL(filename.startsWith("/") ? `file://${encodeURI(filename)}` : filename.replaceAll("\\", "/"), ROOT);
}

/** Says why a file may not import `specifier`; undefined if it may, or is no part of `src/`. */
function brokenImport(filename: string, specifier: string): string | undefined {
  const file = urlOfFile(filename);
  const inside = insideSrc(file);
  if (inside === undefined) return undefined;
  const isFile = /^(\.{1,2}\/|\/|file:)/.test(specifier);
  return isFile ? brokenDoor(inside, insideSrc(new URL(specifier, file)), specifier) : brokenModule(inside, specifier);
}

/** The text of a specifier that stands in the source as it is; undefined if it is computed. */
function literalText(node: Deno.lint.Node | null | undefined): string | undefined {
  if (node?.type === "Literal" && typeof node.value === "string") return node.value;
  if (node?.type === "TemplateLiteral" && node.expressions.length === 0) return node.quasis[0]?.cooked;
  return undefined;
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
  create: (context) => ({
    ...everyImport((node, specifier) => {
      if (specifier !== undefined) return reportIf(context, node, brokenImport(context.filename, specifier));
      if (insideSrc(urlOfFile(context.filename)) === undefined) return;
      context.report({ node, message: "A computed import can lead through any door: write its path as a literal" });
    }),
    // The address of a file can be given to a worker, or be imported elsewhere.
    NewExpression: (node) => {
      const address = node.callee.type === "Identifier" && node.callee.name === "URL"
        ? literalText(node.arguments[0])
        : "";
      if (address?.startsWith(".") && address.endsWith(".ts")) {
        reportIf(context, node, brokenImport(context.filename, address));
      }
    },
  }),
};

/** Says whether an identifier only labels a property, a method or a key (`app.fetch`, `{ fetch: 1 }`) or names a type. */
function isLabel(node: Deno.lint.Identifier): boolean {
  const parent: Deno.lint.Node = node.parent;
  switch (parent.type) {
    case "MemberExpression":
      return parent.property === node && !parent.computed;
    case "Property":
      return parent.key === node && !parent.computed &&
        !(parent.shorthand && parent.parent.type === "ObjectExpression");
    case "MethodDefinition":
    case "PropertyDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return parent.key === node && !parent.computed;
    case "ImportSpecifier":
    case "ImportDefaultSpecifier":
    case "ExportSpecifier":
      return true;
    default:
      return false;
  }
}

/** Says whether the name is used in one of the ways that are open to everybody. */
function isOpen(node: Deno.lint.Identifier, { open = [] }: Guard): boolean {
  const parent: Deno.lint.Node = node.parent;
  if (parent.type === "MemberExpression" && parent.object === node) {
    const member = !parent.computed && parent.property.type === "Identifier"
      ? parent.property.name
      : literalText(parent.property);
    return member !== undefined && open.includes(member);
  }
  if (parent.type === "NewExpression" && parent.callee === node) {
    return parent.arguments.length > 0 && open.includes("new");
  }
  // `Date` and others also name types, which reach nothing.
  return (parent.type === "TSTypeReference" || parent.type === "TSTypeQuery") && open.length > 0;
}

const globals: Deno.lint.Rule = {
  create: (context) => {
    const inside = insideSrc(urlOfFile(context.filename));
    if (inside === undefined) return {};
    return {
      Identifier: (node) => {
        if (!Object.hasOwn(GUARDS, node.name) || isLabel(node)) return;
        const guard = GUARDS[node.name]!;
        if (guard.places.some((place) => inside.startsWith(place)) || isOpen(node, guard)) return;
        const where = `Room "${roomOf(inside) ?? inside}" may not use ${node.name} this way`;
        context.report({ node, message: `${where}, which belongs to ${guard.places.join(", ")}: ${guard.instead}` });
      },
    };
  },
};

const casts: Deno.lint.Rule = {
  create: (context) => {
    const inside = insideSrc(urlOfFile(context.filename));
    if (inside === undefined) return {};
    return {
      TSAsExpression: (node) => {
        const type = node.typeAnnotation;
        if (type.type !== "TSTypeReference" || type.typeName.type !== "Identifier") return;
        const places = PARSED_TYPES[type.typeName.name];
        if (places === undefined || places.includes(inside)) return;
        const name = type.typeName.name;
        context.report({ node, message: `A ${name} is made where it is parsed (${places.join(", ")}), not by a cast` });
      },
    };
  },
};

const exportsByName: Deno.lint.Rule = {
  create: (context) => ({
    ExportDefaultDeclaration: (node) => context.report({ node, message: NO_DEFAULT }),
    ExportAllDeclaration: (node) =>
      context.report({ node, message: "No `export *`: import from the file that defines the thing" }),
    ExportNamedDeclaration: (node) => {
      if (node.source !== null) context.report({ node, message: NO_RELAY });
    },
    ExportSpecifier: (node) => {
      const name = node.exported.type === "Identifier" ? node.exported.name : literalText(node.exported);
      if (name === "default") context.report({ node, message: NO_DEFAULT });
    },
  }),
};
const NO_DEFAULT = "No default export: a thing has one name, everywhere";
const NO_RELAY = "No export of what another file defines: import it from there";

const unions: Deno.lint.Rule = {
  create: (context) => ({
    TSEnumDeclaration: (node) =>
      context.report({ node, message: "No enum: use a union of literals, or a constant object with `as const`" }),
  }),
};

const plugin: Deno.lint.Plugin = {
  name: "rooms",
  rules: { doors, globals, casts, exports: exportsByName, unions },
};

/** Where the project lies, for tests that make up file names in it. */
export const PROJECT = fileURLToPath(ROOT);

// deno-lint-ignore rooms/exports -- Deno takes a plugin from the default export
export default plugin;
