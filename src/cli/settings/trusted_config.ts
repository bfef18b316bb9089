/** Trust in a configuration with commands: whoever can write the file could run anything as this user. */
import { UntrustedCommands } from "../../operations/hooks/faults.ts";
import type { World } from "../world.ts";
import type { Config } from "./config_schema.ts";

/** A configuration, and its path. */
interface Written {
  readonly path: string | undefined;
  readonly config: Config;
}

/**
 * Refuses a configuration with commands that another user may have written. Hooks are not considered here: they are
 * checked before they run, because `--no-hooks` does without them.
 * @throws UntrustedCommands, DiskFault if the file or its directory can't be read
 */
export function refuseUntrusted({ path, config }: Written, world: World): void {
  const keys = path === undefined ? [] : commandKeys(config);
  if (path === undefined || keys.length === 0) return;
  const why = world.whyOthersWrite(path);
  if (why !== undefined) throw new UntrustedCommands(path, keys, why);
}

/** Paths of the keys with commands, such as "vaults.nas.passwordCommand". */
export function commandKeys({ vaults = {}, defaults, backups = {} }: Config): readonly string[] {
  const keys = Object.entries(vaults).flatMap(([name, vault]) =>
    (["passwordCommand", "credentialsCommand"] as const).filter((key) => vault[key] !== undefined)
      .map((key) => `vaults.${name}.${key}`)
  );
  if (typeof defaults?.lock === "object") keys.push("defaults.lock");
  for (const [name, { lock, sources }] of Object.entries(backups)) {
    if (typeof lock === "object") keys.push(`backups.${name}.lock`);
    const isServed = sources.some((source) => typeof source === "object" && source.credentialsCommand !== undefined);
    if (isServed) keys.push(`backups.${name}.sources.credentialsCommand`);
  }
  return keys;
}
