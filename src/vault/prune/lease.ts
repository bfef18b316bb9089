/**
 * The lease of a prune or repair: it keeps others from doing the same work at the same time. Safety doesn't depend on
 * it. Its holder renews it; a lease that was not renewed for long is dead, by the clock of the place.
 */
import { MissingObject } from "../../backend/faults.ts";
import { objectKey } from "../../backend/backend.ts";
import type { Clock } from "../../core/clock.ts";
import { Fault } from "../../core/fault.ts";
import { DamagedObject, isOfObject, NewerObject, VaultBusy } from "../format/faults.ts";
import { MOST_SMALL_BYTES } from "../format/limits.ts";
import { encodeLease, type LeaseNote, parseLease } from "../index/lease_object.ts";
import type { SealedObjects } from "../store/sealed_objects.ts";

const RENEW_MS = 60_000, STALE_MS = 30 * 60_000;
const SALT_BYTES = 16;

export interface LeaseOptions {
  readonly host: string;
  readonly clock: Clock;
}

export class Lease implements AsyncDisposable {
  readonly #objects: SealedObjects;
  readonly #host: string;
  readonly #since: string;
  readonly #timer: Disposable;
  #name: string;
  /** The last renewal; renewals run one after the other. */
  #renewing: Promise<void> = Promise.resolve();

  private constructor(objects: SealedObjects, { host, clock }: LeaseOptions, { name, since }: OwnLease) {
    this.#objects = objects;
    this.#host = host;
    this.#since = since;
    this.#name = name;
    // A failure shows where the lease is looked at.
    this.#timer = clock.every(RENEW_MS, () => void this.renew().catch(() => {}));
  }

  /** Takes the lease. @throws VaultBusy if another run holds one, PlaceRefuses, PlaceUnavailable */
  static async take(objects: SealedObjects, options: LeaseOptions): Promise<Lease> {
    const since = new Date(await objects.backend.now()).toISOString();
    const name = await putLease(objects, { host: options.host, since, renewed: since });
    const lease = new Lease(objects, options, { name, since });
    try {
      await lease.#makeWay();
      return lease;
    } catch (error) {
      await lease[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Removes dead leases. @throws VaultBusy if one is alive */
  async #makeWay(): Promise<void> {
    const nowMs = await this.#objects.backend.now();
    for (const [name, size] of await this.#objects.list("locks")) {
      if (name === this.#name) continue;
      const note = await readLease(this.#objects, name, size);
      if (note === undefined) continue;
      const renewedMs = note === "unreadable" ? -Infinity : Date.parse(note.renewed);
      if (note !== "unreadable" && Math.abs(nowMs - renewedMs) < STALE_MS) {
        throw new VaultBusy(note.host, note.since, new Date(renewedMs + STALE_MS).toISOString());
      }
      await this.#objects.backend.remove(objectKey("locks", name));
    }
  }

  /** Replaces the lease by a new one. @throws VaultBusy if it was removed meanwhile */
  renew(): Promise<void> {
    return this.#renewing = this.#renewing.catch(() => {}).then(() => this.#renew());
  }

  async #renew(): Promise<void> {
    await this.assertHeld();
    const renewed = new Date(await this.#objects.backend.now()).toISOString(), former = this.#name;
    this.#name = await putLease(this.#objects, { host: this.#host, since: this.#since, renewed });
    await this.#objects.backend.remove(objectKey("locks", former));
  }

  /** Checks that the lease still exists. @throws VaultBusy if another run took it for dead */
  async assertHeld(): Promise<void> {
    const size = await this.#objects.backend.head(objectKey("locks", this.#name));
    if (size === undefined) throw new VaultBusy("another host", undefined, undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer[Symbol.dispose]();
    try {
      await this.#renewing.catch(() => {});
      await this.#objects.backend.remove(objectKey("locks", this.#name));
    } catch (error) {
      // It ends by itself.
      if (!(error instanceof Fault)) throw error;
    }
  }
}

interface OwnLease {
  readonly name: string;
  readonly since: string;
}

async function putLease(objects: SealedObjects, note: LeaseNote): Promise<string> {
  const { access: { config: { id: vault } }, auth, random } = objects;
  return await objects.put("locks", encodeLease(note, { vault, salt: random(SALT_BYTES).toHex(), auth }));
}

/** Reads a lease; undefined if it no longer exists. @throws NewerObject */
async function readLease(
  objects: SealedObjects,
  name: string,
  size: number,
): Promise<LeaseNote | "unreadable" | undefined> {
  const what = `locks/${name}`, { access: { config: { id: vault } }, auth } = objects;
  try {
    if (size > MOST_SMALL_BYTES) throw new DamagedObject(what, "it is too large");
    return parseLease(await objects.get("locks", name, size), what, { vault, auth });
  } catch (error) {
    if (error instanceof MissingObject) return undefined;
    if (error instanceof NewerObject || !isOfObject(error)) throw error;
    return "unreadable";
  }
}
