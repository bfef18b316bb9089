/** The accounts of a server: one private file, which is read again when it has changed. */
import { z } from "zod";
import { ROLES } from "./account.ts";
import type { Random } from "../../core/clock.ts";
import { Fault } from "../../core/fault.ts";
import { joinRaw, type Raw, rawOf, rawOfBytes, textOf } from "../../core/raw.ts";
import type { Dir } from "../../platform/disk.ts";
import { openFileIfThere } from "../../platform/open_optional.ts";
import { createFile, replaceFile } from "../../platform/private_file.ts";

const MOST_BYTES = 4 * 1024 * 1024;
export const ROLE_NAMES = [...ROLES, "objects"] as const;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;

const TOKEN = z.strictObject({
  name: z.string().regex(NAME),
  role: z.enum(ROLE_NAMES),
  /** SHA-256 of the token. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  /** ISO 8601. */
  created: z.string(),
  expires: z.string().optional(),
  appendOnly: z.boolean().optional(),
  quotaBytes: z.number().int().nonnegative().optional(),
});
const USER = z.strictObject({
  name: z.string().regex(NAME),
  role: z.enum(ROLE_NAMES),
  series: z.array(z.string().min(1).max(512)).max(256).optional(),
  password: z.string().optional(),
  tokens: z.array(TOKEN).max(256).default([]),
  appendOnly: z.boolean().optional(),
  quotaBytes: z.number().int().nonnegative().optional(),
});
const USERS = z.strictObject({ version: z.literal(1), users: z.array(USER).max(10_000) });

export type User = z.output<typeof USER>;
export type Token = z.output<typeof TOKEN>;

/** The file can't be read. Nobody is admitted then: that isn't the same as having no accounts. */
export class BadAccounts extends Fault {
  readonly code = "bad-accounts";
  readonly hint = "Restore the file from a backup, or remove it and add the users again";
  constructor(path: Raw, why: string) {
    super(`Cannot use the accounts in ${JSON.stringify(textOf(path))}: ${why}`);
  }
}

export class BadAccountName extends Fault {
  readonly code = "bad-account";
  readonly hint = "Use letters, digits and . _ @ -, and begin with a letter or digit";
  constructor(name: string) {
    super(`Cannot use ${JSON.stringify(name)} as the name of an account`);
  }
}

export class UserFile {
  readonly #dir: Dir;
  readonly #name: Raw;
  #seen = "";
  #users: readonly User[] = [];

  /** @param dir a private directory */
  constructor(dir: Dir, name = rawOf("users.json")) {
    this.#dir = dir;
    this.#name = name;
  }

  /** The accounts in the file's present state. @throws BadAccounts, DiskFault */
  users(): readonly User[] {
    const stat = this.#dir.stat(this.#name);
    const seen = stat === undefined ? "none" : `${stat.inode}:${stat.mtime}:${stat.ctime}:${stat.size}`;
    if (seen === this.#seen) return this.#users;
    this.#users = stat === undefined ? [] : this.#read();
    this.#seen = seen;
    return this.#users;
  }

  /** True if there has never been an account here. */
  isMissing(): boolean {
    return this.#dir.stat(this.#name) === undefined;
  }

  user(name: string): User | undefined {
    return this.users().find((user) => user.name === name);
  }

  /** Adds an account, or replaces the one of that name. @throws BadAccountName, BadAccounts, DiskFault */
  put(user: User, random: Random): void {
    if (!NAME.test(user.name)) throw new BadAccountName(user.name);
    const others = this.users().filter(({ name }) => name !== user.name);
    this.#write([...others, user].sort((a, b) => a.name < b.name ? -1 : 1), random);
  }

  /** Makes the file with one account. @returns false if it is there already @throws BadAccountName, DiskFault */
  create(user: User, random: Random): boolean {
    if (!NAME.test(user.name)) throw new BadAccountName(user.name);
    this.#seen = "";
    return createFile(this.#dir, this.#name, textOfUsers([user]), random);
  }

  /** Removes an account. @returns false if there was none */
  remove(name: string, random: Random): boolean {
    const users = this.users(), left = users.filter((user) => user.name !== name);
    if (left.length === users.length) return false;
    this.#write(left, random);
    return true;
  }

  #read(): readonly User[] {
    const path = joinRaw(this.#dir.path, this.#name);
    using file = openFileIfThere(this.#dir, this.#name);
    if (file === undefined) return [];
    if (file.stat().size > MOST_BYTES) throw new BadAccounts(path, "it is too large");
    const bytes = new Uint8Array(file.stat().size), got = file.read(bytes, 0);
    try {
      return USERS.parse(JSON.parse(textOf(rawOfBytes(bytes.subarray(0, got))))).users;
    } catch (error) {
      if (error instanceof z.ZodError) throw new BadAccounts(path, z.prettifyError(error).split("\n")[0] ?? "");
      throw error instanceof SyntaxError ? new BadAccounts(path, "it is no JSON") : error;
    }
  }

  #write(users: readonly User[], random: Random): void {
    replaceFile(this.#dir, this.#name, textOfUsers(users), random);
    this.#seen = "";
  }
}

function textOfUsers(users: readonly User[]): string {
  return `${JSON.stringify({ version: 1, users }, undefined, 2)}\n`;
}
