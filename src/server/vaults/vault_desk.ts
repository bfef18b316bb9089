/** The vaults of the configuration as routes see them. Each is looked into on request, and not again for a while. */
import type { Reader } from "../reader/reader.ts";
import type { Clock } from "../../core/clock.ts";
import { type FaultData, toFaultData } from "../../core/fault_data.ts";
import type { VaultStatus } from "../../operations/copied/vault_status.ts";

/** The result of a look, or why it failed. */
export type VaultLook =
  & { readonly atMs: number }
  & ({ readonly status: VaultStatus } | { readonly fault: FaultData });

/** Time in ms for which a look is valid: it may cost a server much. */
const GOOD_MS = 10 * 60_000;

export class VaultDesk {
  /** Places by name, without credentials. */
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

  /** The last finished look; undefined if there is none. */
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

  /** Looks into all vaults, and waits at most `patienceMs` for them. */
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
