/** Logs what accounts do on the page or through the interface: who, and from where. */
import type { Exchange } from "./route.ts";

export function tell({ site, account, address }: Exchange, what: string): void {
  const user = account?.name ?? "?", message = `${address || "socket"}: ${user} ${what}`;
  site.log({ level: "info", event: "by-page", message, fields: { address, user } });
}
