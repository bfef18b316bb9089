/**
 * Settings that need not be repeated on every command line. Precedence: option, variable, configuration file, default.
 */
import { type Command, InvalidArgumentError, type Option } from "commander";
import { BadUsage } from "../../core/fault.ts";
import type { Config } from "./config_schema.ts";
import { findConfig } from "./config_file.ts";
import type { GlobalOptions } from "./options.ts";
import type { World } from "../world.ts";

/** Options that may also come from a variable, or from the key of the same name in the configuration. */
export const VARIABLES = {
  storage: "BACKUP_TOOL_STORAGE",
  workers: "BACKUP_TOOL_WORKERS",
  bytes: "BACKUP_TOOL_BYTES",
  quiet: "BACKUP_TOOL_QUIET",
  verbose: "BACKUP_TOOL_VERBOSE",
  wait: "BACKUP_TOOL_WAIT",
  nice: "BACKUP_TOOL_NICE",
  limit: "BACKUP_TOOL_LIMIT",
  pause: "BACKUP_TOOL_PAUSE",
} as const;

export type Setting = keyof typeof VARIABLES;
export const SETTINGS = Object.keys(VARIABLES) as Setting[];

export interface LoadedConfig {
  /** Path of the file; undefined if there is none. */
  readonly path: string | undefined;
  readonly config: Config;
}

export const NO_CONFIG: LoadedConfig = { path: undefined, config: {} };

/** The command that shows the configuration without running any of its commands. */
const SHOWS_IT = "config";

/**
 * Completes the options of a command from variables and the configuration.
 * @throws BadConfig, BadUsage, DiskFault, UntrustedCommands
 */
export async function settle(command: Command, world: World): Promise<LoadedConfig> {
  const loaded = await loadConfig(world, command.optsWithGlobals<GlobalOptions>().config);
  if (loaded.path !== undefined && command.name() !== SHOWS_IT) await trust(loaded, world);
  for (let at: Command | null = command; at !== null; at = at.parent) {
    for (const option of at.options) {
      const name = option.attributeName();
      if (isSetting(name) && !option.negate && isOpen(at, name)) {
        settleOne(at, option, world.env(VARIABLES[name]), loaded.config[name]);
      }
    }
  }
  return loaded;
}

/** Loads the configuration. The schema is loaded only if there is a file, because most runs have none. */
export async function loadConfig(world: World, named: string | false | undefined): Promise<LoadedConfig> {
  const file = findConfig(world, named);
  if (file === undefined) return NO_CONFIG;
  const { parseConfig } = await import("./config_schema.ts");
  return { path: file.path, config: parseConfig(file, world) };
}

/** Checks that no other user may have written the configuration. @throws UntrustedCommands, DiskFault */
async function trust(loaded: LoadedConfig, world: World): Promise<void> {
  const { refuseUntrusted } = await import("./trusted_config.ts");
  refuseUntrusted(loaded, world);
}

function isSetting(name: string): name is Setting {
  return Object.hasOwn(VARIABLES, name);
}

function isOpen(command: Command, name: string): boolean {
  return [undefined, "default"].includes(command.getOptionValueSource(name));
}

function settleOne(command: Command, option: Option, variable: string | undefined, fromFile: unknown): void {
  const name = option.attributeName() as Setting;
  if (variable !== undefined) command.setOptionValueWithSource(name, parsed(option, name, variable), "env");
  else if (fromFile !== undefined) command.setOptionValueWithSource(name, fromFile, "config");
}

/** A variable's value, parsed like the option's. @throws BadUsage */
function parsed(option: Option, name: Setting, text: string): unknown {
  if (option.isBoolean()) return parseSwitch(VARIABLES[name], text);
  try {
    return option.parseArg === undefined ? text : option.parseArg(text, undefined);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw badVariable(VARIABLES[name], text, error.message.replace(/\.$/, ""));
  }
}

function parseSwitch(variable: string, text: string): boolean {
  if (/^(?:1|true|yes|on)$/i.test(text)) return true;
  if (/^(?:0|false|no|off)$/i.test(text)) return false;
  throw badVariable(variable, text, "Set it to 1 or 0");
}

function badVariable(variable: string, text: string, hint: string): BadUsage {
  return new BadUsage(`Cannot use the variable ${variable}, which is ${JSON.stringify(text)}`, hint);
}
