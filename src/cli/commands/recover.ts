/** backup-tool recover */
import { pluralText } from "../../core/size_text.ts";
import { localTimeText } from "../../core/time_text.ts";
import type { Step } from "../../source/lock/act.ts";
import type { KnownLock, RecoverWork } from "../../source/lock/lock.ts";
import { EXIT } from "../session/exit.ts";
import { examples } from "../settings/options.ts";
import type { Session } from "../session/session.ts";
import { lockDirectory } from "../settings/state_directory.ts";
import type { Define } from "./command.ts";

interface RecoverOptions {
  readonly list?: boolean;
  readonly forget?: boolean;
}

export const defineRecover: Define = (program, act) => {
  const command = program.command("recover")
    .summary("clean up after interrupted backups")
    .description(
      "Undo what interrupted backups have left: snapshots of file systems, services that " +
        "were stopped. Every backup does this when it starts; this command is for when none follows. What a running " +
        "backup uses is not touched. The exit status is 3 if something can't be undone. No storage is needed.",
    )
    .option("--list", "only show what was not undone")
    .option("--forget", "drop what can't be undone, after a last attempt")
    .addHelpText("after", examples("backup-tool recover --list", "backup-tool recover"));
  command.action(() =>
    act(command, async (session) => {
      const { list = false, forget = false } = command.opts<RecoverOptions>();
      const work = list ? "list" : forget ? "forget" : "undo";
      const [{ commandText, runStep }, { recoverLocks }] = await Promise.all([
        import("../../source/lock/act.ts"),
        import("../../source/lock/lock.ts"),
      ]);
      const { disk } = await session.machine();
      const world = { disk, run: runStep, state: await lockDirectory(session.world) };
      const locks = await recoverLocks(world, work, (fault) => session.monitor.problem(fault));
      for (const fault of locks.flatMap(({ faults }) => faults)) session.monitor.problem(fault);
      session.result(
        locks.map((lock) => lockJson(lock, work, commandText)),
        lockLines(locks, { work, commandText, session }),
      );
      return session.monitor.problems > 0 ? EXIT.someFailed : EXIT.done;
    })
  );
};

type StepText = (step: Step) => string;

interface Telling {
  readonly work: RecoverWork;
  readonly commandText: StepText;
  readonly session: Session;
}

/** Output of `recover --json` for each lock. Part of the interface. */
function lockJson({ record, isActive, faults }: KnownLock, work: RecoverWork, commandText: StepText) {
  return {
    kind: record.kind,
    sources: record.sources,
    started: record.started,
    active: isActive,
    acts: record.acts.map(({ what, undo }) => {
      const fault = faults.find(({ act }) => act === what);
      return {
        what,
        undone: work !== "list" && !isActive && fault === undefined,
        reason: fault?.message ?? null,
        command: undo === undefined ? null : commandText(undo),
      };
    }),
  };
}

function lockLines(locks: readonly KnownLock[], { work, commandText, session }: Telling): string[] {
  if (locks.length === 0) return ["Nothing to recover"];
  const { clock } = session.world;
  return locks.flatMap(({ record, isActive, faults }) => {
    const atMs = Date.parse(record.started);
    const since = localTimeText(atMs, clock.offsetMinutes(atMs));
    const left = faults.length > 0 ? `, ${pluralText(faults.length, "act")} not` : "";
    const state = isActive ? "a running backup" : work === "list" ? "left" : `undone${left}`;
    const acts = record.acts.map(({ what, undo }) => {
      return `  ${what}${undo === undefined ? "" : `; undone by: ${commandText(undo)}`}`;
    });
    return [`${record.sources.join(", ")} (${record.kind}, since ${since}): ${state}`, ...acts];
  });
}
