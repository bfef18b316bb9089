/** When tokens were last used, so that those that nobody needs are seen. */
import { z } from "zod";
import type { Clock, Random } from "../../core/clock.ts";
import { rawOf, rawOfBytes, textOf } from "../../core/raw.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";
import { openFileIfThere } from "../../platform/open_optional.ts";
import { replaceFile } from "../../platform/private_file.ts";

const FILE = rawOf("token-uses.json"), MOST_BYTES = 4 * 1024 * 1024;
/** How exact it is in ms: a program that asks every second must not have a file written as often. */
const EXACT_MS = 60 * 60 * 1000;
/** Digests of tokens, with times in ms since 1970 of which there are dates. */
const USES = z.record(z.string(), z.number().min(0).max(8.64e15));

export class TokenUses {
  readonly #dir: Dir;
  readonly #world: { readonly clock: Clock; readonly random: Random };
  #uses: Map<string, number> | undefined;

  /** @param dir directory of the accounts */
  constructor(dir: Dir, world: { readonly clock: Clock; readonly random: Random }) {
    this.#dir = dir;
    this.#world = world;
  }

  /** When a token was last used, about an hour exact; undefined if it never was. @param hash of the token */
  last(hash: string): string | undefined {
    const ms = this.#known().get(hash);
    return ms === undefined ? undefined : new Date(ms).toISOString();
  }

  /** Notes that a token is used now. @param all digests of those that there are */
  note(hash: string, all: () => Iterable<string>): void {
    const { clock, random } = this.#world, nowMs = clock.nowMs(), known = this.#known();
    if (Math.abs(nowMs - (known.get(hash) ?? -Infinity)) < EXACT_MS) return;
    known.set(hash, nowMs);
    const there = new Set(all());
    for (const other of known.keys()) if (!there.has(other)) known.delete(other);
    try {
      replaceFile(this.#dir, FILE, `${JSON.stringify(Object.fromEntries(known))}\n`, random);
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error; // it only informs
    }
  }

  #known(): Map<string, number> {
    return this.#uses ??= new Map(Object.entries(readUses(this.#dir)));
  }
}

function readUses(dir: Dir): Record<string, number> {
  try {
    using file = openFileIfThere(dir, FILE);
    if (file === undefined) return {};
    const bytes = new Uint8Array(Math.min(file.stat().size, MOST_BYTES)), got = file.read(bytes, 0);
    return USES.parse(JSON.parse(textOf(rawOfBytes(bytes.subarray(0, got)))));
  } catch {
    return {}; // it only informs
  }
}
