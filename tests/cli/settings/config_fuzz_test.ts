/** The configuration, mutated: it is read, or refused with words. */
import { ok, strictEqual } from "node:assert/strict";
import { BadConfig } from "../../../src/cli/settings/config_file.ts";
import { parseConfig } from "../../../src/cli/settings/config_schema.ts";
import { rawOfBytes, textOf } from "../../../src/core/raw.ts";
import { atLeast } from "../../support/effort.ts";
import { fuzz, fuzzRounds, mutateJsonFile } from "../../support/mutate.ts";
import { FakeWorld, runIn } from "../fake_world.ts";

const LONGEST_TOLD = 10_000, LONGEST_MS = 10_000;
const BACKUP = {
  tags: ["nightly"],
  exclude: ["*.tmp"],
  excludeFrom: ["~/excludes"],
  presets: ["nas"],
  excludeCaches: true,
  excludeLargerThan: "1.5GiB",
  static: ["*.raw"],
  lock: { before: "true", after: "true", readFrom: "/snapshot" },
  host: "nas",
};
const CONFIG = JSON.stringify({
  storage: "~/storage",
  workers: 2,
  bytes: false,
  quiet: false,
  keep: { last: 3, daily: "unlimited", within: "1y6m", tag: ["a,b"] },
  defaults: BACKUP,
  backups: { photos: { sources: ["~/photos", "/srv/photos"], ...BACKUP }, docs: { sources: ["docs"] } },
});

function worldAtHome(): FakeWorld {
  const world = new FakeWorld();
  world.variables["HOME"] = "/home/somebody";
  return world;
}

Deno.test("any mutation of the configuration is one, or refused with words", async () => {
  const world = worldAtHome();
  let sound = 0;
  await fuzz(fuzzRounds(3000), (seed) => {
    const text = textOf(rawOfBytes(mutateJsonFile(CONFIG, seed)));
    const start = performance.now();
    try {
      const { storage = "/", backups = {} } = parseConfig({ path: "/home/somebody/c.jsonc", text }, world);
      sound++;
      ok(
        storage.startsWith("/") &&
          Object.values(backups).every(({ sources }) =>
            sources.every((each) => typeof each !== "string" || each.startsWith("/"))
          ),
      );
    } catch (error) {
      if (!(error instanceof BadConfig)) throw error;
      ok(error.message.length < LONGEST_TOLD && !/\bat file:|RangeError|TypeError/.test(error.message), error.message);
    }
    ok(performance.now() - start < LONGEST_MS, "it takes too long");
  });
  ok(sound > atLeast(100), `${sound} still say something`);
});

Deno.test("whatever is in the configuration, a command ends with words", async () => {
  const base = Deno.makeTempDirSync({ prefix: "backup-tool-config-fuzz-" });
  const path = `${base}/c.jsonc`;
  await fuzz(fuzzRounds(200, 5000), async (seed) => {
    Deno.writeFileSync(path, mutateJsonFile(CONFIG, seed));
    const { status, stderr } = await runIn(worldAtHome(), "--config", path, "config");
    ok([0, 2].includes(status), `status ${status}: ${stderr}`);
    ok(stderr.length < LONGEST_TOLD && !/This is a bug|\bat file:/.test(stderr), stderr);
    strictEqual([...Deno.readDirSync(base)].length, 1);
  });
  Deno.removeSync(base, { recursive: true });
});

Deno.test("a file without an end is no configuration and no job", { ignore: Deno.build.os === "windows" }, async () => {
  const { status, stderr } = await runIn(worldAtHome(), "--config", "/dev/zero", "config");
  strictEqual(status, 2);
  ok(stderr.includes("more than 1048576 bytes"), stderr);
  const { status: checked, stdout } = await runIn(worldAtHome(), "job", "check", "/dev/zero");
  strictEqual(checked, 3);
  ok(stdout.includes("a job has 1048576 bytes at most"), stdout);
});
