/** Asks for the password again before risky actions: the cookie may have been stolen. */
import type { Exchange } from "./route.ts";
import { Fault } from "../../core/fault.ts";

export class NotConfirmed extends Fault {
  readonly code = "not-confirmed";
  readonly hint = "Give your password again; it is good for ten minutes. Programs use a token";
  constructor() {
    super("This needs your password");
  }
}

type Asking = Pick<Exchange, "account" | "session" | "site" | "address">;

/** True if the password has to be given again. */
export function needsPassword({ account }: Pick<Asking, "account">): boolean {
  return account?.by === "session" && account.isConfirmed !== true;
}

/**
 * Checks that the password was entered recently. @param password if it was sent with the request @throws NotConfirmed,
 * TooManyFailures, Busy
 */
export async function assertConfirmed(asking: Asking, password?: string): Promise<void> {
  if (!needsPassword(asking)) return;
  const { account, session, site, address } = asking;
  if (password === undefined || password === "" || account === undefined || session === undefined) {
    throw new NotConfirmed();
  }
  if (!await site.accounts.confirm(session, { name: account.name, password, address })) throw new NotConfirmed();
}
