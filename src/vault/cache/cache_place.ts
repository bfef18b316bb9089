/**
 * The directory of a vault's cache, `vaults/<id>/` in the state directory, and who is at work in it. Everybody who has its
 * files open holds a shared lock on `users`; who is alone may replace them. A lock that is asked to be another kind of lock
 * may be lost meanwhile, so nobody asks for one on `users` without one on `gate`. Who stores into the vault holds `writer`,
 * who changes the catalog `catalog`.
 */
import { joinRaw, type Raw, rawOf } from "../../core/raw.ts";
import { type Dir, makeDirectories, type OpenFile } from "../../platform/disk.ts";
import type { Machine } from "../../platform/machine.ts";
import { VaultInUse } from "./faults.ts";

const PRIVATE_DIRECTORY = 0o700, PRIVATE_FILE = 0o600;
const GATE = rawOf("gate"), USERS = rawOf("users"), WRITER = rawOf("writer"), CATALOG = rawOf("catalog");
/** Directories that a catalog's file needs. */
const DB = rawOf("db"), TMP = rawOf("tmp");
const UNITS = rawOf("units");
/** Who is alone stays so for some hundred milliseconds, unless much is to be taken out. */
const ATTEMPTS = 20, PAUSE_MS = 50;

export class CachePlace implements Disposable {
  /** Has `db/` and `tmp/`, as a storage does. */
  readonly top: Dir;
  /** For units that are too large for the memory; emptied by whoever stores into the vault. */
  readonly units: Raw;
  readonly #db: Dir;
  readonly #users: OpenFile;
  readonly #held: DisposableStack;
  readonly #clock: Machine["clock"];

  /** Undefined if there is no state directory. @param vault its id @throws DiskFault */
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

  /** Removes what a writer left that was killed. */
  #emptyUnits(): void {
    using units = this.top.openDir(UNITS);
    for (const name of units.list().names) units.unlink(name);
  }

  /** The directory of the files; the caller closes it. */
  openDb(): Dir {
    return this.top.openDir(DB);
  }

  /** @returns false if somebody is alone there, and stays so for long */
  #share(): boolean {
    using gate = this.#lock(GATE, ATTEMPTS, "shared");
    return gate !== undefined && this.#users.tryLock("shared");
  }

  /** Does something that nobody else may see half done. @returns false if there are others: nothing was done then */
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

  /** Holds off others who would change the catalog until disposed; undefined if one of them takes long. */
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

  /** Holds off other writers of this machine until disposed. @throws VaultInUse */
  lockForWriting(location: string): Disposable {
    const lock = this.#lock(WRITER, 1);
    if (lock === undefined) throw new VaultInUse(location);
    this.#emptyUnits();
    return lock;
  }
}
