/** backup-tool check */
import { Option } from "commander";
import { TOP } from "../../core/apath.ts";
import { defined } from "../../core/defined.ts";
import { BadUsage } from "../../core/fault.ts";
import { pluralText, type SizeText } from "../../core/size_text.ts";
import { parseSubset, type Subset } from "../../core/subset.ts";
import { durationText } from "../../core/time_text.ts";
import type { CheckRequest, CheckResult, Finding } from "../../operations/check/check.ts";
import { addPaceOptions, type PaceOptions } from "../settings/pace_options.ts";
import { placeNamed } from "../session/snapshot_place.ts";
import { EXIT } from "../session/exit.ts";
import { examples, reading, workersOption } from "../settings/options.ts";
import type { Session } from "../session/session.ts";
import type { OpenedRepository } from "../../operations/opened.ts";
import type { Define } from "./command.ts";

interface CheckOptions extends PaceOptions {
  readonly readData?: boolean;
  readonly readDataSubset?: Subset;
  readonly status?: boolean;
  readonly workers?: number;
}

export const defineCheck: Define = (program, act) => {
  const command = program.command("check")
    .summary("verify the storage")
    .description(
      "Verify that all snapshots are complete: file lists are read and compared with what is stored. With --read-data all " +
        "data is read and compared with its checksums. The exit status is 3 if there is damage.\n\n" +
        "The storage remembers when each content was last verified. --read-data-subset with a size or a share takes those " +
        "verified longest ago, so that a little each night reaches all of them.",
    )
    .argument("[SNAPSHOT]", "only this one, such as `latest`")
    .argument("[PATH]", "only what is at or below it")
    .option("--read-data", "read every byte, which takes long")
    .addOption(
      new Option("--read-data-subset <PART>", "read a part: 5%, 10G, oldest:5%, or 1/7 (the first of 7 parts)")
        .argParser(reading(parseSubset)).conflicts(["readData", "status"]),
    )
    .addOption(
      new Option("--status", "read nothing; show how much was verified, and when").conflicts(["readData"]),
    )
    .addOption(workersOption());
  addPaceOptions(command)
    .addHelpText(
      "after",
      examples(
        "backup-tool check -s /mnt/disk/storage",
        "backup-tool check --read-data --json",
        "backup-tool check latest /photos --read-data",
        "backup-tool check --read-data-subset 5%",
        "backup-tool check --status",
      ),
    );
  command.action((name: string | undefined, pathText: string | undefined) =>
    act(command, async (session) => {
      const { readData = false, readDataSubset: subset, status = false, workers } = command.opts<CheckOptions>();
      if (name !== undefined && (subset !== undefined || status)) {
        throw new BadUsage(
          "A part of the storage, or its status, is not that of a snapshot",
          "Name no snapshot, or use `--read-data`",
        );
      }
      await session.pace(command.opts<PaceOptions>());
      const repository = await session.openRepository();
      if (status) return await printStatus(session, repository);
      const { check } = await import("../../operations/check/check.ts");
      const findings: Finding[] = [];
      const only = name === undefined ? undefined : await chosenIn(repository, name, pathText);
      const part = defined<Pick<CheckRequest, "subset" | "only">>({ subset, only });
      const request = { readData, ...part, workers: session.workers(workers), signal: session.signal };
      const result = await check(repository, request, (finding) => findings.push(finding), session.monitor);
      print(session, result, findings);
      return result.damaged > 0 || session.monitor.problems > 0 ? EXIT.someFailed : EXIT.done;
    }, { hooks: true })
  );
};

/** The snapshot to check, and a path in it. @throws NoSnapshot, AmbiguousSnapshot, NotInSnapshot */
async function chosenIn(repository: OpenedRepository, name: string, pathText: string | undefined) {
  const [{ orLastSeen }, { resolvePath }] = await Promise.all([
    import("../../operations/browse/last_seen.ts"),
    import("../../operations/browse/resolve_path.ts"),
  ]);
  const { snapshot, path = TOP } = await placeNamed(name, pathText, repository), { id } = snapshot;
  const manifest = await repository.manifest(id);
  return { snapshot: id, path: await orLastSeen(repository, () => resolvePath(manifest, path, snapshot)) };
}

/** Prints the result. Findings are results, so `--quiet` shows them too. */
function print(session: Session, result: CheckResult, findings: readonly Finding[]): void {
  if (session.options.json) return session.out.json({ ...result, findings });
  for (const finding of findings) {
    if (finding.severity === "note" && session.options.quiet) continue;
    const style = finding.severity === "note" ? undefined : "bad";
    session.out.line(`${finding.severity}: ${finding.where}: ${finding.what}`, style);
    for (const path of finding.paths) session.out.line(`  affects ${path}`);
  }
  if (!session.options.quiet) session.out.line(summaryText(result, session.monitor.elapsedMs, session.sizeText));
}

function summaryText({ snapshots, items, bytes, damaged }: CheckResult, elapsedMs: number, sizeText: SizeText): string {
  const read = bytes > 0 ? `, ${sizeText(bytes)} read` : "";
  const found = damaged === 0 ? "no damage" : `DAMAGE in ${pluralText(damaged, "place")}`;
  return `Checked ${pluralText(snapshots, "snapshot")}, ${pluralText(items, "item")}${read} in ` +
    `${durationText(elapsedMs)}: ${found}`;
}

async function printStatus(session: Session, repository: OpenedRepository): Promise<void> {
  const { verificationStatus } = await import("../../operations/check/verification_status.ts");
  const [{ drillStatus }, { statusLines, proofLines }] = await Promise.all([
    import("../../operations/drill/drill_status.ts"),
    import("../output/results/verification_text.ts"),
  ]);
  const report = await verificationStatus(repository), drills = await drillStatus(repository);
  if (session.options.json) return session.out.json({ ...report, drills });
  for (const line of statusLines(report, session.world.clock, session.sizeText)) session.out.line(line);
  for (const line of proofLines(drills, session.world.clock)) session.out.line(line);
}
