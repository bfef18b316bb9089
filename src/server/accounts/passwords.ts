/** Passwords: stored as scrypt hashes, compared in constant time. */
import { Buffer } from "node:buffer";
import { createHash, scrypt, timingSafeEqual } from "node:crypto";
import type { Random } from "../../core/clock.ts";
import { Fault } from "../../core/fault.ts";

export const SHORTEST_PASSWORD = 10;
const LONGEST_PASSWORD = 1024;
const LOG_N = 15, R = 8, P = 1;
const SALT_BYTES = 16, HASH_BYTES = 32;
const MEMORY = 64 * 1024 * 1024;
/** Most hashes that are computed, or wait, at once: each takes a core for a tenth of a second or more. */
const AT_ONCE = 2, MOST_WAITING = 8;

export class BadPassword extends Fault {
  readonly code = "bad-password";
  readonly hint = "Choose a longer one; four random words are good";
  constructor() {
    super(`A password has ${SHORTEST_PASSWORD} characters at least, and ${LONGEST_PASSWORD} at most`);
  }
}

/** Too many passwords are being checked. */
export class Busy extends Fault {
  readonly code = "busy";
  readonly hint = "Try again in a few seconds";
  constructor() {
    super("The server is busy");
  }
}

/** Hashes a password. @returns `scrypt$15$8$1$SALT$HASH`, both in base64 @throws BadPassword */
export async function hashPassword(password: string, random: Random): Promise<string> {
  if (password.length < SHORTEST_PASSWORD || password.length > LONGEST_PASSWORD) throw new BadPassword();
  const salt = Buffer.from(random(SALT_BYTES)), hash = await derived(password, salt);
  return `scrypt$${LOG_N}$${R}$${P}$${salt.toString("base64")}$${hash.toString("base64")}`;
}

/**
 * Checks a password. Takes as long if there is none to compare with. @param kept result of {@link hashPassword};
 * undefined: none @throws Busy
 */
export async function isPassword(password: string, kept: string | undefined): Promise<boolean> {
  const [, n, r, p, salt = "", hash = ""] = /^scrypt\$(\d+)\$(\d+)\$(\d+)\$([^$]+)\$([^$]+)$/.exec(kept ?? "") ?? [];
  const isKnown = Number(n) === LOG_N && Number(r) === R && Number(p) === P;
  const made = await derived(password.slice(0, LONGEST_PASSWORD), Buffer.from(salt, "base64"));
  const wanted = Buffer.from(hash, "base64");
  return isKnown && wanted.length === made.length && timingSafeEqual(wanted, made);
}

let underWay = 0;
const waiting: (() => void)[] = [];

async function derived(password: string, salt: Buffer): Promise<Buffer> {
  if (underWay >= AT_ONCE) {
    if (waiting.length >= MOST_WAITING) throw new Busy();
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
  underWay++;
  try {
    return await derivedNow(password, salt);
  } finally {
    underWay--;
    waiting.shift()?.();
  }
}

function derivedNow(password: string, salt: Buffer): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const cost = { N: 2 ** LOG_N, r: R, p: P, maxmem: MEMORY };
  scrypt(
    password.normalize("NFC"),
    salt,
    HASH_BYTES,
    cost,
    (error, key) => error === null ? resolve(key) : reject(error),
  );
  return promise;
}

/** Hashes secrets that are random, such as tokens and session ids. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
