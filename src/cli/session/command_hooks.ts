/** Runs the configuration's hooks around a command. */
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

/** Options of a command that prevent hooks, or name its snapshots. */
interface Telling {
  readonly dryRun?: boolean;
  readonly status?: boolean;
  readonly name?: unknown;
}

export class CommandHooks {
  readonly #session: Session;
  readonly #hooks: Hooks;

  /** @param sets trusted hooks */
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

  /** Runs the hooks before the work, which must not start if they fail. @throws HookFailed, Interrupted */
  async before(): Promise<void> {
    await this.#hooks.before(this.#session.signal);
  }

  /** Runs the hooks after the work. @param exitStatus of the work @param error its failure, if any */
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

/**
 * The outcome of the work, for hooks. @param error its failure, if any @param from index of its first snapshot among
 * those of this run
 */
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

/** Name of the command for hooks: `tree build` has those of `tree`. */
function workOf(command: Command): string {
  const { parent } = command;
  return parent?.parent == null ? command.name() : workOf(parent);
}

/**
 * The configuration's hooks, which no other user may have written. A run that a hook has started gets none, because it
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
 * Runs `work` with the hooks of a configured backup. The storage stays open meanwhile, because other backups may
 * follow.
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

/** The hooks for this command; undefined if there are none. @throws UntrustedCommands, DiskFault */
export async function commandHooks(session: Session, command: Command): Promise<CommandHooks | undefined> {
  const { dryRun = false, status = false } = command.opts<Telling>();
  if (dryRun || status) return undefined;
  const sets = trustedHooks(session);
  if (sets.length === 0) return undefined;
  const hooks = new CommandHooks(session, command, { sets, run: await newRun(session) });
  return hooks.isEmpty ? undefined : hooks;
}
