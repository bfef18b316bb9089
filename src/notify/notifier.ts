/**
 * Notifies people of the outcome of a run: written to the outbox first, then sent to its targets. It never fails a run.
 */
import type { Clock } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import type { Raw } from "../core/raw.ts";
import type { Machine } from "../platform/machine.ts";
import type { Delivery } from "./deliveries.ts";
import { EVENTS, type Notice, type NoticeEvent, USUAL_EVENTS } from "./notice.ts";
import { Outbox, type Pending, type Waiting } from "./outbox.ts";
import { addressOf, deliver, type Delivered, type DeliveryWorld, outcomeText } from "./deliver.ts";
import { merged, type TargetFile } from "./target_file.ts";
import { type Address, type NotifySettings, serverOf, type SmtpSettings, type TargetSettings } from "./targets.ts";

/** In one go, with the time between them. */
const PAUSES_MS = [0, 1000, 4000];
/** After a go that failed, the next one comes that much later: a minute, then twice as long each time, up to six hours. */
const FIRST_WAIT_MS = 60_000, LONGEST_WAIT_MS = 6 * 3_600_000;
const WEEK_MS = 7 * 86_400_000;

export interface NotifierOptions {
  readonly machine: Pick<Machine, "disk">;
  readonly clock: Clock;
  /** Settings of the configuration. */
  readonly settings: NotifySettings;
  /** Targets that were added on the page. */
  readonly own?: TargetFile;
  /** Directory of notices to be sent; absolute path. */
  readonly outbox: Raw;
  /** Reads a file with a secret. @throws Fault if it isn't private, or can't be read */
  readonly readSecret: DeliveryWorld["readSecret"];
  /** Receives messages about failed notifications, without any address. */
  readonly warn: (message: string) => void;
  readonly timeoutMs?: number;
}

const USUAL_TIMEOUT_MS = 10_000;

/** A target in a form that may be shown: most addresses are secrets. */
export interface TargetInfo {
  readonly name: string;
  /** Where it comes from: only those of the page can be changed there. */
  readonly origin: "configuration" | "page";
  /** Null if its address can't be read. */
  readonly type: Address["type"] | null;
  /** Host of its address, or the recipients of its mail. */
  readonly server: string | null;
  /** Events for which it is notified. */
  readonly on: readonly NoticeEvent[];
  readonly detail: boolean;
  /** Why its address can't be used. */
  readonly problem: string | null;
  /** The last attempt to notify it. */
  readonly last: Delivery | null;
}

export class Notifier implements AsyncDisposable {
  readonly #options: NotifierOptions;
  readonly #outbox: Outbox;
  readonly #warned = new Set<string>();
  readonly #stop = new AbortController();
  #sending: Promise<void> = Promise.resolve();

  /** @throws DiskFault if the outbox can't be opened */
  constructor(options: NotifierOptions) {
    this.#options = options;
    this.#outbox = new Outbox(options.machine, options.outbox);
  }

  /** Waits for notifications that are being sent; the rest stays in the outbox. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#sending;
    this.#outbox[Symbol.dispose]();
  }

  /**
   * Records durably what is to be sent, and to which targets; sends nothing yet.
   * @param names of targets; default: all
   */
  put(notice: Notice, names?: readonly string[]): void {
    const { clock, warn } = this.#options, { targets } = this.#settings();
    const wanting = (names ?? Object.keys(targets)).filter((name) => {
      const target = targets[name];
      if (target === undefined) this.#warnOnce(`There is no target ${JSON.stringify(name)} in "notify"`);
      return target !== undefined && this.#wants(target, notice.event);
    });
    if (wanting.length === 0) return;
    const waiting = Object.fromEntries(wanting.map((name) => [name, { tries: 0, nextMs: 0 }]));
    this.#attempt(() => {
      const lost = this.#outbox.put({ notice, waiting }, clock.nowMs());
      if (lost > 0) warn(`Too many notifications wait: the oldest was given up`);
    });
  }

  /** Sends everything that is due; passes never overlap. Resolves when the pass has ended, whatever its outcome. */
  async send(): Promise<void> {
    const sent = this.#sending.then(() => this.#sendAll());
    this.#sending = sent;
    await sent;
  }

  /**
   * Reports the start of a run to targets that measure its duration. Not kept for a retry, because it is useless later.
   */
  async started(notice: Notice, names?: readonly string[]): Promise<void> {
    const { targets } = this.#settings();
    const chosen = (names ?? Object.keys(targets)).flatMap((name) => targets[name] ?? []).filter((target) =>
      this.#wants(target, "started")
    );
    await Promise.all(chosen.map((target) => this.#deliver(target, notice)));
  }

  /** True if there is anybody to notify. */
  get hasTargets(): boolean {
    return Object.keys(this.#settings().targets).length > 0;
  }

  /** True if somebody wants to know of such an event. */
  isWanted(event: NoticeEvent): boolean {
    return Object.values(this.#settings().targets).some((target) => this.#wants(target, event));
  }

  /** Targets that were added on the page; undefined if none can be. */
  get own(): TargetFile | undefined {
    return this.#options.own;
  }

  /** The mail server that counts, without its password; undefined if there is none. */
  mailServer(): Omit<SmtpSettings, "password" | "passwordFile"> & Pick<TargetInfo, "origin"> | undefined {
    const { settings } = this.#options, { smtp } = this.#settings();
    if (smtp === undefined) return undefined;
    const { password: _, passwordFile: __, ...shown } = smtp;
    return { ...shown, origin: settings.smtp === undefined ? "page" : "configuration" };
  }

  /** The targets, those of the configuration last. */
  targets(): readonly TargetInfo[] {
    const last = this.#attempt(() => this.#outbox.deliveries.all()), { settings } = this.#options;
    return Object.entries(this.#settings().targets).map(([name, target]) => ({
      name,
      origin: Object.hasOwn(settings.targets, name) ? "configuration" : "page",
      ...this.#addressInfo(target),
      on: EVENTS.filter((event) => this.#wants(target, event)),
      detail: target.detail ?? false,
      last: last?.get(name) ?? null,
    }));
  }

  /** Notifications in the outbox, oldest first. */
  pending(): readonly Pending[] {
    return this.#attempt(() => this.#outbox.all()) ?? [];
  }

  /** Number of notifications in the outbox. */
  get waiting(): number {
    return this.#attempt(() => this.#outbox.names().length) ?? 0;
  }

  /** Sends a notice to one target at once. @throws BadAddress, ExposedSecret, DiskFault */
  async test(name: string, notice: Notice): Promise<Delivered> {
    const { targets } = this.#settings(), target = Object.hasOwn(targets, name) ? targets[name] : undefined;
    if (target === undefined) return "no-target";
    const outcome = await deliver(target, notice, this.#world());
    this.#note(name, notice, outcome);
    return outcome;
  }

  async #sendAll(): Promise<void> {
    for (const name of this.#attempt(() => this.#outbox.names()) ?? []) {
      if (this.#stop.signal.aborted) return;
      using held = this.#attempt(() => this.#outbox.hold(name));
      if (held === undefined) continue;
      const waiting = await this.#sendOne(held.pending, held.putMs);
      if (waiting !== undefined) this.#attempt(() => held.update(waiting));
    }
  }

  /** @returns targets that still have to be notified; undefined if nothing has changed */
  async #sendOne({ notice, waiting }: Pending, putMs: number): Promise<Pending["waiting"] | undefined> {
    const nowMs = this.#options.clock.nowMs(), isOld = nowMs - putMs > WEEK_MS;
    const due = Object.entries(waiting).filter(([, { nextMs }]) => isOld || nextMs <= nowMs);
    if (due.length === 0) return undefined;
    const left = { ...waiting };
    await Promise.all(due.map(async ([name, before]) => {
      const after = await this.#sendTo(name, notice, { before, isOld });
      if (after === undefined) delete left[name];
      else left[name] = after;
    }));
    return left;
  }

  /** @returns undefined once it was sent, or given up */
  async #sendTo(
    name: string,
    notice: Notice,
    { before, isOld }: { readonly before: Waiting; readonly isOld: boolean },
  ): Promise<Waiting | undefined> {
    const { clock, warn } = this.#options, target = this.#settings().targets[name];
    if (target === undefined) return this.#knowsAll() ? undefined : before;
    let outcome: Delivered = "no-answer";
    for (const pauseMs of PAUSES_MS) {
      if (pauseMs > 0) await clock.sleep(pauseMs, this.#stop.signal);
      outcome = await this.#deliver(target, notice);
      if (outcome === "accepted") {
        this.#note(name, notice, outcome);
        this.#warned.delete(name);
        return undefined;
      }
      if (outcome !== "no-answer" || this.#stop.signal.aborted) break;
    }
    // Whoever stops sends it the next time, at once.
    if (this.#stop.signal.aborted) return before;
    this.#note(name, notice, outcome);
    if (isOld) warn(`${name} could not be notified for a week: ${outcomeText(outcome)}; given up`);
    else this.#warnOnce(`${name} could not be notified: ${outcomeText(outcome)}; it will be tried again`, name);
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** Math.min(before.tries, 16), LONGEST_WAIT_MS);
    return isOld ? undefined : { tries: before.tries + 1, nextMs: clock.nowMs() + waitMs };
  }

  /** Settings of the configuration and of the page, as they are now. */
  #settings(): NotifySettings {
    const { settings, own } = this.#options;
    const added = own === undefined ? undefined : this.#attempt(() => own.settings());
    return added === undefined ? settings : merged(settings, added);
  }

  /** False if the file of the page can't be read: what waits for its targets isn't given up for that. */
  #knowsAll(): boolean {
    const { own } = this.#options;
    return own === undefined || this.#attempt(() => own.settings()) !== undefined;
  }

  #world(): DeliveryWorld {
    const { clock, readSecret, timeoutMs = USUAL_TIMEOUT_MS } = this.#options;
    return { clock, readSecret, timeoutMs, smtp: this.#settings().smtp, signal: this.#stop.signal };
  }

  #addressInfo(target: TargetSettings): Pick<TargetInfo, "type" | "server" | "problem"> {
    try {
      const address = addressOf(target, this.#world());
      return { type: address.type, server: serverOf(address), problem: null };
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return { type: null, server: null, problem: error.message };
    }
  }

  #note(name: string, { event, subject }: Notice, outcome: Delivered): void {
    const at = new Date(this.#options.clock.nowMs()).toISOString(), accepted = outcome === "accepted";
    const delivery = { at, event, subject, outcome: outcomeText(outcome), accepted };
    this.#attempt(() => this.#outbox.deliveries.note(name, delivery));
  }

  /** Services that measure runs want to know of each; others of what went wrong. */
  #wants(target: TargetSettings, event: NoticeEvent): boolean {
    if (target.on !== undefined) return target.on.includes(event);
    const type = this.#attempt(() => addressOf(target, this.#world()))?.type;
    // Lateness is what such a service finds out by itself; a week is no run.
    return type === "healthchecks" ? event !== "late" && event !== "weekly" : USUAL_EVENTS.includes(event);
  }

  /** A secret that can't be read is as good as no answer: somebody may mend it. */
  async #deliver(target: TargetSettings, notice: Notice): Promise<Delivered> {
    try {
      return await deliver(target, notice, this.#world());
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.#warnOnce(error.message);
      return "unusable";
    }
  }

  #attempt<T>(action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.#warnOnce(error.message);
      return undefined;
    }
  }

  #warnOnce(message: string, key = message): void {
    if (this.#warned.has(key)) return;
    this.#warned.add(key);
    this.#options.warn(message);
  }
}
