/** Finds the configuration file, `backup-tool.jsonc`. config_schema.ts describes its contents. */
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
  /** Absolute path as text. */
  readonly path: string;
  readonly text: string;
}

/**
 * The configuration file: the given one, else the first that exists. Files are not merged, and the current directory is
 * never searched: whoever can put a file there could redirect backups.
 * @param named value of `--config`; false: `--no-config`
 * @throws DiskFault if the file can't be read
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

/** Usual paths: the user's, then the machine's. */
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

/** Largest configuration in bytes: a device would have no end. */
const MOST_BYTES = 1024 * 1024;

/** Reads the file. @throws BadConfig, DiskFault */
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
