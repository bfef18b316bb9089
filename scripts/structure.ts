/**
 * Holds the structure of `src/` against its budgets, and prints it: doors, circles, sizes, casts.
 *
 *   deno run -A scripts/structure.ts
 *
 * Exit status: 0 within the budgets, 1 not.
 */
import ts from "typescript";
import { brokenDoor } from "./rooms.ts";

const SRC = new URL("../src/", import.meta.url);

/** What one file holds. */
export interface FileFacts {
  /** Path below `src/`. */
  readonly path: string;
  readonly lines: number;
  /** Paths below `src/` that it imports, in any form. */
  readonly imports: readonly string[];
  /** Lines of each function, without those of functions in it that have a name of their own. */
  readonly functions: readonly number[];
  readonly types: number;
  readonly casts: number;
  readonly nonNull: number;
  readonly any: number;
}

export interface Finding {
  readonly title: string;
  readonly value: string;
  readonly isOver: boolean;
}

/** @param path below `src/` @param read whether a path below `src/` is there is not looked at */
export function factsOf(path: string, text: string): FileFacts {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found = { imports: [] as string[], functions: [] as number[], types: 0, casts: 0, nonNull: 0, any: 0 };
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node);
    if (specifier?.startsWith(".")) found.imports.push(new URL(specifier, `file:///${path}`).pathname.slice(1));
    if (isFunction(node)) found.functions.push(linesOf(node, file));
    if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isClassDeclaration(node)) {
      found.types++;
    }
    if (ts.isAsExpression(node) && node.type.getText(file) !== "const") found.casts++;
    if (ts.isNonNullExpression(node)) found.nonNull++;
    if (node.kind === ts.SyntaxKind.AnyKeyword) found.any++;
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { path, lines: text.split("\n").length - 1, ...found };
}

function specifierOf(node: ts.Node): string | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return textOfLiteral(node.moduleSpecifier);
  if (ts.isImportTypeNode(node)) return ts.isLiteralTypeNode(node.argument) ? textOfLiteral(node.argument.literal) : "";
  const isImport = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
  return isImport ? textOfLiteral(node.arguments[0]) : undefined;
}

function textOfLiteral(node: ts.Node | undefined): string | undefined {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined;
}

function isFunction(node: ts.Node): node is ts.FunctionLikeDeclaration {
  if (ts.isArrowFunction(node)) return ts.isBlock(node.body);
  return (ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node) || ts.isConstructorDeclaration(node) ||
    ts.isAccessor(node) || ts.isFunctionExpression(node)) && node.body !== undefined;
}

function linesOf(node: ts.Node, file: ts.SourceFile): number {
  const line = (position: number) => file.getLineAndCharacterOfPosition(position).line;
  return line(node.getEnd()) - line(node.getStart(file)) + 1;
}

/** The value that a share of `values` doesn't exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Groups of nodes that reach each other (Tarjan). */
export function circles(graph: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const index = new Map<string, number>(), low = new Map<string, number>();
  const stack: string[] = [], found: string[][] = [];
  const visit = (node: string): void => {
    index.set(node, index.size);
    low.set(node, index.get(node)!);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node)!, low.get(next)!));
    }
    if (low.get(node) !== index.get(node)) return;
    const group = stack.splice(stack.indexOf(node));
    if (group.length > 1) found.push(group.sort());
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return found;
}

export function fileGraph(files: readonly FileFacts[]): Map<string, Set<string>> {
  return new Map(files.map(({ path, imports }) => [path, new Set(imports)]));
}

/** Folders of `src/`, at any depth, to those that their own files import from. */
export function folderGraph(files: readonly FileFacts[]): Map<string, Set<string>> {
  const graph = new Map<string, Set<string>>();
  for (const { path, imports } of files) {
    const own = folderOf(path);
    const others = graph.get(own) ?? new Set();
    graph.set(own, others);
    for (const imported of imports) if (folderOf(imported) !== own) others.add(folderOf(imported));
  }
  return graph;
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** A folder with more files than this is a crowd. `cli/commands` has a file for each command. */
const MOST_IN_OPERATIONS = 12;

export function findings(files: readonly FileFacts[]): Finding[] {
  const lines = files.reduce((sum, file) => sum + file.lines, 0);
  const functions = files.flatMap((file) => file.functions);
  const sum = (of: (file: FileFacts) => number) => files.reduce((total, file) => total + of(file), 0);
  const perThousand = (count: number) => count / lines * 1000;
  const list = (title: string, items: readonly string[]): Finding => (
    { title, value: items.length === 0 ? "none" : `\n  ${items.join("\n  ")}`, isOver: items.length > 0 }
  );
  const atMost = (title: string, value: number, most: number, digits = 0): Finding => (
    { title, value: `${value.toFixed(digits)} (at most ${most})`, isOver: Number(value.toFixed(digits)) > most }
  );
  return [
    list("Doors broken", files.flatMap(brokenDoors)),
    list("Circles between folders", circles(folderGraph(files)).map((group) => group.join(", "))),
    list("Circles between files", circles(fileGraph(files)).map((group) => group.join(", "))),
    list("Crowded folders of operations", crowds(files)),
    atMost("Lines of a file, 90 of 100", percentile(files.map((file) => file.lines), 0.9), 240),
    atMost("Lines of a function, 90 of 100", percentile(functions, 0.9), 15),
    atMost("Lines of a function, longest", Math.max(...functions), 60),
    atMost("Casts in 1,000 lines", perThousand(sum((file) => file.casts)), 5, 1),
    atMost("Non-null assertions in 1,000 lines", perThousand(sum((file) => file.nonNull)), 3, 1),
    atMost("Uses of any", sum((file) => file.any), 0),
    atMost("Types used for restore", restoreTypes(files), 25),
  ];
}

function brokenDoors({ path, imports }: FileFacts): string[] {
  return imports.flatMap((imported) => {
    const why = brokenDoor(path, imported, imported);
    return why === undefined ? [] : [`${path}: ${why}`];
  });
}

function crowds(files: readonly FileFacts[]): string[] {
  const counts = new Map<string, number>();
  for (const { path } of files) counts.set(folderOf(path), (counts.get(folderOf(path)) ?? 0) + 1);
  return [...counts].filter(([folder, count]) => folder.startsWith("operations") && count > MOST_IN_OPERATIONS)
    .map(([folder, count]) => `${folder} (${count} files)`);
}

function restoreTypes(files: readonly FileFacts[]): number {
  const ofRestore = files.filter(({ path }) => path.startsWith("operations/restore/") || path.startsWith("target/"));
  return ofRestore.reduce((sum, file) => sum + file.types, 0);
}

function* sourceFiles(directory: URL): Generator<URL> {
  for (const entry of Deno.readDirSync(directory)) {
    if (entry.isDirectory) yield* sourceFiles(new URL(`${entry.name}/`, directory));
    else if (entry.name.endsWith(".ts")) yield new URL(entry.name, directory);
  }
}

if (import.meta.main) {
  const files = [...sourceFiles(SRC)].map((url) =>
    factsOf(url.pathname.slice(SRC.pathname.length), Deno.readTextFileSync(url))
  );
  const all = findings(files);
  for (const { title, value, isOver } of all) console.log(`${isOver ? "OVER  " : "      "}${title}: ${value}`);
  if (all.some(({ isOver }) => isOver)) Deno.exit(1);
}
