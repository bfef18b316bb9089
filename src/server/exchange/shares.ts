/** Limits how much of the server one account uses at once: a client that fetches everything must not block others. */
import { Fault } from "../../core/fault.ts";

/** What a reply occupies while it is made and sent. */
export type Share = "archive" | "download" | "search";

interface Most {
  readonly ofAccount: number;
  readonly ofAll: number;
}

export type ShareLimits = Readonly<Record<Share, Most>>;

const USUAL: ShareLimits = {
  archive: { ofAccount: 2, ofAll: 16 },
  download: { ofAccount: 8, ofAll: 64 },
  search: { ofAccount: 2, ofAll: 16 },
};

export class TooManyAtOnce extends Fault {
  readonly code = "busy";
  readonly hint = "Try again when another one has ended";
  constructor(share: Share) {
    super(`Too many ${share === "search" ? "searches" : `${share}s`} are under way`);
  }
}

export class Shares {
  readonly #limits: ShareLimits;
  /** Names of accounts, one for each share in use. */
  readonly #taken: Readonly<Record<Share, string[]>> = { archive: [], download: [], search: [] };

  constructor(limits: ShareLimits = USUAL) {
    this.#limits = limits;
  }

  /** Takes a share. @param account its name @returns releases it when disposed @throws TooManyAtOnce */
  take(share: Share, account: string): Disposable {
    const taken = this.#taken[share], { ofAccount, ofAll } = this.#limits[share];
    const own = taken.filter((one) => one === account).length;
    if (own >= ofAccount || taken.length >= ofAll) throw new TooManyAtOnce(share);
    taken.push(account);
    using held = new DisposableStack();
    held.defer(() => void taken.splice(taken.indexOf(account), 1));
    return held.move();
  }
}
