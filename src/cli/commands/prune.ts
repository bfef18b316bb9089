/** backup-tool prune */
import type { RemovalSummary } from "../../snapshot/repository.ts";
import { examples, workersOption } from "../settings/options.ts";
import { doneLine, planLines } from "../output/results/prune_text.ts";
import type { Define } from "./command.ts";

interface PruneOptions {
  readonly dryRun?: boolean;
  readonly workers?: number;
}

export const definePrune: Define = (program, act) => {
  const command = program.command("prune")
    .summary("free the space that no snapshot needs any more")
    .description(
      "Remove contents that no snapshot needs any more, and what crashed runs left behind. What is needed is read from " +
        "all manifests; if one can't be read, nothing is removed. Trees keep their files.",
    )
    .option("-n, --dry-run", "remove nothing; tell what would be")
    .addOption(workersOption("each takes 130 MiB (default: none)"))
    .addHelpText("after", examples("backup-tool prune --dry-run -s /mnt/disk/storage", "backup-tool prune"));
  command.action(() =>
    act(command, async (session) => {
      const { dryRun = false, workers } = command.opts<PruneOptions>();
      const repository = await session.openRepository();
      const { prune } = await import("../../operations/forget/prune.ts");
      const request = { dryRun, workers: workers ?? 0, signal: session.signal };
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
      tell([doneLine(result, dryRun, sizeText)]);
      if (session.options.json) session.out.json({ dryRun, ...result });
    })
  );
};
