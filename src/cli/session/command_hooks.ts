/** The hooks of the configuration around a command. */
import type { Command } from "commander";
import { toFaultData } from "../../core/fault_data.ts";
import { unlessFault } from "../../core/fault.ts";
import { newUuid } from "../../core/uuid.ts";
import { UntrustedCommands } from "../../operations/hooks/faults.ts";
import { Hooks } from "../../operations/hooks/hooks.ts";
import type { HookEnd } from "../../operations/hooks/hook_variables.ts";
import { HOOK_VARIABLE } from "../../operations/hooks/hook_set.ts";
import type { HookSet } from "../../operations/hooks/hook_set.ts";
import { EXIT } from "./exit.ts";
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
    const { world, monitor, options: { storage } } = session, { name } = command.opts<Telling>();
    const place = storage === undefined ? undefined : unlessFault(() => session.place.location, undefined);
    const facts = {
      command: workOf(command),
      storage: place,
      host: world.host(),
      run,
      ...(typeof name === "string" && { name }),
    };
    this.#session = session;
    this.#hooks = new Hooks(sets, facts, {
      clock: world.clock,
      monitor,
      onInterrupt: (stop) => world.onInterrupt(stop),
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
    const { monitor, snapshots } = this.#session;
    // A hook may unmount the disk.
    await this.#session.close();
    await this.#hooks.ended({
      status: statusOf(exitStatus),
      exitStatus,
      error: error === undefined ? undefined : toFaultData(error),
      snapshots,
      problems: monitor.problems,
      counts: monitor.counts,
    });
  }
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
 * Those of the configuration, which nobody else may have written. A run that a hook has started has none: it would start them again.
 * @throws UntrustedCommands, DiskFault
 */
export function trustedHooks({ world, options: { hooks: isWanted = true }, loaded }: Session): readonly HookSet[] {
  const { path, config: { hooks = [] } } = loaded;
  if (path === undefined || hooks.length === 0 || !isWanted || world.env(HOOK_VARIABLE) !== undefined) return [];
  const why = world.whyOthersWrite(path);
  if (why !== undefined) throw new UntrustedCommands(path, ["hooks"], why);
  return hooks;
}

/** Undefined if there are none for this command. @throws UntrustedCommands, DiskFault */
export async function commandHooks(session: Session, command: Command): Promise<CommandHooks | undefined> {
  const { dryRun = false, status = false } = command.opts<Telling>();
  if (dryRun || status) return undefined;
  const sets = trustedHooks(session);
  if (sets.length === 0) return undefined;
  const { random } = await session.machine();
  const hooks = new CommandHooks(session, command, { sets, run: newUuid(random).replaceAll("-", "") });
  return hooks.isEmpty ? undefined : hooks;
}
