/** backup-tool repair */
import { shortId } from "../../core/short_id.ts";
import { pluralText } from "../../core/size_text.ts";
import type { Repaired, RepairResult } from "../../operations/repair/repaired.ts";
import type { Storage } from "../../storage/storage.ts";
import { EXIT } from "../session/exit.ts";
import { collected, examples, workersOption } from "../settings/options.ts";
import { absolutePath } from "../settings/paths.ts";
import type { Session } from "../session/session.ts";
import type { Define } from "./command.ts";

interface RepairOptions {
  readonly readData?: boolean;
  readonly from?: readonly string[];
  readonly dryRun?: boolean;
  readonly workers?: number;
}

export const defineRepair: Define = (program, act) => {
  const command = program.command("repair")
    .summary("heal what is damaged, from whatever has a copy")
    .description(
      "Heal damaged and missing contents with copies from trees, from the files that were backed up, and from other " +
        "storages. Snapshots and lists of files come from copies of the storage, or are made again from the catalog " +
        "and other snapshots. What can't be healed is moved to quarantine/ and named, with every path that needs it. " +
        "The exit status is 3 if something is lost.",
    )
    .option("--from <LOCATION>", "another storage that may have copies (repeatable)", collected)
    .option("--read-data", "read every byte first, to find all damage")
    .option("-n, --dry-run", "change nothing; tell what would be healed, and what is lost")
    .addOption(workersOption())
    .addHelpText(
      "after",
      examples(
        "backup-tool repair -s /mnt/disk/storage",
        "backup-tool repair --read-data --from /mnt/other/storage",
        "backup-tool repair --dry-run --json",
      ),
    );
  command.action(() =>
    act(command, async (session) => {
      const { readData = false, from = [], dryRun = false, workers } = command.opts<RepairOptions>();
      const storage = await session.openStorage("repair it");
      using others = new DisposableStack();
      const request = {
        readData,
        dryRun,
        from: await openOthers(from, session, others),
        workers: session.workers(workers),
        signal: session.signal,
      };
      const { repair } = await import("../../operations/repair/repair.ts");
      const found: Repaired[] = [];
      const tell = (repaired: Repaired) => session.options.json ? void found.push(repaired) : print(repaired, session);
      const result = await repair(storage, request, tell, session.monitor);
      if (session.options.json) session.out.json({ dryRun, ...result, items: found });
      else if (!session.options.quiet) session.out.line(summaryText(result, dryRun));
      return result.lost > 0 || session.monitor.problems > 0 ? EXIT.someFailed : EXIT.done;
    })
  );
};

async function openOthers(paths: readonly string[], session: Session, held: DisposableStack): Promise<Storage[]> {
  const { openStorage } = await import("../../storage/storage.ts");
  const machine = await session.machine();
  return paths.map((path) => held.use(openStorage(machine, absolutePath(session.world, path), session.monitor)));
}

/** What was lost is a result: also `--quiet` shows it. */
function print({ kind, id, what, from, quarantine, affected }: Repaired, { out, options }: Session): void {
  if (from !== undefined) {
    if (!options.quiet) out.line(`healed ${kind} ${id}: ${what}; a copy was in ${from}`);
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
  return `${pluralText(damaged, "item")} damaged: ${healed} ${would}healed, ${lost} ${lost === 1 ? "is" : "are"} lost`;
}
