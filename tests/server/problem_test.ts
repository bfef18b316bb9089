/** What programs are told of a fault. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { DiskFault } from "../../src/platform/disk.ts";
import { InvalidJob, NotFound, problemOf } from "../../src/server/exchange/problem.ts";

Deno.test("a full disk is told from one that fails, and from what is not there", () => {
  const statusOf = (error: unknown) => problemOf(error).status;
  const disk = (errno: string) => new DiskFault(errno, "write", rawOf("/jobs/a.json"));
  deepStrictEqual(["ENOSPC", "EDQUOT", "EIO"].map((errno) => statusOf(disk(errno))), [507, 507, 500]);
  strictEqual(statusOf(new NotFound()), 404);
  strictEqual(statusOf(new TypeError("a mistake of ours")), 500);
});

Deno.test("an invalid job is told with line and column", () => {
  const { status, code, where } = problemOf(new InvalidJob(["a comma is missing"], "3:7"));
  deepStrictEqual([status, code, where], [400, "bad-job", "3:7"]);
});
