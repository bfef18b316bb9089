import { deepStrictEqual } from "node:assert/strict";
import { type Raw, rawOf } from "../../src/core/raw.ts";
import { PathSelection } from "../../src/source/path_selection.ts";

function choice(...paths: string[]): PathSelection {
  return new PathSelection(paths.map(rawOf));
}

function among(chosen: PathSelection, directory: string, ...names: string[]): readonly Raw[] {
  return chosen.among(names.map(rawOf), rawOf(directory));
}

Deno.test("a choice takes chosen names, directories on the way, and everything in chosen directories", () => {
  const chosen = choice("/a/b/c", "/x");
  deepStrictEqual(among(chosen, "/", "a", "x", "y", "ab"), ["a", "x"]);
  deepStrictEqual(among(chosen, "/a", "b", "bb", "c"), ["b"]);
  deepStrictEqual(among(chosen, "/a/b", "c", "d"), ["c"]);
  deepStrictEqual(among(chosen, "/a/b/c", "1", "2"), ["1", "2"]);
  deepStrictEqual(among(chosen, "/x/deep/down", "1"), ["1"]);
  deepStrictEqual(among(chosen, "/y", "1"), []);
});

Deno.test("a choice of the top takes everything", () => {
  deepStrictEqual(among(choice("/"), "/any/where", "1", "2"), ["1", "2"]);
});

Deno.test("a choice knows which paths no directory has held", () => {
  const chosen = choice("/a/1", "/a/2", "/b", "/b/inside", "/c/d");
  among(chosen, "/", "a", "b");
  among(chosen, "/a", "1", "3");
  among(chosen, "/b", "inside", "other");
  deepStrictEqual([...chosen.missing], ["/a/2", "/c/d"]);
});
