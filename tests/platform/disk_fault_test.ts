import { deepStrictEqual, notStrictEqual, ok } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { DiskFault } from "../../src/platform/disk.ts";
import { errnoName } from "../../src/platform/errno.ts";
import { errnoOf } from "../../src/platform/portable_calls.ts";

const hintOf = (errno: string) => new DiskFault(errno, "open", rawOf("/x")).hint;
/** Errors that a path, a name or a limit of this machine's can lead to. */
const EVERYDAY =
  "EACCES EPERM ENOENT ENOTDIR EISDIR EEXIST ENOTEMPTY ELOOP ENOSPC EDQUOT EROFS EINVAL EILSEQ ENXIO EMFILE ENFILE " +
  "ENOMEM EAGAIN EBUSY ETXTBSY ENAMETOOLONG EXDEV EMLINK ESTALE ENOTCONN ENODEV ENOTSUP ENOSYS EFBIG EOVERFLOW ENOLCK";

Deno.test("Only the errors of a failing disk speak of disks and cables", () => {
  const all = Array.from({ length: 133 }, (_, number) => errnoName(number + 1));
  deepStrictEqual(all.filter((errno) => hintOf(errno).includes("cables")), ["EIO", "EREMOTEIO"]);
  ok(!hintOf("E4711").includes("disk"));
});

Deno.test("Every everyday error has words and a hint of its own", () => {
  for (const errno of EVERYDAY.split(" ")) {
    notStrictEqual(hintOf(errno), hintOf("E4711"), errno);
    ok(new DiskFault(errno, "open", rawOf("/x")).message.endsWith(` (${errno})`), errno);
  }
});

Deno.test("An error of the runtime that has no number is not taken for one of the disk", () => {
  deepStrictEqual(errnoOf(new TypeError("file name contained an unexpected NUL byte")), "EINVAL");
  deepStrictEqual(errnoOf(new Error("something odd")), "something odd");
  deepStrictEqual(errnoOf(new Deno.errors.Busy("busy")), "EBUSY");
});
