/** The file of settings, `backup-tool.jsonc`: where it is looked for. What it may say stands in config_schema.ts. */
import { Fault } from "../../core/fault.ts";
import { rawOf, textOf } from "../../core/raw.ts";
import { DiskFault } from "../../platform/disk.ts";
import { absolutePath } from "./paths.ts";
import type { World } from "../world.ts";

export const CONFIG_NAME = "backup-tool.jsonc";

export class BadConfig extends Fault {
  readonly code = "bad-config";
  readonly hint: string;
  constructor(file: string, complaints: readonly string[], hint: string) {
    super(`Cannot use the configuration ${JSON.stringify(file)}: ${complaints.join("; ")}`);
    this.hint = hint;
  }
}

export interface ConfigFile {
  /** As text, absolute. */
  readonly path: string;
  readonly text: string;
}

/**
 * The file that counts: the one that was named, else the first that is there. Files are not merged, and the current
 * directory is never looked into: whoever can put a file there could have something else backed up, to somewhere else.
 * @param named by `--config`; false: `--no-config` @throws DiskFault if it can't be read
 */
export function findConfig(world: World, named: string | false | undefined): ConfigFile | undefined {
  if (named === false) return undefined;
  const given = named ?? world.env("BACKUP_TOOL_CONFIG");
  if (given !== undefined) {
    const path = textOf(absolutePath(world, given));
    return { path, text: readConfig(world, path) };
  }
  for (const path of usualPlaces(world)) {
    const text = readOptional(world, path);
    if (text !== undefined) return { path, text };
  }
  return undefined;
}

/** Of the person, then of the machine. */
export function usualPlaces(world: World): string[] {
  const roaming = world.env("APPDATA");
  if (roaming !== undefined) return [`${roaming.replaceAll("\\", "/")}/backup-tool/${CONFIG_NAME}`];
  const given = world.env("XDG_CONFIG_HOME");
  // As the XDG base directory specification says, a relative path counts as none.
  const own = given?.startsWith("/") ? given : configOf(world.here.home());
  return [...(own === undefined ? [] : [`${own}/backup-tool/${CONFIG_NAME}`]), `/etc/${CONFIG_NAME}`];
}

function configOf(home: string | undefined): string | undefined {
  return home === undefined ? undefined : `${home}/.config`;
}

/** Nobody writes more than that; a device has no end. */
const MOST_BYTES = 1024 * 1024;

/** @throws BadConfig, DiskFault */
function readConfig(world: World, path: string): string {
  const text = world.readTextFile(path, MOST_BYTES + 1);
  if (rawOf(text).length <= MOST_BYTES) return text;
  throw new BadConfig(path, [`it has more than ${MOST_BYTES} bytes`], "Name the file that you wrote");
}

const MISSING = ["ENOENT", "ENOTDIR"];

function readOptional(world: World, path: string): string | undefined {
  try {
    return readConfig(world, path);
  } catch (error) {
    if (error instanceof DiskFault && MISSING.includes(error.errno)) return undefined;
    throw error;
  }
}
