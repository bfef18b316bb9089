/** Options for opening vaults and for transferring data. Storages ignore them. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { defined } from "../../core/defined.ts";
import { BadUsage } from "../../core/fault.ts";
import { textOf } from "../../core/raw.ts";
import { parseRate, parseSize } from "../../core/size_text.ts";
import {
  type Compression,
  COMPRESSIONS,
  LEAST_UNIT_BYTES,
  type LoginSettings,
  MOST_CONNECTIONS,
  MOST_UNIT_BYTES,
  type VaultSettings,
} from "../../operations/vaults/vault_settings.ts";
import type { World } from "../world.ts";
import { reading } from "./options.ts";
import { absolutePath } from "./paths.ts";

export interface LoginOptions {
  readonly keyFile?: string;
  readonly passwordFile?: string;
  readonly passwordCommand?: string;
  readonly unencrypted?: boolean;
}

export interface VaultOptions extends LoginOptions {
  readonly connections?: number;
  /** Bytes a second. */
  readonly limitUpload?: number;
  readonly limitDownload?: number;
  /** False with `--no-cache`. */
  readonly cache?: boolean;
  /** Bytes. */
  readonly unitSize?: number;
  readonly compression?: Compression;
}

/** Adds the options that every command has. */
export function addVaultOptions(program: Command): Command {
  return program
    .option("--key-file <FILE>", "open the vault with this key")
    .option("--password-file <FILE>", "open the vault with the passphrase in the first line of this file")
    .option("--password-command <LINE>", "open the vault with the passphrase printed by a command")
    .option("--unencrypted", "allow a vault that is not encrypted")
    .addOption(
      new Option("--connections <N>", "number of parallel requests (default: 4)").argParser(parseConnections),
    )
    .addOption(
      new Option("--limit-upload <RATE>", "limit uploads to that much per second: 2M").argParser(reading(parseRate)),
    )
    .addOption(
      new Option("--limit-download <RATE>", "limit downloads to that much per second").argParser(reading(parseRate)),
    )
    .option("--no-cache", "do not use or write the local cache of the vault");
}

export const VAULT_OPTIONS: readonly string[] = [
  "keyFile",
  "passwordFile",
  "passwordCommand",
  "unencrypted",
  "connections",
  "limitUpload",
  "limitDownload",
  "cache",
];

export function unitSizeOption(): Option {
  return new Option("--unit-size <SIZE>", "vaults: size of a unit, 4M to 1G (default: 16M)")
    .argParser(reading(parseUnitSize));
}

/** Adds options for commands that store something. */
export function addPackingOptions(command: Command): Command {
  return command.addOption(unitSizeOption())
    .addOption(new Option("--compression <HOW>", "vaults: compression level").choices(COMPRESSIONS));
}

function parseUnitSize(text: string): number {
  const bytes = parseSize(text);
  if (bytes >= LEAST_UNIT_BYTES && bytes <= MOST_UNIT_BYTES) return bytes;
  throw new BadUsage(`Cannot use ${JSON.stringify(text)} as the size of a unit`, "Give a size from 4M to 1G");
}

function parseConnections(text: string): number {
  const count = Number(text);
  if (/^[1-9]\d*$/.test(text) && count <= MOST_CONNECTIONS) return count;
  throw new InvalidArgumentError(`Give a whole number, 1 to ${MOST_CONNECTIONS}.`);
}

/** Settings from the options alone. @throws BadUsage if several open the vault */
export function settingsOfOptions(options: VaultOptions, world: Pick<World, "here">): VaultSettings {
  const { connections, limitUpload, limitDownload, cache, unitSize, compression } = options;
  const link = {
    connections,
    limitUpload,
    limitDownload,
    unitSize,
    compression,
    cache: cache === false ? false : undefined,
  };
  return { ...loginOfOptions(options, world), ...defined<VaultSettings>(link) };
}

/** Login settings from the options. @throws BadUsage if several are given */
export function loginOfOptions(options: LoginOptions, world: Pick<World, "here">): LoginSettings {
  const { keyFile, passwordFile, passwordCommand, unencrypted } = options;
  const given = Object.entries({
    "--key-file": keyFile,
    "--password-file": passwordFile,
    "--password-command": passwordCommand,
    "--unencrypted": unencrypted,
  }).filter(([, value]) => value !== undefined);
  if (given.length > 1) {
    const names = given.map(([name]) => `\`${name}\``).join(" and ");
    throw new BadUsage(`${names} can't be given together`, "Give the one that opens the vault");
  }
  const absolute = (path: string | undefined) => path === undefined ? undefined : textOf(absolutePath(world, path));
  return defined<LoginSettings>({
    keyFile: absolute(keyFile),
    passwordFile: absolute(passwordFile),
    passwordCommand,
    encrypted: unencrypted === true ? false : undefined,
  });
}
