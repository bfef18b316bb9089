/** The vaults of the configuration as routes see them: looked into when somebody asks, and not again for a while. */
import type { Reader } from "../reader/reader.ts";
import type { Clock } from "../../core/clock.ts";
import { type FaultData, toFaultData } from "../../core/fault_data.ts";
import type { VaultStatus } from "../../operations/copied/vault_status.ts";

/** What a look has found, or why there was none. */
export type VaultLook =
  & { readonly atMs: number }
  & ({ readonly status: VaultStatus } | { readonly fault: FaultData });

/** A look may ask a server for much. */
const GOOD_MS = 10 * 60_000;

export class VaultDesk {
  /** Names to places, without credentials. */
  readonly places: ReadonlyMap<string, string>;
  readonly #reader: Pick<Reader, "vault">;
  readonly #clock: Clock;
  readonly #known = new Map<string, VaultLook>();
  readonly #underWay = new Map<string, Promise<VaultLook>>();

  constructor(reader: Pick<Reader, "vault">, clock: Clock, places: ReadonlyMap<string, string>) {
    this.#reader = reader;
    this.#clock = clock;
    this.places = places;
  }

  /** The last look that was finished. */
  known(name: string): VaultLook | undefined {
    return this.#known.get(name);
  }

  /** A look of the last ten minutes. Never throws: a vault that can't be opened has a fault. */
  look(name: string): Promise<VaultLook> {
    const known = this.#known.get(name), nowMs = this.#clock.nowMs();
    if (known !== undefined && nowMs - known.atMs < GOOD_MS) return Promise.resolve(known);
    const looking = this.#underWay.get(name) ?? this.#look(name).finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, looking);
    return looking;
  }

  /** The same of all of them, without those that take longer. */
  async lookAtAll(patienceMs: number): Promise<void> {
    const enough = new AbortController();
    const all = Promise.all([...this.places.keys()].map((name) => this.look(name)));
    await Promise.race([all, this.#clock.sleep(patienceMs, enough.signal)]);
    enough.abort();
  }

  async #look(name: string): Promise<VaultLook> {
    const found = await this.#status(name), look = { atMs: this.#clock.nowMs(), ...found };
    this.#known.set(name, look);
    return look;
  }

  async #status(name: string): Promise<{ readonly status: VaultStatus } | { readonly fault: FaultData }> {
    try {
      return { status: await this.#reader.vault(name) };
    } catch (error) {
      return { fault: toFaultData(error) };
    }
  }
}
