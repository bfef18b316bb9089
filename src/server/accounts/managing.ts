/** Changes accounts and their tokens. */
import { Buffer } from "node:buffer";
import { TOKEN_PREFIX } from "./accounts.ts";
import { hashPassword, sha256 } from "./passwords.ts";
import type { Token, User, UserFile } from "./user_file.ts";
import type { Clock, Random } from "../../core/clock.ts";
import { Fault } from "../../core/fault.ts";

const TOKEN_BYTES = 32;

export class NoSuchAccount extends Fault {
  readonly code = "not-found";
  readonly hint = "Load the page again: it may have been removed";
  constructor(what: string) {
    super(`There is no ${what}`);
  }
}

/** Without an admin, accounts could no longer be changed. */
export class LastAdmin extends Fault {
  readonly code = "last-admin";
  readonly hint = "Make another one an admin first";
  constructor(name: string) {
    super(`${name} is the only admin`);
  }
}

/** Wanted properties of an account; those that are absent stay as they are. */
export interface UserChange {
  readonly role?: User["role"];
  /** Null: all series. */
  readonly series?: readonly string[] | null;
  readonly password?: string;
  readonly appendOnly?: boolean;
  /** Null: no limit. */
  readonly quotaBytes?: number | null;
}

export interface TokenWish {
  readonly name: string;
  /** Absent: the role of the account. */
  readonly role?: User["role"];
  readonly expiresMs?: number;
  readonly appendOnly?: boolean;
  readonly quotaBytes?: number;
}

export interface ManagingWorld {
  readonly clock: Clock;
  readonly random: Random;
}

/** Adds an account, or changes one. @throws LastAdmin, BadAccountName, BadPassword, Busy, DiskFault */
export async function changeUser(
  file: UserFile,
  name: string,
  { role, series, password, appendOnly, quotaBytes }: UserChange,
  { random }: ManagingWorld,
): Promise<User> {
  const hash = password === undefined ? undefined : await hashPassword(password, random);
  const before = file.user(name);
  if (role !== undefined && role !== "admin") assertOtherAdmin(file, name);
  const { series: oldSeries, quotaBytes: oldQuota, ...kept } = before ?? { name, tokens: [] };
  const newSeries = series === undefined ? oldSeries : series ?? undefined;
  const newQuota = quotaBytes === undefined ? oldQuota : quotaBytes ?? undefined;
  const user: User = {
    ...kept,
    name,
    role: role ?? before?.role ?? "read",
    ...(hash !== undefined && { password: hash }),
    ...(newSeries !== undefined && { series: [...newSeries] }),
    ...(appendOnly !== undefined && { appendOnly }),
    ...(newQuota !== undefined && { quotaBytes: newQuota }),
  };
  file.put(user, random);
  return user;
}

/** Removes an account. @throws NoSuchAccount, LastAdmin, DiskFault */
export function removeUser(file: UserFile, name: string, { random }: ManagingWorld): void {
  assertOtherAdmin(file, name);
  if (!file.remove(name, random)) throw new NoSuchAccount(`account ${JSON.stringify(name)}`);
}

/** Creates a token. @returns the token, which can't be shown again @throws NoSuchAccount, BadAccountName, DiskFault */
export function makeToken(file: UserFile, user: string, wish: TokenWish, { clock, random }: ManagingWorld): string {
  const owner = knownUser(file, user), nowMs = clock.nowMs();
  const secret = `${TOKEN_PREFIX}${Buffer.from(random(TOKEN_BYTES)).toString("hex")}`;
  const token: Token = {
    name: wish.name,
    role: wish.role ?? owner.role,
    hash: sha256(secret),
    created: new Date(nowMs).toISOString(),
    ...(wish.expiresMs !== undefined && { expires: new Date(nowMs + wish.expiresMs).toISOString() }),
    ...(wish.appendOnly !== undefined && { appendOnly: wish.appendOnly }),
    ...(wish.quotaBytes !== undefined && { quotaBytes: wish.quotaBytes }),
  };
  file.put({ ...owner, tokens: [...owner.tokens.filter(({ name }) => name !== wish.name), token] }, random);
  return secret;
}

/** Revokes a token. @throws NoSuchAccount, DiskFault */
export function revokeToken(file: UserFile, user: string, name: string, { random }: ManagingWorld): void {
  const owner = knownUser(file, user), tokens = owner.tokens.filter((one) => one.name !== name);
  if (tokens.length === owner.tokens.length) throw new NoSuchAccount(`token ${JSON.stringify(name)} of ${user}`);
  file.put({ ...owner, tokens }, random);
}

function knownUser(file: UserFile, name: string): User {
  const user = file.user(name);
  if (user === undefined) throw new NoSuchAccount(`account ${JSON.stringify(name)}`);
  return user;
}

function assertOtherAdmin(file: UserFile, name: string): void {
  const admins = file.users().filter(({ role }) => role === "admin");
  if (admins.length === 1 && admins[0]?.name === name) throw new LastAdmin(name);
}
