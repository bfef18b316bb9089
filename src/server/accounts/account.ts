/** Accounts, and what their roles allow. */

/** Roles; each includes the rights of those before it. */
export const ROLES = ["watch", "read", "run", "admin"] as const;
export type Role = typeof ROLES[number];

/** The role that a route requires. "open": none. "objects": exactly that role. */
export type Access = "open" | Role | "objects";

/** The account that sends a request. */
export interface Account {
  readonly name: string;
  readonly role: Role | "objects";
  /** Patterns of the visible series, "NAME" or "HOST:NAME", with an optional final `*`; absent: all series. */
  readonly series?: readonly string[];
  /** How this request was authenticated. */
  readonly by: "session" | "token" | "password";
  /** Name of the token, if one was used. */
  readonly token?: string;
  /** Only for sessions: true if the password was entered recently. */
  readonly isConfirmed?: boolean;
  /** Only for `objects`: true if nothing may be removed or replaced. */
  readonly appendOnly?: boolean;
  /** Only for `objects`: quota in bytes. */
  readonly quotaBytes?: number;
}

/** True if the account (undefined: an anonymous client) may use a route that requires `access`. */
export function isAllowed(account: Pick<Account, "role"> | undefined, access: Access): boolean {
  if (access === "open") return true;
  if (account === undefined) return false;
  if (access === "objects" || account.role === "objects") return access === account.role;
  return ROLES.indexOf(account.role) >= ROLES.indexOf(access);
}

/** The role of a token: the one it was created with, but never more than its user's present role. */
export function atMost(role: Account["role"], wanted: Account["role"]): Account["role"] {
  if (role === "objects" || wanted === "objects") return role === "admin" || role === wanted ? wanted : "watch";
  return ROLES.indexOf(wanted) > ROLES.indexOf(role) ? role : wanted;
}

/** True if an account may see a series. */
export function maySee(account: Pick<Account, "series"> | undefined, { host, name }: Series): boolean {
  if (account?.series === undefined) return true;
  return account.series.some((pattern) => fits(pattern, name) || fits(pattern, `${host}:${name}`));
}

export interface Series {
  readonly host: string;
  readonly name: string;
}

function fits(pattern: string, text: string): boolean {
  return pattern.endsWith("*") ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}
