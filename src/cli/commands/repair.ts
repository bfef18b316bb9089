/** backup-tool repair */
import { parseRootId } from "../../core/content_id.ts";
import { Fault, unlessFault } from "../../core/fault.ts";
import { type Raw, rawOf } from "../../core/raw.ts";
import { shortId } from "../../core/short_id.ts";
import { pluralText } from "../../core/size_text.ts";
import type { Repaired, RepairResult } from "../../operations/repair/repaired.ts";
import type { Repository } from "../../snapshot/repository.ts";
import { EXIT } from "../session/exit.ts";
import { collected, examples, workersOption } from "../settings/options.ts";
import type { Session } from "../session/session.ts";
import type { Define } from "./command.ts";

interface RepairOptions {
  readonly readData?: boolean;
  readonly from?: readonly string[];
  readonly snapshot?: readonly string[];
  readonly discard?: readonly string[];
  readonly dryRun?: boolean;
  readonly workers?: number;
}

export const defineRepair: Define = (program, act) => {
  const command = program.command("repair")
    .summary("repair damage from trees, sources or another storage")
    .description(
      "Repair damaged and missing data with copies from trees, from the files that were backed up, and from other " +
        "storages and vaults. Snapshots and file lists come from there too, or are reconstructed from the catalog " +
        "and other snapshots. What can't be repaired is reported, with every path that needs it, and in a storage moved to " +
        "quarantine/. In a vault, damaged units are given up, and intact data in them is stored again. The exit " +
        "status is 3 if something is lost.",
    )
    .option(
      "--from <LOCATION>",
      "another storage or vault with copies, or a directory with the files (repeatable)",
      collected,
    )
    .option("--snapshot <ID>", "restore a lost snapshot of a vault, by its full id (repeatable)", collected)
    .option(
      "--discard <NAME>",
      "remove a damaged object of snapshots/, which keeps a vault from being pruned",
      collected,
    )
    .option("--read-data", "read every byte first, to find all damage")
    .option("-n, --dry-run", "change nothing; show what would be repaired, and what is lost")
    .addOption(workersOption())
    .addHelpText(
      "after",
      examples(
        "backup-tool repair -s /mnt/disk/storage",
        "backup-tool repair --read-data --from /mnt/other/storage",
        "backup-tool repair -s offsite --from /mnt/disk/storage",
        "backup-tool repair --dry-run --json",
      ),
    );
  command.action(() =>
    act(command, async (session) => {
      const { readData = false, from = [], snapshot = [], discard = [], dryRun = false, workers } = command.opts<
        RepairOptions
      >();
      const repository = await session.openRepository();
      const request = {
        readData,
        dryRun,
        ...await openOthers(from, session),
        snapshots: snapshot.map((id) => parseRootId(id, ID_DIGITS)),
        discard: discard.map((name) => name.replace(/^snapshots\//, "")),
        host: session.world.host(),
        workers: session.workers(workers),
        signal: session.signal,
      };
      const { repairAny } = await import("../../operations/repair/repair_any.ts");
      const found: Repaired[] = [];
      const tell = (repaired: Repaired) => session.options.json ? void found.push(repaired) : print(repaired, session);
      const result = await repairAny(repository, request, tell, session.monitor);
      if (session.options.json) session.out.json({ dryRun, ...result, items: found });
      else if (!session.options.quiet) session.out.line(summaryText(result, dryRun));
      return result.lost > 0 || session.monitor.problems > 0 ? EXIT.someFailed : EXIT.done;
    }, { hooks: true })
  );
};

/** Number of digits of the digest in a vault's snapshot ids. */
const ID_DIGITS = 64;

/** Opens the other places. One that is neither a storage nor a vault is a directory with files. */
async function openOthers(
  locations: readonly string[],
  session: Session,
): Promise<{ readonly from: Repository[]; readonly directories: Raw[] }> {
  const from: Repository[] = [], directories: Raw[] = [];
  for (const text of locations) {
    const place = session.placeOf(text);
    try {
      from.push(await session.openRepository(place));
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== "no-storage") throw error;
      if (!await isDirectory(rawOf(place.location), session)) throw error;
      directories.push(rawOf(place.location));
    }
  }
  return { from, directories };
}

async function isDirectory(path: Raw, session: Session): Promise<boolean> {
  const { disk } = await session.machine();
  return unlessFault(() => disk.statDirectory(path).kind === "dir", false);
}

/** Prints a repair. Losses are results, so `--quiet` shows them too. */
function print({ kind, id, what, from, quarantine, affected }: Repaired, { out, options }: Session): void {
  if (from !== undefined) {
    const how = kind === "unit" ? `${from} was stored again` : `a copy was in ${from}`;
    if (!options.quiet) out.line(`repaired ${kind} ${id}: ${what}; ${how}`);
    return;
  }
  out.line(`lost ${kind} ${id}: ${what}${quarantine === undefined ? "" : `; moved to ${quarantine}`}`);
  for (const { path, snapshots } of affected) {
    out.line(`  affects ${path} in ${snapshots.map((snapshot) => shortId(snapshot)).join(", ")}`);
  }
}

function summaryText({ damaged, healed, lost }: RepairResult, dryRun: boolean): string {
  if (damaged === 0) return "Nothing is damaged";
  const would = dryRun ? "would be " : "";
  return `${pluralText(damaged, "item")} damaged: ${healed} ${would}repaired, ${lost} ${
    lost === 1 ? "is" : "are"
  } lost`;
}
