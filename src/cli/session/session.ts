/** One run of a command: its options, its output, and its signal to stop. */
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

/** Most worker threads by default: more would wait for the disk and for each other. */
const MOST_WORKERS = 4;
/** Memory in bytes of the program without worker threads, and of each of them at worst. */
const OWN_BYTES = 256 * 2 ** 20, WORKER_BYTES = 128 * 2 ** 20;

/** Number of worker threads that the memory allows. @param memory in bytes */
export function workersFor(memory: number): number {
  return Math.max(0, Math.floor((memory - OWN_BYTES) / WORKER_BYTES));
}

/** Global options; these include the ones for vaults. */
export type SessionOptions = GlobalOptions & VaultOptions;

export class Session implements AsyncDisposable {
  readonly world: World;
  readonly options: SessionOptions;
  /** Contents of the configuration file. */
  readonly loaded: LoadedConfig;
  /** Formats a size in results; `--bytes` makes it exact. */
  readonly sizeText: SizeText;
  readonly out: Printer;
  readonly monitor: TerminalMonitor;
  readonly #held = new AsyncDisposableStack();
  readonly #opened = new AsyncDisposableStack();
  readonly #snapshots: string[] = [];
  readonly #stop = new AbortController();
  #paced: Promise<Machine> | undefined;
  #listens = false;

  /** @param options completed from variables and the configuration */
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

  /** Closes all storages and vaults, so that their disks can be unmounted. */
  async close(): Promise<void> {
    await this.#opened.disposeAsync();
  }

  /** Notes a snapshot that was made or restored, for hooks. */
  noteSnapshot(id: string): void {
    this.#snapshots.push(id);
  }

  /** Ids of the noted snapshots. */
  get snapshots(): readonly string[] {
    return this.#snapshots;
  }

  /** For operations that can stop in an orderly way. Without it, an interrupt ends the program at once. */
  get signal(): AbortSignal {
    if (!this.#listens) this.#held.use(this.world.onInterrupt(() => this.#interrupt()));
    this.#listens = true;
    return this.#stop.signal;
  }

  machine(): Promise<Machine> {
    return this.#paced ?? this.world.machine();
  }

  /** Limits the use of the machine from now on; to be called before anything is opened. */
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

  /** The place that `-s` gives. @throws BadUsage if it is missing */
  get place(): Place {
    const { storage = "" } = this.options;
    if (storage !== "") return this.placeOf(storage);
    const hint = "Give one with `-s STORAGE`, set BACKUP_TOOL_STORAGE, or name it in a backup-tool.jsonc";
    throw new BadUsage("No storage was given", hint);
  }

  /** The place for a text: a path, `scheme:...`, or a name in the configuration. */
  placeOf(text: string, options: VaultOptions = this.options): Place {
    return placeOf(text, options, this);
  }

  /** Opens a repository of any engine, until the session ends. @throws NoStorage, and the other faults of opening */
  async openRepository(place = this.place): Promise<OpenedRepository> {
    const { openRepository } = await import("../../operations/open.ts");
    const machine = await this.ownMachine();
    return this.#opened.use(await openRepository(machine, place.location, this.monitor, this.login(place)));
  }

  /** The engine of a place. */
  async engine({ location } = this.place): Promise<EngineKind> {
    const { engineAt } = await import("../../operations/open.ts");
    return await engineAt((await this.machine()).disk, location);
  }

  /** Unlocks a vault without opening it, until the session ends. @throws NoVault, and the other faults of unlocking */
  async unlock(place = this.place): Promise<UnlockedVault & { readonly machine: Machine }> {
    const { unlockAt } = await import("../../operations/open.ts");
    const machine = await this.ownMachine();
    const vault = this.#opened.use(await unlockAt(machine, place.location, this.monitor, this.login(place)));
    return { ...vault, machine };
  }

  /**
   * Opens a storage, until the session ends. @param what the operation that only storages support @throws NotForVaults,
   * NoStorage, and the other faults of opening
   */
  async openStorage(what: string, place = this.place): Promise<Storage> {
    const { openOnlyStorage } = await import("../../operations/open.ts");
    return this.#opened.use(await openOnlyStorage(await this.ownMachine(), place.location, this.monitor, what));
  }

  /** Path of a storage, existing or not. @param what the operation that needs it @throws BadUsage, NotForVaults */
  async storagePath(what: string): Promise<Raw> {
    const { place } = this;
    if (await this.engine(place) === "storage") return rawOf(place.location);
    const { NotForVaults } = await import("../../vault/format/faults.ts");
    throw new NotForVaults(what);
  }

  /** Sources of secrets. Progress is not drawn over a question. */
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

  /** What is needed to open the vault in a place. */
  login({ settings }: Place): VaultLogin {
    return { settings, secrets: this.secrets, host: this.world.host(), signal: this.signal };
  }

  /** The machine with the tool's own places: its state and known vaults, which are never backed up or removed. */
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

  /** The patience that `--wait` requests; undefined: none. */
  #patience(): Patience | undefined {
    const waitMs = parseDuration(this.options.wait ?? "0");
    if (waitMs === 0) return undefined;
    return { waitMs, signal: this.signal, notice: (text) => this.monitor.notice(text) };
  }

  /** Number of worker threads. @param given value of `--workers` */
  workers(given: number | undefined): number {
    return given ?? Math.min(this.world.cores, MOST_WORKERS, workersFor(this.world.memory()));
  }

  /** Prints the result of a command in the requested format. `--quiet` omits text that is only meant for people. */
  result(json: unknown, lines: readonly string[]): void {
    if (this.options.json) this.out.json(json);
    else if (!this.options.quiet) { for (const line of lines) this.out.line(line); }
  }

  /** Prints a table. Without rows, standard output stays empty. @param none notice for that case */
  table(columns: readonly Column[], rows: readonly (readonly string[])[], none: string): void {
    if (rows.length > 0) this.out.table(columns, rows);
    else this.monitor.notice(none);
  }

  #interrupt(): void {
    this.monitor.notice("Stopping; once more to stop at once");
    this.#stop.abort();
  }
}
