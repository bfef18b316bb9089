/** Who asks, and what a role may do. */

/** Each may what those before it may. */
export const ROLES = ["watch", "read", "run", "admin"] as const;
export type Role = typeof ROLES[number];

/** What a route asks for; "open" of nobody anything, "objects" only of accounts of that role. */
export type Access = "open" | Role | "objects";

/** The one who asks, as far as is known. */
export interface Account {
  readonly name: string;
  readonly role: Role | "objects";
  /** Only series that one of these stands for, "NAME" or "HOST:NAME", with a final `*` for any end; absent: all. */
  readonly series?: readonly string[];
  /** How this request showed who asks. */
  readonly by: "session" | "token" | "password";
  /** Name of the token, if it was one. */
  readonly token?: string;
  /** Of a session: the password was given a short time ago. */
  readonly isConfirmed?: boolean;
  /** Of `objects`: nothing may be removed or replaced. */
  readonly appendOnly?: boolean;
  /** Of `objects`: bytes at most. */
  readonly quotaBytes?: number;
}

/** True if somebody (or nobody) may use a route that asks for `access`. */
export function isAllowed(account: Pick<Account, "role"> | undefined, access: Access): boolean {
  if (access === "open") return true;
  if (account === undefined) return false;
  if (access === "objects" || account.role === "objects") return access === account.role;
  return ROLES.indexOf(account.role) >= ROLES.indexOf(access);
}

/** The role of a token that a user of role `role` made at some time: never more than the user may now. */
export function atMost(role: Account["role"], wanted: Account["role"]): Account["role"] {
  if (role === "objects" || wanted === "objects") return role === "admin" || role === wanted ? wanted : "watch";
  return ROLES.indexOf(wanted) > ROLES.indexOf(role) ? role : wanted;
}

/** True if an account may know of a series. */
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
