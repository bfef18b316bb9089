/** Commands that leave more of the machine to others. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Place } from "../program.ts";

const CAN_RENICE = Deno.build.os === "linux";

Deno.test({
  name: "with --nice lowest a command, and what it starts, has the lowest priority",
  ignore: !CAN_RENICE,
  async fn() {
    using place = new Place();
    await place.expect(0, "init");
    const backup = ["backup", "--command", "/usr/bin/nice", "--stdin-name", "nice"];
    place.expectProcess(0, ...backup, "--nice", "lowest");
    strictEqual((await place.expect(0, "cat", "latest", "nice")).stdout, "19\n");
    place.expectProcess(0, ...backup, "--nice", "off");
    strictEqual((await place.expect(0, "cat", "latest", "nice")).stdout === "19\n", false);
  },
});

Deno.test("a rate and pauses hold back, and change nothing of what is done", async () => {
  using place = new Place();
  place.write("a", "1".repeat(100_000));
  await place.expect(0, "init");
  const pace = ["--limit", "500MB/s", "--pause", "1"];
  const { readBytes, problems } = await place.json("backup", "source", ...pace, "--workers", "1");
  deepStrictEqual([readBytes, problems], [100_000, 0]);
  await place.expect(0, "check", "--read-data", ...pace);
  await place.expect(0, "restore", "latest", "-t", "copy", ...pace);
  strictEqual(Deno.readTextFileSync(`${place.base}/copy/a`).length, 100_000);
  await place.fault(2, "bad-usage", "backup", "source", "--limit", "fast");
  await place.fault(2, "bad-usage", "check", "--nice", "very");
});
