import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  type Access,
  accessFor,
  type FileAccess,
  modeWithoutGroup,
  narrow,
} from "../../../src/storage/content/access.ts";

const GROUPS = [10, 20];
const READ_MODES = [0o600, 0o640, 0o604, 0o644];
/** All files that matter: who may read, which group, with or without an ACL. */
const FILES: FileAccess[] = READ_MODES.flatMap((mode) =>
  GROUPS.flatMap((gid) => [false, true].map((hasAcl) => ({ mode, gid, hasAcl })))
);
/** Everybody who owns neither the files nor the storage, by the groups they are in. */
const PEOPLE = [[], [10], [20], [10, 20]];

/** Which bits the kernel looks at (path_resolution(7)); a file with an ACL promises nothing to anybody. */
function mayRead({ mode, gid, hasAcl = false }: Partial<FileAccess> & Access, groups: readonly number[]): boolean {
  return !hasAcl && (mode & (groups.includes(gid) ? 0o040 : 0o004)) !== 0;
}

Deno.test("no two files make an item that shows itself to anybody who can't read both", () => {
  let shown = 0;
  for (const first of FILES) {
    for (const second of FILES) {
      for (const itemGid of GROUPS) {
        const item = narrow(accessFor(first, itemGid), second);
        for (const groups of PEOPLE) {
          if (!mayRead(item, groups)) continue;
          shown++;
          ok(mayRead(first, groups) && mayRead(second, groups), JSON.stringify({ first, second, item, groups }));
        }
      }
    }
  }
  ok(shown > 50);
});

Deno.test("narrow() keeps exactly what both files allow, where their groups are the same", () => {
  for (const first of READ_MODES) {
    for (const second of READ_MODES) {
      const file = (mode: number): FileAccess => ({ mode, gid: 10, hasAcl: false });
      strictEqual(narrow(accessFor(file(first), 10), file(second)).mode, first & second & 0o444);
    }
  }
});

Deno.test("narrow() is never wider than before, and doing it again changes nothing", () => {
  for (const mode of [0o400, 0o440, 0o404, 0o444]) {
    for (const file of FILES) {
      const once = narrow({ mode, gid: 10 }, file);
      strictEqual(once.mode & ~mode, 0);
      deepStrictEqual(narrow(once, file), once);
    }
  }
});

Deno.test("accessFor() never lets anybody write or execute", () => {
  for (let mode = 0; mode <= 0o7777; mode++) {
    strictEqual(accessFor({ mode, gid: 10, hasAcl: false }, 10).mode & ~0o444, 0);
  }
});

Deno.test("modeWithoutGroup() lets others do only what both group and others could", () => {
  const cases = [[0o755, 0o705], [0o750, 0o700], [0o705, 0o700], [0o775, 0o705], [0o2755, 0o705], [0o1777, 0o1707]];
  for (const [mode, expected] of cases) strictEqual(modeWithoutGroup(mode!), expected, mode!.toString(8));
});
