/** backup-tool prune */
import type { RemovalSummary } from "../../snapshot/repository.ts";
import { examples, workersOption } from "../settings/options.ts";
import { doneLines, planLines } from "../output/results/prune_text.ts";
import { addPaceOptions, paceOf, type PaceOptions } from "../settings/prune_options.ts";
import type { Define } from "./command.ts";

interface PruneOptions extends PaceOptions {
  readonly dryRun?: boolean;
  readonly workers?: number;
}

export const definePrune: Define = (program, act) => {
  const command = program.command("prune")
    .summary("delete unreferenced data")
    .description(
      "Delete data that no snapshot references, and what interrupted runs left behind. References are read from " +
        "all file lists; if one can't be read, nothing is deleted. Trees keep their files.\n\n" +
        "A vault is pruned in steps, so that nobody has to wait: unreferenced data is marked first, and deleted by a later " +
        "prune, which says when that can be.",
    )
    .option("-n, --dry-run", "remove nothing; show what would be removed");
  addPaceOptions(command)
    .addOption(workersOption("each needs 130 MiB (default: none)"))
    .addHelpText(
      "after",
      examples(
        "backup-tool prune --dry-run -s /mnt/disk/storage",
        "backup-tool prune",
        "backup-tool prune -s offsite --keep-unused 0",
      ),
    );
  command.action(() =>
    act(command, async (session) => {
      const { dryRun = false, workers, ...options } = command.opts<PruneOptions>();
      const pace = paceOf(options, await session.engine());
      const repository = await session.openRepository();
      const { prune } = await import("../../operations/forget/prune.ts");
      const request = { dryRun, workers: workers ?? 0, signal: session.signal, ...(pace !== undefined && { pace }) };
      const sizeText = (bytes: number) => session.sizeText(bytes);
      const isTold = session.options.json !== true && session.options.quiet !== true;
      const tell = (lines: readonly string[]) => {
        if (isTold) { for (const line of lines) session.out.line(line); }
        session.out.flush();
      };
      const result = await prune(
        repository,
        request,
        (plan: RemovalSummary) => tell(planLines(plan, sizeText)),
        session.monitor,
      );
      tell(doneLines(result, dryRun, { sizeText, clock: session.world.clock }));
      if (session.options.json) session.out.json({ dryRun, ...result });
    }, { hooks: true })
  );
};
