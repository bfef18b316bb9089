import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { windowsErrno } from "../../src/platform/portable_calls.ts";
import { isWindowsTrap, portableTarget, symlinkType, windowsTarget } from "../../src/platform/windows_paths.ts";

Deno.test("isWindowsTrap() knows paths, streams, dropped ends and devices, and nothing else", () => {
  const traps = [
    "a\\b",
    "a:b",
    "a.",
    "a ",
    "con",
    "CON",
    "Nul.txt",
    "aux.tar.gz",
    "com1",
    "LPT9.x",
    "COM¹",
    "lpt³.txt",
  ];
  for (const name of [...traps, "con .txt", "conin$", "CONOUT$"]) strictEqual(isWindowsTrap(name), true, name);
  const names = ["a", ".a", "a.b", " a", "console", "nulls", "com", "com10", "lpta", "acon", "a.con", "ü", "com4a.txt"];
  for (const name of names) strictEqual(isWindowsTrap(name), false, name);
});

Deno.test("symlinkType() looks for the target from where the link will be", () => {
  const directories = new Set(["C:/base/dir", "C:/base/../up", "D:/other", "/root", "\\\\server\\share"]);
  const typeOf = (target: string) => symlinkType("C:/base", target, (path) => directories.has(path));
  deepStrictEqual(["dir", "../up", "D:/other", "/root", "\\\\server\\share"].map(typeOf), Array(5).fill("dir"));
  deepStrictEqual(["file", "missing/dir", "D:/dir"].map(typeOf), Array(3).fill("file"));
});

Deno.test("targets of links have the separators of Windows there, and those of all others in snapshots", () => {
  strictEqual(windowsTarget("../a/b"), "..\\a\\b");
  strictEqual(portableTarget(windowsTarget("../a/b")), "../a/b");
});

Deno.test("windowsErrno() gives what has words and hints, and the number of what hasn't", () => {
  deepStrictEqual([32, 39, 112, 206, 17, 99_999].map(windowsErrno), [
    "EBUSY",
    "ENOSPC",
    "ENOSPC",
    "ENAMETOOLONG",
    "EXDEV",
    "error 99999",
  ]);
});
