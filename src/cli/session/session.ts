/** One run of one command: its options, what it prints to, and how it learns that it should stop. */
import { paintFor } from "../output/terminal/colors.ts";
import { Printer } from "../output/terminal/printer.ts";
import type { Column } from "../output/terminal/table.ts";
import { TerminalMonitor } from "../output/progress/terminal_monitor.ts";
import type { GlobalOptions } from "../settings/options.ts";
import type { PaceOptions } from "../settings/pace_options.ts";
import type { VaultOptions } from "../settings/vault_options.ts";
import { placeOf } from "./place.ts";
import type { LoadedConfig } from "../settings/settings.ts";
import type { World } from "../world.ts";
import { BadUsage } from "../../core/fault.ts";
import type { Patience } from "../../core/patience.ts";
import { type Raw, rawOf } from "../../core/raw.ts";
import { exactSizeText, type SizeText, sizeText } from "../../core/size_text.ts";
import type { EngineKind, UnlockedVault, VaultLogin } from "../../operations/open.ts";
import { parseDuration } from "../../operations/settings/prune_pace.ts";
import type { SecretWorld } from "../../operations/vaults/login.ts";
import { hasScheme } from "../../operations/vaults/vault_settings.ts";
import type { Place } from "../../operations/vaults/place.ts";
import type { OpenedRepository } from "../../operations/opened.ts";
import type { Machine } from "../../platform/machine.ts";
import type { Storage } from "../../storage/storage.ts";

/** Threads beyond this wait for the disk and for each other. */
const MOST_WORKERS = 4;
/** What the program takes without worker threads, and what one more takes at worst. */
const OWN_BYTES = 256 * 2 ** 20, WORKER_BYTES = 128 * 2 ** 20;

/** How many worker threads a machine has room for, whatever its cores. @param memory bytes */
export function workersFor(memory: number): number {
  return Math.max(0, Math.floor((memory - OWN_BYTES) / WORKER_BYTES));
}

/** Every command has those for vaults, too. */
export type SessionOptions = GlobalOptions & VaultOptions;

export class Session implements AsyncDisposable {
  readonly world: World;
  readonly options: SessionOptions;
  /** What the configuration file says. */
  readonly loaded: LoadedConfig;
  /** Every size in a result goes through it: `--bytes` asks for exact ones. */
  readonly sizeText: SizeText;
  readonly out: Printer;
  readonly monitor: TerminalMonitor;
  readonly #held = new AsyncDisposableStack();
  readonly #opened = new AsyncDisposableStack();
  readonly #snapshots: string[] = [];
  readonly #stop = new AbortController();
  #paced: Promise<Machine> | undefined;
  #listens = false;

  /** @param options complete: with what variables and the configuration add to the command line */
  constructor(world: World, options: SessionOptions, loaded: LoadedConfig) {
    this.world = world;
    this.options = options;
    this.loaded = loaded;
    this.sizeText = options.bytes ? exactSizeText : sizeText;
    this.out = new Printer(world.stdout, paintFor(world.stdout, (name) => world.env(name)));
    const { quiet = false, verbose = false, json = false } = options;
    const { stderr: output, clock } = world, paint = paintFor(output, (name) => world.env(name));
    this.monitor = this.#held.use(new TerminalMonitor({ output, clock, paint, quiet, verbose, json }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.#held.disposeAsync();
  }

  /** Closes every storage and vault: from now on its disk may be taken away. */
  async close(): Promise<void> {
    await this.#opened.disposeAsync();
  }

  /** Hooks receive the snapshot that was made or restored. */
  noteSnapshot(id: string): void {
    this.#snapshots.push(id);
  }

  /** Ids of those that were noted. */
  get snapshots(): readonly string[] {
    return this.#snapshots;
  }

  /** For operations that can stop in good order. Without it an interrupt ends the program at once. */
  get signal(): AbortSignal {
    if (!this.#listens) this.#held.use(this.world.onInterrupt(() => this.#interrupt()));
    this.#listens = true;
    return this.#stop.signal;
  }

  machine(): Promise<Machine> {
    return this.#paced ?? this.world.machine();
  }

  /** Leaves more of the machine to others, from now on: before anything is opened. */
  async pace(options: PaceOptions): Promise<void> {
    if (options.nice === "lowest") {
      const { lowerPriority } = await import("../../platform/priority.ts");
      for (const what of lowerPriority()) this.monitor.notice(`This system doesn't let a command ${what}`);
    }
    const { limit = false, pause = false } = options;
    if (limit !== false || pause !== false) this.#paced = this.#throttled(limit || undefined, pause || 0);
    await this.#paced;
  }

  async #throttled(limit: number | undefined, pause: number): Promise<Machine> {
    const [{ openDisk }, { newThrottle }] = await Promise.all([
      import("../../platform/open_disk.ts"),
      import("../../platform/throttle.ts"),
    ]);
    const throttle = newThrottle(limit, pause);
    return { ...await this.world.machine(), disk: openDisk(throttle), throttle };
  }

  /** The location that `-s` names. @throws BadUsage if none was given */
  get place(): Place {
    const { storage = "" } = this.options;
    if (storage !== "") return this.placeOf(storage);
    const hint = "Give one with `-s STORAGE`, set BACKUP_TOOL_STORAGE, or name it in a backup-tool.jsonc";
    throw new BadUsage("No storage was given", hint);
  }

  /** What a location on the command line stands for: a path, `scheme:...`, or a name in the configuration. */
  placeOf(text: string, options: VaultOptions = this.options): Place {
    return placeOf(text, options, this);
  }

  /** For what every engine can do; open until the session ends. @throws NoStorage and what else opening throws */
  async openRepository(place = this.place): Promise<OpenedRepository> {
    const { openRepository } = await import("../../operations/open.ts");
    const machine = await this.ownMachine();
    return this.#opened.use(await openRepository(machine, place.location, this.monitor, this.login(place)));
  }

  /** What there is to be opened. */
  async engine({ location } = this.place): Promise<EngineKind> {
    const { engineAt } = await import("../../operations/open.ts");
    return await engineAt((await this.machine()).disk, location);
  }

  /** What opens a vault, and where it is; open until the session ends. @throws NoVault and what else opening throws */
  async unlock(place = this.place): Promise<UnlockedVault & { readonly machine: Machine }> {
    const { unlockAt } = await import("../../operations/open.ts");
    const machine = await this.ownMachine();
    const vault = this.#opened.use(await unlockAt(machine, place.location, this.monitor, this.login(place)));
    return { ...vault, machine };
  }

  /** For what only a storage can do; open until the session ends. @param what that is @throws NotForVaults, NoStorage and what else opening throws */
  async openStorage(what: string, place = this.place): Promise<Storage> {
    const { openOnlyStorage } = await import("../../operations/open.ts");
    return this.#opened.use(await openOnlyStorage(await this.ownMachine(), place.location, this.monitor, what));
  }

  /** Where a storage lies, or is to be made. @param what it is needed for @throws BadUsage, NotForVaults */
  async storagePath(what: string): Promise<Raw> {
    const { place } = this;
    if (await this.engine(place) === "storage") return rawOf(place.location);
    const { NotForVaults } = await import("../../vault/format/faults.ts");
    throw new NotForVaults(what);
  }

  /** Where secrets come from. Nothing is painted over a question. */
  get secrets(): SecretWorld {
    const { world, monitor } = this;
    return {
      readSecret: (path, mostBytes) => world.readSecret(path, mostBytes),
      commandOutput: (line, signal) => world.commandOutput(line, signal),
      askSecret: async (question) => {
        using _ = monitor.pause();
        return await world.askSecret(question, this.signal);
      },
      env: (name) => world.env(name),
    };
  }

  /** What opens a vault there. */
  login({ settings }: Place): VaultLogin {
    return { settings, secrets: this.secrets, host: this.world.host(), signal: this.signal };
  }

  /** It knows where this program keeps its state, and which vaults there are: nothing of that is a source, or removed. */
  async ownMachine(): Promise<Machine> {
    const { stateDirectories } = await import("../settings/state_directory.ts");
    const state = await stateDirectories(this.world), vaults = Object.values(this.loaded.config.vaults ?? {});
    // What is noted goes into the first one.
    const own = state.length === 0 ? [] : vaults.map(({ location }) => location).filter((one) => !hasScheme(one));
    const patience = this.#patience();
    return {
      ...await this.machine(),
      ...(patience && { patience }),
      state: [...state, ...own.map((path) => rawOf(path))],
    };
  }

  /** What `--wait` says. */
  #patience(): Patience | undefined {
    const waitMs = parseDuration(this.options.wait ?? "0");
    if (waitMs === 0) return undefined;
    return { waitMs, signal: this.signal, notice: (text) => this.monitor.notice(text) };
  }

  /** @param given by `--workers` */
  workers(given: number | undefined): number {
    return given ?? Math.min(this.world.cores, MOST_WORKERS, workersFor(this.world.memory()));
  }

  /** Prints the result of a command in the requested format. `--quiet` omits text that is only meant for people. */
  result(json: unknown, lines: readonly string[]): void {
    if (this.options.json) this.out.json(json);
    else if (!this.options.quiet) { for (const line of lines) this.out.line(line); }
  }

  /** Prints a table; where it has no rows, standard output has nothing either. @param none says so */
  table(columns: readonly Column[], rows: readonly (readonly string[])[], none: string): void {
    if (rows.length > 0) this.out.table(columns, rows);
    else this.monitor.notice(none);
  }

  #interrupt(): void {
    this.monitor.notice("Stopping; once more to stop at once");
    this.#stop.abort();
  }
}
