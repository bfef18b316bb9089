/** Options for holding sources still. */
import { type Command, Option } from "commander";
import { BadUsage } from "../../core/fault.ts";
import { defined } from "../../core/defined.ts";
import type { BackupSettings } from "../../operations/settings/backup_settings.ts";
import type { LockKind } from "../../source/lock/lock_kinds.ts";

/** A copy of the list in source/lock/lock_kinds.ts, so that help needn't load the implementations. */
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
      new Option("--lock <KIND>", "read from a file system snapshot of the sources").choices(
        Object.keys(KINDS),
      ),
    )
    .option("--before <LINE>", "run a command before reading, for example to stop a service")
    .option("--after <LINE>", "run a command after reading, even if the backup failed")
    .option("--read-from <PATH>", "read the source from this path instead");
}

/** The lock as in settings; undefined if there is no such option. @throws BadUsage */
export function lockOfOptions({ lock, before, after, readFrom }: LockOptions): BackupSettings["lock"] {
  const hasCommands = before !== undefined || after !== undefined;
  if (lock !== undefined && lock !== "command") {
    if (!hasCommands && readFrom === undefined) return lock;
    throw new BadUsage(
      `\`--lock ${lock}\` needs no commands`,
      "Omit --before, --after and --read-from, or --lock",
    );
  }
  if (hasCommands) return defined<CommandLock>({ before, after, readFrom });
  if (lock === undefined && readFrom === undefined) return undefined;
  throw new BadUsage("There is no command to lock the sources with", "Give --before and --after");
}

type CommandLock = Exclude<NonNullable<BackupSettings["lock"]>, string>;
