import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Place } from "../program.ts";

/** What runs a command, and the key that the fault names. */
const COMMANDS: readonly (readonly [object, string])[] = [
  [{ vaults: { nas: { location: "vault", passwordCommand: "touch ran" } } }, "vaults.nas.passwordCommand"],
  [{ vaults: { nas: { location: "vault", credentialsCommand: "touch ran" } } }, "vaults.nas.credentialsCommand"],
  [{ defaults: { lock: { before: "touch ran" } } }, "defaults.lock"],
  [{ backups: { mine: { sources: ["source"], lock: { after: "touch ran" } } } }, "backups.mine.lock"],
  [
    { backups: { mine: { sources: [{ location: "sftp:me@host:/", credentialsCommand: "touch ran" }] } } },
    "backups.mine.sources.credentialsCommand",
  ],
];

function write(place: Place, config: object, mode: number): string {
  const path = `${place.base}/c.jsonc`;
  Deno.writeTextFileSync(path, JSON.stringify(config));
  Deno.chmodSync(path, mode);
  return path;
}

for (const [config, key] of COMMANDS) {
  Deno.test(`a configuration with ${key} is refused if others may write it`, async () => {
    using place = new Place();
    await place.expect(0, "init");
    const path = write(place, config, 0o664);
    const message = await place.fault(2, "untrusted-commands", "snapshots", "--config", path);
    strictEqual(
      message,
      `Cannot run the commands in ${JSON.stringify(path)} (${key}): others may write the file (mode 664)`,
    );
    match((await place.expect(0, "config", "--config", path)).stdout, /Configuration file/);
    write(place, config, 0o644);
    deepStrictEqual(await place.json("snapshots", "--config", path), []);
  });
}

Deno.test("a configuration without commands may be written by others", async () => {
  using place = new Place();
  await place.expect(0, "init");
  const path = write(place, { backups: { mine: { sources: ["source"], lock: "btrfs" } } }, 0o666);
  deepStrictEqual(await place.json("snapshots", "--config", path), []);
});
