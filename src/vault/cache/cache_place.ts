/**
 * The directory of a vault's cache, `vaults/<id>/` in the state directory, and its locks. Every program that has its
 * files open holds a shared lock on `users`; a program that is alone may replace them. Converting a lock to another
 * kind may lose it in between, so `users` is only locked while `gate` is. A program that stores into the vault holds
 * `writer`, one that changes the catalog holds `catalog`.
 */
import { joinRaw, type Raw, rawOf } from "../../core/raw.ts";
import { type Dir, makeDirectories, type OpenFile } from "../../platform/disk.ts";
import type { Machine } from "../../platform/machine.ts";
import { VaultInUse } from "./faults.ts";

const PRIVATE_DIRECTORY = 0o700, PRIVATE_FILE = 0o600;
const GATE = rawOf("gate"), USERS = rawOf("users"), WRITER = rawOf("writer"), CATALOG = rawOf("catalog");
/** Directories that the file of a catalog needs. */
const DB = rawOf("db"), TMP = rawOf("tmp");
const UNITS = rawOf("units");
/**
 * Attempts at a lock: a program that is alone stays so for some hundred milliseconds, unless much has to be removed.
 */
const ATTEMPTS = 20, PAUSE_MS = 50;

export class CachePlace implements Disposable {
  /** The directory; it has `db/` and `tmp/`, like a storage. */
  readonly top: Dir;
  /** Directory for units that are too large for memory; a writer empties it. */
  readonly units: Raw;
  readonly #db: Dir;
  readonly #users: OpenFile;
  readonly #held: DisposableStack;
  readonly #clock: Machine["clock"];

  /**
   * Opens the directory.
   * @param vault id of the vault
   * @returns undefined if there is no state directory
   * @throws DiskFault
   */
  static open(
    { disk, state, clock }: Pick<Machine, "disk" | "state" | "clock">,
    vault: string,
  ): CachePlace | undefined {
    const [first] = state ?? [];
    if (first === undefined) return undefined;
    using held = new DisposableStack();
    const path = joinRaw(joinRaw(first, rawOf("vaults")), rawOf(vault));
    const top = held.use(makeDirectories(disk, path, PRIVATE_DIRECTORY));
    for (const name of [DB, TMP]) top.mkdir(name, PRIVATE_DIRECTORY);
    const db = held.use(top.openDir(DB)), users = held.use(top.openOrCreate(USERS, PRIVATE_FILE));
    top.mkdir(UNITS, PRIVATE_DIRECTORY);
    const place = new CachePlace({ top, units: joinRaw(path, UNITS), db, users, held: held.move(), clock });
    if (place.#share()) return place;
    place[Symbol.dispose]();
    return undefined;
  }

  private constructor(parts: {
    readonly top: Dir;
    readonly units: Raw;
    readonly db: Dir;
    readonly users: OpenFile;
    readonly held: DisposableStack;
    readonly clock: Machine["clock"];
  }) {
    this.top = parts.top;
    this.units = parts.units;
    this.#db = parts.db;
    this.#users = parts.users;
    this.#held = parts.held;
    this.#clock = parts.clock;
  }

  [Symbol.dispose](): void {
    this.#held[Symbol.dispose]();
  }

  /** Removes files that a killed writer left. */
  #emptyUnits(): void {
    using units = this.top.openDir(UNITS);
    for (const name of units.list().names) units.unlink(name);
  }

  /** Opens the directory of the databases; the caller closes it. */
  openDb(): Dir {
    return this.top.openDir(DB);
  }

  /** Takes the shared lock. @returns false if another program is alone there for long */
  #share(): boolean {
    using gate = this.#lock(GATE, ATTEMPTS, "shared");
    return gate !== undefined && this.#users.tryLock("shared");
  }

  /**
   * Runs `action`, which no other program may see half done. @returns false if others are there; then nothing was done
   */
  ifAlone(action: () => void): boolean {
    using gate = this.#lock(GATE, 1);
    if (gate === undefined) return false;
    try {
      if (!this.#users.tryLock("exclusive")) return false;
      action();
      return true;
    } finally {
      this.#users.tryLock("shared"); // nobody else can have taken it
    }
  }

  /** Keeps other programs from changing the catalog, until disposed; undefined if one of them takes long. */
  lockCatalog(): Disposable | undefined {
    return this.#lock(CATALOG, ATTEMPTS);
  }

  #lock(name: Raw, attempts: number, kind: "exclusive" | "shared" = "exclusive"): Disposable | undefined {
    using held = new DisposableStack();
    const file = held.use(this.top.openOrCreate(name, PRIVATE_FILE));
    for (let attempt = 1; !file.tryLock(kind); attempt++) {
      if (attempt >= attempts) return undefined;
      this.#clock.sleepSync(PAUSE_MS);
    }
    held.move();
    return file;
  }

  /** Keeps other writers of this machine away until disposed. @throws VaultInUse */
  lockForWriting(location: string): Disposable {
    const lock = this.#lock(WRITER, 1);
    if (lock === undefined) throw new VaultInUse(location);
    this.#emptyUnits();
    return lock;
  }
}
