/** Authenticates requests by the cookie of a session, a token, or a password. */
import { Buffer } from "node:buffer";
import { type Account, atMost } from "./account.ts";
import { addressGroup, Failures } from "./failures.ts";
import { isPassword, sha256 } from "./passwords.ts";
import { Sessions } from "./sessions.ts";
import { Setup } from "./setup.ts";
import { TokenUses } from "./token_uses.ts";
import { type Token, type User, UserFile } from "./user_file.ts";
import type { Clock, Random } from "../../core/clock.ts";
import type { Log } from "../../jobs/log/log.ts";
import type { Dir } from "../../platform/disk.ts";

export const TOKEN_PREFIX = "bt_";
/** Time for which a correct HTTP Basic password is cached, because it comes with every request. */
const REMEMBERED_MS = 10 * 60 * 1000;
const MOST_REMEMBERED = 1000;
/** Roles of tokens that may be sent over connections that aren't private, again and again. */
const OPEN_ROLES: readonly Account["role"][] = ["read", "objects"];

export interface AccountWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface Credentials {
  readonly name: string;
  readonly password: string;
  readonly address: string;
}

export class Accounts implements Disposable {
  readonly file: UserFile;
  readonly setup: Setup;
  readonly tokenUses: TokenUses;
  readonly #world: AccountWorld;
  readonly #sessions: Sessions;
  readonly #failures: Failures;
  /** Users with the addresses from which they have signed in. */
  readonly #known = new Set<string>();
  readonly #remembered = new Map<string, { readonly untilMs: number; readonly epoch: string }>();
  readonly #key: string;

  constructor(dir: Dir, world: AccountWorld) {
    this.file = new UserFile(dir);
    this.#world = world;
    this.#sessions = new Sessions(dir, world);
    this.#failures = new Failures(world.clock);
    this.tokenUses = new TokenUses(dir, world);
    this.setup = new Setup(dir, this.file, world, this.#failures);
    this.#key = Buffer.from(world.random(32)).toString("hex");
  }

  [Symbol.dispose](): void {
    this.setup[Symbol.dispose]();
  }

  /** @returns the account; undefined if the session has ended @throws BadAccounts */
  bySession(id: string): Account | undefined {
    const session = this.#sessions.find(id, (name) => this.file.user(name));
    const user = session === undefined ? undefined : this.file.user(session.user);
    if (session === undefined || user === undefined) return undefined;
    return { ...accountOf(user, "session"), isConfirmed: session.isConfirmed };
  }

  byToken(token: string): Account | undefined {
    if (!token.startsWith(TOKEN_PREFIX)) return undefined;
    const hash = sha256(token), nowMs = this.#world.clock.nowMs();
    for (const user of this.file.users()) {
      const found = user.tokens.find((one) => one.hash === hash);
      if (found === undefined) continue;
      if (found.expires !== undefined && Date.parse(found.expires) <= nowMs) return undefined;
      this.tokenUses.note(hash, () => this.file.users().flatMap(({ tokens }) => tokens.map((one) => one.hash)));
      return ofToken(user, found);
    }
    return undefined;
  }

  /**
   * Authenticates by HTTP Basic, with a password or a token. @param tokensOnly true if the connection is not private:
   * then only tokens are taken, and none that could change anything on the page
   */
  async byBasic(name: string, secret: string, address: string, tokensOnly: boolean): Promise<Account | undefined> {
    const token = this.byToken(secret);
    if (token !== undefined) {
      if (tokensOnly && !OPEN_ROLES.includes(token.role)) return undefined;
      return token.name === name || name === "token" ? token : undefined;
    }
    if (tokensOnly) return undefined;
    const key = sha256(`${this.#key}\0${name}\0${secret}`), nowMs = this.#world.clock.nowMs();
    const user = this.file.user(name), epoch = sha256(user?.password ?? ""), remembered = this.#remembered.get(key);
    if (user !== undefined && remembered?.epoch === epoch && remembered.untilMs > nowMs) {
      return accountOf(user, "password");
    }
    const account = await this.#byPassword(name, secret, address);
    if (account === undefined) return undefined;
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size >= MOST_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
    this.#remembered.set(key, { untilMs: nowMs + REMEMBERED_MS, epoch });
    return accountOf(account, "password");
  }

  /**
   * Starts a session. @returns the id for the cookie; undefined for a wrong name or password @throws TooManyFailures,
   * Busy
   */
  async signIn(name: string, password: string, address: string, isLong: boolean) {
    const user = await this.#byPassword(name, password, address);
    if (user === undefined || user.role === "objects") return undefined;
    return this.#sessions.begin(user, isLong && (user.role === "watch" || user.role === "read"));
  }

  /** Confirms a session by the password. @returns false if it is wrong @throws TooManyFailures, Busy */
  async confirm(session: string, { name, password, address }: Credentials): Promise<boolean> {
    if (await this.#byPassword(name, password, address) === undefined) return false;
    this.#sessions.confirm(session);
    return true;
  }

  /**
   * A text that changes with everything that an account may do: its role, series, and password or token.
   * @returns undefined if the account no longer exists, or its token has expired
   */
  stampOf({ name, token: tokenName }: Account): string | undefined {
    const user = this.file.user(name), token = user?.tokens.find((one) => one.name === tokenName);
    if (user === undefined || tokenName !== undefined && token === undefined) return undefined;
    const nowMs = this.#world.clock.nowMs();
    if (token?.expires !== undefined && Date.parse(token.expires) <= nowMs) return undefined;
    return JSON.stringify([user.role, user.series, token ?? user.password]);
  }

  signOut(id: string): void {
    this.#sessions.end(id);
  }

  async #byPassword(name: string, password: string, address: string): Promise<User | undefined> {
    const group = `address ${addressGroup(address)}`, person = `user ${name}`;
    // Else anybody could lock somebody out.
    const isKnown = this.#known.has(`${name}\0${address}`);
    this.#failures.assertNone(group, ...isKnown ? [] : [person]);
    const user = this.file.user(name);
    const isRight = await isPassword(password, user?.password);
    if (isRight && user !== undefined) {
      this.#failures.forgive(group);
      this.#known.add(`${name}\0${address}`);
      return user;
    }
    this.#failures.add(group);
    this.#failures.add(person);
    // What nobody is called is often the password.
    const who = user === undefined ? "?" : name, message = `${address || "socket"}: sign-in failed: ${who}`;
    this.#world.log({ level: "warning", event: "sign-in-failed", message, fields: { address, user: who } });
    return undefined;
  }
}

function accountOf(user: User, by: Account["by"]): Account {
  const { name, role, series, appendOnly, quotaBytes } = user;
  return {
    name,
    role,
    by,
    ...(series !== undefined && { series }),
    ...(appendOnly !== undefined && { appendOnly }),
    ...(quotaBytes !== undefined && { quotaBytes }),
  };
}

function ofToken(user: User, token: Token): Account {
  const account = accountOf(user, "token"),
    quotas = [user.quotaBytes, token.quotaBytes].filter((one) => one !== undefined);
  return {
    ...account,
    role: atMost(user.role, token.role),
    token: token.name,
    appendOnly: (user.appendOnly ?? false) || (token.appendOnly ?? false),
    ...(quotas.length > 0 && { quotaBytes: Math.min(...quotas) }),
  };
}
