/** What accounts have done: who, when, and from where. Lines of a private file; when it is full, it takes the place of the one before. */
import * as z from "zod";
import type { Clock } from "../../core/clock.ts";
import { BadJson, parseJson } from "../../core/json.ts";
import { bytesOf, type Raw, rawOf } from "../../core/raw.ts";
import { readTextIn } from "../../jobs/state/text_file.ts";
import type { Dir, OpenFile } from "../../platform/disk.ts";

const FILE = rawOf("activity.jsonl"), FORMER = rawOf("activity.1.jsonl");
const PRIVATE = 0o600, MOST_BYTES = 1024 * 1024, LONGEST_TEXT = 500;
/** For acts that programs repeat again and again. */
const AGAIN_MS = 60 * 60 * 1000, MOST_REPEATED = 1000;
const ACT = z.object({
  at: z.iso.datetime(),
  user: z.string(),
  token: z.string().optional(),
  address: z.string(),
  act: z.string(),
});

export interface Act {
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Name of the account. */
  readonly user: string;
  /** Name of its token, if it used one. */
  readonly token?: string | undefined;
  /** Address of the client; "" for a Unix socket. */
  readonly address: string;
  /** What was done, in words that continue the name. */
  readonly act: string;
}

export class Activity {
  readonly #dir: Dir;
  readonly #clock: Pick<Clock, "nowMs">;
  /** When an act that is repeated was last recorded. */
  readonly #repeated = new Map<string, number>();

  /** @param dir a private directory that no other process changes; not closed here */
  constructor(dir: Dir, clock: Pick<Clock, "nowMs">) {
    this.#dir = dir;
    this.#clock = clock;
  }

  /** Records an act durably. @throws DiskFault */
  add(act: Omit<Act, "at">): void {
    const at = new Date(this.#clock.nowMs()).toISOString();
    const text = `${JSON.stringify({ at, ...act, act: act.act.slice(0, LONGEST_TEXT) })}\n`;
    if ((this.#dir.stat(FILE)?.size ?? 0) >= MOST_BYTES) this.#dir.rename(FILE, this.#dir, FORMER);
    const isNew = this.#dir.stat(FILE) === undefined;
    {
      using file = this.#dir.openOrCreate(FILE, PRIVATE);
      const { size } = file.stat();
      // A crash may have left a part of a line, which must not spoil this one.
      file.write(bytesOf(rawOf(isCut(file, size) ? `\n${text}` : text)), size);
      file.sync();
    }
    if (isNew) this.#dir.sync();
  }

  /** False if the same was recorded within an hour. */
  isNews({ user, token, address, act }: Omit<Act, "at">): boolean {
    const key = JSON.stringify([user, token, address, act]), nowMs = this.#clock.nowMs();
    if (Math.abs(nowMs - (this.#repeated.get(key) ?? -Infinity)) < AGAIN_MS) return false;
    this.#repeated.delete(key);
    this.#repeated.set(key, nowMs);
    const [oldest] = this.#repeated.keys();
    if (this.#repeated.size > MOST_REPEATED && oldest !== undefined) this.#repeated.delete(oldest);
    return true;
  }

  /** The last acts, newest first. @throws DiskFault */
  last(count: number): Act[] {
    const acts: Act[] = [];
    for (const name of [FILE, FORMER]) {
      for (const line of this.#lines(name).toReversed()) {
        if (acts.length === count) return acts;
        const act = actIn(line);
        if (act !== undefined) acts.push(act);
      }
    }
    return acts;
  }

  #lines(name: Raw): string[] {
    return (readTextIn(this.#dir, name, 2 * MOST_BYTES) ?? "").split("\n");
  }
}

function isCut(file: OpenFile, size: number): boolean {
  const last = new Uint8Array(1);
  return size > 0 && file.read(last, size - 1) === 1 && last[0] !== 0x0a;
}

/** Undefined for what is no act: an empty line, or one that a crash has left incomplete. */
function actIn(line: string): Act | undefined {
  try {
    return ACT.safeParse(parseJson(line)).data;
  } catch (error) {
    if (error instanceof BadJson) return undefined;
    throw error;
  }
}
