/** Refuses requests that another site made a browser send. */
import { Fault } from "../../core/fault.ts";

const SAFE = ["GET", "HEAD", "OPTIONS", "PROPFIND"];

export class OtherSite extends Fault {
  readonly code = "other-site";
  readonly hint = "Open the page itself; programs send a token as `Authorization: Bearer`";
  constructor() {
    super("The request comes from another site");
  }
}

export interface Sender {
  readonly method: string;
  readonly headers: Headers;
  /** Scheme, host and port as the client sees them. */
  readonly origin: string;
  /** True if it authenticates by something that browsers don't send on their own. */
  readonly byItself: boolean;
}

/** Checks that a request comes from this site. @throws OtherSite */
export function assertSameSite({ method, headers, origin, byItself }: Sender): void {
  const site = headers.get("sec-fetch-site"), from = headers.get("origin");
  if (SAFE.includes(method)) {
    const isOwn = site === null || site === "same-origin" || site === "none";
    if (isOwn || headers.get("sec-fetch-mode") === "navigate") return;
    throw new OtherSite();
  }
  if (site !== null && site !== "same-origin") throw new OtherSite();
  if (from !== null && from.toLowerCase() !== origin) throw new OtherSite();
  if (site === null && from === null && !byItself) throw new OtherSite();
}
