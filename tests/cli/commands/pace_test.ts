/** Commands that leave more of the machine to others. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Place } from "../program.ts";

const CAN_RENICE = Deno.build.os === "linux";

Deno.test({
  name:
    "with --nice lowest, or where the configuration says so, a command, and what it starts, has the lowest priority",
  ignore: !CAN_RENICE,
  async fn() {
    using place = new Place();
    await place.expect(0, "init");
    const backup = ["backup", "--command", "/usr/bin/nice", "--stdin-name", "nice"];
    place.expectProcess(0, ...backup, "--nice", "lowest");
    strictEqual((await place.expect(0, "cat", "latest", "nice")).stdout, "19\n");
    place.expectProcess(0, ...backup);
    strictEqual((await place.expect(0, "cat", "latest", "nice")).stdout === "19\n", false);
    configure(place, { nice: "lowest" });
    place.expectProcess(0, ...backup);
    strictEqual((await place.expect(0, "cat", "latest", "nice")).stdout, "19\n");
    place.expectProcess(0, ...backup, "--nice", "off");
    strictEqual((await place.expect(0, "cat", "latest", "nice")).stdout === "19\n", false);
  },
});

function configure(place: Place, settings: object): void {
  const directory = `${place.base}/config/backup-tool`;
  Deno.mkdirSync(directory, { recursive: true });
  Deno.writeTextFileSync(`${directory}/backup-tool.jsonc`, JSON.stringify(settings));
}

Deno.test("rate and pauses may be in the configuration or in variables, and be turned off for one run", async () => {
  using place = new Place();
  place.write("a", "1".repeat(1000));
  await place.expect(0, "init");
  configure(place, { limit: "20MB/s", pause: 0.5, nice: "off" });
  const shown = async (...args: string[]) => {
    const { settings } = await place.json("config", ...args);
    return ["nice", "limit", "pause"].map((name) => settings.find((one: { name: string }) => one.name === name).value);
  };
  deepStrictEqual(await shown(), ["off", 20_000_000, 0.5]);
  deepStrictEqual(await shown("--no-limit", "--no-pause"), ["off", false, false]);
  place.env["BACKUP_TOOL_LIMIT"] = "1MB/s";
  deepStrictEqual(await shown("--pause", "2"), ["off", 1_000_000, 2]);
  for (const args of [[], ["--no-limit", "--no-pause"]]) await place.expect(0, "check", "--read-data", ...args);
  await place.expect(0, "backup", "source");
  place.env["BACKUP_TOOL_PAUSE"] = "long";
  await place.fault(2, "bad-usage", "check");
  configure(place, { limit: "fast" });
  await place.fault(2, "bad-config", "check");
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
