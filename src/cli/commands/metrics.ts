/** backup-tool metrics */
import type { Define } from "./command.ts";
import { examples } from "../settings/options.ts";
import { absolutePath } from "../settings/paths.ts";
import type { Session } from "../session/session.ts";
import { rawOf } from "../../core/raw.ts";
import type { OpenedRepository } from "../../operations/opened.ts";
import type { RunFact } from "../../operations/metrics/metrics.ts";

/** Mode of the file: collectors of metrics run as another user. */
const PUBLIC_FILE = 0o644;

export const defineMetrics: Define = (program, act) => {
  const command = program.command("metrics")
    .summary("print metrics for Prometheus")
    .description(
      "Print metrics in the text format of Prometheus: age and size of the newest snapshot of " +
        "each series, jobs, space, verification, damage. Run by cron with `--output`, it feeds the textfile collector " +
        "of node_exporter; the file is replaced in one step.",
    )
    .option("-o, --output <FILE>", "write into this file")
    .addHelpText(
      "after",
      examples(
        "backup-tool metrics -s /volume1/storage",
        "backup-tool metrics -s /volume1/storage -o /var/lib/node_exporter/backup.prom",
      ),
    );
  command.action(() =>
    act(command, async (session) => {
      const { output } = command.opts<{ readonly output?: string }>();
      const text = await metricsText(session);
      session.monitor.finish();
      if (output === undefined) return session.out.exact(text);
      const { replaceWholeFile } = await import("../../platform/whole_file.ts");
      replaceWholeFile((await session.machine()).disk, absolutePath(session.world, output), text, PUBLIC_FILE);
    })
  );
};

async function metricsText(session: Session): Promise<string> {
  const [{ metricsOf, storageFacts }, { expositionOf }] = await Promise.all([
    import("../../operations/metrics/metrics.ts"),
    import("../../operations/metrics/exposition.ts"),
  ]);
  const { place } = session, isStorage = await session.engine(place) === "storage";
  const repository = await session.openRepository(place), snapshots = await repository.snapshots();
  const storage = await storageFacts(
    repository,
    snapshots,
    isStorage ? freeBytes(repository, place.location) : undefined,
  );
  return expositionOf(metricsOf({ snapshots, storage, runs: isStorage ? await runs(session) : [] }));
}

function freeBytes({ machine }: OpenedRepository, path: string): number | undefined {
  using directory = machine.disk.openDir(rawOf(path));
  return directory.freeBytes();
}

/** Facts about runs of jobs, whose history a storage has. */
async function runs(session: Session): Promise<RunFact[]> {
  const [{ readHistory }, { runFactsOf }] = await Promise.all([
    import("../../jobs/state/history.ts"),
    import("../../jobs/state/run_facts.ts"),
  ]);
  const storage = await session.openStorage("show its jobs");
  return runFactsOf(readHistory(storage, (fault) => session.monitor.problem(fault)));
}
