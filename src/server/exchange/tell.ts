/** Records what accounts do on the page or through the interface: who, and from where; in the log, and in a file. */
import type { Exchange } from "./route.ts";
import type { Site } from "./site.ts";
import { Fault } from "../../core/fault.ts";

type Doing = Pick<Exchange, "site" | "account" | "address">;

export function tell({ site, account, address }: Doing, what: string): void {
  tellOf(site, { user: account?.name ?? "?", token: account?.token, address, act: what });
}

/** As {@link tell}, once an hour for the same: for what programs do again and again. */
export function tellOnce({ site, account, address }: Doing, what: string): void {
  const act = { user: account?.name ?? "?", token: account?.token, address, act: what };
  if (site.activity.isNews(act)) tellOf(site, act);
}

/** As {@link tell}, where the account is known by its name only. */
export function tellOf(site: Site, act: Parameters<Site["activity"]["add"]>[0]): void {
  const { user, token, address, act: what } = act, message = `${address || "socket"}: ${user} ${what}`;
  const fields = { address, user, ...(token !== undefined && { token }) };
  site.log({ level: "info", event: "by-page", message, fields });
  try {
    site.activity.add(act);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    site.log({ level: "warning", event: "not-remembered", message: error.message });
  }
}
