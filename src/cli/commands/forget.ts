/** backup-tool forget */
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { Define } from "./command.ts";
import { snapshotJson } from "../output/results/snapshot_text.ts";
import { doneLines, planLines } from "../output/results/prune_text.ts";
import type { Session } from "../session/session.ts";
import { examples, workersOption } from "../settings/options.ts";
import { addKeepOptions, collectedTags, type KeepOptions, policyOf } from "../settings/retention_options.ts";
import { BadUsage, Fault } from "../../core/fault.ts";
import { type Policy, policyText } from "../../core/policy.ts";
import type { Decision } from "../../core/retention.ts";
import { ambiguousNames, groupedBySeries, nameKey } from "../../core/series.ts";
import { shortId } from "../../core/short_id.ts";
import { countText, pluralText } from "../../core/size_text.ts";
import { localTimeText } from "../../core/time_text.ts";
import type { ForgetRequest, ForgetResult } from "../../operations/forget/forget.ts";
import type { PruneResult } from "../../operations/forget/prune.ts";
import type { OpenedRepository } from "../../operations/opened.ts";

interface ForgetOptions extends KeepOptions {
  readonly host?: string;
  readonly name?: string;
  readonly tag?: readonly string[];
  readonly dryRun?: boolean;
  readonly prune?: boolean;
  readonly workers?: number;
}

export const defineForget: Define = (program, act) => {
  const command = program.command("forget")
    .summary("remove snapshots by policy or by name")
    .description(
      "Remove the snapshots that no rule keeps, with their trees; or the named ones. The rules are restic's, and " +
        "apply to each series (same host and name) separately, in local time. Without rules, those of the configuration apply, otherwise " +
        "the storage's policy. At least one snapshot of a series stays unless it is named. Space is freed by `prune`, or " +
        "with --prune.",
    )
    .argument("[SNAPSHOT...]", "remove these snapshots, whatever the rules say");
  addKeepOptions(command)
    .option("--host <HOST>", "only snapshots of this host")
    .option("--name <NAME>", "only snapshots with this name")
    .option("--tag <TAG>", "only the snapshots with this tag; `a,b` for both (repeatable)", collectedTags)
    .option("-n, --dry-run", "remove nothing; show what would be removed, and which rules keep the others")
    .option("--prune", "then delete unreferenced data")
    .addOption(workersOption("each needs 130 MiB (default: none)"))
    .addHelpText(
      "after",
      examples(
        "backup-tool forget --keep-daily 7 --keep-weekly 5 --keep-monthly 12 --dry-run",
        "backup-tool forget --keep-within 30d --keep-yearly unlimited --prune",
        "backup-tool forget 3f2a91b0 2026/11-20T23:05",
      ),
    );
  command.action((names: readonly string[]) =>
    act(command, async (session) => {
      const options = command.opts<ForgetOptions>();
      // One that the configuration gives is for every command.
      if (options.prune !== true && command.getOptionValueSource("workers") === "cli") {
        throw new BadUsage("`--workers` is for `--prune`, which was not said", "Add `--prune`, or leave it out");
      }
      const repository = await session.openRepository();
      const request = {
        ...requestOf(names, options, session.loaded.config.keep),
        signal: session.signal,
        workers: session.workers(options.workers),
      };
      const { forget } = await import("../../operations/forget/forget.ts");
      const result = await forget(repository, request, session.monitor);
      const lines = linesOf(result, request.dryRun);
      if (options.prune !== true) {
        const freed = request.dryRun ? await freedBy(result, repository, session) : undefined;
        const told = freed === undefined ? [] : [`A prune would then free ${session.sizeText(freed)}`];
        return session.result({ ...jsonOf(result, request.dryRun), freedBytes: freed }, [...lines, ...told]);
      }
      if (!session.options.json && !session.options.quiet) { for (const line of lines) session.out.line(line); }
      const pruned = await pruneAfter(repository, session, { ...options, removed: result.removed });
      if (session.options.json) session.out.json({ ...jsonOf(result, request.dryRun), prune: pruned });
    }, { hooks: true })
  );
};

/** The request. @param usual policy of the configuration @throws BadUsage for both names and rules */
function requestOf(names: readonly string[], options: ForgetOptions, usual: Policy | undefined): ForgetRequest {
  const { host, name, tag: tags, dryRun = false } = options;
  const policy = policyOf(options);
  if (names.length === 0) {
    const among = { ...(host !== undefined && { host }), ...(name !== undefined && { name }), ...(tags && { tags }) };
    return { policy: policy ?? usual, among, dryRun };
  }
  if (policy === undefined && host === undefined && name === undefined && tags === undefined) {
    return { snapshots: names, dryRun };
  }
  throw new BadUsage("Either name snapshots or give rules", "See `backup-tool help forget`");
}

/** Bytes that a prune would free; undefined if it is unknown what is still needed. */
async function freedBy({ removed }: ForgetResult, repository: OpenedRepository, session: Session) {
  const { removableBytes } = await import("../../operations/forget/free_space.ts");
  try {
    return await removableBytes(repository, removed, session.signal, session.monitor);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "unknown-references") throw error;
    session.monitor.notice(`How much space that frees is not known: ${error.message}`);
    return undefined;
  }
}

async function pruneAfter(
  repository: OpenedRepository,
  session: Session,
  { removed, dryRun = false, workers }: ForgetOptions & Pick<ForgetResult, "removed">,
): Promise<PruneResult> {
  const { prune } = await import("../../operations/forget/prune.ts");
  const request = {
    dryRun,
    workers: workers ?? 0,
    signal: session.signal,
    ...(dryRun && { without: new Set(removed) }),
  };
  const result = await prune(repository, request, () => {}, session.monitor);
  if (!session.options.json && !session.options.quiet) {
    const sizeText = (bytes: number) => session.sizeText(bytes);
    const look = { sizeText, clock: session.world.clock };
    for (const line of [...planLines(result, sizeText), ...doneLines(result, dryRun, look)]) session.out.line(line);
  }
  return result;
}

/** Output of `forget --json`. Part of the interface. */
function jsonOf({ policy, decisions, removed }: ForgetResult, dryRun: boolean) {
  const snapshots = decisions.map(({ snapshot, keep, reasons }) => ({ ...snapshotJson(snapshot), keep, reasons }));
  return { dryRun, policy: policy ?? null, snapshots, removed };
}

function linesOf({ policy, decisions, removed }: ForgetResult, dryRun: boolean): string[] {
  const lines = policy === undefined ? [] : [`Keeping by ${policyText(policy)}`];
  for (const { title, own } of titled(decisions)) lines.push("", title, ...own.flatMap(decisionLines));
  if (lines.length > 0) lines.push("");
  const count = decisions.length > 0
    ? `${countText(removed.length)} of ${pluralText(decisions.length, "snapshot")}`
    : pluralText(removed.length, "snapshot");
  return [...lines, `${dryRun ? "Would remove" : "Removed"} ${count}`];
}

/** @param meeting names that several series share */
function titleOf([newest]: readonly SnapshotInfo[], meeting: ReadonlySet<string>): string {
  if (newest === undefined) return "";
  const { host, name, sources } = newest;
  return `${host}:${name}${meeting.has(nameKey(newest)) ? `  ${sources.join(", ")}` : ""}`;
}

/** The decisions of each series, with its name; where names collide, with its sources too. */
function titled(decisions: ForgetResult["decisions"]): { title: string; own: ForgetResult["decisions"] }[] {
  const snapshots = decisions.map(({ snapshot }) => snapshot), meeting = ambiguousNames(snapshots);
  const decisionOf = new Map(decisions.map((decision) => [decision.snapshot, decision]));
  return groupedBySeries(snapshots).map((series) => {
    const own = series.flatMap((snapshot) => decisionOf.get(snapshot) ?? []);
    return { title: titleOf(series, meeting), own };
  });
}

const COLUMNS = 80;

/** Lines for a decision. Reasons that don't fit in one line get lines of their own. */
function decisionLines({ snapshot, keep, reasons }: Decision<SnapshotInfo>): string[] {
  const time = localTimeText(Date.parse(snapshot.time), snapshot.offsetMinutes);
  const head = `  ${keep ? "keep  " : "remove"}  ${shortId(snapshot.id)}  ${time}  `;
  const lines: string[] = [];
  let line = head;
  for (const [i, reason] of reasons.entries()) {
    const text = i < reasons.length - 1 ? `${reason}, ` : reason;
    if (line.length > head.length && (line + text.trimEnd()).length > COLUMNS) {
      lines.push(line);
      line = " ".repeat(head.length);
    }
    line += text;
  }
  return [...lines, line].map((one) => one.trimEnd());
}
