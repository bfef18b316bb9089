/** The program where few files may be open: it works with fewer threads, or fails with words. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { isExecutable, Place } from "../cli/program.ts";

const LIMITS = [32, 48, 64, 96, 128, 192, 256];

async function makePlace(): Promise<Place> {
  const place = new Place();
  for (let i = 0; i < 1200; i++) place.write(`f${i}`, `content ${i}`);
  await place.expect(0, "backup", "--init", "source");
  return place;
}

Deno.test("with few descriptors a backup, a check and a restore work, or fail with words that name the limit", {
  ignore: !isExecutable,
}, async () => {
  using place = await makePlace();
  const done: number[] = [];
  for (const limit of LIMITS) {
    for (
      const args of [["backup", "-q", "source", "--force"], ["check", "--read-data"], [
        "restore",
        "latest",
        "--target",
        `out-${limit}`,
      ]]
    ) {
      const { status, stderr } = place.shell(`ulimit -n ${limit}; "$@"`, ...args, "--workers", "4");
      ok(status === 0 || status === 1, `${limit} ${args[0]}: ${status} ${stderr}`);
      ok(!stderr.includes("Uncaught") && !stderr.includes("panicked"), stderr);
      if (status === 0) done.push(limit);
      else match(stderr, /too many open files.*\n.*ulimit -n/, `${limit} ${args[0]}`);
    }
  }
  deepStrictEqual(done.filter((limit) => limit >= 64).length, 3 * LIMITS.filter((limit) => limit >= 64).length);
});

Deno.test("a soft limit is raised to the hard one", { ignore: !isExecutable }, async () => {
  using place = await makePlace();
  const { status, stderr } = place.shell(`ulimit -S -n 40; "$@"`, "backup", "-q", "source", "--workers", "4");
  strictEqual(status, 0, stderr);
});
