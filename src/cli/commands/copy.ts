/** backup-tool copy */
import { addPaceOptions, type PaceOptions } from "../settings/pace_options.ts";
import { InvalidArgumentError } from "commander";
import { defined } from "../../core/defined.ts";
import { BadUsage } from "../../core/fault.ts";
import { shortId } from "../../core/short_id.ts";
import { countText, pluralText } from "../../core/size_text.ts";
import { localTimeText } from "../../core/time_text.ts";
import type { CopyResult } from "../../operations/copy/copy.ts";
import type { CopyFilter, CopySelection } from "../../operations/copy/copy_selection.ts";
import type { OpenedRepository } from "../../operations/opened.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { snapshotJson } from "../output/results/snapshot_text.ts";
import type { Place } from "../../operations/vaults/place.ts";
import type { Session } from "../session/session.ts";
import { collected, examples, workersOption } from "../settings/options.ts";
import { addPackingOptions, type LoginOptions, type VaultOptions } from "../settings/vault_options.ts";
import type { Define } from "./command.ts";

interface CopyOptions extends PaceOptions {
  readonly to?: string;
  readonly name?: string;
  readonly host?: string;
  readonly tag?: readonly string[];
  readonly latest?: number;
  readonly dryRun?: boolean;
  readonly workers?: number;
  readonly toKeyFile?: string;
  readonly toPasswordFile?: string;
  readonly toPasswordCommand?: string;
  readonly toUnencrypted?: boolean;
}

export const defineCopy: Define = (program, act) => {
  const command = program.command("copy")
    .summary("copy snapshots into another storage or vault")
    .description(
      "Copy snapshots from a storage or vault (-s) into another one (--to), oldest first. Those that are there already " +
        "are skipped, and so is data that is. A snapshot keeps its id. An interrupted copy continues where it " +
        "was. Without SNAPSHOT all complete snapshots are copied.\n\n" +
        "--key-file and the like open either vault; where they differ, --to-key-file and the like open the target, or " +
        "--to-unencrypted if it has no key.",
    )
    .argument("[SNAPSHOT...]", "only these snapshots")
    .option("--to <LOCATION>", "where to: a storage or vault, or the name of one in the configuration")
    .option("--name <NAME>", "only snapshots with this name")
    .option("--host <HOST>", "only snapshots of this host")
    .option("--tag <TAG>", "only snapshots with this tag, or one of several (repeatable)", collected)
    .option("--latest <N>", "only the newest N of each series", parseLatest)
    .option("-n, --dry-run", "copy nothing; show what would be copied")
    .option("--to-key-file <FILE>", "open the target with this key")
    .option("--to-password-file <FILE>", "open the target with the passphrase in this file")
    .option("--to-password-command <LINE>", "open the target with the passphrase printed by a command")
    .option("--to-unencrypted", "allow a target that is not encrypted, whatever opens the other vault");
  addPackingOptions(command)
    .addOption(workersOption())
    .addHelpText(
      "after",
      examples(
        "backup-tool copy -s /mnt/disk/storage --to /mnt/usb/vault",
        "backup-tool copy --to offsite --name photos --latest 1",
        "backup-tool copy -s offsite --to /mnt/new/storage --key-file ~/offsite.key",
      ),
    );
  addPaceOptions(command);
  command.action((names: readonly string[]) =>
    act(command, async (session) => {
      const options = command.opts<CopyOptions>();
      const target = targetOf(options, session);
      await session.pace(options);
      const from = await session.openRepository(), to = await session.openRepository(target);
      const { selectToCopy } = await import("../../operations/copy/copy_selection.ts");
      const filter = filterOf(names, options);
      const selection = await selectToCopy(from, to, filter, session.world.clock.nowMs());
      if (options.dryRun === true) return tellPlan(session, selection);
      const result = await copyAll({ from, to, selection }, options, session);
      for (const id of result.copied) session.noteSnapshot(id);
      tellResult(session, target, selection, result);
    }, { hooks: true })
  );
};

function targetOf(options: CopyOptions, session: Session): Place {
  if (options.to !== undefined) return session.placeOf(options.to, targetOptions(session, options));
  throw new BadUsage("Nothing says where to copy to", "Name a storage or vault with `--to`");
}

/** Options for the target; they override those for both places. */
function targetOptions({ options }: Session, given: CopyOptions): VaultOptions {
  const { keyFile, passwordFile, passwordCommand, unencrypted, ...rest } = options;
  const own = defined<LoginOptions>({
    keyFile: given.toKeyFile,
    passwordFile: given.toPasswordFile,
    passwordCommand: given.toPasswordCommand,
    unencrypted: given.toUnencrypted,
  });
  const both = defined<LoginOptions>({ keyFile, passwordFile, passwordCommand, unencrypted });
  return { ...rest, ...(Object.keys(own).length > 0 ? own : both) };
}

function filterOf(names: readonly string[], { name, host, tag, latest }: CopyOptions): CopyFilter {
  return defined<CopyFilter>({
    snapshots: names.length === 0 ? undefined : names,
    name,
    host,
    tags: tag,
    latest,
  });
}

interface Copying {
  readonly from: OpenedRepository;
  readonly to: OpenedRepository;
  readonly selection: CopySelection;
}

async function copyAll(
  { from, to, selection }: Copying,
  { workers }: CopyOptions,
  session: Session,
): Promise<CopyResult> {
  const { copy } = await import("../../operations/copy/copy.ts");
  const request = {
    snapshots: selection.missing.map(({ id }) => id),
    clock: session.world.clock,
    workers: session.workers(workers),
    signal: session.signal,
  };
  return await copy(from, to, request, session.monitor);
}

function tellPlan(session: Session, { missing, present }: CopySelection): void {
  session.result(
    { dryRun: true, snapshots: missing.map(snapshotJson), present },
    [
      ...missing.map((snapshot) => `  ${lineOf(snapshot)}`),
      `Would copy ${pluralText(missing.length, "snapshot")}${thereText(present)}`,
    ],
  );
}

function tellResult(
  session: Session,
  { location }: Place,
  { missing, present }: CopySelection,
  result: CopyResult,
): void {
  const copied = new Set(result.copied), { monitor } = session;
  const stored = `${pluralText(monitor.of("storedItems"), "content")}, ${
    session.sizeText(monitor.of("storedBytes"))
  } new`;
  session.result(
    { dryRun: false, copied: result.copied, present, failed: result.failed },
    [
      ...missing.filter(({ id }) => copied.has(id)).map((snapshot) => `  ${lineOf(snapshot)}`),
      `Copied ${pluralText(copied.size, "snapshot")} to ${location}${thereText(present)}${
        copied.size > 0 ? `; ${stored}` : ""
      }`,
    ],
  );
}

function lineOf({ id, time, offsetMinutes, host, name }: SnapshotInfo): string {
  return `${shortId(id)}  ${localTimeText(Date.parse(time), offsetMinutes)}  ${host}:${name}`;
}

function thereText(present: number): string {
  return present === 0 ? "" : `; ${countText(present)} ${present === 1 ? "was" : "were"} there`;
}

function parseLatest(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Give a whole number above 0.");
}
