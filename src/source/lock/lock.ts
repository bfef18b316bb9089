/** Holds sources still for a backup, and releases them in any case: at its end, or at the next start. */
import { createHash } from "node:crypto";
import type { Clock, Random } from "../../core/clock.ts";
import { Interrupted } from "../../core/fault.ts";
import { joinRaw, type Raw, rawOf, textOf } from "../../core/raw.ts";
import type { Disk } from "../../platform/disk.ts";
import {
  commandText,
  failureText,
  LockFailed,
  type LockStep,
  NotUndone,
  type Outcome,
  type Runner,
  SourceLocked,
} from "./act.ts";
import { DamagedJournal, JournalDirectory, type JournalRecord } from "./journal.ts";
import { type LockPlan, type LockSpec, planLock } from "./lock_kinds.ts";

/** What locks need from the environment. */
export interface LockWorld {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly run: Runner;
  /** Absolute path of a directory that outlives the process and a restart of the machine. */
  readonly state: Raw;
}

export interface LockRequest {
  readonly spec: LockSpec;
  /** At least one; absolute paths without symlinks. */
  readonly sources: readonly Raw[];
  /** Environment variables for commands. */
  readonly facts: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/**
 * Carries out the steps of the lock. If it throws, the steps so far have been undone.
 * @throws SourceLocked, NotUndone if an earlier run has left a source locked, LockFailed, Interrupted
 */
export async function lockSources(world: LockWorld, request: LockRequest): Promise<SourceLock> {
  const directory = JournalDirectory.make(world.disk, world.state);
  using held = new DisposableStack();
  held.use(directory);
  const names = [...new Set(request.sources.map(lockName))].sort();
  for (const name of names) {
    const lock = directory.hold(name);
    if (lock === undefined) throw new SourceLocked(textOf(request.sources.find((path) => lockName(path) === name)!));
    held.use(lock);
    await undoLeftOver(directory, name, world.run);
  }
  const id = [...world.random(4)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const mounts = joinRaw(world.state, rawOf("mounts"));
  const plan = await planLock(request.spec, { ...world, id, sources: request.sources, mounts, facts: request.facts });
  const lock = new SourceLock(directory, names[0]!, world, plan, held.move());
  await lock.begin(request);
  return lock;
}

/** Sources that are being held still. */
export class SourceLock {
  readonly #directory: JournalDirectory;
  readonly #name: string;
  readonly #world: LockWorld;
  readonly #plan: LockPlan;
  readonly #held: Disposable;
  #record: JournalRecord | undefined;

  constructor(directory: JournalDirectory, name: string, world: LockWorld, plan: LockPlan, held: Disposable) {
    this.#directory = directory;
    this.#name = name;
    this.#world = world;
    this.#plan = plan;
    this.#held = held;
  }

  /** The path at which to read a source. */
  reading(source: Raw): Raw {
    return this.#plan.reading.get(source) ?? source;
  }

  /** Paths in a source that can't be read there. */
  get lacks(): readonly Raw[] {
    return this.#plan.lacks;
  }

  async begin({ spec, sources, signal }: LockRequest): Promise<void> {
    const started = new Date(this.#world.clock.nowMs()).toISOString();
    this.#record = { kind: spec.kind, sources: sources.map(textOf), started, acts: [] };
    try {
      for (const act of this.#plan.acts) {
        if (signal.aborted) throw new Interrupted();
        await this.#perform(act);
      }
    } catch (error) {
      const [left] = await this.release("failed");
      throw left ?? error;
    }
  }

  async #perform(act: LockStep): Promise<void> {
    this.#record = { ...this.#record!, acts: [...this.#record!.acts, act] };
    this.#directory.write(this.#name, this.#record);
    if (act.run === undefined) return;
    const done = await this.#world.run(act.run);
    if (!done.ok) throw new LockFailed(`could not ${act.what}: ${failureText(done)}`);
  }

  /** Undoes all steps in reverse order. @returns those that could not be undone; they stay in the journal */
  async release(outcome: Outcome): Promise<NotUndone[]> {
    try {
      const { left, faults } = await undoAll(this.#record!, this.#world.run, outcome);
      settle(this.#directory, this.#name, left);
      return faults;
    } finally {
      this.#held[Symbol.dispose]();
    }
  }
}

/** A lock that a run holds or has left behind. */
export interface KnownLock {
  readonly record: JournalRecord;
  /** True if a run is using it now. */
  readonly isActive: boolean;
  /** Steps that could not be undone, with the reasons. */
  readonly faults: readonly NotUndone[];
}

export type RecoverWork = "list" | "undo" | "forget";

/**
 * Lists or cleans up all locks of this machine.
 * @param work undo: undo those that no run holds; forget: also remove those that can't be undone
 * @param damaged called for journals that can't be read
 */
export async function recoverLocks(
  world: Pick<LockWorld, "disk" | "run" | "state">,
  work: RecoverWork,
  damaged: (fault: DamagedJournal) => void,
): Promise<KnownLock[]> {
  using directory = JournalDirectory.existing(world.disk, world.state);
  const known: KnownLock[] = [];
  for (const name of directory?.names() ?? []) {
    try {
      const lock = await recoverOne(directory!, name, world.run, work);
      if (lock !== undefined) known.push(lock);
    } catch (error) {
      if (!(error instanceof DamagedJournal)) throw error;
      damaged(error);
    }
  }
  return known;
}

async function recoverOne(
  directory: JournalDirectory,
  name: string,
  run: Runner,
  work: RecoverWork,
): Promise<KnownLock | undefined> {
  if (work === "list") return listOne(directory, name);
  using held = directory.tryHold(name);
  const record = directory.read(name);
  if (record === undefined) return undefined;
  if (held === undefined) return { record, isActive: true, faults: [] };
  const { left, faults } = await undoAll(record, run, "recovered");
  settle(directory, name, work === "forget" ? { ...left, acts: [] } : left);
  return { record, isActive: false, faults };
}

function listOne(directory: JournalDirectory, name: string): KnownLock | undefined {
  const record = directory.read(name);
  return record && { record, isActive: directory.isHeld(name), faults: [] };
}

/** Undoes what an earlier run has left. @throws NotUndone */
async function undoLeftOver(directory: JournalDirectory, name: string, run: Runner): Promise<void> {
  const record = directory.read(name);
  if (record === undefined) return;
  const { left, faults } = await undoAll(record, run, "recovered");
  settle(directory, name, left);
  if (faults[0] !== undefined) throw faults[0];
}

function settle(directory: JournalDirectory, name: string, left: JournalRecord): void {
  if (left.acts.length === 0) directory.remove(name);
  else directory.write(name, left);
}

/** Undoes the steps, last one first. A step that fails stays in the journal; the others are undone all the same. */
async function undoAll(
  record: JournalRecord,
  run: Runner,
  outcome: Outcome,
): Promise<{ left: JournalRecord; faults: NotUndone[] }> {
  const acts: LockStep[] = [], faults: NotUndone[] = [];
  for (const act of record.acts.toReversed()) {
    const fault = await undoOne(act, run, outcome);
    if (fault === undefined) continue;
    faults.push(fault);
    acts.unshift(act);
  }
  return { left: { ...record, acts }, faults };
}

async function undoOne(act: LockStep, run: Runner, outcome: Outcome): Promise<NotUndone | undefined> {
  const { what, undo, test, reach } = act;
  if (undo === undefined) return undefined;
  const reached = reach === undefined ? undefined : await run(reach);
  // What isn't mounted, or whose tools are missing, would look as if there were nothing to be undone.
  if (reached?.ok === false) {
    return new NotUndone(what, `nothing is known of it: ${failureText(reached)}`, commandText(undo));
  }
  if (test !== undefined && !(await run(test)).ok) return undefined;
  const done = await run({ ...undo, env: { ...undo.env, BACKUP_TOOL_OUTCOME: outcome } });
  return done.ok ? undefined : new NotUndone(what, failureText(done), commandText(undo));
}

/** Name for the files of a source's lock. */
function lockName(source: Raw): string {
  return createHash("sha256").update(source, "latin1").digest("hex").slice(0, 16);
}
