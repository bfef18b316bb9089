/** What somebody did by the page or the interface, for the log: who, and from where. */
import type { Exchange } from "./route.ts";

export function tell({ site, account, address }: Exchange, what: string): void {
  const user = account?.name ?? "?", message = `${address || "socket"}: ${user} ${what}`;
  site.log({ level: "info", event: "by-page", message, fields: { address, user } });
}
