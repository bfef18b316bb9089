/** The hooks of the configuration around a command. */
import type { Command } from "commander";
import { toFaultData } from "../../core/fault_data.ts";
import { unlessFault } from "../../core/fault.ts";
import { newUuid } from "../../core/uuid.ts";
import { UntrustedCommands } from "../../operations/hooks/faults.ts";
import { Hooks } from "../../operations/hooks/hooks.ts";
import type { HookEnd, HookFacts } from "../../operations/hooks/hook_variables.ts";
import { HOOK_VARIABLE } from "../../operations/hooks/hook_set.ts";
import type { HookSet } from "../../operations/hooks/hook_set.ts";
import { defined } from "../../core/defined.ts";
import { EXIT, exitFor } from "./exit.ts";
import type { Chosen } from "./backup_request.ts";
import type { Session } from "./session.ts";

/** What of a command's options says that it only looks, or how its snapshots are called. */
interface Telling {
  readonly dryRun?: boolean;
  readonly status?: boolean;
  readonly name?: unknown;
}

export class CommandHooks {
  readonly #session: Session;
  readonly #hooks: Hooks;

  /** @param sets that are trusted */
  constructor(session: Session, command: Command, { sets, run }: { readonly sets: readonly HookSet[]; run: string }) {
    const { name } = command.opts<Telling>();
    this.#session = session;
    this.#hooks = hooksIn(session, sets, {
      command: workOf(command),
      run,
      ...(typeof name === "string" && { name }),
    });
  }

  get isEmpty(): boolean {
    return this.#hooks.isEmpty;
  }

  /** @throws HookFailed, Interrupted: then the work is not to be done */
  async before(): Promise<void> {
    await this.#hooks.before(this.#session.signal);
  }

  /** @param exitStatus of the work @param error what it failed with */
  async ended(exitStatus: number, error?: unknown): Promise<void> {
    // A hook may unmount the disk.
    await this.#session.close();
    await this.#hooks.ended(endOf(this.#session, exitStatus, { error }));
  }
}

function hooksIn(
  { world, monitor, options, place }: Session,
  sets: readonly HookSet[],
  facts: Pick<HookFacts, "command" | "run" | "name">,
): Hooks {
  const storage = options.storage === undefined ? undefined : unlessFault(() => place.location, undefined);
  return new Hooks(sets, { storage, host: world.host(), ...facts }, {
    clock: world.clock,
    monitor,
    onInterrupt: (stop) => world.onInterrupt(stop),
  });
}

/** @param error what the work failed with @param from number of the first snapshot, of those of this run, that it made */
function endOf(
  { monitor, snapshots }: Session,
  exitStatus: number,
  { error, from = 0 }: { readonly error?: unknown; readonly from?: number },
): HookEnd {
  return {
    status: statusOf(exitStatus),
    exitStatus,
    error: error === undefined ? undefined : toFaultData(error),
    snapshots: snapshots.slice(from),
    problems: monitor.problems,
    counts: monitor.counts,
  };
}

function statusOf(exitStatus: number): HookEnd["status"] {
  if (exitStatus === EXIT.done) return "done";
  if (exitStatus === EXIT.interrupted) return "interrupted";
  return exitStatus === EXIT.someFailed ? "problems" : "failed";
}

/** The hooks of `tree build` are those of `tree`. */
function workOf(command: Command): string {
  const { parent } = command;
  return parent?.parent == null ? command.name() : workOf(parent);
}

/**
 * Those of the configuration that run: nobody else may have written it. A run that a hook has started has none, because it
 * would start them again.
 * @throws UntrustedCommands, DiskFault
 */
export function trustedHooks(session: Session): readonly HookSet[] {
  return trusted(session, session.loaded.config.hooks ?? [], "hooks");
}

function trusted(
  { world, options: { hooks: isWanted = true }, loaded: { path } }: Session,
  sets: readonly HookSet[],
  key: string,
): readonly HookSet[] {
  if (path === undefined || sets.length === 0 || !isWanted || world.env(HOOK_VARIABLE) !== undefined) return [];
  const why = world.whyOthersWrite(path);
  if (why !== undefined) throw new UntrustedCommands(path, [key], why);
  return sets;
}

/**
 * Does `work` with the hooks of a backup that the configuration names around it. The storage stays open meanwhile: other
 * backups may follow.
 * @throws HookFailed, UntrustedCommands, and what `work` throws
 */
export async function withHooksOf<T>(
  { name, hooks = [] }: Pick<Chosen, "name" | "hooks">,
  session: Session,
  work: () => Promise<T>,
): Promise<T> {
  const sets = trusted(session, hooks, `backups.${name}.hooks`);
  if (sets.length === 0) return await work();
  const { monitor, signal, snapshots: { length: from } } = session;
  const around = hooksIn(session, sets, { command: "backup", run: await newRun(session), ...defined({ name }) });
  let done: T;
  try {
    await around.before(signal);
    done = await work();
  } catch (error) {
    await around.ended(endOf(session, exitFor(error), { error, from }));
    throw error;
  }
  await around.ended(endOf(session, monitor.problems > 0 ? EXIT.someFailed : EXIT.done, { from }));
  return done;
}

async function newRun(session: Session): Promise<string> {
  const { random } = await session.machine();
  return newUuid(random).replaceAll("-", "");
}

/** Undefined if there are none for this command. @throws UntrustedCommands, DiskFault */
export async function commandHooks(session: Session, command: Command): Promise<CommandHooks | undefined> {
  const { dryRun = false, status = false } = command.opts<Telling>();
  if (dryRun || status) return undefined;
  const sets = trustedHooks(session);
  if (sets.length === 0) return undefined;
  const hooks = new CommandHooks(session, command, { sets, run: await newRun(session) });
  return hooks.isEmpty ? undefined : hooks;
}
