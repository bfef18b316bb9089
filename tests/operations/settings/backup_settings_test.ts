import { deepStrictEqual, throws } from "node:assert/strict";
import * as z from "zod";
import { rawOf } from "../../../src/core/raw.ts";
import { backupShape } from "../../../src/operations/settings/backup_schema.ts";
import {
  lockFrom,
  marksFrom,
  mergedSettings,
  selectionFrom,
} from "../../../src/operations/settings/backup_settings.ts";

const WORLD = {
  host: () => "here",
  absolute: (path: string) => rawOf(`/base/${path}`),
  readTextFile: (path: string) => `# of ${path}\nfrom-${path}\n`,
};
const SOURCES = { sources: [rawOf("/a")] };
const schema = z.strictObject(backupShape(z.string(), z.string()));

Deno.test("settings that nobody has written have their defaults", () => {
  deepStrictEqual(selectionFrom(SOURCES, schema.parse({}), WORLD), {
    ...SOURCES,
    name: undefined,
    excludes: [],
    ignoreFiles: true,
    oneFileSystem: false,
    excludeCaches: false,
    largestBytes: undefined,
    host: "here",
    detection: { force: false, ignoreInode: false, ignoreCtime: false },
    statics: [],
  });
  deepStrictEqual(marksFrom({}), { tags: [], tree: true });
  deepStrictEqual(lockFrom({}, WORLD), undefined);
});

Deno.test("presets come before files of patterns, and those before patterns; sizes become bytes, paths absolute", () => {
  const settings = schema.parse({
    exclude: ["last"],
    excludeFrom: ["list"],
    presets: ["nas"],
    excludeLargerThan: "10K",
    lock: { before: "stop", readFrom: "copy" },
  });
  const { excludes, largestBytes } = selectionFrom(SOURCES, settings, WORLD);
  deepStrictEqual([excludes[0], excludes.slice(-2), largestBytes], ["@eaDir/", ["from-list", "last"], 10 * 1024]);
  deepStrictEqual(lockFrom(settings, WORLD), {
    kind: "command",
    before: "stop",
    after: undefined,
    readFrom: rawOf("/base/copy"),
  });
});

Deno.test("patterns that ignore case come last, as ordinary ones; names that mark directories are bytes", () => {
  const settings = schema.parse({ exclude: ["last"], iexclude: ["*.Jpg"], excludeIfPresent: [".nobackup", "\u00e4"] });
  const { excludes, markers } = selectionFrom(SOURCES, settings, WORLD);
  deepStrictEqual([excludes, markers], [["last", "*.[jJ][pP][gG]"], [".nobackup", "\u00e4"].map(rawOf)]);
  throws(() => schema.parse({ excludeIfPresent: ["a/b"] }), /without slashes/);
});

Deno.test("settings that count more replace those that count less, and lists add up", () => {
  const merged = mergedSettings(
    { tags: ["a", "b"], exclude: ["x"], tree: false, host: "old" },
    { tags: ["b", "c"], exclude: ["y"], host: "new" },
  );
  deepStrictEqual([merged.tags, merged.exclude, merged.tree, merged.host], [["a", "b", "c"], ["x", "y"], false, "new"]);
});

Deno.test("a lock without a command is refused", () => {
  throws(() => schema.parse({ lock: {} }), /A lock needs a command, before or after/);
});
