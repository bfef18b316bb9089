/** backup-tool notify */
import type { Define } from "./command.ts";
import { EXIT } from "../session/exit.ts";
import { examples } from "../settings/options.ts";
import type { Session } from "../session/session.ts";
import { Fault } from "../../core/fault.ts";
import { pluralText } from "../../core/size_text.ts";
import { newUuid } from "../../core/uuid.ts";
import type { Delivered } from "../../notify/deliver.ts";
import { type Notice, testNotice } from "../../notify/notice.ts";
import type { Notifier } from "../../notify/notifier.ts";

interface NotifyOptions {
  readonly test?: boolean;
  readonly late?: boolean;
}

export const defineNotify: Define = (program, act) => {
  const command = program.command("notify")
    .summary("send waiting notifications, test targets, report late backups")
    .description(
      'Send the notifications that are still waiting. "notify" of the configuration says who is notified: of a command ' +
        "with `--notify NAME`, of the jobs of `backup-tool serve` always. With `--late`, also report " +
        'series whose newest snapshot is older than "expect" says: run it by cron, where no service runs. With ' +
        "`--test`, send a test message instead.",
    )
    .argument("[TARGET...]", "names of targets (default: all)")
    .option("--test", "send a test message, and print whether it was accepted")
    .option("--late", 'report series that are late, as "expect" says')
    .addHelpText(
      "after",
      examples(
        "backup-tool notify --test phone",
        "backup-tool notify --late -s /volume1/storage",
        "backup-tool backup photos --notify all",
      ),
    );
  command.action((given: readonly string[]) =>
    act(command, async (session) => {
      const { test = false, late = false } = command.opts<NotifyOptions>();
      const { makeNotifier, notifySettings, targetNames } = await import("../session/notifications.ts");
      const settings = await notifySettings(session);
      const names = targetNames(settings, given.length === 0 ? ["all"] : given);
      await using notifier = await makeNotifier(session, (message) => session.monitor.notice(message));
      if (test) return await testTargets(session, notifier, names);
      const found = late ? await putLate(session, notifier, names) : [];
      await notifier.send();
      const { waiting } = notifier;
      const lines = [
        ...found.map(({ reason }) => reason),
        waiting === 0 ? "No notification waits" : `${pluralText(waiting, "notification")} waiting`,
      ];
      session.result({ late: found, waiting }, lines);
      return found.length > 0 ? EXIT.someFailed : EXIT.done;
    })
  );
};

async function putLate(session: Session, notifier: Notifier, names: readonly string[]) {
  const [{ lateNotice, LateNotes, lateSeries }, { notifyDirectory }] = await Promise.all([
    import("../../notify/late.ts"),
    import("../settings/state_directory.ts"),
  ]);
  const { world, loaded: { config } } = session, nowMs = world.clock.nowMs();
  const repository = await session.openRepository();
  const late = lateSeries(config.expect ?? {}, await repository.snapshots(), nowMs);
  using directory = (await session.machine()).disk.openDir(await notifyDirectory(world));
  for (const one of new LateNotes(directory).toTell(late, nowMs)) {
    notifier.put(lateNotice(one, world.host(), nowMs), names);
  }
  return late;
}

async function testTargets(session: Session, notifier: Notifier, names: readonly string[]): Promise<number> {
  const { outcomeText } = await import("../../notify/deliver.ts");
  const { world } = session, { random } = await world.machine();
  const at = new Date(world.clock.nowMs()).toISOString();
  const notice = testNotice({ id: newUuid(random).replaceAll("-", ""), at, host: world.host() });
  const results: { readonly target: string; readonly outcome: string; readonly accepted: boolean }[] = [];
  for (const target of names) {
    const outcome = await tested(notifier, target, notice);
    const text = outcome instanceof Fault ? outcome.message : outcomeText(outcome);
    results.push({ target, outcome: text, accepted: outcome === "accepted" });
  }
  session.result(results, results.map(({ target, outcome }) => `${target}: ${outcome}`));
  return results.every(({ accepted }) => accepted) ? EXIT.done : EXIT.someFailed;
}

async function tested(notifier: Notifier, target: string, notice: Notice): Promise<Delivered | Fault> {
  try {
    return await notifier.test(target, notice);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}
