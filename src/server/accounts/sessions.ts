/** Sessions of users who have signed in on the page. Only digests of the ids are stored. */
import { Buffer } from "node:buffer";
import { z } from "zod";
import { sha256 } from "./passwords.ts";
import type { User } from "./user_file.ts";
import type { Clock, Random } from "../../core/clock.ts";
import { rawOf, rawOfBytes, textOf } from "../../core/raw.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";
import { openFileIfThere } from "../../platform/open_optional.ts";
import { replaceFile } from "../../platform/private_file.ts";

const HOUR_MS = 60 * 60 * 1000;
const USUAL_MS = 12 * HOUR_MS, LONG_MS = 30 * 24 * HOUR_MS;
const CONFIRMED_MS = 10 * 60 * 1000;
const MOST_OF_USER = 25, ID_BYTES = 32;
const FILE = rawOf("sessions.json");

const SESSION = z.strictObject({
  user: z.string(),
  /** Digest of the password at the start of the session. */
  epoch: z.string(),
  untilMs: z.number(),
  /** When the password was last entered, in ms since 1970. */
  confirmedMs: z.number(),
});
const SESSIONS = z.record(z.string(), SESSION);
type Kept = z.output<typeof SESSION>;

export interface Session {
  readonly user: string;
  /** True if the password was entered recently; risky actions ask for it again otherwise. */
  readonly isConfirmed: boolean;
}

export class Sessions {
  readonly #dir: Dir;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #kept: Map<string, Kept>;

  constructor(dir: Dir, { clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#dir = dir;
    this.#clock = clock;
    this.#random = random;
    this.#kept = new Map(Object.entries(readSessions(dir)));
  }

  /** Starts a session. @returns the id for the cookie */
  begin(user: User, isLong: boolean): { readonly id: string; readonly seconds: number } {
    const nowMs = this.#clock.nowMs(), lastsMs = isLong ? LONG_MS : USUAL_MS;
    const own = [...this.#kept].filter(([, session]) => session.user === user.name);
    for (const [key] of own.slice(0, Math.max(0, own.length - MOST_OF_USER + 1))) this.#kept.delete(key);
    const id = Buffer.from(this.#random(ID_BYTES)).toString("base64url");
    this.#kept.set(sha256(id), { user: user.name, epoch: epochOf(user), untilMs: nowMs + lastsMs, confirmedMs: nowMs });
    this.#write();
    return { id, seconds: lastsMs / 1000 };
  }

  /** The session with this id; undefined if it has ended. @param user finds an account */
  find(id: string, user: (name: string) => User | undefined): Session | undefined {
    const kept = this.#kept.get(sha256(id)), nowMs = this.#clock.nowMs();
    if (kept === undefined || kept.untilMs <= nowMs) return undefined;
    const account = user(kept.user);
    if (account === undefined || epochOf(account) !== kept.epoch) return undefined;
    return { user: kept.user, isConfirmed: nowMs - kept.confirmedMs < CONFIRMED_MS };
  }

  /** Notes that the password was entered again. */
  confirm(id: string): void {
    const key = sha256(id), kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.set(key, { ...kept, confirmedMs: this.#clock.nowMs() });
    this.#write();
  }

  end(id: string): void {
    if (this.#kept.delete(sha256(id))) this.#write();
  }

  #write(): void {
    const nowMs = this.#clock.nowMs();
    for (const [key, { untilMs }] of this.#kept) if (untilMs <= nowMs) this.#kept.delete(key);
    try {
      replaceFile(this.#dir, FILE, `${JSON.stringify(Object.fromEntries(this.#kept))}\n`, this.#random);
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error; // after a new start, people sign in again
    }
  }
}

/** A digest that changes with password or role, which ends all sessions. */
function epochOf({ password = "", role }: User): string {
  return sha256(`${role}\0${password}`);
}

function readSessions(dir: Dir): Record<string, Kept> {
  using file = openFileIfThere(dir, FILE);
  if (file === undefined) return {};
  const bytes = new Uint8Array(file.stat().size), got = file.read(bytes, 0);
  try {
    return SESSIONS.parse(JSON.parse(textOf(rawOfBytes(bytes.subarray(0, got)))));
  } catch {
    return {}; // people sign in again
  }
}
