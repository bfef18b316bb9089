/** Randomly selects the files that a drill restores, up to a number of bytes. */
import type { Random } from "../../core/clock.ts";
import type { ContentId } from "../../core/content_id.ts";
import type { Entry } from "../../core/entry.ts";
import type { Yielder } from "../../core/yielding.ts";
import type { Manifest } from "../../snapshot/manifest.ts";

/** A regular file whose content is stored. */
export interface SampledFile extends Entry {
  readonly content: ContentId;
}

export interface Sample {
  readonly files: readonly SampledFile[];
  readonly bytes: number;
  /** False if none of the files examined is small enough. */
  readonly fits: boolean;
}

/** More would take long where they are small: each costs a directory and a file. */
const MOST_FILES = 200;
/** Files to choose from. */
const ENOUGH_FILES = 2000;

/** Selects files. @param bytes limit on their total size @throws DamagedManifest, DamagedContent, Interrupted */
export async function sampleOf(
  manifest: Manifest,
  bytes: number,
  { random, pace }: { readonly random: Random; readonly pace: Yielder },
): Promise<Sample> {
  const chance = chanceFrom(random), found: SampledFile[] = [];
  for (const hunk of shuffled([...manifest.root.hunks.keys()], chance)) {
    await pace.yieldIfDue();
    for (const entry of manifest.hunkEntries(hunk)) if (isFile(entry)) found.push(entry);
    if (found.length >= ENOUGH_FILES) break;
  }
  const files: SampledFile[] = [];
  let sum = 0;
  for (const file of shuffled(found, chance)) {
    if (files.length === MOST_FILES) break;
    if (sum + file.size > bytes) continue;
    files.push(file);
    sum += file.size;
  }
  return { files, bytes: sum, fits: files.length > 0 || found.length === 0 };
}

function isFile(entry: Entry): entry is SampledFile {
  return entry.kind === "file" && entry.content !== undefined;
}

/** Returns a random integer from 0 up to, but excluding, `below`. */
export type Chance = (below: number) => number;

/**
 * Makes a generator (xorshift32) whose numbers depend only on a few bytes of `random`, so that they are reproducible.
 */
export function chanceFrom(random: Random): Chance {
  let state = new DataView(random(4).buffer).getUint32(0) || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

export function shuffled<T>(values: readonly T[], chance: Chance): T[] {
  const result = [...values];
  for (let i = result.length - 1; i > 0; i--) {
    const other = chance(i + 1), value = result[i] as T;
    result[i] = result[other] as T;
    result[other] = value;
  }
  return result;
}
