/**
 * Limits how much of the server one account uses at once: a client that fetches everything must not block others. What
 * exceeds a limit waits its turn, because file managers open many files at the same time.
 */
import type { Clock } from "../../core/clock.ts";
import { Fault } from "../../core/fault.ts";

/** What a reply occupies while it is made and sent. */
export type Share = "archive" | "download" | "search";

interface Most {
  readonly ofAccount: number;
  readonly ofAll: number;
}

export interface ShareLimits extends Readonly<Record<Share, Most>> {
  /** Most requests of each share that wait; further ones are refused. */
  readonly waiting: Most;
}

const USUAL: ShareLimits = {
  archive: { ofAccount: 2, ofAll: 16 },
  download: { ofAccount: 8, ofAll: 64 },
  search: { ofAccount: 2, ofAll: 16 },
  waiting: { ofAccount: 64, ofAll: 128 },
};
/** Longest wait in ms: davfs2 gives up after 30 s without an answer. */
const LONGEST_MS = 25_000;

export class TooManyAtOnce extends Fault {
  readonly code = "busy";
  readonly hint = "Try again when another one has ended";
  constructor(share: Share) {
    super(`Too many ${share === "search" ? "searches" : `${share}s`} are under way`);
  }
}

export class Shares {
  readonly #desks: Readonly<Record<Share, Desk>>;

  constructor(clock: Clock, limits: ShareLimits = USUAL) {
    const desk = (share: Share) => new Desk(share, clock, limits[share], limits.waiting);
    this.#desks = { archive: desk("archive"), download: desk("download"), search: desk("search") };
  }

  /**
   * Takes a share, after a wait if necessary. @param account its name @param gone aborted when the client disconnects
   * @returns releases the share when disposed @throws TooManyAtOnce
   */
  async take(share: Share, account: string, gone: AbortSignal): Promise<Disposable> {
    return await this.#desks[share].take(account, gone);
  }
}

interface Waiting {
  readonly account: string;
  readonly entered: AbortController;
}

/** One share: who has it, and who waits for it. */
class Desk {
  readonly #share: Share;
  readonly #clock: Clock;
  readonly #most: Most;
  readonly #mostWaiting: Most;
  /** Names of accounts, one for each share in use. */
  readonly #taken: string[] = [];
  /** In the order of their arrival. */
  readonly #waiting: Waiting[] = [];

  constructor(share: Share, clock: Clock, most: Most, mostWaiting: Most) {
    this.#share = share;
    this.#clock = clock;
    this.#most = most;
    this.#mostWaiting = mostWaiting;
  }

  async take(account: string, gone: AbortSignal): Promise<Disposable> {
    if (this.#hasRoomFor(account)) this.#taken.push(account);
    else await this.#turn(account, gone);
    using held = new DisposableStack();
    held.defer(() => this.#release(account));
    return held.move();
  }

  /** Waits until a share is taken for the account. @throws TooManyAtOnce */
  async #turn(account: string, gone: AbortSignal): Promise<void> {
    const { ofAccount, ofAll } = this.#mostWaiting, others = this.#waiting;
    const own = others.filter((one) => one.account === account).length;
    if (own >= ofAccount || others.length >= ofAll) throw new TooManyAtOnce(this.#share);
    const entered = new AbortController(), waiting = { account, entered };
    others.push(waiting);
    await this.#clock.sleep(LONGEST_MS, AbortSignal.any([entered.signal, gone]));
    if (entered.signal.aborted) return;
    others.splice(others.indexOf(waiting), 1);
    throw new TooManyAtOnce(this.#share);
  }

  #hasRoomFor(account: string): boolean {
    return this.#taken.length < this.#most.ofAll && this.#countOf(account) < this.#most.ofAccount;
  }

  #countOf(account: string): number {
    return this.#taken.filter((one) => one === account).length;
  }

  #release(account: string): void {
    this.#taken.splice(this.#taken.indexOf(account), 1);
    const next = this.#next();
    if (next === undefined) return;
    this.#waiting.splice(this.#waiting.indexOf(next), 1);
    this.#taken.push(next.account);
    next.entered.abort();
  }

  /** Of those that may enter, the first of the account that has least. */
  #next(): Waiting | undefined {
    const able = this.#waiting.filter(({ account }) => this.#hasRoomFor(account));
    const least = Math.min(...able.map(({ account }) => this.#countOf(account)));
    return able.find(({ account }) => this.#countOf(account) === least);
  }
}
