/** Options that say how sources are held still. */
import { type Command, Option } from "commander";
import { BadUsage } from "../../core/fault.ts";
import type { LockKind, LockSpec } from "../../source/lock/lock_kinds.ts";
import { rawOf } from "../../core/raw.ts";
import type { BackupSettings } from "./config_schema.ts";
import { absolutePath } from "./paths.ts";
import type { World } from "../world.ts";

/** A copy of source/lock/kinds.ts's list: help must not have to load what they do. */
const KINDS: Record<LockKind, true> = { command: true, btrfs: true, zfs: true, lvm: true };

export interface LockOptions {
  readonly lock?: LockKind;
  readonly before?: string;
  readonly after?: string;
  readonly readFrom?: string;
}

export function addLockOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--lock <KIND>", "hold the sources still by snapshots of their file system").choices(
        Object.keys(KINDS),
      ),
    )
    .option("--before <LINE>", "run this before the sources are read, such as one that stops a service")
    .option("--after <LINE>", "run this when they have been read, or when anything fails")
    .option("--read-from <PATH>", "read the source from there between the two");
}

/** Options count before settings. @returns undefined if nothing is to be locked @throws BadUsage */
export function lockSpecOf(options: LockOptions, settings: BackupSettings, world: World): LockSpec | undefined {
  return specOfOptions(options, world) ?? specOfSettings(settings);
}

function specOfSettings({ lock }: BackupSettings): LockSpec | undefined {
  if (lock === undefined) return undefined;
  if (typeof lock === "string") return { kind: lock };
  const { before, after, readFrom } = lock;
  return { kind: "command", before, after, readFrom: readFrom === undefined ? undefined : rawOf(readFrom) };
}

function specOfOptions({ lock, before, after, readFrom }: LockOptions, world: World): LockSpec | undefined {
  const hasCommands = before !== undefined || after !== undefined;
  if (lock !== undefined && lock !== "command") {
    if (!hasCommands && readFrom === undefined) return { kind: lock };
    throw new BadUsage(
      `\`--lock ${lock}\` needs no commands`,
      "Leave out --before, --after and --read-from, or --lock",
    );
  }
  if (hasCommands) {
    const path = readFrom === undefined ? undefined : absolutePath(world, readFrom);
    return { kind: "command", before, after, readFrom: path };
  }
  if (lock === undefined && readFrom === undefined) return undefined;
  throw new BadUsage("There is no command to lock the sources with", "Give --before and --after");
}
