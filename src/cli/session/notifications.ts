/** Notifies people of the outcome of a command, or of a service's jobs, as configured. */
import type { Command } from "commander";
import { BadUsage, Fault, unlessFault } from "../../core/fault.ts";
import { toFaultData } from "../../core/fault_data.ts";
import type { Log } from "../../jobs/log/log.ts";
import { newUuid } from "../../core/uuid.ts";
import { didYouMean } from "../../core/similar.ts";
import { eventOf, type Notice, type Outcome } from "../../notify/notice.ts";
import { Notifier } from "../../notify/notifier.ts";
import { merged, TargetFile } from "../../notify/target_file.ts";
import type { NotifySettings } from "../../notify/targets.ts";
import { notifyDirectory } from "../settings/state_directory.ts";
import { EXIT } from "./exit.ts";
import type { Session } from "./session.ts";

const ALL = "all";

const NONE: NotifySettings = { targets: {} };

/**
 * Settings for notifications: of the configuration, and those that were added on the page of a server.
 * @throws BadUsage if there are no targets
 */
export async function notifySettings(session: Session): Promise<NotifySettings> {
  const { loaded: { path, config } } = session, configured = config.notify ?? NONE;
  const own = await ownTargets(session), isAny = Object.keys(configured.targets).length > 0;
  // A file that can't be read doesn't silence those of the configuration.
  const added = isAny ? unlessFault(() => own?.settings(), undefined) : own?.settings();
  const settings = added === undefined ? configured : merged(configured, added);
  if (Object.keys(settings.targets).length > 0) return settings;
  throw new BadUsage(
    `Nobody can be notified: there is no "notify" in ${path ?? "the configuration, for there is none"}`,
    "See `backup-tool notify --help`",
  );
}

/** The file of targets that were added on the page; undefined without a directory for it. */
async function ownTargets({ world }: Session): Promise<TargetFile | undefined> {
  try {
    return new TargetFile((await world.machine()).disk, await notifyDirectory(world));
  } catch (error) {
    if (error instanceof BadUsage) return undefined;
    throw error;
  }
}

/** Names of targets; `all` stands for all of them. @throws BadUsage */
export function targetNames({ targets }: NotifySettings, given: readonly string[]): string[] {
  const known = Object.keys(targets);
  if (given.includes(ALL)) return known;
  for (const name of given) {
    if (Object.hasOwn(targets, name)) continue;
    const hint = didYouMean(name, known) ?? `Targets are: ${known.join(", ")}`;
    throw new BadUsage(`There is no target ${JSON.stringify(name)} in "notify"`, hint);
  }
  return [...given];
}

/**
 * A notifier for the targets of the configuration and of the page.
 * @param warn called for each notification that could not be sent
 * @throws BadUsage, DiskFault if there is no directory for pending notifications
 */
export async function makeNotifier(
  session: Session,
  warn: (message: string) => void,
): Promise<Notifier> {
  const { world, loaded: { config } } = session;
  const [machine, outbox, own] = await Promise.all([session.machine(), notifyDirectory(world), ownTargets(session)]);
  return new Notifier({
    machine,
    clock: world.clock,
    settings: config.notify ?? NONE,
    ...(own !== undefined && { own }),
    outbox,
    readSecret: (path, most) => world.readSecret(path, most),
    warn,
  });
}

/**
 * A notifier; undefined if there are no targets, unless some can be added while it is used. Notifications that can't be
 * sent never stop the work.
 */
export async function notifierIfAny(session: Session, log: Log, canAdd: boolean): Promise<Notifier | undefined> {
  const warn = (message: string) => log({ level: "warning", event: "notify-failed", message });
  try {
    if (!canAdd) await notifySettings(session);
    return await makeNotifier(session, warn);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    if (session.loaded.config.notify !== undefined) warn(error.message);
    return undefined;
  }
}

interface Beginning {
  readonly notifier: Notifier;
  readonly names: readonly string[];
  readonly command: Command;
  /** Id of the notification. */
  readonly id: string;
}

/** Sends notifications about one run of a command. */
export class CommandNotices implements AsyncDisposable {
  readonly #session: Session;
  readonly #notifier: Notifier;
  readonly #names: readonly string[];
  readonly #base: Omit<Notice, "event" | "at">;
  readonly #started: Promise<void>;

  private constructor(session: Session, { notifier, names, command, id }: Beginning) {
    this.#session = session;
    this.#notifier = notifier;
    this.#names = names;
    const start = new Date(session.world.clock.nowMs()).toISOString(), kind = nameOf(command);
    const subject = [kind, ...command.args.slice(0, 1)].join(" ");
    const host = session.world.host();
    this.#base = { id, host, subject, kind, start, counts: {}, problemCount: 0, problems: [] };
    this.#started = notifier.started({ ...this.#base, event: "started", at: start }, names);
  }

  /** Begins. @param given names of targets @throws BadUsage, DiskFault */
  static async begin(session: Session, given: readonly string[], command: Command): Promise<CommandNotices> {
    const names = targetNames(await notifySettings(session), given);
    const warn = (message: string) => session.monitor.notice(message);
    const notifier = await makeNotifier(session, warn), { random } = await session.machine();
    return new CommandNotices(session, { notifier, names, command, id: newUuid(random).replaceAll("-", "") });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#notifier[Symbol.asyncDispose]();
  }

  /** Reports the outcome. @param error the command's failure, if any */
  async ended(status: number, error?: unknown): Promise<void> {
    const { world, monitor } = this.#session, end = new Date(world.clock.nowMs()).toISOString();
    const { problems, firstProblems, counts } = monitor;
    const told = error === undefined ? undefined : toFaultData(error);
    const notice: Notice = {
      ...this.#base,
      event: eventOf(outcomeOf(status, error), [told, ...firstProblems]),
      at: end,
      end,
      counts,
      problemCount: problems,
      problems: firstProblems,
      ...(told !== undefined && { error: told }),
    };
    await this.#started;
    this.#notifier.put(notice, this.#names);
    await this.#notifier.send();
  }
}

function outcomeOf(status: number, error: unknown): Outcome {
  if (error !== undefined) return "failed";
  return status === EXIT.done ? "done" : status === EXIT.someFailed ? "problems" : "failed";
}

/** Name of a command including its parent: "key add". */
function nameOf(command: Command): string {
  const { parent } = command;
  return parent?.parent == null ? command.name() : `${nameOf(parent)} ${command.name()}`;
}

/** Begins notifications. A fault becomes a notice: a failed notification must not fail a backup. */
export async function beginNotices(
  session: Session,
  given: readonly string[],
  command: Command,
): Promise<CommandNotices | undefined> {
  try {
    return await CommandNotices.begin(session, given, command);
  } catch (error) {
    if (!(error instanceof Fault) || error instanceof BadUsage) throw error;
    session.monitor.notice(error.message);
    return undefined;
  }
}
