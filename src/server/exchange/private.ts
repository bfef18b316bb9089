/** True if nobody on the way can read what is sent: over TLS, from this machine, or through a socket. */
import type { Exchange } from "./route.ts";

export function isPrivate({ isTls, address }: Pick<Exchange, "isTls" | "address">): boolean {
  return isTls || address === "" || address === "::1" || /^(?:::ffff:)?127\.\d+\.\d+\.\d+$/i.test(address);
}
