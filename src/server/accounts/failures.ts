/** Slows down guessing of passwords. */
import type { Clock } from "../../core/clock.ts";
import { Fault } from "../../core/fault.ts";

const FREE = 5, MOST_SECONDS = 60, MOST_KNOWN = 10_000;
/** Age in ms from which failures are forgotten. */
const FORGET_MS = 60 * 60 * 1000;

/** There were too many wrong passwords. */
export class TooManyFailures extends Fault {
  readonly code = "too-many";
  readonly hint = "Wait, then try again";
  readonly seconds: number;
  constructor(seconds: number) {
    super("There were too many wrong passwords");
    this.seconds = seconds;
  }
}

interface Failed {
  readonly count: number;
  readonly lastMs: number;
}

export class Failures {
  readonly #clock: Clock;
  readonly #failed = new Map<string, Failed>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Seconds until the next attempt is accepted; 0: now. @param key an address, or a user */
  waitSeconds(key: string): number {
    const failed = this.#failed.get(key), nowMs = this.#clock.nowMs();
    if (failed === undefined || failed.count < FREE || nowMs - failed.lastMs > FORGET_MS) return 0;
    const dueMs = failed.lastMs + 1000 * Math.min(MOST_SECONDS, 2 ** (failed.count - FREE));
    return Math.max(0, Math.ceil((dueMs - nowMs) / 1000));
  }

  /** @throws TooManyFailures if the next attempt must wait, by any of these keys */
  assertNone(...keys: readonly string[]): void {
    const seconds = Math.max(...keys.map((key) => this.waitSeconds(key)));
    if (seconds > 0) throw new TooManyFailures(seconds);
  }

  add(key: string): void {
    const nowMs = this.#clock.nowMs(), before = this.#failed.get(key);
    const isOld = before === undefined || nowMs - before.lastMs > FORGET_MS;
    this.#failed.delete(key);
    this.#failed.set(key, { count: isOld ? 1 : before.count + 1, lastMs: nowMs });
    const [oldest] = this.#failed.keys();
    if (this.#failed.size > MOST_KNOWN && oldest !== undefined) this.#failed.delete(oldest);
  }

  forgive(key: string): void {
    this.#failed.delete(key);
  }
}

/** The group of an address: one customer has a whole /64 of IPv6. */
export function addressGroup(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("%")[0]!.split("::");
  const first = head.split(":").filter((part) => part !== "");
  const last = tail === undefined ? [] : tail.split(":").filter((part) => part !== "");
  const zeros = Array<string>(Math.max(0, 8 - first.length - last.length)).fill("0");
  return [...first, ...(tail === undefined ? [] : zeros), ...last].slice(0, 4).join(":");
}
