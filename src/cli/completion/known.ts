/** What completion can look up: the repository, without any lock, and the configuration. */
import type { Candidate } from "./candidate.ts";
import { snapshotPath } from "../settings/paths.ts";
import { loadConfig, type LoadedConfig, VARIABLES } from "../settings/settings.ts";
import { refuseUntrusted } from "../settings/trusted_config.ts";
import type { LoginOptions } from "../settings/vault_options.ts";
import type { World } from "../world.ts";
import { nameOf } from "../../core/apath.ts";
import type { Monitor } from "../../core/monitor.ts";
import { textOf } from "../../core/raw.ts";
import { defined } from "../../core/defined.ts";
import type { SecretWorld } from "../../operations/vaults/login.ts";
import type { VaultSettings } from "../../operations/vaults/vault_settings.ts";
import { shortId } from "../../core/short_id.ts";
import { localTimeText } from "../../core/time_text.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { Repository } from "../../snapshot/repository.ts";

const SILENT: Monitor = {
  count() {},
  current() {},
  phase() {},
  follow: () => ({ [Symbol.dispose]() {} }),
  setTotal() {},
  problem() {},
  notice() {},
};
/** Most paths that are offered: more than a person would look through. */
const MOST_PATHS = 1000;

export class Known implements AsyncDisposable {
  readonly #world: World;
  readonly #values: ReadonlyMap<string, string>;
  readonly #held = new AsyncDisposableStack();
  #repository: Promise<Repository> | undefined;

  /** @param values of options that were already typed */
  constructor(world: World, values: ReadonlyMap<string, string>) {
    this.#world = world;
    this.#values = values;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held.disposeAsync();
  }

  /** Names of backups in the configuration. */
  async *backups(): AsyncGenerator<Candidate> {
    const { config } = await this.#config();
    for (const [value, { sources }] of Object.entries(config.backups ?? {})) {
      yield { value, about: sources.map((source) => typeof source === "string" ? source : source.location).join(", ") };
    }
  }

  async *vaults(): AsyncGenerator<Candidate> {
    const { config } = await this.#config();
    for (const [value, { location }] of Object.entries(config.vaults ?? {})) yield { value, about: location };
  }

  /** Names of snapshots. Ids are only offered once a prefix has been typed. */
  async *snapshots(typed: string): AsyncGenerator<Candidate> {
    const snapshots = await this.#snapshots();
    const newest = snapshots.at(-1);
    if (newest !== undefined) yield { value: "latest", about: this.#about(newest) };
    for (const [name, latest] of seriesOf(snapshots)) yield { value: `${name}:latest`, about: this.#about(latest) };
    for (const snapshot of snapshots.toReversed()) {
      const { tree } = snapshot, about = this.#about(snapshot);
      if (tree !== null) yield { value: tree, about };
      const isTyped = typed !== "" && snapshot.id.startsWith(typed);
      if (isTyped || tree === null) yield { value: typed.length > 12 ? snapshot.id : shortId(snapshot.id), about };
    }
  }

  async *series(): AsyncGenerator<Candidate> {
    for (const [value, latest] of seriesOf(await this.#snapshots())) yield { value, about: this.#about(latest) };
  }

  async *tags(): AsyncGenerator<Candidate> {
    for (const value of new Set((await this.#snapshots()).flatMap(({ tags }) => tags))) yield { value };
  }

  async *hosts(): AsyncGenerator<Candidate> {
    for (const value of new Set((await this.#snapshots()).map(({ host }) => host))) yield { value };
  }

  /** Entries of the directory typed so far; directories end with a slash. */
  async *paths(name: string, typed: string): AsyncGenerator<Candidate> {
    const { resolveSnapshot } = await import("../../snapshot/resolve.ts");
    const snapshot = resolveSnapshot(name, await this.#snapshots());
    const manifest = await (await this.#opened()).manifest(snapshot.id);
    const slash = typed.lastIndexOf("/") + 1, directory = typed.slice(0, slash);
    let count = 0;
    for (const entry of manifest.list(snapshotPath(directory || "/"))) {
      const value = directory + textOf(nameOf(entry.path)) + (entry.kind === "dir" ? "/" : "");
      if (!value.startsWith(typed)) continue;
      if (++count > MOST_PATHS) return;
      yield { value };
    }
  }

  #about({ time, name }: SnapshotInfo): string {
    const atMs = Date.parse(time);
    return `${localTimeText(atMs, this.#world.clock.offsetMinutes(atMs))} ${name}`;
  }

  async #snapshots(): Promise<readonly SnapshotInfo[]> {
    return (await this.#opened()).cachedSnapshots();
  }

  #opened(): Promise<Repository> {
    return this.#repository ??= this.#open();
  }

  async #open(): Promise<Repository> {
    const world = this.#world;
    const path = this.#values.get("storage") ?? world.env(VARIABLES.storage) ?? (await this.#config()).config.storage;
    if (path === undefined) throw new Error("No storage was given");
    const [{ openRepository }, { placeOf }, { stateDirectories }] = await Promise.all([
      import("../../operations/open.ts"),
      import("../session/place.ts"),
      import("../settings/state_directory.ts"),
    ]);
    const { location, settings } = placeOf(path, this.#loginOptions(), { world, loaded: await this.#config() });
    const machine = { ...await world.machine(), state: await stateDirectories(world) };
    // A key pressed is no reason to run a command, to ask for a passphrase, or to try one for a second.
    const quick = defined<VaultSettings>({ keyFile: settings.keyFile, encrypted: settings.encrypted });
    const secrets: SecretWorld = {
      readSecret: (path, mostBytes) => world.readSecret(path, mostBytes),
      commandOutput: (line, signal) => world.commandOutput(line, signal),
      askSecret: () => Promise.resolve(undefined),
      env: (name) => world.env(name),
    };
    const login = { settings: quick, secrets, host: world.host(), signal: new AbortController().signal };
    return this.#held.use(await openRepository(machine, location, SILENT, login));
  }

  #loginOptions(): LoginOptions {
    const keyFile = this.#values.get("keyFile");
    return keyFile === undefined ? {} : { keyFile };
  }

  async #config(): Promise<LoadedConfig> {
    const loaded = await loadConfig(this.#world, this.#values.get("config"));
    refuseUntrusted(loaded, this.#world);
    return loaded;
  }
}

/** Each series with its newest snapshot; the most recent series comes first. */
function seriesOf(snapshots: readonly SnapshotInfo[]): Map<string, SnapshotInfo> {
  const newest = new Map<string, SnapshotInfo>();
  for (const snapshot of snapshots.toReversed()) {
    if (!newest.has(snapshot.name)) newest.set(snapshot.name, snapshot);
  }
  return newest;
}
