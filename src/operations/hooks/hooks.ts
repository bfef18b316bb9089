/** Runs hooks around a piece of work. */
import type { Clock } from "../../core/clock.ts";
import { Interrupted } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { pluralText } from "../../core/size_text.ts";
import { type HookEnd, type HookFacts, hookVariables, variablesOfEnd } from "./hook_variables.ts";
import { HookFailed } from "./faults.ts";
import type { HookCommand, HookEvent, HookSet } from "./hook_set.ts";
import { runInGroup } from "../../platform/process_group.ts";

export interface HookWorld {
  readonly clock: Clock;
  readonly monitor: Pick<Monitor, "notice" | "problem" | "phase">;
  /** Registers a callback for a person's request to stop; absent: nobody is present. */
  readonly onInterrupt?: (stop: () => void) => Disposable;
}

/** Lines of a command that are shown; the others are counted. */
const MOST_LINES = 200;
const NEVER = new AbortController().signal;

export class Hooks {
  readonly #sets: readonly HookSet[];
  readonly #facts: HookFacts;
  readonly #world: HookWorld;
  readonly #begun: HookSet[] = [];
  readonly #startMs: number;

  /** @param sets outermost first: its hooks run first before the work, and last after it */
  constructor(sets: readonly HookSet[], facts: HookFacts, world: HookWorld) {
    this.#sets = sets.filter(({ commands }) => commands === undefined || commands.includes(facts.command));
    this.#facts = facts;
    this.#world = world;
    this.#startMs = world.clock.nowMs();
  }

  get isEmpty(): boolean {
    return this.#sets.length === 0;
  }

  /**
   * Runs the hooks before the work.
   * @throws HookFailed for the first that fails: then the work must not be done, but {@link ended} must be called
   */
  async before(signal: AbortSignal): Promise<void> {
    for (const set of this.#sets) {
      this.#begun.push(set);
      for (const [index, command] of set.before.entries()) {
        const failed = await this.#run(set, { event: "before", index, command }, { signal, end: undefined });
        if (signal.aborted) throw new Interrupted();
        if (failed !== undefined) throw failed;
      }
    }
  }

  /**
   * Runs the hooks after the work, whatever its outcome. Each failure is a problem, and doesn't keep the others from
   * running.
   */
  async ended(end: HookEnd): Promise<void> {
    const isOver = end.exitStatus !== undefined;
    const events: HookEvent[] = isOver ? [end.status === "done" ? "onSuccess" : "onFailure", "after"] : ["after"];
    for (const set of this.#begun.toReversed()) {
      for (const event of events) {
        for (const [index, command] of set[event].entries()) {
          const failed = await this.#runLate(set, { event, index, command }, end);
          if (failed !== undefined) this.#world.monitor.problem(failed);
        }
      }
    }
  }

  /** Runs one of these hooks, which a person may interrupt; the next ones still run. */
  async #runLate(set: HookSet, one: OneHook, end: HookEnd): Promise<HookFailed | undefined> {
    const stop = new AbortController();
    using _ = this.#world.onInterrupt?.(() => stop.abort());
    return await this.#run(set, one, { signal: this.#world.onInterrupt === undefined ? NEVER : stop.signal, end });
  }

  async #run({ timeoutMs }: HookSet, { event, index, command }: OneHook, { signal, end }: Circumstances) {
    const { clock, monitor } = this.#world, output = new Output(event, monitor);
    monitor.phase("running hooks");
    const endMs = clock.nowMs();
    const { reason, stoppedBy } = await runInGroup(command, {
      env: {
        ...hookVariables(event, this.#facts, this.#startMs),
        ...(end !== undefined && variablesOfEnd(end, endMs)),
      },
      clock,
      timeoutMs,
      signal,
      line: (text) => output.line(text),
    });
    output.end();
    if (reason === "" && stoppedBy === undefined) return undefined;
    const said = output.last === "" ? "" : ` (${output.last})`;
    return new HookFailed(event, index + 1, stoppedBy === undefined ? `${reason}${said}` : REASONS[stoppedBy]);
  }
}

interface OneHook {
  readonly event: HookEvent;
  readonly index: number;
  readonly command: HookCommand;
}

interface Circumstances {
  readonly signal: AbortSignal;
  readonly end: HookEnd | undefined;
}

const REASONS = { timeout: "it took too long, and was ended", signal: "it was stopped" } as const;

/** What a command prints, for people: it may be any amount. */
class Output {
  readonly #event: HookEvent;
  readonly #monitor: Pick<Monitor, "notice">;
  #lines = 0;
  last = "";

  constructor(event: HookEvent, monitor: Pick<Monitor, "notice">) {
    this.#event = event;
    this.#monitor = monitor;
  }

  line(text: string): void {
    if (text.trim() === "") return;
    this.last = text;
    if (++this.#lines <= MOST_LINES) this.#monitor.notice(`hook ${this.#event}: ${text}`);
  }

  end(): void {
    const more = this.#lines - MOST_LINES;
    if (more > 0) this.#monitor.notice(`hook ${this.#event}: ... and ${pluralText(more, "more line", "more lines")}`);
  }
}
